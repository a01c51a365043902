//! Leases.

use permitpipe_sdk::{
    id::{LeaseId, OwnerId, PolicyId, SecretId},
    money::Credits,
    wire,
};
use sqlx::{PgPool, Postgres, Row, Transaction, postgres::PgRow};
use time::OffsetDateTime;

use crate::secret::Sealed;

/// A lease to be stored; denied ones are stored too, without a bearer.
pub struct NewLease<'a> {
    /// Whose.
    pub owner_id: OwnerId,
    /// Its id.
    pub lease_id: LeaseId,
    /// Who uses it.
    pub agent: &'a str,
    /// For what.
    pub service: &'a str,
    /// The secret it opens.
    pub secret_id: SecretId,
    /// SHA-256 of the bearer; none for a denied one.
    pub bearer_hash: Option<[u8; 32]>,
    /// `active`, `pending` or `denied`.
    pub state: &'static str,
    /// Granted.
    pub allowed: Vec<String>,
    /// Refused.
    pub blocked: Vec<String>,
    /// SHA-256 of the contract.
    pub lease_hash: [u8; 32],
    /// The policy that decided.
    pub policy: (PolicyId, i32),
    /// What for.
    pub intent: Option<&'a str>,
    /// Credits.
    pub budget: Credits,
    /// Lifetime, counted by the database from now.
    pub ttl_seconds: i64,
}

/// Stores a lease. Returns when it was made and when it ends, by the database's clock.
pub async fn insert(
    tx: &mut Transaction<'_, Postgres>,
    lease: &NewLease<'_>,
) -> Result<(OffsetDateTime, OffsetDateTime), sqlx::Error> {
    let row = sqlx::query(
        "INSERT INTO access.leases (owner_id, lease_id, agent, service, secret_id, bearer_hash, state, allowed_scopes,
                blocked_scopes, lease_hash, policy_id, policy_version, intent, budget, expires_at, ended_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7::access.lease_state, $8, $9, $10, $11, $12, $13, $14,
                 now() + $15 * interval '1 second', CASE WHEN $7 = 'denied' THEN now() END)
         RETURNING created_at, expires_at",
    )
    .bind(lease.owner_id.uuid())
    .bind(lease.lease_id.uuid())
    .bind(lease.agent)
    .bind(lease.service)
    .bind(lease.secret_id.uuid())
    .bind(lease.bearer_hash.as_ref().map(|hash| hash.as_slice()))
    .bind(lease.state)
    .bind(&lease.allowed)
    .bind(&lease.blocked)
    .bind(lease.lease_hash.as_slice())
    .bind(lease.policy.0.uuid())
    .bind(lease.policy.1)
    .bind(lease.intent)
    .bind(lease.budget.get())
    .bind(lease.ttl_seconds)
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.try_get("created_at")?, row.try_get("expires_at")?))
}

/// What a bearer opens, with the sealed secret: everything a request needs that does not change while the epoch stands.
#[derive(Debug)]
pub struct BearerRow {
    /// Whose.
    pub owner_id: OwnerId,
    /// Which lease.
    pub lease_id: LeaseId,
    /// Who uses it.
    pub agent: String,
    /// For what.
    pub service: String,
    /// Granted.
    pub allowed: Vec<String>,
    /// SHA-256 of the contract.
    pub lease_hash: Vec<u8>,
    /// The secret.
    pub secret_id: SecretId,
    /// Its version.
    pub version: i32,
    /// Its origin.
    pub origin: String,
    /// The owner's own template.
    pub template: Option<serde_json::Value>,
    /// Whether the provider's price is charged.
    pub is_resold: bool,
    /// The sealed key.
    pub sealed: Sealed,
}

/// Looks a bearer up by its hash, whatever the lease's state: the train judges that.
pub async fn find_by_bearer(pool: &PgPool, hash: &[u8; 32]) -> Result<Option<BearerRow>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT l.owner_id, l.lease_id, l.agent, l.service, l.allowed_scopes, l.lease_hash, s.secret_id, s.version,
                s.origin, s.template, s.is_resold, v.sealed_key, v.sealed
         FROM access.leases l
         JOIN access.secrets s ON s.owner_id = l.owner_id AND s.secret_id = l.secret_id AND s.removed_at IS NULL
         JOIN access.secret_versions v
              ON v.owner_id = s.owner_id AND v.secret_id = s.secret_id AND v.version = s.version
         WHERE l.bearer_hash = $1",
    )
    .bind(hash.as_slice())
    .fetch_optional(pool)
    .await?;
    row.map(|row| bearer_row(&row)).transpose()
}

fn bearer_row(row: &PgRow) -> Result<BearerRow, sqlx::Error> {
    Ok(BearerRow {
        owner_id: OwnerId::from_uuid(row.try_get("owner_id")?),
        lease_id: LeaseId::from_uuid(row.try_get("lease_id")?),
        agent: row.try_get("agent")?,
        service: row.try_get("service")?,
        allowed: row.try_get("allowed_scopes")?,
        lease_hash: row.try_get("lease_hash")?,
        secret_id: SecretId::from_uuid(row.try_get("secret_id")?),
        version: row.try_get("version")?,
        origin: row.try_get("origin")?,
        template: row.try_get("template")?,
        is_resold: row.try_get("is_resold")?,
        sealed: Sealed { sealed_key: row.try_get("sealed_key")?, sealed: row.try_get("sealed")? },
    })
}

const COLUMNS: &str =
    "lease_id, agent, service, state::text AS state, allowed_scopes, blocked_scopes, budget, budget_held,
    budget_spent, lease_hash, created_at, expires_at";

/// An owner's leases, newest first.
pub async fn list(pool: &PgPool, owner_id: OwnerId, limit: i64) -> Result<Vec<wire::Lease>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} FROM access.leases WHERE owner_id = $1 ORDER BY lease_id DESC LIMIT $2");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(owner_id.uuid()).bind(limit).fetch_all(pool).await?;
    rows.iter().map(public).collect()
}

/// One lease of an owner.
pub async fn find(pool: &PgPool, owner_id: OwnerId, lease_id: LeaseId) -> Result<Option<wire::Lease>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} FROM access.leases WHERE owner_id = $1 AND lease_id = $2");
    let row =
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(owner_id.uuid()).bind(lease_id.uuid()).fetch_optional(pool).await?;
    row.map(|row| public(&row)).transpose()
}

fn public(row: &PgRow) -> Result<wire::Lease, sqlx::Error> {
    let credits = |name: &str| -> Result<Credits, sqlx::Error> {
        Credits::parse(row.try_get(name)?).map_err(|e| sqlx::Error::Decode(Box::new(e)))
    };
    let blocked = |text: String| serde_json::from_str(&text).map_err(|e| sqlx::Error::Decode(Box::new(e)));
    Ok(wire::Lease {
        lease_id: LeaseId::from_uuid(row.try_get("lease_id")?),
        agent: row.try_get("agent")?,
        service: row.try_get("service")?,
        status: None,
        state: row.try_get("state")?,
        bearer: None,
        allowed_scopes: row.try_get("allowed_scopes")?,
        blocked_scopes: row
            .try_get::<Vec<String>, _>("blocked_scopes")?
            .into_iter()
            .map(blocked)
            .collect::<Result<_, _>>()?,
        notes: Vec::new(),
        budget: credits("budget")?,
        budget_held: credits("budget_held")?,
        budget_spent: credits("budget_spent")?,
        lease_hash: hex::encode(row.try_get::<Vec<u8>, _>("lease_hash")?),
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        base_url: String::new(),
        proxy_url: String::new(),
    })
}

/// Ends an active lease. False where it had ended already.
pub async fn revoke(
    tx: &mut Transaction<'_, Postgres>,
    owner_id: OwnerId,
    lease_id: LeaseId,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE access.leases SET state = 'revoked', ended_at = clock_timestamp()
         WHERE owner_id = $1 AND lease_id = $2 AND state = 'active'",
    )
    .bind(owner_id.uuid())
    .bind(lease_id.uuid())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Marks leases past their end as expired. They were dead on time already: the train compares with the clock.
pub async fn expire(pool: &PgPool) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE access.leases SET state = 'expired', ended_at = expires_at
         WHERE (owner_id, lease_id) IN (SELECT owner_id, lease_id FROM access.leases
                WHERE state = 'active' AND expires_at <= clock_timestamp()
                ORDER BY owner_id, lease_id LIMIT 1000 FOR UPDATE SKIP LOCKED)",
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}
