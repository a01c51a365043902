//! The audit log's table.

use permitpipe_sdk::{
    id::{EntryId, LeaseId, OwnerId, RequestId},
    wire,
};
use sqlx::{PgPool, Postgres, QueryBuilder, Row, Transaction, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::audit::Entry;

/// Appends entries.
pub async fn insert(tx: &mut Transaction<'_, Postgres>, entries: &[&Entry]) -> Result<(), sqlx::Error> {
    let mut statement = QueryBuilder::new("");
    push(&mut statement, entries);
    statement.build().execute(&mut **tx).await?;
    Ok(())
}

/// The same as part of a larger statement.
pub(super) fn push(statement: &mut QueryBuilder<Postgres>, entries: &[&Entry]) {
    let column = |value: fn(&Entry) -> Vec<u8>| -> Vec<Vec<u8>> { entries.iter().map(|e| value(e)).collect() };
    let ids = |value: fn(&Entry) -> Uuid| -> Vec<Uuid> { entries.iter().map(|e| value(e)).collect() };
    let leases: Vec<Option<Uuid>> = entries.iter().map(|e| e.subject.lease_id.map(LeaseId::uuid)).collect();
    let kinds: Vec<&'static str> = entries.iter().map(|e| e.kind.name()).collect();
    statement.push(
        "INSERT INTO audit.entries (owner_id, entry_id, request_id, kind, lease_id, body, salt, leaf_hash)
         SELECT * FROM UNNEST(",
    );
    statement
        .separated(", ")
        .push_bind(ids(|e| e.subject.owner_id.uuid()))
        .push_bind(ids(|e| e.entry_id.uuid()))
        .push_bind(ids(|e| e.subject.request_id.uuid()))
        .push_bind(kinds)
        .push_bind(leases)
        .push_bind(column(|e| e.body.clone()))
        .push_bind(column(|e| e.salt.to_vec()))
        .push_bind(column(|e| e.leaf_hash().to_vec()));
    statement.push(")");
}

/// Whether an entry was written.
pub async fn exists(pool: &PgPool, (owner_id, entry_id): (OwnerId, EntryId)) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM audit.entries WHERE owner_id = $1 AND entry_id = $2)")
        .bind(owner_id.uuid())
        .bind(entry_id.uuid())
        .fetch_one(pool)
        .await
}

/// A page of an owner's log, oldest first, after `after`.
pub async fn list(
    pool: &PgPool,
    owner_id: OwnerId,
    after: Option<EntryId>,
    limit: i64,
) -> Result<Vec<wire::AuditEntry>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT entry_id, request_id, kind, lease_id, body, salt, leaf_hash, created_at FROM audit.entries
         WHERE owner_id = $1 AND ($2::uuid IS NULL OR entry_id > $2) ORDER BY entry_id LIMIT $3",
    )
    .bind(owner_id.uuid())
    .bind(after.map(EntryId::uuid))
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter().map(entry).collect()
}

fn entry(row: &PgRow) -> Result<wire::AuditEntry, sqlx::Error> {
    let body: Vec<u8> = row.try_get("body")?;
    Ok(wire::AuditEntry {
        entry_id: EntryId::from_uuid(row.try_get("entry_id")?),
        request_id: RequestId::from_uuid(row.try_get("request_id")?),
        kind: row.try_get("kind")?,
        lease_id: row.try_get::<Option<Uuid>, _>("lease_id")?.map(LeaseId::from_uuid),
        at: row.try_get::<OffsetDateTime, _>("created_at")?,
        body: serde_json::from_slice(&body).unwrap_or_default(),
        leaf_hash: hex::encode(row.try_get::<Vec<u8>, _>("leaf_hash")?),
        salt: hex::encode(row.try_get::<Vec<u8>, _>("salt")?),
    })
}
