//! Reads and locks the rows that a batch touches, in (owner, table, id) order.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use permitpipe_sdk::id::{HoldId, LeaseId, NodeId, OwnerId};
use sqlx::{Postgres, Row, Transaction, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::train::{Failure, closing};
use crate::{
    config::Terms,
    ledger::Balances,
    plan::{AccountRow, Intent, LeaseRow, Locked, Refusal},
};

/// The locked rows, and what the database says of us.
pub struct Snapshot {
    /// Rows by key.
    pub rows: Locked,
    /// Another node has declared ours gone.
    pub is_fenced: bool,
    /// By which Postgres can be asked later what became of this transaction.
    pub transaction_id: String,
}

/// Locks accounts, then leases, then holds; then reads the clock and the chain's view, so that both are no older than
/// the locks.
pub async fn lock(
    tx: &mut Transaction<'_, Postgres>,
    terms: &Terms,
    owners: &BTreeSet<OwnerId>,
    intents: &[&Intent],
) -> Result<Snapshot, Failure> {
    let balances = lock_accounts(tx, owners).await?;
    let mine: Vec<Uuid> = balances.keys().map(|id| id.uuid()).collect();
    let leases = lock_leases(tx, &mine, intents).await?;
    let open_holds = lock_holds(tx, &mine, &closing(intents)).await?;
    let context = read_context(tx, intents).await?;
    let limits = if intents.iter().any(|i| matches!(i, Intent::Reserve(_))) {
        read_limits(tx, terms, &mine).await?
    } else {
        HashMap::new()
    };
    let account = |(owner_id, balances)| {
        let limit = limits.get(&owner_id).copied().unwrap_or(Err(Refusal::NoVault));
        (owner_id, AccountRow { balances, limit })
    };
    let lease = |(lease_id, raw): (LeaseId, RawLease)| (lease_id, raw.at(context.now));
    Ok(Snapshot {
        rows: Locked {
            accounts: balances.into_iter().map(account).collect(),
            leases: leases.into_iter().map(lease).collect(),
            open_holds: open_holds.into_iter().collect(),
        },
        is_fenced: context.is_fenced,
        transaction_id: context.transaction_id,
    })
}

const SKIP: &str = "SELECT owner_id, chain, available, held, spent, settled, withdrawing, writeoff, frozen
    FROM ledger.accounts WHERE owner_id = ANY($1) AND asset = 'usdc' ORDER BY owner_id FOR UPDATE SKIP LOCKED";
const WAIT: &str = "SELECT owner_id, chain, available, held, spent, settled, withdrawing, writeoff, frozen
    FROM ledger.accounts WHERE owner_id = ANY($1) AND asset = 'usdc' ORDER BY owner_id FOR UPDATE";

/// Locks whoever is free. If nobody is, waits for the first: one owner alone cannot make a circle.
async fn lock_accounts(
    tx: &mut Transaction<'_, Postgres>,
    owners: &BTreeSet<OwnerId>,
) -> Result<HashMap<OwnerId, Balances>, Failure> {
    let ids: Vec<Uuid> = owners.iter().map(|id| id.uuid()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut rows = sqlx::query(SKIP).bind(&ids).fetch_all(&mut **tx).await?;
    if rows.is_empty() {
        rows = sqlx::query(WAIT).bind(ids.get(..1).unwrap_or_default()).fetch_all(&mut **tx).await?;
    }
    if rows.is_empty() {
        return Err(Failure::Bad("an owner has no account row".into()));
    }
    rows.iter().map(|row| Ok((OwnerId::from_uuid(row.try_get("owner_id")?), super::ledger::balances(row)?))).collect()
}

/// A lease row before the clock is known.
struct RawLease {
    state: String,
    expires_at: OffsetDateTime,
    row: LeaseRow,
}

impl RawLease {
    fn at(self, now: OffsetDateTime) -> LeaseRow {
        let remaining = Duration::try_from(self.expires_at - now).unwrap_or(Duration::ZERO);
        let standing = match self.state.as_str() {
            "active" if remaining > Duration::ZERO => Ok(remaining),
            "active" | "expired" => Err(Refusal::LeaseExpired),
            "exhausted" => Err(Refusal::LeaseExhausted),
            _ => Err(Refusal::LeaseRevoked),
        };
        LeaseRow { standing, ..self.row }
    }
}

async fn lock_leases(
    tx: &mut Transaction<'_, Postgres>,
    owners: &[Uuid],
    intents: &[&Intent],
) -> Result<Vec<(LeaseId, RawLease)>, Failure> {
    let wanted: BTreeSet<Uuid> = intents
        .iter()
        .filter_map(|intent| match intent {
            Intent::Reserve(ask) => Some(ask.lease_id.uuid()),
            Intent::Close(close) => Some(close.held.lease_id.uuid()),
            Intent::Record(_) => None,
        })
        .collect();
    let wanted: Vec<Uuid> = wanted.into_iter().collect();
    let rows = sqlx::query(
        "SELECT lease_id, state::text AS state, expires_at, budget, budget_held, budget_spent, receipt_seq,
                receipt_hash, receipt_total
         FROM access.leases WHERE owner_id = ANY($1) AND lease_id = ANY($2) ORDER BY owner_id, lease_id FOR UPDATE",
    )
    .bind(owners)
    .bind(&wanted)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(|row| Ok((LeaseId::from_uuid(row.try_get("lease_id")?), raw_lease(row)?))).collect()
}

fn raw_lease(row: &PgRow) -> Result<RawLease, Failure> {
    let hash: Vec<u8> = row.try_get("receipt_hash")?;
    Ok(RawLease {
        state: row.try_get("state")?,
        expires_at: row.try_get("expires_at")?,
        row: LeaseRow {
            standing: Err(Refusal::LeaseRevoked),
            budget: row.try_get("budget")?,
            held: row.try_get("budget_held")?,
            spent: row.try_get("budget_spent")?,
            receipt_seq: row.try_get("receipt_seq")?,
            receipt_hash: hash.try_into().map_err(|_| Failure::Bad("a receipt hash is not 32 bytes".into()))?,
            receipt_total: row.try_get("receipt_total")?,
        },
    })
}

async fn lock_holds(
    tx: &mut Transaction<'_, Postgres>,
    owners: &[Uuid],
    holds: &[HoldId],
) -> Result<Vec<HoldId>, Failure> {
    if holds.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = holds.iter().map(|id| id.uuid()).collect();
    let open: Vec<Uuid> = sqlx::query_scalar(
        "SELECT hold_id FROM ledger.holds WHERE owner_id = ANY($1) AND hold_id = ANY($2) AND state = 'open'
         ORDER BY owner_id, hold_id FOR UPDATE",
    )
    .bind(owners)
    .bind(&ids)
    .fetch_all(&mut **tx)
    .await?;
    Ok(open.into_iter().map(HoldId::from_uuid).collect())
}

struct Context {
    now: OffsetDateTime,
    is_fenced: bool,
    transaction_id: String,
}

/// The clock after all locks are ours, and whether our own node still counts. The lock on the node's row makes a fence
/// wait for this commit, and this commit see an earlier fence.
async fn read_context(tx: &mut Transaction<'_, Postgres>, intents: &[&Intent]) -> Result<Context, Failure> {
    let node = intents.iter().find_map(|intent| match intent {
        Intent::Reserve(ask) => Some(ask.node_id),
        _ => None,
    });
    let is_fenced = match node {
        Some(node) => fenced(tx, node).await?,
        None => false,
    };
    let row =
        sqlx::query("SELECT clock_timestamp() AS now, pg_current_xact_id()::text AS xid").fetch_one(&mut **tx).await?;
    Ok(Context { now: row.try_get("now")?, is_fenced, transaction_id: row.try_get("xid")? })
}

async fn fenced(tx: &mut Transaction<'_, Postgres>, node: NodeId) -> Result<bool, Failure> {
    let fenced: Option<bool> =
        sqlx::query_scalar("SELECT fenced_at IS NOT NULL FROM access.nodes WHERE node_id = $1 FOR SHARE")
            .bind(node.uuid())
            .fetch_optional(&mut **tx)
            .await?;
    Ok(fenced.unwrap_or(true))
}

/// Most that may be held and spent at once: what finalized caps still let the operator settle before the owner's
/// withdrawal delay ends. A view that is older than the delay leaves room for promises nothing.
async fn read_limits(
    tx: &mut Transaction<'_, Postgres>,
    terms: &Terms,
    owners: &[Uuid],
) -> Result<HashMap<OwnerId, Result<i64, Refusal>>, Failure> {
    let rows = sqlx::query(
        "SELECT o.owner_id, LEAST(v.cap_atoms, v.pending_cap_atoms) AS cap, v.is_frozen, c.settle_cap_atoms,
                c.withdrawal_delay_seconds * 1000 AS delay_ms,
                (extract(epoch FROM clock_timestamp() - x.observed_at) * 1000)::bigint AS age_ms
         FROM access.owners o
         LEFT JOIN chain.vaults v ON v.wallet = o.wallet
         LEFT JOIN chain.config c ON true
         LEFT JOIN chain.cursor x ON x.program = c.program
         WHERE o.owner_id = ANY($1)",
    )
    .bind(owners)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(|row| Ok((OwnerId::from_uuid(row.try_get("owner_id")?), limit(row, terms)?))).collect()
}

fn limit(row: &PgRow, terms: &Terms) -> Result<Result<i64, Refusal>, sqlx::Error> {
    let cap: Option<i64> = row.try_get("cap")?;
    let settle_cap: Option<i64> = row.try_get("settle_cap_atoms")?;
    let delay: Option<i64> = row.try_get("delay_ms")?;
    let age: Option<i64> = row.try_get("age_ms")?;
    let frozen: Option<bool> = row.try_get("is_frozen")?;
    Ok(match (cap, settle_cap, delay, age) {
        (None, ..) => Err(Refusal::NoVault),
        // Reconciliation found the mirror wrong, or the guardian stopped settling: nothing new can be promised.
        (Some(_), Some(0), ..) => Ok(0),
        (Some(_), ..) if frozen == Some(true) => Ok(0),
        (Some(cap), Some(_), Some(delay), Some(age)) if age < delay.saturating_sub(terms.reserved_ms()) => Ok(cap),
        _ => Err(Refusal::StaleView),
    })
}
