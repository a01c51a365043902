//! Reads and locks the rows that a batch touches, in (owner, table, id) order.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use permitpipe_sdk::id::{HoldId, LeaseId, NodeId, OwnerId};
use sqlx::{Postgres, Row, Transaction, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::train::Failure;
use crate::{
    config::Terms,
    ledger::Balances,
    plan::{AccountRow, Intent, LeaseRow, Limit, Locked, Refusal},
};

/// The locked rows, and what the database says of us.
pub struct Snapshot {
    /// Rows by key.
    pub rows: Locked,
    /// The nodes of this batch that nobody has declared gone; one process has two ids where it was just fenced.
    pub live_nodes: HashSet<NodeId>,
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
    let mine: HashSet<Uuid> = balances.keys().map(|id| id.uuid()).collect();
    let leases = lock_leases(tx, &mine, intents).await?;
    let open_holds = lock_holds(tx, &mine, intents).await?;
    let context = read_context(tx, terms, &mine, intents).await?;
    let account = |(owner_id, balances)| {
        let limit = context.limits.get(&owner_id).copied().unwrap_or(Err(Refusal::NoVault));
        (owner_id, AccountRow { balances, limit })
    };
    let lease = |(lease_id, raw): (LeaseId, RawLease)| (lease_id, raw.at(context.now));
    Ok(Snapshot {
        rows: Locked {
            accounts: balances.into_iter().map(account).collect(),
            leases: leases.into_iter().map(lease).collect(),
            open_holds: open_holds.into_iter().collect(),
        },
        live_nodes: context.live_nodes,
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

/// Looked up pair by pair: two lists would make the index try every lease with every owner.
async fn lock_leases(
    tx: &mut Transaction<'_, Postgres>,
    owners: &HashSet<Uuid>,
    intents: &[&Intent],
) -> Result<Vec<(LeaseId, RawLease)>, Failure> {
    let wanted: BTreeSet<(Uuid, Uuid)> = intents
        .iter()
        .filter_map(|intent| match intent {
            Intent::Reserve(ask) => Some((ask.owner_id.uuid(), ask.lease_id.uuid())),
            Intent::Close(close) => Some((close.held.owner_id.uuid(), close.held.lease_id.uuid())),
            Intent::Record(_) => None,
        })
        .filter(|(owner, _)| owners.contains(owner))
        .collect();
    let (owners, leases): (Vec<Uuid>, Vec<Uuid>) = wanted.into_iter().unzip();
    let rows = sqlx::query(
        "SELECT lease_id, state::text AS state, expires_at, budget, budget_held, budget_spent, receipt_seq,
                receipt_hash, receipt_total
         FROM UNNEST($1::uuid[], $2::uuid[]) AS n (owner_id, lease_id) JOIN access.leases l USING (owner_id, lease_id)
         ORDER BY owner_id, lease_id FOR UPDATE OF l",
    )
    .bind(owners)
    .bind(leases)
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
    owners: &HashSet<Uuid>,
    intents: &[&Intent],
) -> Result<Vec<HoldId>, Failure> {
    let closing = |intent: &&Intent| match intent {
        Intent::Close(close) => Some((close.held.owner_id.uuid(), close.held.hold_id.uuid())),
        _ => None,
    };
    let (owners, holds): (Vec<Uuid>, Vec<Uuid>) =
        intents.iter().filter_map(closing).filter(|(owner, _)| owners.contains(owner)).unzip();
    if holds.is_empty() {
        return Ok(Vec::new());
    }
    let open: Vec<Uuid> = sqlx::query_scalar(
        "SELECT hold_id FROM UNNEST($1::uuid[], $2::uuid[]) AS n (owner_id, hold_id)
         JOIN ledger.holds h USING (owner_id, hold_id)
         WHERE h.state = 'open' ORDER BY owner_id, hold_id FOR UPDATE OF h",
    )
    .bind(owners)
    .bind(holds)
    .fetch_all(&mut **tx)
    .await?;
    Ok(open.into_iter().map(HoldId::from_uuid).collect())
}

struct Context {
    now: OffsetDateTime,
    live_nodes: HashSet<NodeId>,
    transaction_id: String,
    limits: HashMap<OwnerId, Result<Limit, Refusal>>,
}

/// In one question, so that a commit waits for one answer: whether our own node still counts, the clock, and what
/// finalized caps still let the operator settle before each owner's withdrawal delay ends. `c` is asked first: the lock
/// on the node's row makes a fence wait for this commit, and this commit see an earlier fence; the clock comes after.
const CONTEXT: &str = "
    WITH node AS MATERIALIZED
         (SELECT node_id, fenced_at FROM access.nodes WHERE node_id = ANY($1) ORDER BY node_id FOR SHARE)
    SELECT c.live, c.now, c.xid, o.owner_id, LEAST(v.cap_atoms, v.pending_cap_atoms) AS cap, v.is_frozen,
           g.settle_cap_atoms, g.withdrawal_delay_seconds * 1000 AS delay_ms,
           (extract(epoch FROM clock_timestamp() - x.observed_at) * 1000)::bigint AS age_ms
    FROM (SELECT (SELECT array_agg(node_id) FROM node WHERE fenced_at IS NULL) AS live, clock_timestamp() AS now,
                 pg_current_xact_id()::text AS xid) c
    LEFT JOIN access.owners o ON o.owner_id = ANY($2)
    LEFT JOIN chain.vaults v ON v.wallet = o.wallet AND v.is_open
    LEFT JOIN chain.config g ON true
    LEFT JOIN chain.cursor x ON x.program = g.program";

/// What may be begun. A batch that begins nothing asks for no node and for no limits.
async fn read_context(
    tx: &mut Transaction<'_, Postgres>,
    terms: &Terms,
    owners: &HashSet<Uuid>,
    intents: &[&Intent],
) -> Result<Context, Failure> {
    let node = |intent: &&Intent| match intent {
        Intent::Reserve(ask) => Some(ask.node_id.uuid()),
        _ => None,
    };
    let nodes: BTreeSet<Uuid> = intents.iter().filter_map(node).collect();
    let nodes: Vec<Uuid> = nodes.into_iter().collect();
    let owners: Vec<Uuid> = if nodes.is_empty() { Vec::new() } else { owners.iter().copied().collect() };
    let rows = sqlx::query(CONTEXT).bind(nodes).bind(owners).fetch_all(&mut **tx).await?;
    let first = rows.first().ok_or_else(|| Failure::Bad("the database tells no time".into()))?;
    let mut limits = HashMap::with_capacity(rows.len());
    for row in &rows {
        if let Some(owner_id) = row.try_get::<Option<Uuid>, _>("owner_id")? {
            limits.insert(OwnerId::from_uuid(owner_id), limit(row, terms)?);
        }
    }
    // A node that has no row is gone as well.
    let live: Option<Vec<Uuid>> = first.try_get("live")?;
    Ok(Context {
        now: first.try_get("now")?,
        live_nodes: live.unwrap_or_default().into_iter().map(NodeId::from_uuid).collect(),
        transaction_id: first.try_get("xid")?,
        limits,
    })
}

/// What may be promised. A view that is older than the delay leaves room for promises nothing.
fn limit(row: &PgRow, terms: &Terms) -> Result<Result<Limit, Refusal>, sqlx::Error> {
    let cap: Option<i64> = row.try_get("cap")?;
    let settle_cap: Option<i64> = row.try_get("settle_cap_atoms")?;
    let delay: Option<i64> = row.try_get("delay_ms")?;
    let age: Option<i64> = row.try_get("age_ms")?;
    let frozen: Option<bool> = row.try_get("is_frozen")?;
    Ok(match (cap, settle_cap, delay, age) {
        (None, ..) => Err(Refusal::NoVault),
        // Reconciliation found the mirror wrong: nothing new can be promised. (A guardian who stopped settling has set
        // the settle cap, and with it `single`, to 0.)
        (Some(_), ..) if frozen == Some(true) => Ok(Limit { exposure: 0, single: 0 }),
        (Some(exposure), Some(single), Some(delay), Some(age)) if age < delay.saturating_sub(terms.reserved_ms()) => {
            Ok(Limit { exposure, single })
        }
        _ => Err(Refusal::StaleView),
    })
}
