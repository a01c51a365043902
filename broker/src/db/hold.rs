//! Holds outside the train: what a stream journals, and what nodes that are gone left open.

use permitpipe_sdk::{
    id::{HoldId, OwnerId},
    money::Credits,
};
use sqlx::PgPool;
use uuid::Uuid;

/// Notes how much of a hold its stream has used so far; only ever more.
pub async fn journal(
    pool: &PgPool,
    owner_id: OwnerId,
    hold_id: HoldId,
    used: (Credits, Credits),
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE ledger.holds SET journalled = GREATEST(journalled, LEAST($3, amount)),
                journalled_budget = GREATEST(journalled_budget, LEAST($4, budget))
         WHERE owner_id = $1 AND hold_id = $2 AND state = 'open'",
    )
    .bind(owner_id.uuid())
    .bind(hold_id.uuid())
    .bind(used.0.get())
    .bind(used.1.get())
    .execute(pool)
    .await?;
    Ok(())
}

/// A hold left open by a node that is gone, with what its stream had used when it last said so.
#[derive(Debug, sqlx::FromRow)]
#[allow(missing_docs, reason = "columns of ledger.holds")]
pub struct Orphan {
    pub owner_id: Uuid,
    pub hold_id: Uuid,
    pub lease_id: Uuid,
    pub request_id: Uuid,
    pub amount: i64,
    pub budget: i64,
    pub used: i64,
    pub used_budget: i64,
    pub operation: String,
    pub price_version: String,
}

impl Orphan {
    /// Whose it is.
    pub fn owner(&self) -> OwnerId {
        OwnerId::from_uuid(self.owner_id)
    }
}

/// Open holds of fenced nodes. Each is worth what was journalled, and at least its minimum.
pub async fn list_orphans(pool: &PgPool, limit: i64) -> Result<Vec<Orphan>, sqlx::Error> {
    sqlx::query_as(
        "SELECT h.owner_id, h.hold_id, h.lease_id, h.request_id, h.amount, h.budget,
                GREATEST(h.journalled, h.minimum) AS used,
                GREATEST(h.journalled_budget, h.minimum_budget) AS used_budget, h.operation, h.price_version
         FROM ledger.holds h JOIN access.nodes n USING (node_id)
         WHERE h.state = 'open' AND n.fenced_at IS NOT NULL LIMIT $1",
    )
    .bind(limit)
    .fetch_all(pool)
    .await
}
