//! `permitpipe balance`: the owner's credit, account by account, and what the vault holds on chain.

use permitpipe_sdk::{chain::Vault, wire::Account};
use serde_json::{Value, json};

use super::{Context, Owner};
use crate::{
    amount::{Kind, inside},
    error::Error,
    output::{self, usd},
};

/// No arguments.
#[derive(clap::Args)]
pub struct Args {}

/// Shows the credit.
pub async fn run(_: Args, context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let account = owner.client.account().await?;
    let on_chain = owner.rpc.find_vault(&owner.key()).await;
    if context.json {
        output::json(&with_chain(&account, on_chain.ok().flatten().as_ref()));
        return Ok(());
    }
    output::table(["what", "amount", "means"], rows(&account), "");
    for deposit in &account.pending_deposits {
        output::line(format!("on its way: {} in {}, not final yet", usd(deposit.amount), deposit.signature));
    }
    match on_chain {
        Ok(vault) => show_chain(&owner, vault.as_ref()),
        Err(error) => output::line(format!("on chain:   unknown; {}", error.problem())),
    }
    Ok(())
}

/// The ledger's account, and beside it what the vault's own account says; `null` without one.
fn with_chain(account: &Account, vault: Option<&Vault>) -> Value {
    let mut value = json!(account);
    let book = |asset: Kind| {
        vault.map(|vault| {
            let book = asset.book(vault);
            json!({
                "balance_atoms": inside(book), "credited_atoms": book.credited_atoms,
                "settled_atoms": book.settled_atoms, "withdrawn_atoms": book.withdrawn_atoms,
                "withdrawal_atoms": book.withdrawal.map(|withdrawal| withdrawal.amount_atoms),
                "executable_at": book.withdrawal.map(|withdrawal| withdrawal.executable_at),
            })
        })
    };
    value["on_chain"] = json!({ "usdc": book(Kind::Usdc), "sol": book(Kind::Sol) });
    value
}

fn show_chain(owner: &Owner, vault: Option<&Vault>) {
    let Some(vault) = vault else {
        return output::line(format!("on chain:   {} has no vault yet: permitpipe topup AMOUNT", owner.key()));
    };
    let held = [Kind::Usdc, Kind::Sol].map(|asset| asset.unit().show(inside(asset.book(vault))));
    output::line(format!("on chain:   {}", held.join(", ")));
    for asset in [Kind::Usdc, Kind::Sol] {
        if let Some(withdrawal) = asset.book(vault).withdrawal {
            let (amount, from) = (asset.unit().show(withdrawal.amount_atoms), output::at(withdrawal.executable_at));
            output::line(format!("withdrawal: {amount} from {from} on: permitpipe withdraw --execute{}", asset.flag()));
        }
    }
}

fn rows(account: &Account) -> Vec<[String; 3]> {
    let vault = account.vault.as_ref();
    let on_chain =
        vault.map_or(0, |v| v.credited_atoms.saturating_sub(v.settled_atoms).saturating_sub(v.withdrawn_atoms));
    let mut rows = vec![
        ("available", account.available, "free for new calls"),
        ("held", account.held, "promised to calls under way"),
        ("spent", account.spent, "captured, not settled on chain yet"),
        ("settled", account.settled, "paid to the treasury on chain"),
        ("withdrawing", account.withdrawing, "on its way back to the wallet"),
        ("vault", on_chain, "in the vault on chain, at finality"),
    ];
    // These two are the exception, and mean that somebody should look.
    if account.frozen != 0 {
        rows.push(("frozen", account.frozen, "kept free for a withdrawal that is not final yet"));
    }
    if account.writeoff != 0 {
        rows.push(("writeoff", account.writeoff, "left the vault before it was settled; the next top-up repays it"));
    }
    rows.into_iter().map(|(what, amount, means)| [what.into(), usd(amount), means.into()]).collect()
}
