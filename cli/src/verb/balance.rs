//! `permitpipe balance`: the owner's credit, account by account.

use permitpipe_sdk::wire::Account;

use super::Context;
use crate::{
    error::Error,
    output::{self, usd},
};

/// No arguments.
#[derive(clap::Args)]
pub struct Args {}

/// Shows the credit.
pub async fn run(_: Args, context: &Context) -> Result<(), Error> {
    let account = context.client()?.account().await?;
    if context.json {
        output::json(&account);
        return Ok(());
    }
    output::table(["what", "amount", "means"], rows(&account), "");
    for deposit in &account.pending_deposits {
        output::line(format!("on its way: {} in {}, not final yet", usd(deposit.amount), deposit.signature));
    }
    if let Some((amount, at)) = account.vault.as_ref().and_then(|v| Some((v.withdrawal_atoms?, v.withdrawal_at?))) {
        output::line(format!(
            "withdrawal: {} from {} on: permitpipe withdraw --execute",
            usd(amount),
            output::moment(at)
        ));
    }
    Ok(())
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
