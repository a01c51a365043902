//! Secrets, sealed.

use permitpipe_sdk::{
    id::{OwnerId, SecretId},
    wire,
};
use sqlx::{PgPool, Postgres, Row, Transaction, postgres::PgRow};
use time::OffsetDateTime;

use crate::secret::Sealed;

/// A secret to be stored.
pub struct NewSecret<'a> {
    /// Whose.
    pub owner_id: OwnerId,
    /// Its id.
    pub secret_id: SecretId,
    /// The service it opens.
    pub service: &'a str,
    /// The one origin it is sent to.
    pub origin: &'a str,
    /// The owner's own description of the service, where it is not built in.
    pub template: Option<serde_json::Value>,
    /// Whether the provider's price is charged.
    pub is_resold: bool,
    /// Version 1.
    pub sealed: &'a Sealed,
}

/// Stores version 1 of a secret.
pub async fn insert(tx: &mut Transaction<'_, Postgres>, secret: &NewSecret<'_>) -> Result<wire::Secret, sqlx::Error> {
    let row = sqlx::query(
        "INSERT INTO access.secrets (owner_id, secret_id, service, origin, template, is_resold, version)
         VALUES ($1, $2, $3, $4, $5, $6, 1) RETURNING secret_id, service, origin, version, is_resold, created_at",
    )
    .bind(secret.owner_id.uuid())
    .bind(secret.secret_id.uuid())
    .bind(secret.service)
    .bind(secret.origin)
    .bind(&secret.template)
    .bind(secret.is_resold)
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query(
        "INSERT INTO access.secret_versions (owner_id, secret_id, version, sealed_key, sealed) VALUES ($1, $2, 1, $3, $4)",
    )
    .bind(secret.owner_id.uuid())
    .bind(secret.secret_id.uuid())
    .bind(&secret.sealed.sealed_key)
    .bind(&secret.sealed.sealed)
    .execute(&mut **tx)
    .await?;
    public(&row)
}

/// All secrets of an owner.
pub async fn list(pool: &PgPool, owner_id: OwnerId) -> Result<Vec<wire::Secret>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT secret_id, service, origin, version, is_resold, created_at FROM access.secrets
         WHERE owner_id = $1 AND removed_at IS NULL ORDER BY service",
    )
    .bind(owner_id.uuid())
    .fetch_all(pool)
    .await?;
    rows.iter().map(public).collect()
}

fn public(row: &PgRow) -> Result<wire::Secret, sqlx::Error> {
    Ok(wire::Secret {
        secret_id: SecretId::from_uuid(row.try_get("secret_id")?),
        service: row.try_get("service")?,
        origin: row.try_get("origin")?,
        version: row.try_get("version")?,
        is_resold: row.try_get("is_resold")?,
        created_at: row.try_get::<OffsetDateTime, _>("created_at")?,
    })
}

/// The newest sealed version of all, with its binding: owner, secret, version, origin.
pub async fn find_newest(pool: &PgPool) -> Result<Option<(OwnerId, SecretId, i32, String, Sealed)>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT v.owner_id, v.secret_id, v.version, s.origin, v.sealed_key, v.sealed
         FROM access.secret_versions v JOIN access.secrets s USING (owner_id, secret_id)
         ORDER BY v.created_at DESC LIMIT 1",
    )
    .fetch_optional(pool)
    .await?;
    row.map(|row| {
        Ok((
            OwnerId::from_uuid(row.try_get("owner_id")?),
            SecretId::from_uuid(row.try_get("secret_id")?),
            row.try_get("version")?,
            row.try_get("origin")?,
            Sealed { sealed_key: row.try_get("sealed_key")?, sealed: row.try_get("sealed")? },
        ))
    })
    .transpose()
}

/// What a lease on a service binds to: the secret's facts without its key.
#[derive(Debug, Clone)]
pub struct ServiceSecret {
    /// Its id.
    pub secret_id: SecretId,
    /// The owner's own template, if the service is not built in.
    pub template: Option<serde_json::Value>,
    /// Its origin.
    pub origin: String,
}

/// The secret that opens `service` for an owner.
pub async fn find_for_service(
    pool: &PgPool,
    owner_id: OwnerId,
    service: &str,
) -> Result<Option<ServiceSecret>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT secret_id, template, origin FROM access.secrets
         WHERE owner_id = $1 AND service = $2 AND removed_at IS NULL",
    )
    .bind(owner_id.uuid())
    .bind(service)
    .fetch_optional(pool)
    .await?;
    row.map(|row| {
        Ok(ServiceSecret {
            secret_id: SecretId::from_uuid(row.try_get("secret_id")?),
            template: row.try_get("template")?,
            origin: row.try_get("origin")?,
        })
    })
    .transpose()
}
