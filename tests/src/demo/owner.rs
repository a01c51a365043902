//! What the owner does: brings credit, stores master keys, writes policy, takes the rest back.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{
    stage::{Scene, WITHDRAWAL_DELAY_SECONDS},
    teller::Teller,
};
use crate::system::{cli::text, until};

/// 5 USDC.
pub const TOP_UP_ATOMS: i64 = 5_000_000;
/// Finality, indexing and posting together take seconds; beyond this something is off.
const PATIENCE: Duration = Duration::from_secs(90);
const POLICY: &str = include_str!("../../demo/agent.policy.yaml");

/// Wallet → vault → credit, and no credit before finality.
pub async fn top_up(scene: &Scene, teller: &Teller) -> Result<()> {
    let before = scene.client.account().await?.available;
    let answer = scene.cli.json(&["topup", "5", "--no-wait"]).await?;
    let signature = text(&answer, "signature")?;
    teller.did(&format!("confirmed   5 USDC into vault {}, transaction {signature}", scene.chain.vault_address()));
    until("a confirmed deposit is shown", PATIENCE, || async {
        let account = scene.client.account().await?;
        ensure!(account.available == before, "credit was given before the indexer even saw the deposit");
        Ok(account.pending_deposits.iter().any(|pending| pending.signature == signature).then_some(()))
    })
    .await?;
    teller.proves("the indexer shows the deposit, and it cannot be spent yet: confirmed is not final");
    until("a deposit is credited", PATIENCE, || async {
        let available = scene.client.account().await?.available;
        ensure!(
            available == before || scene.chain.is_final(signature).await?,
            "credit was given before the deposit was final"
        );
        Ok((available == before + TOP_UP_ATOMS).then_some(()))
    })
    .await?;
    teller.did("finalized   it cannot be undone any more");
    teller.proves(&format!("credited exactly once, at finality: {} USD can be spent", usd(before + TOP_UP_ATOMS)));
    Ok(())
}

/// `helius` leads to the chain's own RPC, `openai` to an upstream that insists on the real key.
pub async fn store_secrets(scene: &Scene, teller: &Teller) -> Result<()> {
    // The local chain asks for no key, but a secret is one all the same.
    ensure_secret(scene, teller, ["helius", &scene.rpc_url], "the-local-chain-needs-no-key", &[]).await?;
    let openai = ["openai", scene.upstream_url.as_str()];
    ensure_secret(scene, teller, openai, &scene.upstream_key, &["--resold"]).await?;
    let listed = scene.cli.json(&["secret", "list"]).await?.to_string();
    ensure!(!listed.contains(&scene.upstream_key), "the list of secrets shows a key");
    teller.proves("each key is sealed and bound to its one origin; nothing gives it back");
    Ok(())
}

async fn ensure_secret(
    scene: &Scene,
    teller: &Teller,
    [service, origin]: [&str; 2],
    key: &str,
    more: &[&str],
) -> Result<()> {
    let listed = scene.cli.json(&["secret", "list"]).await?;
    let known = listed.as_array().into_iter().flatten().find(|secret| secret["service"] == service);
    let (secret, how) = match known {
        Some(secret) => (secret.clone(), "from an earlier run"),
        None => {
            let words = [&["secret", "add", service, "--origin", origin, "--key-stdin"], more].concat();
            (scene.cli.json_with_input(&words, key).await?, "stored now")
        }
    };
    ensure!(secret["origin"] == origin, "the secret for {service} leads to {}, not to {origin}", secret["origin"]);
    teller.did(&format!("secret      {service} at {origin}, {how}"));
    Ok(())
}

/// Puts the demo's policy in force.
pub async fn apply_policy(scene: &Scene, teller: &Teller) -> Result<()> {
    let path = scene.cli.data().join("demo.policy.yaml");
    std::fs::write(&path, POLICY)?;
    let path = path.to_str().context("the data folder's name is not UTF-8")?;
    let applied = scene.cli.json(&["policy", "apply", path]).await?;
    teller.did(&format!("policy      version {} is in force: chat, and reading the chain", applied["version"]));
    Ok(())
}

/// Vault → wallet: request, delay, paid. No broker is asked.
pub async fn withdraw(scene: &Scene, teller: &Teller) -> Result<()> {
    let before = scene.client.account().await?;
    let requested = scene.cli.json(&["withdraw", "all"]).await?;
    let amount = requested["amount_atoms"].as_i64().context("the request names no amount")?;
    teller.did(&format!("requested   {} USD, payable after {WITHDRAWAL_DELAY_SECONDS} s", usd(amount)));
    until("a requested withdrawal is set aside", PATIENCE, || async {
        let account = scene.client.account().await?;
        Ok((account.withdrawing == before.available && account.available == 0).then_some(()))
    })
    .await?;
    teller.proves("what is on its way out cannot be spent any more");
    let paid: Value = scene.cli.json(&["withdraw", "--wait"]).await?;
    teller.did(&format!("paid        {} USD, transaction {}", usd(amount), text(&paid, "signature")?));
    ensure!(paid["amount_atoms"] == amount, "{} was requested, {} was paid", amount, paid["amount_atoms"]);
    teller.proves("everything unspent came back, to the atom, after the delay and without anybody's leave");
    Ok(())
}

/// Credits as USD.
pub fn usd(credits: i64) -> String {
    let sign = if credits < 0 { "-" } else { "" };
    format!("{sign}{}.{:06}", credits.abs() / 1_000_000, credits.abs() % 1_000_000)
}
