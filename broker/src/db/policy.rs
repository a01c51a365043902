//! Policies, version by version.

use permitpipe_sdk::id::{OwnerId, PolicyId};
use sqlx::{PgPool, Postgres, Row, Transaction, postgres::PgRow};

/// A stored version.
#[derive(Debug, Clone)]
pub struct StoredPolicy {
    /// Its id, the same over all versions.
    pub policy_id: PolicyId,
    /// Counts from 1.
    pub version: i32,
    /// The YAML.
    pub document: String,
}

/// An owner's current policy.
pub async fn find_current(pool: &PgPool, owner_id: OwnerId) -> Result<Option<StoredPolicy>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT policy_id, version, document FROM access.policies WHERE owner_id = $1 ORDER BY version DESC LIMIT 1",
    )
    .bind(owner_id.uuid())
    .fetch_optional(pool)
    .await?;
    row.map(|row| stored(&row)).transpose()
}

/// Adds the next version. Two that arrive at once get two versions.
pub async fn insert(
    tx: &mut Transaction<'_, Postgres>,
    owner_id: OwnerId,
    hash: &[u8; 32],
    document: &str,
) -> Result<StoredPolicy, sqlx::Error> {
    sqlx::query("SELECT 1 FROM access.owners WHERE owner_id = $1 FOR UPDATE")
        .bind(owner_id.uuid())
        .execute(&mut **tx)
        .await?;
    let row = sqlx::query(
        "INSERT INTO access.policies (owner_id, policy_id, version, content_hash, document)
         SELECT $1, COALESCE((SELECT policy_id FROM access.policies WHERE owner_id = $1 LIMIT 1), $2),
                COALESCE((SELECT max(version) FROM access.policies WHERE owner_id = $1), 0) + 1, $3, $4
         RETURNING policy_id, version, document",
    )
    .bind(owner_id.uuid())
    .bind(PolicyId::generate().uuid())
    .bind(hash.as_slice())
    .bind(document)
    .fetch_one(&mut **tx)
    .await?;
    stored(&row)
}

fn stored(row: &PgRow) -> Result<StoredPolicy, sqlx::Error> {
    Ok(StoredPolicy {
        policy_id: PolicyId::from_uuid(row.try_get("policy_id")?),
        version: row.try_get("version")?,
        document: row.try_get("document")?,
    })
}
