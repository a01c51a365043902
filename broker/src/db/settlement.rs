//! Batches of receipts on their way to the chain.

use permitpipe_sdk::{
    id::{LeaseId, OwnerId, SettlementId},
    money::Credits,
    receipt::ReceiptBody,
    wire,
};
use sqlx::{PgPool, Postgres, Row, Transaction, postgres::PgRow};
use uuid::Uuid;

/// An owner with captured credit, and what the chain lets us settle now. Amounts are atoms.
#[derive(Debug, sqlx::FromRow)]
#[allow(missing_docs, reason = "columns of chain.vaults and chain.config")]
pub struct Debtor {
    pub owner_id: uuid::Uuid,
    pub wallet: String,
    pub vault: String,
    pub settle_sequence: i64,
    pub spent: i64,
    pub balance: i64,
    pub cap_atoms: i64,
    pub settle_cap_atoms: i64,
}

/// Owners with something spent, something in the vault to pay it with, and no batch on its way. A cut of the cap counts
/// from when the program lets it: until then the operator may settle what was spent under the old one.
pub async fn list_debtors(pool: &PgPool, after: Option<OwnerId>) -> Result<Vec<Debtor>, sqlx::Error> {
    sqlx::query_as(
        "SELECT a.owner_id, v.wallet, v.vault, v.settle_sequence, a.spent,
                v.credited_atoms - v.settled_atoms - v.withdrawn_atoms AS balance,
                v.cap_atoms, c.settle_cap_atoms
         FROM ledger.accounts a
         JOIN access.owners o USING (owner_id)
         JOIN (SELECT vault, wallet, settle_sequence, credited_atoms, settled_atoms, withdrawn_atoms, is_frozen,
                      CASE WHEN pending_cap_at <= clock_timestamp() THEN pending_cap_atoms ELSE cap_atoms END AS cap_atoms
               FROM chain.vaults WHERE is_open) v ON v.wallet = o.wallet
         CROSS JOIN chain.config c
         WHERE a.spent > 0 AND NOT v.is_frozen AND v.cap_atoms > 0 AND c.settle_cap_atoms > 0
           AND v.credited_atoms > v.settled_atoms + v.withdrawn_atoms AND ($1::uuid IS NULL OR a.owner_id > $1)
           AND NOT EXISTS (SELECT 1 FROM ledger.settlements s WHERE s.owner_id = a.owner_id AND s.state = 'prepared')
         ORDER BY a.owner_id LIMIT 64",
    )
    .bind(after.map(OwnerId::uuid))
    .fetch_all(pool)
    .await
}

/// An unsettled receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// Its lease.
    pub lease_id: LeaseId,
    /// Its place there.
    pub sequence: i64,
    /// What it costs.
    pub amount: Credits,
    /// Its body's hash.
    pub hash: [u8; 32],
}

/// The oldest unsettled receipts of an owner, locked.
pub async fn lock_unsettled(
    tx: &mut Transaction<'_, Postgres>,
    owner_id: OwnerId,
    limit: i64,
) -> Result<Vec<Unsettled>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT lease_id, sequence, amount, body_hash FROM ledger.receipts
         WHERE owner_id = $1 AND settlement_id IS NULL AND amount > 0 ORDER BY created_at, lease_id, sequence LIMIT $2 FOR UPDATE",
    )
    .bind(owner_id.uuid())
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(unsettled).collect()
}

fn unsettled(row: &PgRow) -> Result<Unsettled, sqlx::Error> {
    let decode = |e: Box<dyn std::error::Error + Send + Sync>| sqlx::Error::Decode(e);
    Ok(Unsettled {
        lease_id: LeaseId::from_uuid(row.try_get("lease_id")?),
        sequence: row.try_get("sequence")?,
        amount: Credits::parse(row.try_get("amount")?).map_err(|e| decode(Box::new(e)))?,
        hash: row.try_get::<Vec<u8>, _>("body_hash")?.try_into().map_err(|_| decode("not 32 bytes".into()))?,
    })
}

/// A batch that is not on chain yet.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Whose.
    pub owner_id: OwnerId,
    /// Its id.
    pub settlement_id: SettlementId,
    /// The vault that pays.
    pub vault: String,
    /// The wallet that owns the vault.
    pub wallet: String,
    /// The vault's next sequence.
    pub sequence: i64,
    /// Sum of the receipts.
    pub amount: Credits,
    /// How many.
    pub receipt_count: i64,
    /// RFC 6962 root over their hashes.
    pub receipts_root: [u8; 32],
    /// The signed transaction, where it was signed: signature, bytes, last valid block height.
    pub signed: Option<(String, Vec<u8>, i64)>,
}

/// Records a batch and takes its receipts.
pub async fn insert(
    tx: &mut Transaction<'_, Postgres>,
    batch: &Batch,
    receipts: &[Unsettled],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO ledger.settlements (owner_id, settlement_id, vault, sequence, amount, receipt_count, receipts_root)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(batch.owner_id.uuid())
    .bind(batch.settlement_id.uuid())
    .bind(&batch.vault)
    .bind(batch.sequence)
    .bind(batch.amount.get())
    .bind(batch.receipt_count)
    .bind(batch.receipts_root.as_slice())
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "UPDATE ledger.receipts r SET settlement_id = $2
         FROM UNNEST($3::uuid[], $4::bigint[]) AS n (lease_id, sequence)
         WHERE r.owner_id = $1 AND r.lease_id = n.lease_id AND r.sequence = n.sequence",
    )
    .bind(batch.owner_id.uuid())
    .bind(batch.settlement_id.uuid())
    .bind(receipts.iter().map(|r| r.lease_id.uuid()).collect::<Vec<_>>())
    .bind(receipts.iter().map(|r| r.sequence).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Batches on their way.
pub async fn list_prepared(pool: &PgPool, after: Option<OwnerId>) -> Result<Vec<Batch>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT s.owner_id, s.settlement_id, s.vault, o.wallet, s.sequence, s.amount, s.receipt_count, s.receipts_root,
                s.signature, s.transaction, s.last_valid_block_height
         FROM ledger.settlements s JOIN access.owners o USING (owner_id)
         WHERE s.state = 'prepared' AND ($1::uuid IS NULL OR s.owner_id > $1) ORDER BY s.owner_id LIMIT 64",
    )
    .bind(after.map(OwnerId::uuid))
    .fetch_all(pool)
    .await?;
    rows.iter().map(batch).collect()
}

fn batch(row: &PgRow) -> Result<Batch, sqlx::Error> {
    let decode = |e: Box<dyn std::error::Error + Send + Sync>| sqlx::Error::Decode(e);
    let signed = match (row.try_get("signature")?, row.try_get("transaction")?, row.try_get("last_valid_block_height")?)
    {
        (Some(signature), Some(transaction), Some(height)) => Some((signature, transaction, height)),
        _ => None,
    };
    Ok(Batch {
        owner_id: OwnerId::from_uuid(row.try_get("owner_id")?),
        settlement_id: SettlementId::from_uuid(row.try_get("settlement_id")?),
        vault: row.try_get("vault")?,
        wallet: row.try_get("wallet")?,
        sequence: row.try_get("sequence")?,
        amount: Credits::parse(row.try_get("amount")?).map_err(|e| decode(Box::new(e)))?,
        receipt_count: row.try_get("receipt_count")?,
        receipts_root: row
            .try_get::<Vec<u8>, _>("receipts_root")?
            .try_into()
            .map_err(|_| decode("not 32 bytes".into()))?,
        signed,
    })
}

/// Puts the signed bytes on record, before they are sent.
pub async fn record_signed(pool: &PgPool, batch: &Batch) -> Result<(), sqlx::Error> {
    let Some((signature, transaction, height)) = &batch.signed else { return Ok(()) };
    sqlx::query(
        "UPDATE ledger.settlements SET signature = $3, transaction = $4, last_valid_block_height = $5
         WHERE owner_id = $1 AND settlement_id = $2 AND state = 'prepared'",
    )
    .bind(batch.owner_id.uuid())
    .bind(batch.settlement_id.uuid())
    .bind(signature)
    .bind(transaction)
    .bind(height)
    .execute(pool)
    .await?;
    Ok(())
}

/// What the chain holds at this place, where it is final: root, amount, and whether that is USDC.
pub async fn find_final(pool: &PgPool, batch: &Batch) -> Result<Option<(Vec<u8>, i64, bool)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT receipts_root, amount_atoms, asset = 'usdc' FROM chain.settlements WHERE vault = $1 AND sequence = $2",
    )
    .bind(&batch.vault)
    .bind(batch.sequence)
    .fetch_optional(pool)
    .await
}

/// Whether the vault was closed since the batch was numbered, at finality: then all that it ever settled is mirrored,
/// and opened again it counts above that number. Within one opening no settlement has a number as high as the closing.
pub async fn is_outlived(pool: &PgPool, batch: &Batch) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM chain.events WHERE account = $1 AND event_seq > $2 AND commitment = 'finalized'
                          AND name IN ('VaultClosed', 'VaultOpened'))",
    )
    .bind(&batch.vault)
    .bind(batch.sequence)
    .fetch_one(pool)
    .await
}

/// Marks a batch final. False where it was already.
pub async fn finalize(tx: &mut Transaction<'_, Postgres>, batch: &Batch) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE ledger.settlements SET state = 'finalized', finalized_at = clock_timestamp()
         WHERE owner_id = $1 AND settlement_id = $2 AND state = 'prepared'",
    )
    .bind(batch.owner_id.uuid())
    .bind(batch.settlement_id.uuid())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Gives a batch up that the chain has refused for good: its receipts wait for another one.
pub async fn abandon(pool: &PgPool, batch: &Batch) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    let done = sqlx::query(
        "UPDATE ledger.settlements SET state = 'abandoned' WHERE owner_id = $1 AND settlement_id = $2
           AND state = 'prepared'",
    )
    .bind(batch.owner_id.uuid())
    .bind(batch.settlement_id.uuid())
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() > 0 {
        sqlx::query("UPDATE ledger.receipts SET settlement_id = NULL WHERE owner_id = $1 AND settlement_id = $2")
            .bind(batch.owner_id.uuid())
            .bind(batch.settlement_id.uuid())
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await
}

/// An owner's settlements, newest first.
pub async fn list(pool: &PgPool, owner_id: OwnerId, limit: i64) -> Result<Vec<wire::Settlement>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT settlement_id, sequence, amount, receipt_count, receipts_root, state::text AS state, signature
         FROM ledger.settlements WHERE owner_id = $1 ORDER BY settlement_id DESC LIMIT $2",
    )
    .bind(owner_id.uuid())
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(wire::Settlement {
                settlement_id: SettlementId::from_uuid(row.try_get("settlement_id")?),
                sequence: row.try_get("sequence")?,
                amount: Credits::parse(row.try_get("amount")?).map_err(|e| sqlx::Error::Decode(Box::new(e)))?,
                receipt_count: row.try_get("receipt_count")?,
                receipts_root: hex::encode(row.try_get::<Vec<u8>, _>("receipts_root")?),
                state: row.try_get("state")?,
                signature: row.try_get("signature")?,
            })
        })
        .collect()
}

/// Receipt bodies of an owner by lease and sequence, with the settlement that pays each.
pub async fn list_receipts(
    pool: &PgPool,
    owner_id: OwnerId,
    limit: i64,
) -> Result<Vec<(ReceiptBody, Option<SettlementId>)>, sqlx::Error> {
    let rows: Vec<(Vec<u8>, Option<Uuid>)> = sqlx::query_as(
        "SELECT body, settlement_id FROM ledger.receipts WHERE owner_id = $1 ORDER BY lease_id, sequence LIMIT $2",
    )
    .bind(owner_id.uuid())
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|(body, settlement_id)| {
            let body = serde_json::from_slice(&body).map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
            Ok((body, settlement_id.map(SettlementId::from_uuid)))
        })
        .collect()
}

/// Takes the lock that only one settling node has. It lasts as long as the connection, or until it is given back.
pub async fn try_lead(connection: &mut sqlx::PgConnection, key: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(key).fetch_one(connection).await
}

/// Gives it back.
pub async fn stop_leading(connection: &mut sqlx::PgConnection, key: i64) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(key).execute(connection).await?;
    Ok(())
}
