//! Owners and their management keys.

use permitpipe_sdk::id::{KeyId, OwnerId};
use sqlx::{PgPool, Postgres, Row, Transaction};
use uuid::Uuid;

/// The owner of a wallet; made, with an empty account, when it is new.
pub async fn ensure(tx: &mut Transaction<'_, Postgres>, wallet: &str) -> Result<OwnerId, sqlx::Error> {
    sqlx::query("INSERT INTO access.owners (owner_id, wallet) VALUES ($1, $2) ON CONFLICT (wallet) DO NOTHING")
        .bind(OwnerId::generate().uuid())
        .bind(wallet)
        .execute(&mut **tx)
        .await?;
    let id: Uuid = sqlx::query_scalar("SELECT owner_id FROM access.owners WHERE wallet = $1")
        .bind(wallet)
        .fetch_one(&mut **tx)
        .await?;
    sqlx::query("INSERT INTO ledger.accounts (owner_id, asset) VALUES ($1, 'usdc') ON CONFLICT DO NOTHING")
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(OwnerId::from_uuid(id))
}

/// A wallet by its owner.
pub async fn find_wallet(pool: &PgPool, owner_id: OwnerId) -> Result<Option<String>, sqlx::Error> {
    let wallet: Option<Option<String>> = sqlx::query_scalar("SELECT wallet FROM access.owners WHERE owner_id = $1")
        .bind(owner_id.uuid())
        .fetch_optional(pool)
        .await?;
    Ok(wallet.flatten())
}

/// Stores the hash of a new management key.
pub async fn insert_key(
    tx: &mut Transaction<'_, Postgres>,
    owner_id: OwnerId,
    key_id: KeyId,
    hash: &[u8; 32],
    name: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO access.management_keys (owner_id, key_id, key_hash, name, scopes) VALUES ($1, $2, $3, $4, '{all}')",
    )
    .bind(owner_id.uuid())
    .bind(key_id.uuid())
    .bind(hash.as_slice())
    .bind(name)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Who holds this key, and what it may do.
pub async fn find_by_key(pool: &PgPool, hash: &[u8; 32]) -> Result<Option<(OwnerId, Vec<String>)>, sqlx::Error> {
    let row =
        sqlx::query("SELECT owner_id, scopes FROM access.management_keys WHERE key_hash = $1 AND revoked_at IS NULL")
            .bind(hash.as_slice())
            .fetch_optional(pool)
            .await?;
    row.map(|row| Ok((OwnerId::from_uuid(row.try_get("owner_id")?), row.try_get("scopes")?))).transpose()
}
