//! The SQL that writes events and what is folded from them.
//!
//! One database transaction per chain transaction, and the cursor moves in it. Everything here may be repeated: an
//! event that is final already is left alone.

use permitpipe_sdk::chain::{self, Event, PROGRAM_ID};
use solana_sdk::pubkey::Pubkey;
use sqlx::{Connection, PgConnection, Row, postgres::PgRow};
use time::OffsetDateTime;

use crate::{
    Error,
    decode::{Seen, Transaction},
    fold::{FoldError, Vault, Waiting, integer},
};

/// What became of a final transaction.
#[derive(Debug, Default)]
pub struct Folded {
    /// Accounts whose earlier events are missing: this transaction has to come again.
    pub gaps: Vec<Pubkey>,
    /// Vaults that changed.
    pub vaults: Vec<String>,
}

/// What became of one event.
enum Step {
    Before,
    Folded,
    Gap,
}

/// Records a final transaction and folds it, as far as the accounts' earlier events are there. If nothing is missing
/// and `moves_cursor`, the next backfill starts after it.
pub async fn finalize(
    conn: &mut PgConnection,
    transaction: &Transaction,
    events: &[Seen],
    moves_cursor: bool,
) -> Result<Folded, Error> {
    let mut folded = Folded::default();
    let mut commit = conn.begin().await?;
    for seen in events {
        let account = seen.event.account();
        match fold_event(&mut commit, transaction, seen).await? {
            Step::Before => {}
            Step::Folded if seen.event.wallet().is_some() => folded.vaults.push(account.to_string()),
            Step::Folded => {}
            Step::Gap => folded.gaps.push(account),
        }
    }
    if moves_cursor && folded.gaps.is_empty() {
        sqlx::query("UPDATE chain.cursor SET finalized_signature = $2 WHERE program = $1")
            .bind(PROGRAM_ID.to_string())
            .bind(&transaction.signature)
            .execute(&mut *commit)
            .await?;
    }
    commit.commit().await?;
    Ok(folded)
}

async fn fold_event(conn: &mut PgConnection, transaction: &Transaction, seen: &Seen) -> Result<Step, Error> {
    if is_final(conn, transaction, seen).await? {
        return Ok(Step::Before);
    }
    let account = seen.event.account().to_string();
    let last = last_seq(conn, &account).await?;
    let folded = integer(seen.event.event_seq(), "event_seq").map(|seq| (seq, last.saturating_add(1)));
    match folded {
        Ok((seq, next)) if seq > next => {
            record(conn, transaction, seen, "confirmed").await?;
            return Ok(Step::Gap);
        }
        Ok((seq, next)) if seq < next => {
            let elsewhere = "another event already has this number";
            alarm(conn, transaction, &account, &elsewhere).await?;
            return Ok(Step::Before);
        }
        _ => {}
    }
    // Fold before recording: what contradicts the row is not final for us.
    match fold_into(conn, transaction, seen).await? {
        Ok(()) => {
            record(conn, transaction, seen, "finalized").await?;
            Ok(Step::Folded)
        }
        Err(contradiction) => {
            alarm(conn, transaction, &account, &contradiction).await?;
            Ok(Step::Gap)
        }
    }
}

async fn fold_into(
    conn: &mut PgConnection,
    transaction: &Transaction,
    seen: &Seen,
) -> Result<Result<(), FoldError>, sqlx::Error> {
    if matches!(seen.event, Event::ConfigChanged(_)) {
        return Ok(Ok(()));
    }
    let address = seen.event.account().to_string();
    let before = find_vault(conn, &address).await?;
    let after = match Vault::fold(before.as_ref(), &seen.event, block_time(transaction)) {
        Ok(after) => after,
        Err(contradiction) => return Ok(Err(contradiction)),
    };
    put_vault(conn, &address, &after).await?;
    if let Event::Settled(settled) = &seen.event {
        sqlx::query(
            "INSERT INTO chain.settlements (vault, sequence, signature, amount_atoms, receipt_count, receipts_root, slot)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&address)
        .bind(after.settle_sequence)
        .bind(&transaction.signature)
        .bind(after.settled_atoms.saturating_sub(before.map_or(0, |before| before.settled_atoms)))
        .bind(i64::from(settled.receipt_count))
        .bind(settled.receipts_root.as_slice())
        .bind(slot(transaction.slot))
        .execute(conn)
        .await?;
    }
    Ok(Ok(()))
}

/// Shows a confirmed transaction's events as pending.
pub async fn show(conn: &mut PgConnection, transaction: &Transaction, events: &[Seen]) -> Result<(), sqlx::Error> {
    let mut commit = conn.begin().await?;
    for seen in events {
        record(&mut commit, transaction, seen, "confirmed").await?;
    }
    commit.commit().await
}

/// Takes back what was shown as pending although finality passed its slot without it.
pub async fn drop_vanished(conn: &mut PgConnection, final_slot: u64, listed: &[String]) -> Result<u64, sqlx::Error> {
    sqlx::query("DELETE FROM chain.events WHERE commitment = 'confirmed' AND slot <= $1 AND signature <> ALL ($2)")
        .bind(slot(final_slot))
        .bind(listed)
        .execute(conn)
        .await
        .map(|done| done.rows_affected())
}

/// Writes the event at its place. A final row is never touched again.
async fn record(
    conn: &mut PgConnection,
    transaction: &Transaction,
    seen: &Seen,
    commitment: &'static str,
) -> Result<(), sqlx::Error> {
    let Ok(seq) = integer(seen.event.event_seq(), "event_seq") else { return Ok(()) };
    sqlx::query(
        "INSERT INTO chain.events (signature, instruction_index, inner_index, slot, block_time, commitment, account,
                                   event_seq, wallet, name, payload)
         VALUES ($1, $2, $3, $4, $5, $6::chain.commitment, $7, $8, $9, $10, $11)
         ON CONFLICT (signature, instruction_index, inner_index) DO UPDATE
         SET slot = excluded.slot, block_time = excluded.block_time, commitment = excluded.commitment,
             account = excluded.account, event_seq = excluded.event_seq, wallet = excluded.wallet,
             name = excluded.name, payload = excluded.payload
         WHERE chain.events.commitment = 'confirmed'",
    )
    .bind(&transaction.signature)
    .bind(i32::from(seen.instruction_index))
    .bind(i32::from(seen.inner_index))
    .bind(slot(transaction.slot))
    .bind(block_time(transaction))
    .bind(commitment)
    .bind(seen.event.account().to_string())
    .bind(seq)
    .bind(seen.event.wallet().map(|wallet| wallet.to_string()))
    .bind(seen.event.name())
    .bind(seen.event.payload())
    .execute(conn)
    .await
    .map(drop)
}

/// Stops crediting for the vault and says so.
async fn alarm(
    conn: &mut PgConnection,
    transaction: &Transaction,
    account: &str,
    cause: &(dyn std::fmt::Display + Send + Sync),
) -> Result<(), sqlx::Error> {
    if freeze(conn, account).await? {
        tracing::error!(account, signature = transaction.signature, %cause, "event does not fit; vault frozen");
    } else {
        tracing::debug!(account, signature = transaction.signature, %cause, "event does not fit");
    }
    Ok(())
}

/// Stops crediting for the vault until a person has looked. True when it was not stopped already.
pub async fn freeze(conn: &mut PgConnection, vault: &str) -> Result<bool, sqlx::Error> {
    sqlx::query("UPDATE chain.vaults SET is_frozen = true WHERE vault = $1 AND NOT is_frozen")
        .bind(vault)
        .execute(conn)
        .await
        .map(|done| done.rows_affected() > 0)
}

/// The newest final transaction of an account: where filling a gap starts.
pub async fn last_signature(conn: &mut PgConnection, account: &str) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT signature FROM chain.events WHERE account = $1 AND commitment = 'finalized'
         ORDER BY event_seq DESC LIMIT 1",
    )
    .bind(account)
    .fetch_optional(conn)
    .await
}

/// Up to `count` vaults after this address, in order, without those that are frozen already.
pub async fn vaults_after(
    conn: &mut PgConnection,
    after: &str,
    count: usize,
) -> Result<Vec<(String, Vault)>, sqlx::Error> {
    sqlx::query("SELECT * FROM chain.vaults WHERE vault > $1 AND NOT is_frozen ORDER BY vault LIMIT $2")
        .bind(after)
        .bind(i64::try_from(count).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?
        .iter()
        .map(|row| Ok((row.try_get("vault")?, vault_of(row)?)))
        .collect()
}

/// These vaults, without those that are frozen already.
pub async fn vaults_named(conn: &mut PgConnection, names: &[String]) -> Result<Vec<(String, Vault)>, sqlx::Error> {
    sqlx::query("SELECT * FROM chain.vaults WHERE vault = ANY ($1) AND NOT is_frozen")
        .bind(names)
        .fetch_all(conn)
        .await?
        .iter()
        .map(|row| Ok((row.try_get("vault")?, vault_of(row)?)))
        .collect()
}

/// The config account as it stood at `at`; an older reading never replaces a newer one.
pub async fn put_config(conn: &mut PgConnection, at: u64, config: &chain::Config) -> Result<(), Error> {
    let atoms = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    sqlx::query(
        "INSERT INTO chain.config AS known (program, slot, is_paused, settle_cap_atoms, window_seconds,
             withdrawal_delay_seconds, min_deposit_atoms, usdc_mint, treasury)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (program) DO UPDATE
         SET slot = excluded.slot, is_paused = excluded.is_paused, settle_cap_atoms = excluded.settle_cap_atoms,
             window_seconds = excluded.window_seconds, withdrawal_delay_seconds = excluded.withdrawal_delay_seconds,
             min_deposit_atoms = excluded.min_deposit_atoms, usdc_mint = excluded.usdc_mint,
             treasury = excluded.treasury
         WHERE known.slot <= excluded.slot",
    )
    .bind(PROGRAM_ID.to_string())
    .bind(slot(at))
    .bind(config.is_paused)
    .bind(atoms(config.limits.settle_cap_atoms))
    .bind(config.timing.window_seconds)
    .bind(config.timing.withdrawal_delay_seconds)
    .bind(atoms(config.limits.min_deposit_atoms))
    .bind(config.usdc_mint.to_string())
    .bind(config.treasury.to_string())
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets everything, so that it is read again.
pub async fn clear(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut commit = conn.begin().await?;
    sqlx::raw_sql(
        "DELETE FROM chain.events; DELETE FROM chain.vaults; DELETE FROM chain.settlements;
         DELETE FROM chain.config; DELETE FROM chain.cursor",
    )
    .execute(&mut *commit)
    .await?;
    commit.commit().await
}

async fn is_final(conn: &mut PgConnection, transaction: &Transaction, seen: &Seen) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM chain.events WHERE signature = $1 AND instruction_index = $2
                        AND inner_index = $3 AND commitment = 'finalized')",
    )
    .bind(&transaction.signature)
    .bind(i32::from(seen.instruction_index))
    .bind(i32::from(seen.inner_index))
    .fetch_one(conn)
    .await
}

async fn last_seq(conn: &mut PgConnection, account: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT coalesce(max(event_seq), 0) FROM chain.events WHERE account = $1 AND commitment = 'finalized'",
    )
    .bind(account)
    .fetch_one(conn)
    .await
}

async fn find_vault(conn: &mut PgConnection, vault: &str) -> Result<Option<Vault>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM chain.vaults WHERE vault = $1 FOR UPDATE").bind(vault).fetch_optional(conn);
    row.await?.as_ref().map(vault_of).transpose()
}

async fn put_vault(conn: &mut PgConnection, address: &str, vault: &Vault) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO chain.vaults (vault, wallet, event_seq, settle_sequence, credited_atoms, settled_atoms,
             withdrawn_atoms, cap_atoms, pending_cap_atoms, pending_cap_at, withdrawal_atoms, withdrawal_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (vault) DO UPDATE
         SET event_seq = excluded.event_seq, settle_sequence = excluded.settle_sequence,
             credited_atoms = excluded.credited_atoms, settled_atoms = excluded.settled_atoms,
             withdrawn_atoms = excluded.withdrawn_atoms, cap_atoms = excluded.cap_atoms,
             pending_cap_atoms = excluded.pending_cap_atoms, pending_cap_at = excluded.pending_cap_at,
             withdrawal_atoms = excluded.withdrawal_atoms, withdrawal_at = excluded.withdrawal_at",
    )
    .bind(address)
    .bind(&vault.wallet)
    .bind(vault.event_seq)
    .bind(vault.settle_sequence)
    .bind(vault.credited_atoms)
    .bind(vault.settled_atoms)
    .bind(vault.withdrawn_atoms)
    .bind(vault.cap_atoms)
    .bind(vault.pending_cap.map(|cut| cut.atoms))
    .bind(vault.pending_cap.map(|cut| cut.at))
    .bind(vault.withdrawal.map(|asked| asked.atoms))
    .bind(vault.withdrawal.map(|asked| asked.at))
    .execute(conn)
    .await
    .map(drop)
}

fn vault_of(row: &PgRow) -> Result<Vault, sqlx::Error> {
    let pair = |atoms: Option<i64>, at: Option<OffsetDateTime>| atoms.zip(at).map(|(atoms, at)| Waiting { atoms, at });
    Ok(Vault {
        wallet: row.try_get("wallet")?,
        event_seq: row.try_get("event_seq")?,
        settle_sequence: row.try_get("settle_sequence")?,
        credited_atoms: row.try_get("credited_atoms")?,
        settled_atoms: row.try_get("settled_atoms")?,
        withdrawn_atoms: row.try_get("withdrawn_atoms")?,
        cap_atoms: row.try_get("cap_atoms")?,
        pending_cap: pair(row.try_get("pending_cap_atoms")?, row.try_get("pending_cap_at")?),
        withdrawal: pair(row.try_get("withdrawal_atoms")?, row.try_get("withdrawal_at")?),
    })
}

fn block_time(transaction: &Transaction) -> Option<OffsetDateTime> {
    transaction.block_time.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok())
}

/// Slots count up from zero at two a second: they fit.
pub fn slot(slot: u64) -> i64 {
    i64::try_from(slot).unwrap_or(i64::MAX)
}
