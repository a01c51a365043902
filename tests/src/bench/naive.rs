//! The path without a train: one transaction for a hold, one for its capture, the same checks and the same rows.
//!
//! As somebody would write it who knows Postgres well enough: rows locked in a fixed order, prepared statements, a pool.

use anyhow::{Result, ensure};
use permitpipe_broker::{audit::Entry, plan::Ask};
use permitpipe_sdk::{money::Credits, receipt::ReceiptBody};
use sqlx::{PgPool, Postgres, Row, Transaction};

/// The end of a hold.
pub struct End {
    pub used: Credits,
    pub used_budget: Credits,
    pub outcome: Entry,
}

/// Checks and holds. False where the owner cannot pay.
pub async fn hold(pool: &PgPool, ask: &Ask) -> Result<bool> {
    let mut tx = pool.begin().await?;
    if !may(&mut tx, ask).await? {
        return Ok(false);
    }
    insert_hold(&mut tx, ask).await?;
    transfers(&mut tx, ask, "hold", &[("available", "held", ask.amount)]).await?;
    entry(&mut tx, &ask.intent).await?;
    sqlx::query("UPDATE ledger.accounts SET available = available - $2, held = held + $2 WHERE owner_id = $1 AND asset = 'usdc'")
        .bind(ask.owner_id.uuid())
        .bind(ask.amount.get())
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE access.leases SET budget_held = budget_held + $3 WHERE owner_id = $1 AND lease_id = $2")
        .bind(ask.owner_id.uuid())
        .bind(ask.lease_id.uuid())
        .bind(ask.budget.get())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(true)
}

/// The rules of admission: credit, lease, what the chain still allows, our own node.
async fn may(tx: &mut Transaction<'_, Postgres>, ask: &Ask) -> Result<bool> {
    let account = sqlx::query(
        "SELECT available - frozen AS spendable, held + spent AS exposure FROM ledger.accounts
         WHERE owner_id = $1 AND asset = 'usdc' FOR UPDATE",
    )
    .bind(ask.owner_id.uuid())
    .fetch_one(&mut **tx)
    .await?;
    let lease = sqlx::query(
        "SELECT state = 'active' AND expires_at > clock_timestamp() AS lives, budget - budget_held - budget_spent AS left
         FROM access.leases WHERE owner_id = $1 AND lease_id = $2 FOR UPDATE",
    )
    .bind(ask.owner_id.uuid())
    .bind(ask.lease_id.uuid())
    .fetch_one(&mut **tx)
    .await?;
    let cap: i64 = sqlx::query_scalar(
        "SELECT v.cap_atoms FROM access.owners o JOIN chain.vaults v ON v.wallet = o.wallet AND NOT v.is_frozen
         JOIN chain.config c ON c.settle_cap_atoms > 0
         JOIN chain.cursor x ON x.program = c.program
              AND x.observed_at > clock_timestamp() - (c.withdrawal_delay_seconds - 305) * interval '1 second'
         WHERE o.owner_id = $1",
    )
    .bind(ask.owner_id.uuid())
    .fetch_one(&mut **tx)
    .await?;
    let lives: bool = sqlx::query_scalar("SELECT fenced_at IS NULL FROM access.nodes WHERE node_id = $1 FOR SHARE")
        .bind(ask.node_id.uuid())
        .fetch_one(&mut **tx)
        .await?;
    let (amount, budget) = (ask.amount.get(), ask.budget.get());
    Ok(lives
        && lease.try_get::<bool, _>("lives")?
        && budget <= lease.try_get::<i64, _>("left")?
        && amount <= account.try_get::<i64, _>("spendable")?
        && amount + account.try_get::<i64, _>("exposure")? <= cap)
}

async fn insert_hold(tx: &mut Transaction<'_, Postgres>, ask: &Ask) -> Result<()> {
    sqlx::query(
        "INSERT INTO ledger.holds (owner_id, hold_id, lease_id, request_id, node_id, asset, amount, budget, minimum,
                                   minimum_budget, operation, price_version)
         VALUES ($1, $2, $3, $4, $5, 'usdc', $6, $7, $8, $9, $10, $11)",
    )
    .bind(ask.owner_id.uuid())
    .bind(ask.hold_id.uuid())
    .bind(ask.lease_id.uuid())
    .bind(ask.request_id.uuid())
    .bind(ask.node_id.uuid())
    .bind(ask.amount.get())
    .bind(ask.budget.get())
    .bind(ask.minimum.get())
    .bind(ask.minimum_budget.get())
    .bind(&ask.operation)
    .bind(&ask.price_version)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Captures: the hold ends, the journal moves, the receipt and the entry are written.
pub async fn capture(pool: &PgPool, ask: &Ask, end: &End) -> Result<()> {
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT 1 FROM ledger.accounts WHERE owner_id = $1 AND asset = 'usdc' FOR UPDATE")
        .bind(ask.owner_id.uuid())
        .fetch_one(&mut *tx)
        .await?;
    let receipt = next_receipt(&mut tx, ask, end).await?;
    let ended = sqlx::query(
        "UPDATE ledger.holds SET state = 'captured', captured = $3, captured_budget = $4, ended_at = clock_timestamp()
         WHERE owner_id = $1 AND hold_id = $2 AND state = 'open'",
    )
    .bind(ask.owner_id.uuid())
    .bind(ask.hold_id.uuid())
    .bind(end.used.get())
    .bind(end.used_budget.get())
    .execute(&mut *tx)
    .await?;
    ensure!(ended.rows_affected() == 1, "the hold had ended");
    insert_receipt(&mut tx, &receipt).await?;
    let rest = ask.amount.saturating_sub(end.used);
    transfers(&mut tx, ask, "capture", &[("held", "spent", end.used), ("held", "available", rest)]).await?;
    entry(&mut tx, &end.outcome).await?;
    sums(&mut tx, ask, end, &receipt).await?;
    Ok(tx.commit().await?)
}

async fn next_receipt(tx: &mut Transaction<'_, Postgres>, ask: &Ask, end: &End) -> Result<ReceiptBody> {
    let lease = sqlx::query(
        "SELECT receipt_seq, receipt_hash, receipt_total FROM access.leases WHERE owner_id = $1 AND lease_id = $2
         FOR UPDATE",
    )
    .bind(ask.owner_id.uuid())
    .bind(ask.lease_id.uuid())
    .fetch_one(&mut **tx)
    .await?;
    Ok(ReceiptBody {
        version: 1,
        owner_id: ask.owner_id,
        lease_id: ask.lease_id,
        sequence: lease.try_get::<i64, _>("receipt_seq")?.unsigned_abs() + 1,
        previous: <[u8; 32]>::try_from(lease.try_get::<&[u8], _>("receipt_hash")?)?,
        hold_id: ask.hold_id,
        operation: ask.operation.clone(),
        amount: end.used,
        counted: end.used_budget,
        total: Credits::parse(lease.try_get("receipt_total")?)?.saturating_add(end.used),
        price_version: ask.price_version.clone(),
        is_estimated: false,
        audit_hash: end.outcome.leaf_hash(),
    })
}

async fn insert_receipt(tx: &mut Transaction<'_, Postgres>, receipt: &ReceiptBody) -> Result<()> {
    sqlx::query(
        "INSERT INTO ledger.receipts (owner_id, lease_id, sequence, hold_id, amount, body, body_hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(receipt.owner_id.uuid())
    .bind(receipt.lease_id.uuid())
    .bind(i64::try_from(receipt.sequence)?)
    .bind(receipt.hold_id.uuid())
    .bind(receipt.amount.get())
    .bind(receipt.canonical())
    .bind(receipt.hash().as_slice())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn sums(tx: &mut Transaction<'_, Postgres>, ask: &Ask, end: &End, receipt: &ReceiptBody) -> Result<()> {
    sqlx::query(
        "UPDATE ledger.accounts SET held = held - $2, spent = spent + $3, available = available + $2 - $3
         WHERE owner_id = $1 AND asset = 'usdc'",
    )
    .bind(ask.owner_id.uuid())
    .bind(ask.amount.get())
    .bind(end.used.get())
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "UPDATE access.leases SET budget_held = budget_held - $3, budget_spent = budget_spent + $4,
                receipt_seq = receipt_seq + 1, receipt_hash = $5, receipt_total = $6
         WHERE owner_id = $1 AND lease_id = $2",
    )
    .bind(ask.owner_id.uuid())
    .bind(ask.lease_id.uuid())
    .bind(ask.budget.get())
    .bind(end.used_budget.get())
    .bind(receipt.hash().as_slice())
    .bind(receipt.total.get())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn transfers(
    tx: &mut Transaction<'_, Postgres>,
    ask: &Ask,
    cause: &str,
    moves: &[(&str, &str, Credits)],
) -> Result<()> {
    for (debit, credit, amount) in moves {
        sqlx::query(
            "INSERT INTO ledger.transfers (owner_id, transfer_id, asset, debit, credit, amount, cause, cause_id)
             VALUES ($1, gen_random_uuid(), 'usdc', $2::text::ledger.account_kind, $3::text::ledger.account_kind, $4, $5,
                     $6)",
        )
        .bind(ask.owner_id.uuid())
        .bind(debit)
        .bind(credit)
        .bind(amount.get())
        .bind(cause)
        .bind(ask.hold_id.to_string())
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

async fn entry(tx: &mut Transaction<'_, Postgres>, entry: &Entry) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit.entries (owner_id, entry_id, request_id, kind, lease_id, body, salt, leaf_hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(entry.subject.owner_id.uuid())
    .bind(entry.entry_id.uuid())
    .bind(entry.subject.request_id.uuid())
    .bind(entry.kind.name())
    .bind(entry.subject.lease_id.map(|id| id.uuid()))
    .bind(&entry.body)
    .bind(entry.salt.as_slice())
    .bind(entry.leaf_hash().as_slice())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
