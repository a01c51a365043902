//! Writes a plan: every table once, in one statement, whatever the number of requests.

use permitpipe_sdk::id::{LeaseId, OwnerId};
use sqlx::{Postgres, Transaction};

use super::train::Failure;
use crate::{
    audit::Entry,
    ledger::Account,
    plan::{LeaseRow, Plan},
};

/// Writes everything the plan holds; tables that it does not touch are not named.
pub async fn plan(tx: &mut Transaction<'_, Postgres>, plan: &Plan) -> Result<(), Failure> {
    if !plan.holds.is_empty() {
        holds(tx, plan).await?;
    }
    if !plan.ended.is_empty() {
        ended(tx, plan).await?;
    }
    if !plan.receipts.is_empty() {
        receipts(tx, plan).await?;
    }
    if !plan.transfers.is_empty() {
        transfers(tx, plan).await?;
    }
    if !plan.entries.is_empty() {
        super::audit::insert(tx, &plan.entries.iter().collect::<Vec<&Entry>>()).await?;
    }
    if !plan.accounts.is_empty() {
        sums(tx, plan).await?;
    }
    Ok(())
}

async fn holds(tx: &mut Transaction<'_, Postgres>, plan: &Plan) -> Result<(), Failure> {
    let asks = &plan.holds;
    sqlx::query(
        "INSERT INTO ledger.holds (owner_id, hold_id, lease_id, request_id, node_id, asset, amount, budget, minimum,
                                   minimum_budget, operation, price_version)
         SELECT owner_id, hold_id, lease_id, request_id, node_id, 'usdc', amount, budget, minimum, minimum_budget,
                operation, price_version
         FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::bigint[],
                     $8::bigint[], $9::bigint[], $10::text[], $11::text[])
              AS n (owner_id, hold_id, lease_id, request_id, node_id, amount, budget, minimum, minimum_budget,
                    operation, price_version)",
    )
    .bind(column(asks, |a| a.owner_id.uuid()))
    .bind(column(asks, |a| a.hold_id.uuid()))
    .bind(column(asks, |a| a.lease_id.uuid()))
    .bind(column(asks, |a| a.request_id.uuid()))
    .bind(column(asks, |a| a.node_id.uuid()))
    .bind(column(asks, |a| a.amount.get()))
    .bind(column(asks, |a| a.budget.get()))
    .bind(column(asks, |a| a.minimum.get()))
    .bind(column(asks, |a| a.minimum_budget.get()))
    .bind(column(asks, |a| a.operation.clone()))
    .bind(column(asks, |a| a.price_version.clone()))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn ended(tx: &mut Transaction<'_, Postgres>, plan: &Plan) -> Result<(), Failure> {
    let ended = &plan.ended;
    sqlx::query(
        "UPDATE ledger.holds h
         SET state = e.state::ledger.hold_state, captured = e.captured, captured_budget = e.captured_budget,
             ended_at = clock_timestamp()
         FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[])
              AS e (owner_id, hold_id, state, captured, captured_budget)
         WHERE h.owner_id = e.owner_id AND h.hold_id = e.hold_id",
    )
    .bind(column(ended, |e| e.owner_id.uuid()))
    .bind(column(ended, |e| e.hold_id.uuid()))
    .bind(column(ended, |e| e.ending.name()))
    .bind(column(ended, |e| e.used.get()))
    .bind(column(ended, |e| e.used_budget.get()))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn receipts(tx: &mut Transaction<'_, Postgres>, plan: &Plan) -> Result<(), Failure> {
    let receipts = &plan.receipts;
    sqlx::query(
        "INSERT INTO ledger.receipts (owner_id, lease_id, sequence, hold_id, amount, body, body_hash)
         SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::bigint[], $6::bytea[], $7::bytea[])",
    )
    .bind(column(receipts, |(r, _)| r.owner_id.uuid()))
    .bind(column(receipts, |(r, _)| r.lease_id.uuid()))
    .bind(column(receipts, |(r, _)| i64::try_from(r.sequence).unwrap_or(i64::MAX)))
    .bind(column(receipts, |(r, _)| r.hold_id.uuid()))
    .bind(column(receipts, |(r, _)| r.amount.get()))
    .bind(column(receipts, |(r, _)| r.canonical()))
    .bind(column(receipts, |(_, hash)| hash.to_vec()))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn transfers(tx: &mut Transaction<'_, Postgres>, plan: &Plan) -> Result<(), Failure> {
    let rows: Vec<super::ledger::TransferRow> = plan
        .transfers
        .iter()
        .map(|(owner_id, transfer, cause, hold_id)| super::ledger::TransferRow {
            owner_id: *owner_id,
            transfer: *transfer,
            cause,
            cause_id: hold_id.to_string(),
        })
        .collect();
    Ok(super::ledger::insert_transfers(tx, &rows).await?)
}

/// One update a row: the sums that the batch came to.
async fn sums(tx: &mut Transaction<'_, Postgres>, plan: &Plan) -> Result<(), Failure> {
    let accounts: Vec<_> = plan.accounts.iter().collect();
    sqlx::query(
        "UPDATE ledger.accounts a
         SET available = n.available, held = n.held, spent = n.spent
         FROM UNNEST($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[]) AS n (owner_id, available, held, spent)
         WHERE a.owner_id = n.owner_id AND a.asset = 'usdc'",
    )
    .bind(column(&accounts, |(id, _)| id.uuid()))
    .bind(column(&accounts, |(_, b)| b.available))
    .bind(column(&accounts, |(_, b)| b.held))
    .bind(column(&accounts, |(_, b)| b.spent))
    .execute(&mut **tx)
    .await?;
    let leases: Vec<(&(OwnerId, LeaseId), &LeaseRow)> = plan.leases.iter().collect();
    sqlx::query(
        "UPDATE access.leases l
         SET budget_held = n.held, budget_spent = n.spent, receipt_seq = n.seq, receipt_hash = n.hash,
             receipt_total = n.total,
             state = CASE WHEN l.state = 'active' AND n.spent >= l.budget THEN 'exhausted' ELSE l.state END,
             ended_at = CASE WHEN l.state = 'active' AND n.spent >= l.budget THEN clock_timestamp() ELSE l.ended_at END
         FROM UNNEST($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bigint[])
              AS n (owner_id, lease_id, held, spent, seq, hash, total)
         WHERE l.owner_id = n.owner_id AND l.lease_id = n.lease_id",
    )
    .bind(column(&leases, |((owner, _), _)| owner.uuid()))
    .bind(column(&leases, |((_, lease), _)| lease.uuid()))
    .bind(column(&leases, |(_, l)| l.held))
    .bind(column(&leases, |(_, l)| l.spent))
    .bind(column(&leases, |(_, l)| l.receipt_seq))
    .bind(column(&leases, |(_, l)| l.receipt_hash.to_vec()))
    .bind(column(&leases, |(_, l)| l.receipt_total))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One column of an `UNNEST`.
fn column<'a, T, C>(rows: &'a [T], value: impl Fn(&'a T) -> C) -> Vec<C> {
    rows.iter().map(value).collect()
}

/// The journal's names for the accounts.
pub(super) const fn account_name(account: Account) -> &'static str {
    match account {
        Account::Chain => "chain",
        Account::Available => "available",
        Account::Held => "held",
        Account::Spent => "spent",
        Account::Settled => "settled",
        Account::Withdrawing => "withdrawing",
        Account::Writeoff => "writeoff",
    }
}
