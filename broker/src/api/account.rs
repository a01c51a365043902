//! `/v1/account`: the owner's credit.

use axum::{Json, extract::State};
use permitpipe_sdk::wire;

use super::extract::Owner;
use crate::{app::App, db, error::Error};

/// Balances, pending deposits, the vault.
pub async fn show(State(app): State<App>, owner: Owner) -> Result<Json<wire::Account>, Error> {
    let balances = db::ledger::get_account(&app.pool, owner.id).await?;
    let wallet = db::owner::find_wallet(&app.pool, owner.id).await?;
    let (vault, pending_deposits) = match &wallet {
        Some(wallet) => (
            db::chain::find_vault(&app.pool, wallet).await?,
            db::chain::list_pending_deposits(&app.pool, wallet).await?,
        ),
        None => (None, Vec::new()),
    };
    Ok(Json(wire::Account {
        owner_id: owner.id.to_string(),
        wallet,
        asset: "usdc".into(),
        chain: balances.chain,
        available: balances.available,
        held: balances.held,
        spent: balances.spent,
        settled: balances.settled,
        withdrawing: balances.withdrawing,
        writeoff: balances.writeoff,
        frozen: balances.frozen,
        pending_deposits,
        vault,
    }))
}
