//! Accounts and their journal, outside the request path: what the chain posts, what settles.

use permitpipe_sdk::id::OwnerId;
use sqlx::{PgPool, Postgres, QueryBuilder, Row, Transaction};
use uuid::Uuid;

use super::train_write::account_name;
use crate::ledger::{Balances, Transfer};

/// One journal row to write.
pub struct TransferRow {
    /// Whose.
    pub owner_id: OwnerId,
    /// What moves.
    pub transfer: Transfer,
    /// What kind of thing caused it.
    pub cause: &'static str,
    /// Which one; with `cause` it can move money once.
    pub cause_id: String,
}

/// Appends to the journal.
pub async fn insert_transfers(tx: &mut Transaction<'_, Postgres>, rows: &[TransferRow]) -> Result<(), sqlx::Error> {
    let mut statement = QueryBuilder::new("");
    push_transfers(&mut statement, rows);
    statement.build().execute(&mut **tx).await?;
    Ok(())
}

/// The same as part of a larger statement.
pub(super) fn push_transfers(statement: &mut QueryBuilder<Postgres>, rows: &[TransferRow]) {
    statement.push(
        "INSERT INTO ledger.transfers (owner_id, transfer_id, asset, debit, credit, amount, cause, cause_id)
         SELECT owner_id, transfer_id, 'usdc', debit::ledger.account_kind, credit::ledger.account_kind, amount, cause,
                cause_id
         FROM UNNEST(",
    );
    statement
        .separated(", ")
        .push_bind(rows.iter().map(|r| r.owner_id.uuid()).collect::<Vec<Uuid>>())
        .push_bind(rows.iter().map(|_| Uuid::now_v7()).collect::<Vec<Uuid>>())
        .push_bind(rows.iter().map(|r| account_name(r.transfer.debit)).collect::<Vec<_>>())
        .push_bind(rows.iter().map(|r| account_name(r.transfer.credit)).collect::<Vec<_>>())
        .push_bind(rows.iter().map(|r| r.transfer.amount.get()).collect::<Vec<i64>>())
        .push_bind(rows.iter().map(|r| r.cause).collect::<Vec<_>>())
        .push_bind(rows.iter().map(|r| r.cause_id.clone()).collect::<Vec<_>>());
    statement.push(") AS n (owner_id, transfer_id, debit, credit, amount, cause, cause_id)");
}

/// Locks an owner's account, waiting for whoever has it.
pub async fn lock_account(tx: &mut Transaction<'_, Postgres>, owner_id: OwnerId) -> Result<Balances, sqlx::Error> {
    let row = sqlx::query(
        "SELECT chain, available, held, spent, settled, withdrawing, writeoff, frozen FROM ledger.accounts
         WHERE owner_id = $1 AND asset = 'usdc' FOR UPDATE",
    )
    .bind(owner_id.uuid())
    .fetch_one(&mut **tx)
    .await?;
    balances(&row)
}

/// Reads an owner's account.
pub async fn get_account(pool: &PgPool, owner_id: OwnerId) -> Result<Balances, sqlx::Error> {
    let row = sqlx::query(
        "SELECT chain, available, held, spent, settled, withdrawing, writeoff, frozen FROM ledger.accounts
         WHERE owner_id = $1 AND asset = 'usdc'",
    )
    .bind(owner_id.uuid())
    .fetch_one(pool)
    .await?;
    balances(&row)
}

/// One row as balances; the query names all eight columns.
pub(super) fn balances(row: &sqlx::postgres::PgRow) -> Result<Balances, sqlx::Error> {
    Ok(Balances {
        chain: row.try_get("chain")?,
        available: row.try_get("available")?,
        held: row.try_get("held")?,
        spent: row.try_get("spent")?,
        settled: row.try_get("settled")?,
        withdrawing: row.try_get("withdrawing")?,
        writeoff: row.try_get("writeoff")?,
        frozen: row.try_get("frozen")?,
    })
}

/// Writes a locked account back, with the journal rows that explain the change.
pub async fn post(
    tx: &mut Transaction<'_, Postgres>,
    owner_id: OwnerId,
    after: &Balances,
    journal: &[TransferRow],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE ledger.accounts SET chain = $2, available = $3, held = $4, spent = $5, settled = $6, withdrawing = $7,
                writeoff = $8, frozen = $9
         WHERE owner_id = $1 AND asset = 'usdc'",
    )
    .bind(owner_id.uuid())
    .bind(after.chain)
    .bind(after.available)
    .bind(after.held)
    .bind(after.spent)
    .bind(after.settled)
    .bind(after.withdrawing)
    .bind(after.writeoff)
    .bind(after.frozen)
    .execute(&mut **tx)
    .await?;
    insert_transfers(tx, journal).await
}

/// Marks a chain event as posted. False where it was already; the key makes a second posting impossible.
pub async fn mark_posted(
    tx: &mut Transaction<'_, Postgres>,
    owner_id: OwnerId,
    event: &super::chain::UnpostedEvent,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO ledger.posted_events (owner_id, vault, event_seq, signature) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
    )
    .bind(owner_id.uuid())
    .bind(&event.account)
    .bind(event.event_seq)
    .bind(&event.signature)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}
