//! `permitpipe vault cap|close`: what settlements may take, and the end of the vault.

use permitpipe_sdk::chain::{
    self, Book, PendingCap,
    instruction::{close_vault, set_cap},
    math,
};
use serde_json::json;

use super::{Context, Owner, withdraw::vault};
use crate::{
    amount::{Decimal, Kind, inside},
    error::{Error, Explain},
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
    let (vault, config, now) = (vault(&owner).await?, owner.rpc.config().await?, owner.rpc.clock().await?);
    if context.json {
        let caps = |book: &Book| {
            let (cap_atoms, pending) = caps_at(book, now);
            let pending = pending.map(|p| json!({ "cap_atoms": p.cap_atoms, "effective_at": p.effective_at }));
            json!({ "cap_atoms": cap_atoms, "pending": pending })
        };
        output::json(&json!({
            "window_seconds": config.timing.window_seconds, "usdc": caps(&vault.usdc), "sol": caps(&vault.sol),
        }));
        return Ok(());
    }
    let row = |asset: Kind| {
        let (book, unit) = (asset.book(&vault), asset.unit());
        let (cap_atoms, next) = caps_at(book, now);
        let next = next.map(|next| format!("{} from {} on", unit.show(next.cap_atoms), output::at(next.effective_at)));
        [asset.name().into(), unit.show(cap_atoms), unit.show(book.window_settled_atoms), next.unwrap_or_default()]
    };
    output::table(["asset", "cap", "taken in the last window", "then"], vec![row(Kind::Usdc), row(Kind::Sol)], "");
    output::line(format!("one window is {} s", config.timing.window_seconds));
    Ok(())
}

/// The cap in force, and the cut that still waits. The program writes a cut that is due into the book only when it
/// uses the cap the next time.
fn caps_at(book: &Book, now: i64) -> (u64, Option<PendingCap>) {
    match book.pending_cap {
        Some(cut) if math::is_due(now, cut.effective_at) => (cut.cap_atoms, None),
        waiting => (book.cap_atoms, waiting),
    }
}

async fn close(context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let (vault, config) = (vault(&owner).await?, owner.rpc.config().await?);
    for asset in [Kind::Usdc, Kind::Sol] {
        require_empty(&owner, asset, asset.book(&vault)).await?;
    }
    let usdc = owner.token_account(&config.usdc_mint);
    let instructions = [owner.open_token_account(&config.usdc_mint), close_vault(&config, &owner.key(), &usdc)];
    let signature = owner.send(&instructions).await?;
    let value = json!({ "stage": "closed", "signature": signature });
    context.report("closed", &format!("the rent is back in the wallet, transaction {signature}"), &value);
    Ok(())
}

/// As the program does, this takes a rest of SOL in the book for nothing where rent has risen over it: no lamports are
/// there to be withdrawn, and closing gives the owner all of the rent.
async fn require_empty(owner: &Owner, asset: Kind, book: &Book) -> Result<(), Error> {
    let (unit, flag) = (asset.unit(), asset.flag());
    if let Some(withdrawal) = book.withdrawal {
        let advice = format!("permitpipe withdraw --wait{flag} pays it out, withdraw --cancel{flag} takes it back");
        return Err(Error::new(format!("a withdrawal of {} waits", unit.show(withdrawal.amount_atoms))).advise(advice));
    }
    let is_empty = inside(book) == 0 || (asset == Kind::Sol && lamports_above_rent(owner).await? == 0);
    if is_empty {
        return Ok(());
    }
    Err(Error::new(format!("the vault still holds {}", unit.show(inside(book))))
        .advise(format!("take it out first: permitpipe withdraw all --wait{flag}")))
}

async fn lamports_above_rent(owner: &Owner) -> Result<u64, Error> {
    let Some(account) = owner.rpc.find_account(&chain::vault_address(&owner.key())).await? else {
        return Ok(0);
    };
    let rent = owner.rpc.client().get_minimum_balance_for_rent_exemption(account.data.len()).await;
    Ok(account.lamports.saturating_sub(rent.explain(|| "cannot ask for the rent of the vault".into())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_of_the_cap_is_in_force_once_it_is_due() {
        let cut = PendingCap { cap_atoms: 3, effective_at: 15 };
        let book = Book { cap_atoms: 10, pending_cap: Some(cut), ..Book::default() };
        assert_eq!(caps_at(&book, 14), (10, Some(cut)));
        assert_eq!(caps_at(&book, 15), (3, None));
        assert_eq!(caps_at(&Book { pending_cap: None, ..book }, 15), (10, None));
    }
}
