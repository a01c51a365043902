//! Posts what is final on chain to the ledger, each vault in its own order, each event once.

use std::collections::BTreeMap;

use permitpipe_sdk::{
    id::{OwnerId, RequestId},
    money::Credits,
};
use serde_json::json;
use sqlx::{Postgres, Transaction};

use crate::{
    app::App,
    audit::{Entry, EntryKind, Subject},
    db::{self, chain::UnpostedEvent, ledger::TransferRow},
    ledger::{self, Balances, LedgerError, Transfer},
};

/// Why an event could not be posted.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The books would not balance: a bug, or a chain that lies. That vault stops here.
    #[error("event {seq} of vault {vault} cannot be posted: {cause}")]
    Books {
        /// Which vault.
        vault: String,
        /// Which event.
        seq: i64,
        /// Why.
        cause: String,
    },
}

/// Posts until nothing is left. A vault that cannot be posted stops alone; why is said at the end.
pub async fn run(app: &App) -> Result<(), PostError> {
    let mut stopped = BTreeMap::new();
    loop {
        let events = db::chain::list_unposted(&app.pool).await?;
        let mut is_done = true;
        for event in &events {
            if stopped.contains_key(&event.account) {
                continue;
            }
            match post(app, event).await {
                Ok(()) => is_done = false,
                Err(PostError::Database(error)) if db::is_away(&error) => return Err(error.into()),
                Err(error) => drop(stopped.insert(event.account.clone(), error)),
            }
        }
        if is_done {
            break;
        }
    }
    keep_back(app).await?;
    stopped.into_values().next().map_or(Ok(()), Err)
}

/// One event, in one transaction. A second node that tries the same one breaks on the key of `posted_events`.
async fn post(app: &App, event: &UnpostedEvent) -> Result<(), PostError> {
    let mut tx = app.pool.begin().await?;
    let owner_id = db::owner::ensure(&mut tx, &event.wallet).await?;
    let mut balances = db::ledger::lock_account(&mut tx, owner_id).await?;
    if !db::ledger::mark_posted(&mut tx, owner_id, event).await? {
        return Ok(()); // another node was faster
    }
    let transfers = transfers(&balances, event)?;
    balances.apply(&transfers).map_err(|cause| books(event, cause))?;
    write(&mut tx, owner_id, &balances, &transfers, event).await?;
    tx.commit().await?;
    Ok(())
}

async fn write(
    tx: &mut Transaction<'_, Postgres>,
    owner_id: OwnerId,
    balances: &Balances,
    transfers: &[Transfer],
    event: &UnpostedEvent,
) -> Result<(), PostError> {
    let cause_id = format!("{}:{}", event.account, event.event_seq);
    let journal: Vec<TransferRow> = transfers
        .iter()
        .map(|transfer| TransferRow { owner_id, transfer: *transfer, cause: "chain_event", cause_id: cause_id.clone() })
        .collect();
    db::ledger::post(tx, owner_id, balances, &journal).await?;
    if !transfers.is_empty() {
        let subject = Subject { owner_id, request_id: RequestId::generate(), lease_id: None };
        let facts = json!({
            "event": event.name, "vault": event.account, "event_seq": event.event_seq, "signature": event.signature,
            "amount_atoms": event.payload.get("amount_atoms"),
        });
        let entry = Entry::new(subject, EntryKind::CreditPosted, &facts);
        db::audit::insert(tx, &[&entry]).await?;
    }
    Ok(())
}

/// What an event means to the books: only USDC is credit. Settlements are posted with their batch, by `settle`.
fn transfers(before: &Balances, event: &UnpostedEvent) -> Result<Vec<Transfer>, PostError> {
    let amount = || {
        let atoms = event.payload.get("amount_atoms").and_then(serde_json::Value::as_u64);
        atoms.and_then(|atoms| Credits::parse_atoms(atoms).ok()).ok_or_else(|| books(event, "it names no amount"))
    };
    let moves = ["Deposited", "WithdrawalRequested", "WithdrawalCancelled", "Withdrawn"].contains(&event.name.as_str());
    match event.payload.get("asset").and_then(serde_json::Value::as_str) {
        Some("usdc") => {}
        Some("sol") => return Ok(Vec::new()),
        _ if moves => return Err(books(event, "it names no asset")),
        _ => {}
    }
    Ok(match event.name.as_str() {
        "Deposited" => ledger::deposit(before, amount()?),
        "WithdrawalRequested" => ledger::fill_withdrawal(before, amount()?),
        "WithdrawalCancelled" => ledger::cancel_withdrawal(before),
        "Withdrawn" => ledger::withdraw(before, amount()?),
        _ => Vec::new(),
    })
}

fn books(event: &UnpostedEvent, cause: impl ToString) -> PostError {
    PostError::Books { vault: event.account.clone(), seq: event.event_seq, cause: cause.to_string() }
}

/// Keeps what withdrawals wait for from new holds. One owner's books stop that owner alone.
async fn keep_back(app: &App) -> Result<(), PostError> {
    for owner_id in db::chain::list_withdrawing(&app.pool).await? {
        match keep_back_one(app, owner_id).await {
            Err(PostError::Books { cause, .. }) => {
                tracing::error!(%owner_id, cause, "a withdrawal cannot be kept back")
            }
            other => other?,
        }
    }
    Ok(())
}

/// Moves what has come free towards a final request; what is only confirmed can vanish again, so it moves nothing.
async fn keep_back_one(app: &App, owner_id: OwnerId) -> Result<(), PostError> {
    let mut tx = app.pool.begin().await?;
    let mut balances = db::ledger::lock_account(&mut tx, owner_id).await?;
    let before = balances;
    // Read under the lock: who had it before us may have posted the payment of what we saw asked for.
    let (finalized, confirmed) = db::chain::get_withdrawal(&mut tx, owner_id).await?;
    let requested = Credits::parse(finalized).unwrap_or(Credits::ZERO);
    let fill = ledger::fill_withdrawal(&balances, requested);
    balances.apply(&fill).map_err(|cause: LedgerError| PostError::Books {
        vault: owner_id.to_string(),
        seq: 0,
        cause: cause.to_string(),
    })?;
    balances.frozen = finalized.max(confirmed).saturating_sub(balances.withdrawing).max(0);
    if balances != before {
        db::ledger::post(&mut tx, owner_id, &balances, &fills(owner_id, &fill)).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn fills(owner_id: OwnerId, transfers: &[Transfer]) -> Vec<TransferRow> {
    let (cause, cause_id) = ("withdrawal_fill", RequestId::generate().to_string());
    let row = |transfer: &Transfer| TransferRow { owner_id, transfer: *transfer, cause, cause_id: cause_id.clone() };
    transfers.iter().map(row).collect()
}
