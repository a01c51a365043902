//! What the indexer mirrored. Read only.

use permitpipe_sdk::{id::OwnerId, wire};
use sqlx::{PgPool, Postgres, Row, Transaction, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

/// A finalized event of a vault that the ledger has not posted yet.
#[derive(Debug, sqlx::FromRow)]
pub struct UnpostedEvent {
    /// Transaction.
    pub signature: String,
    /// Vault.
    pub account: String,
    /// Place in the vault's sequence.
    pub event_seq: i64,
    /// Owner's wallet.
    pub wallet: String,
    /// `Deposited`, `Withdrawn`, …
    pub name: String,
    /// Its fields.
    pub payload: serde_json::Value,
}

/// The next finalized event of each vault, in its own sequence and without gaps. Only opening a vault may pass numbers
/// over: one that was closed and opened again goes on above all its former ones.
pub async fn list_unposted(pool: &PgPool) -> Result<Vec<UnpostedEvent>, sqlx::Error> {
    sqlx::query_as(
        "SELECT e.signature, e.account, e.event_seq, e.wallet, e.name, e.payload
         FROM chain.vaults v
         CROSS JOIN LATERAL (SELECT COALESCE(max(event_seq), 0) AS seq FROM ledger.posted_events WHERE vault = v.vault) p
         CROSS JOIN LATERAL (SELECT * FROM chain.events WHERE account = v.vault AND commitment = 'finalized'
                                                          AND event_seq > p.seq ORDER BY event_seq LIMIT 1) e
         WHERE (e.event_seq = p.seq + 1 OR e.name = 'VaultOpened') AND NOT v.is_frozen AND e.wallet IS NOT NULL
         ORDER BY e.account LIMIT 256",
    )
    .fetch_all(pool)
    .await
}

/// Owners with a withdrawal that is asked for, final or only confirmed; and those who still have money kept back though
/// nothing is asked for any more.
pub async fn list_withdrawing(pool: &PgPool) -> Result<Vec<OwnerId>, sqlx::Error> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT o.owner_id
         FROM chain.vaults v
         JOIN access.owners o ON o.wallet = v.wallet
         JOIN ledger.accounts a ON a.owner_id = o.owner_id AND a.asset = 'usdc'
         WHERE v.withdrawal_atoms IS NOT NULL OR a.frozen > 0
            OR EXISTS (SELECT 1 FROM chain.events e WHERE e.account = v.vault AND e.commitment = 'confirmed'
                         AND e.name = 'WithdrawalRequested' AND e.payload->>'asset' = 'usdc')",
    )
    .fetch_all(pool)
    .await?;
    Ok(ids.into_iter().map(OwnerId::from_uuid).collect())
}

/// What an owner asks to be paid, in atoms: final, and only confirmed. 0 where nothing is asked for.
pub async fn get_withdrawal(tx: &mut Transaction<'_, Postgres>, owner_id: OwnerId) -> Result<(i64, i64), sqlx::Error> {
    let row = sqlx::query(
        "SELECT COALESCE(max(v.withdrawal_atoms), 0) AS final_atoms,
                COALESCE(max((e.payload->>'amount_atoms')::bigint), 0) AS confirmed_atoms
         FROM access.owners o
         JOIN chain.vaults v ON v.wallet = o.wallet
         LEFT JOIN chain.events e
              ON e.account = v.vault AND e.commitment = 'confirmed' AND e.name = 'WithdrawalRequested'
                 AND e.payload->>'asset' = 'usdc'
         WHERE o.owner_id = $1",
    )
    .bind(owner_id.uuid())
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.try_get("final_atoms")?, row.try_get("confirmed_atoms")?))
}

/// An open vault as folded, by its owner's wallet: its USDC.
pub async fn find_vault(pool: &PgPool, wallet: &str) -> Result<Option<wire::Vault>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT vault, credited_atoms, settled_atoms, withdrawn_atoms, cap_atoms, withdrawal_atoms, withdrawal_at
         FROM chain.vaults WHERE wallet = $1 AND is_open",
    )
    .bind(wallet)
    .fetch_optional(pool)
    .await?;
    row.map(|row| vault(&row)).transpose()
}

fn vault(row: &PgRow) -> Result<wire::Vault, sqlx::Error> {
    Ok(wire::Vault {
        address: row.try_get("vault")?,
        credited_atoms: row.try_get("credited_atoms")?,
        settled_atoms: row.try_get("settled_atoms")?,
        withdrawn_atoms: row.try_get("withdrawn_atoms")?,
        cap_atoms: row.try_get("cap_atoms")?,
        withdrawal_atoms: row.try_get("withdrawal_atoms")?,
        withdrawal_at: row.try_get::<Option<OffsetDateTime>, _>("withdrawal_at")?,
    })
}

/// Deposits of USDC that are confirmed and not final, or final and not posted.
pub async fn list_pending_deposits(pool: &PgPool, wallet: &str) -> Result<Vec<wire::PendingDeposit>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT e.signature, (e.payload->>'amount_atoms')::bigint AS amount, e.slot FROM chain.events e
         WHERE e.wallet = $1 AND e.name = 'Deposited' AND e.payload->>'asset' = 'usdc'
           AND NOT EXISTS (SELECT 1 FROM ledger.posted_events p WHERE p.vault = e.account AND p.event_seq = e.event_seq)
         ORDER BY e.event_seq",
    )
    .bind(wallet)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(wire::PendingDeposit {
                signature: row.try_get("signature")?,
                amount: row.try_get("amount")?,
                slot: row.try_get("slot")?,
            })
        })
        .collect()
}
