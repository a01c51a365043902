//! `permitpipe vault cap|close`: what settlements may take, and the end of the vault.

use permitpipe_sdk::chain::{
    Book,
    instruction::{close_vault, set_cap},
};
use serde_json::json;

use super::{Context, withdraw::vault};
use crate::{
    amount::{Decimal, Kind, inside},
    error::Error,
    output,
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// Show what settlements may take in one window, or set it: a raise counts at once, a cut after the delay
    Cap(Cap),
    /// Close the empty vault and get its rent back
    Close,
}

/// How much of what.
#[derive(clap::Args)]
pub struct Cap {
    /// USD, such as 5 or 0.25 (with --asset sol in SOL); without it the caps are shown
    amount: Option<Decimal>,
    /// Of which asset: usdc or sol
    #[arg(long, value_enum, default_value_t, requires = "amount", hide_possible_values = true)]
    asset: Kind,
}

/// Does it.
pub async fn run(verb: Verb, context: &Context) -> Result<(), Error> {
    match verb {
        Verb::Cap(Cap { amount: Some(amount), asset }) => cap(&amount, asset, context).await,
        Verb::Cap(Cap { amount: None, .. }) => show(context).await,
        Verb::Close => close(context).await,
    }
}

async fn cap(amount: &Decimal, asset: Kind, context: &Context) -> Result<(), Error> {
    let (owner, unit) = (context.owner()?, asset.unit());
    let cap_atoms = unit.atoms(amount)?;
    vault(&owner).await?;
    let signature = owner.send(&[set_cap(&owner.key(), asset.asset(), cap_atoms)]).await?;
    let effective_at = asset.book(&vault(&owner).await?).pending_cap.map(|pending| pending.effective_at);
    let when = effective_at.map_or_else(|| "at once".into(), |at| format!("from {} on", output::at(at)));
    context.report(
        "cap",
        &format!("{} in one window, {when}, transaction {signature}", unit.show(cap_atoms)),
        &json!({
            "stage": "capped", "signature": signature, "asset": asset.name(), "cap_atoms": cap_atoms,
            "effective_at": effective_at,
        }),
    );
    Ok(())
}

async fn show(context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let (vault, config) = (vault(&owner).await?, owner.rpc.config().await?);
    let pending =
        |book: &Book| book.pending_cap.map(|p| json!({ "cap_atoms": p.cap_atoms, "effective_at": p.effective_at }));
    if context.json {
        output::json(&json!({
            "window_seconds": config.timing.window_seconds,
            "usdc": { "cap_atoms": vault.usdc.cap_atoms, "pending": pending(&vault.usdc) },
            "sol": { "cap_atoms": vault.sol.cap_atoms, "pending": pending(&vault.sol) },
        }));
        return Ok(());
    }
    let row = |asset: Kind| {
        let (book, unit) = (asset.book(&vault), asset.unit());
        let next = book
            .pending_cap
            .map(|next| format!("{} from {} on", unit.show(next.cap_atoms), output::at(next.effective_at)));
        [asset.name().into(), unit.show(book.cap_atoms), unit.show(book.window_settled_atoms), next.unwrap_or_default()]
    };
    output::table(["asset", "cap", "taken in the last window", "then"], vec![row(Kind::Usdc), row(Kind::Sol)], "");
    output::line(format!("one window is {} s", config.timing.window_seconds));
    Ok(())
}

async fn close(context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let (vault, config) = (vault(&owner).await?, owner.rpc.config().await?);
    for asset in [Kind::Usdc, Kind::Sol] {
        let (book, unit, flag) = (asset.book(&vault), asset.unit(), asset.flag());
        if inside(book) > 0 || book.withdrawal.is_some() {
            return Err(Error::new(format!("the vault still holds {}", unit.show(inside(book))))
                .advise(format!("take it out first: permitpipe withdraw all --wait{flag}")));
        }
    }
    let usdc = owner.token_account(&config.usdc_mint);
    let instructions = [owner.open_token_account(&config.usdc_mint), close_vault(&config, &owner.key(), &usdc)];
    let signature = owner.send(&instructions).await?;
    let value = json!({ "stage": "closed", "signature": signature });
    context.report("closed", &format!("the rent is back in the wallet, transaction {signature}"), &value);
    Ok(())
}
