//! Writes a plan: every table once, all of them in one statement, whatever the number of requests.
//!
//! One statement, because a commit holds its locks for as many answers as it waits for. Each table is a part of its own;
//! parts that are not needed are not named. None of them reads what another writes.

use permitpipe_sdk::id::{LeaseId, OwnerId};
use sqlx::{Postgres, QueryBuilder, Transaction};

use super::{ledger::TransferRow, train::Failure};
use crate::{
    audit::Entry,
    ledger::Account,
    plan::{LeaseRow, Plan},
};

/// A statement under way.
type Statement = QueryBuilder<Postgres>;

/// One part: its name, whether the plan needs it, and how it is written.
type Part = (&'static str, fn(&Plan) -> bool, fn(&mut Statement, &Plan));

const PARTS: [Part; 7] = [
    ("holds", |plan| !plan.holds.is_empty(), holds),
    ("ended", |plan| !plan.ended.is_empty(), ended),
    ("receipts", |plan| !plan.receipts.is_empty(), receipts),
    ("transfers", |plan| !plan.transfers.is_empty(), transfers),
    ("entries", |plan| !plan.entries.is_empty(), entries),
    ("accounts", |plan| !plan.accounts.is_empty(), accounts),
    ("leases", |plan| !plan.leases.is_empty(), leases),
];

/// Writes everything the plan holds.
pub async fn plan(tx: &mut Transaction<'_, Postgres>, plan: &Plan) -> Result<(), Failure> {
    let mut statement = Statement::new("");
    let mut before = "WITH ";
    for (name, is_needed, write) in PARTS {
        if is_needed(plan) {
            statement.push(before).push(name).push(" AS (");
            write(&mut statement, plan);
            statement.push(")");
            before = ", ";
        }
    }
    if before == ", " {
        statement.push(" SELECT").build().execute(&mut **tx).await?;
    }
    Ok(())
}

fn holds(statement: &mut Statement, plan: &Plan) {
    let asks = &plan.holds;
    statement.push(
        "INSERT INTO ledger.holds (owner_id, hold_id, lease_id, request_id, node_id, asset, amount, budget, minimum,
                                   minimum_budget, operation, price_version)
         SELECT owner_id, hold_id, lease_id, request_id, node_id, 'usdc', amount, budget, minimum, minimum_budget,
                operation, price_version
         FROM UNNEST(",
    );
    statement
        .separated(", ")
        .push_bind(column(asks, |a| a.owner_id.uuid()))
        .push_bind(column(asks, |a| a.hold_id.uuid()))
        .push_bind(column(asks, |a| a.lease_id.uuid()))
        .push_bind(column(asks, |a| a.request_id.uuid()))
        .push_bind(column(asks, |a| a.node_id.uuid()))
        .push_bind(column(asks, |a| a.amount.get()))
        .push_bind(column(asks, |a| a.budget.get()))
        .push_bind(column(asks, |a| a.minimum.get()))
        .push_bind(column(asks, |a| a.minimum_budget.get()))
        .push_bind(column(asks, |a| a.operation.clone()))
        .push_bind(column(asks, |a| a.price_version.clone()));
    statement.push(
        ") AS n (owner_id, hold_id, lease_id, request_id, node_id, amount, budget, minimum, minimum_budget,
                 operation, price_version)",
    );
}

fn ended(statement: &mut Statement, plan: &Plan) {
    let ended = &plan.ended;
    statement.push(
        "UPDATE ledger.holds h
         SET state = e.state::ledger.hold_state, captured = e.captured, captured_budget = e.captured_budget,
             ended_at = clock_timestamp()
         FROM UNNEST(",
    );
    statement
        .separated(", ")
        .push_bind(column(ended, |e| e.owner_id.uuid()))
        .push_bind(column(ended, |e| e.hold_id.uuid()))
        .push_bind(column(ended, |e| e.ending.name()))
        .push_bind(column(ended, |e| e.used.get()))
        .push_bind(column(ended, |e| e.used_budget.get()));
    statement.push(
        ") AS e (owner_id, hold_id, state, captured, captured_budget)
         WHERE h.owner_id = e.owner_id AND h.hold_id = e.hold_id",
    );
}

fn receipts(statement: &mut Statement, plan: &Plan) {
    let receipts = &plan.receipts;
    statement.push(
        "INSERT INTO ledger.receipts (owner_id, lease_id, sequence, hold_id, amount, body, body_hash)
         SELECT * FROM UNNEST(",
    );
    statement
        .separated(", ")
        .push_bind(column(receipts, |(r, _)| r.owner_id.uuid()))
        .push_bind(column(receipts, |(r, _)| r.lease_id.uuid()))
        .push_bind(column(receipts, |(r, _)| i64::try_from(r.sequence).unwrap_or(i64::MAX)))
        .push_bind(column(receipts, |(r, _)| r.hold_id.uuid()))
        .push_bind(column(receipts, |(r, _)| r.amount.get()))
        .push_bind(column(receipts, |(r, _)| r.canonical()))
        .push_bind(column(receipts, |(_, hash)| hash.to_vec()));
    statement.push(")");
}

fn transfers(statement: &mut Statement, plan: &Plan) {
    let rows: Vec<TransferRow> = plan
        .transfers
        .iter()
        .map(|(owner_id, transfer, cause, hold_id)| TransferRow {
            owner_id: *owner_id,
            transfer: *transfer,
            cause,
            cause_id: hold_id.to_string(),
        })
        .collect();
    super::ledger::push_transfers(statement, &rows);
}

fn entries(statement: &mut Statement, plan: &Plan) {
    super::audit::push(statement, &plan.entries.iter().collect::<Vec<&Entry>>());
}

/// One update a row: the sums that the batch came to.
fn accounts(statement: &mut Statement, plan: &Plan) {
    let accounts: Vec<_> = plan.accounts.iter().collect();
    statement.push(
        "UPDATE ledger.accounts a SET available = n.available, held = n.held, spent = n.spent
         FROM UNNEST(",
    );
    statement
        .separated(", ")
        .push_bind(column(&accounts, |(id, _)| id.uuid()))
        .push_bind(column(&accounts, |(_, b)| b.available))
        .push_bind(column(&accounts, |(_, b)| b.held))
        .push_bind(column(&accounts, |(_, b)| b.spent));
    statement.push(
        ") AS n (owner_id, available, held, spent)
         WHERE a.owner_id = n.owner_id AND a.asset = 'usdc'",
    );
}

fn leases(statement: &mut Statement, plan: &Plan) {
    let leases: Vec<(&(OwnerId, LeaseId), &LeaseRow)> = plan.leases.iter().collect();
    statement.push(
        "UPDATE access.leases l
         SET budget_held = n.held, budget_spent = n.spent, receipt_seq = n.seq, receipt_hash = n.hash,
             receipt_total = n.total,
             state = CASE WHEN l.state = 'active' AND n.spent >= l.budget THEN 'exhausted' ELSE l.state END,
             ended_at = CASE WHEN l.state = 'active' AND n.spent >= l.budget THEN clock_timestamp() ELSE l.ended_at END
         FROM UNNEST(",
    );
    statement
        .separated(", ")
        .push_bind(column(&leases, |((owner, _), _)| owner.uuid()))
        .push_bind(column(&leases, |((_, lease), _)| lease.uuid()))
        .push_bind(column(&leases, |(_, l)| l.held))
        .push_bind(column(&leases, |(_, l)| l.spent))
        .push_bind(column(&leases, |(_, l)| l.receipt_seq))
        .push_bind(column(&leases, |(_, l)| l.receipt_hash.to_vec()))
        .push_bind(column(&leases, |(_, l)| l.receipt_total));
    statement.push(
        ") AS n (owner_id, lease_id, held, spent, seq, hash, total)
         WHERE l.owner_id = n.owner_id AND l.lease_id = n.lease_id",
    );
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
