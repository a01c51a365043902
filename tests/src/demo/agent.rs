//! What the agent does with its leases, and what it is kept from.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use permitpipe_sdk::{id::LeaseId, wire::Lease};
use serde_json::{Value, json};
use solana_client::nonblocking::rpc_client::RpcClient;
use solana_commitment_config::CommitmentConfig;

use super::{
    owner::usd,
    python::{CALL_TWICE, CALL_UNTIL_REFUSED, OUT_OF_SCOPE, STREAM_CHAT, Script},
    stage::Scene,
    teller::Teller,
};
use crate::system::{cli::text, until};

const PATIENCE: Duration = Duration::from_secs(30);
const GREETING: &str = "Hello from the real upstream";
/// The worst case of a small chat is about 125 credits, its price about 30: several fit, then one does not.
const SMALL_BUDGET: &str = "0.0003";

/// Policy answers scope by scope; what it refuses is shown.
pub async fn is_narrowed(scene: &Scene, teller: &Teller) -> Result<()> {
    let lease = ask(scene, "openai", &["chat", "embeddings"], "0.01").await?;
    teller.did(&format!("lease       {} for openai, {} USD", lease.lease_id, lease.budget));
    ensure!(lease.allowed_scopes == ["chat"], "allowed were {:?}", lease.allowed_scopes);
    let blocked = lease.blocked_scopes.first().context("nothing was blocked")?;
    ensure!(blocked.scope == "embeddings" && lease.budget.get() == 10_000, "a lease not as asked for: {lease:?}");
    teller.proves(&format!(
        "asked for chat and embeddings, got chat; embeddings blocked by rule `{}`: {}",
        blocked.rule, blocked.reason
    ));
    Ok(())
}

/// `permitpipe run -- python …`: the package finds base URL and key in its usual variables.
pub async fn streams_a_chat(scene: &Scene, teller: &Teller) -> Result<()> {
    let python = scene.python.to_str().context("the path of Python is not UTF-8")?;
    let lease = ["--agent", "demo-bot", "--service", "openai", "--scope", "chat", "--budget", "0.01"];
    let command = scene.cli.command(&[&["run"][..], &lease, &["--", python, "-c", STREAM_CHAT]].concat());
    teller.did(&format!("permitpipe run {} -- python stream_chat.py", lease.join(" ")));
    let mut script = Script::start(command)?;
    let said = script.answer().await?;
    script.end().await?;
    teller.did(&format!("openai      {}: \"{}\" in {} events", said["version"], text(&said, "said")?, said["events"]));
    ensure!(said["said"] == GREETING && said["events_without_choices"] == 0, "the stream came as {said}");
    ensure!(text(&said, "key")?.starts_with("pp_lease_"), "the agent held something else than a lease");
    teller.proves("the stream arrived as the provider sends it, without the usage event that only we asked for");
    check_upstream(scene).await?;
    teller.proves("the upstream got the real key, exactly once; the agent never had it");
    let lease = closed(scene, text(&said, "lease_id")?.parse()?).await?;
    ensure!(lease.state == "revoked" && lease.budget_spent.get() > 0, "the lease is {lease:?}");
    let receipts = scene.client.receipts().await?.receipts;
    let receipt = receipts.iter().find(|receipt| receipt.body.lease_id == lease.lease_id).context("no receipt")?;
    ensure!(!receipt.body.is_estimated, "the usage was not read from the stream");
    teller.proves(&format!(
        "charged {} USD by the usage in the stream; the lease ended with the command",
        usd(receipt.body.amount.get())
    ));
    Ok(())
}

/// Every credential that the upstream ever saw was the real key.
async fn check_upstream(scene: &Scene) -> Result<()> {
    let log: Value = reqwest::get(format!("{}/_received", scene.upstream_url)).await?.json().await?;
    let requests = log.as_array().context("the upstream keeps no log")?;
    ensure!(!requests.is_empty() && requests.iter().all(|request| request["has_real_key"] == true), "it got {log}");
    Ok(())
}

/// A real upstream: the chain's own RPC, through the client that everybody uses.
pub async fn reads_the_chain(scene: &Scene, teller: &Teller) -> Result<()> {
    let lease = ask(scene, "helius", &["rpc.read.*"], "0.01").await?;
    let bearer = lease.bearer.as_deref().context("no bearer")?;
    let url = format!("{}/?api-key={bearer}", lease.base_url);
    let leased = RpcClient::new_with_commitment(url.clone(), CommitmentConfig::finalized());
    let (slot, version) = (leased.get_slot().await?, leased.get_version().await?);
    let lamports = leased.get_balance(&scene.chain.wallet()).await?;
    let vault = leased.get_account(&scene.chain.vault_address()).await?;
    teller.did(&format!("slot {slot} of solana-core {version}, {lamports} lamports in the wallet"));
    let direct = scene.chain.rpc();
    ensure!(direct.get_balance(&scene.chain.wallet()).await? == lamports, "another balance through the lease");
    ensure!(direct.get_account(&scene.chain.vault_address()).await? == vault, "another vault through the lease");
    teller.proves("the lease's URL is all the client was told, and what it reads is what the chain says");

    ensure!(leased.get_block(slot).await.is_err(), "history was read on a lease for the present");
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "getBlock", "params": [slot] });
    let refused = reqwest::Client::new().post(url).json(&call).send().await?;
    let (status, body) = (refused.status(), refused.json::<Value>().await?);
    ensure!(status == 403 && body["error"]["code"] == -32003, "getBlock was answered {status} {body}");
    teller.did(&format!("getBlock    {status}: {}", text(&body["error"], "message")?));
    teller.proves("a call outside its scope is refused as JSON-RPC refuses");
    closed(scene, lease.lease_id).await?;
    Ok(())
}

/// The package raises its own error, with our words in it.
pub async fn is_kept_in_scope(scene: &Scene, teller: &Teller) -> Result<()> {
    let lease = ask(scene, "openai", &["chat"], "0.01").await?;
    let mut script = Script::with_lease(scene, OUT_OF_SCOPE, &lease)?;
    let raised = script.answer().await?;
    script.end().await?;
    let message = refusal(&raised, ("PermissionDeniedError", 403), "not_allowed")?;
    teller.did(&format!("embeddings  openai.PermissionDeniedError 403: {message}"));
    teller.proves("a call outside its scope is refused in the provider's own shape, saying why and what to do");
    Ok(())
}

/// The same client, the same connection: one call before, one after.
pub async fn loses_a_revoked_lease(scene: &Scene, teller: &Teller) -> Result<()> {
    let lease = ask(scene, "openai", &["chat"], "0.01").await?;
    let mut script = Script::with_lease(scene, CALL_TWICE, &lease)?;
    let said = script.answer().await?;
    ensure!(said["said"] == GREETING, "the first call was answered {said}");
    let revoked = scene.cli.json(&["lease", "revoke", &lease.lease_id.to_string()]).await?;
    ensure!(revoked["state"] == "revoked", "the lease is {revoked}");
    script.go_on().await?;
    let raised = script.answer().await?;
    script.end().await?;
    let message = refusal(&raised, ("AuthenticationError", 401), "lease_revoked")?;
    teller.did(&format!("revoked     openai.AuthenticationError 401: {message}"));
    teller.proves("the first call after `lease revoke` returned fails, on the connection that just worked");
    closed(scene, lease.lease_id).await?;
    Ok(())
}

/// The worst case of a call must fit what is left.
pub async fn runs_out_of_budget(scene: &Scene, teller: &Teller) -> Result<()> {
    let lease = ask(scene, "openai", &["chat"], SMALL_BUDGET).await?;
    let mut script = Script::with_lease(scene, CALL_UNTIL_REFUSED, &lease)?;
    let raised = script.answer().await?;
    script.end().await?;
    let message = refusal(&raised, ("APIStatusError", 402), "budget_exhausted")?;
    let answered = raised["answered"].as_u64().unwrap_or(0);
    teller.did(&format!("after {answered} calls: openai.APIStatusError 402: {message}"));
    let lease = closed(scene, lease.lease_id).await?;
    let (spent, budget) = (lease.budget_spent.get(), lease.budget.get());
    ensure!(answered > 0 && spent > 0 && spent <= budget, "{spent} of {budget} credits spent on {answered} calls");
    let receipts = scene.client.receipts().await?.receipts;
    let paid = receipts.iter().filter(|receipt| receipt.body.lease_id == lease.lease_id).count();
    ensure!(u64::try_from(paid)? == answered, "{paid} receipts for {answered} answered calls");
    teller.proves(&format!(
        "{} of {} USD spent, one receipt for each answered call, none for the refused one",
        usd(spent),
        usd(budget)
    ));
    Ok(())
}

/// What the package raised must be its own error of that name and status, with our code; returns our words.
fn refusal<'a>(raised: &'a Value, (name, status): (&str, u16), code: &str) -> Result<&'a str> {
    let is_it = raised["raised"] == name && raised["status"] == status && raised["body"]["code"] == code;
    ensure!(is_it, "expected {name} {status} `{code}`, but: {raised}");
    text(&raised["body"], "message")
}

async fn ask(scene: &Scene, service: &str, scopes: &[&str], budget: &str) -> Result<Lease> {
    let mut words = vec!["lease", "request", "--agent", "demo-bot", "--service", service, "--budget", budget];
    words.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
    Ok(serde_json::from_value(scene.cli.json(&words).await?)?)
}

/// The lease once nothing is held on it: a capture may lag behind the answer that the agent has read already.
async fn closed(scene: &Scene, lease_id: LeaseId) -> Result<Lease> {
    until("the last call of a lease is closed", PATIENCE, || async {
        let lease = scene.client.list_leases().await?.into_iter().find(|lease| lease.lease_id == lease_id);
        let lease = lease.context("the lease is not listed")?;
        Ok((lease.budget_held.get() == 0 && lease.budget_spent.get() > 0).then_some(lease))
    })
    .await
}
