//! Nodes and the epoch.

use std::time::Duration;

use permitpipe_sdk::id::{LeaseId, NodeId};
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

/// Enters a node that has carried out the current epoch, having nothing under way. Returns that epoch.
pub async fn join(pool: &PgPool, node_id: NodeId, name: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT INTO access.nodes (node_id, name, confirmed_epoch) SELECT $1, $2, epoch FROM access.epoch
         RETURNING confirmed_epoch",
    )
    .bind(node_id.uuid())
    .bind(name)
    .fetch_one(pool)
    .await
}

/// Renews the heartbeat and confirms `epoch`. Returns the current epoch, or `None` when this node is fenced.
pub async fn renew(pool: &PgPool, node_id: NodeId, epoch: i64) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "UPDATE access.nodes SET heartbeat_at = clock_timestamp(), confirmed_epoch = $2
         WHERE node_id = $1 AND fenced_at IS NULL RETURNING (SELECT epoch FROM access.epoch)",
    )
    .bind(node_id.uuid())
    .bind(epoch)
    .fetch_optional(pool)
    .await
}

/// The current epoch.
pub async fn get_epoch(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT epoch FROM access.epoch").fetch_one(pool).await
}

/// Which of these leases are over.
pub async fn list_ended(pool: &PgPool, leases: &[LeaseId]) -> Result<Vec<LeaseId>, sqlx::Error> {
    let ids: Vec<Uuid> = leases.iter().map(|id| id.uuid()).collect();
    let ended: Vec<Uuid> =
        sqlx::query_scalar("SELECT lease_id FROM access.leases WHERE lease_id = ANY($1) AND state <> 'active'")
            .bind(&ids)
            .fetch_all(pool)
            .await?;
    Ok(ended.into_iter().map(LeaseId::from_uuid).collect())
}

/// Moves the epoch, inside the transaction that ends something.
pub async fn bump_epoch(tx: &mut Transaction<'_, Postgres>) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("UPDATE access.epoch SET epoch = epoch + 1 RETURNING epoch").fetch_one(&mut **tx).await
}

/// Declares every other node gone whose heartbeat is older than `ttl`. It knew so before us.
pub async fn fence_silent(pool: &PgPool, me: NodeId, ttl: Duration) -> Result<u64, sqlx::Error> {
    let fenced = sqlx::query(
        "UPDATE access.nodes SET fenced_at = clock_timestamp()
         WHERE fenced_at IS NULL AND node_id <> $1 AND heartbeat_at < clock_timestamp() - $2 * interval '1 millisecond'",
    )
    .bind(me.uuid())
    .bind(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
    .execute(pool)
    .await?;
    Ok(fenced.rows_affected())
}

/// How many live nodes have not carried out `epoch` yet.
pub async fn count_behind(pool: &PgPool, epoch: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM access.nodes WHERE fenced_at IS NULL AND confirmed_epoch < $1")
        .bind(epoch)
        .fetch_one(pool)
        .await
}

/// Leaves for good, having nothing under way: nobody needs to wait for this node any more.
pub async fn leave(pool: &PgPool, node_id: NodeId) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE access.nodes SET fenced_at = clock_timestamp() WHERE node_id = $1 AND fenced_at IS NULL")
        .bind(node_id.uuid())
        .execute(pool)
        .await?;
    Ok(())
}
