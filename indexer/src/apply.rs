//! The SQL that writes events and what is folded from them.
//!
//! | module   | holds                                              |
//! |----------|----------------------------------------------------|
//! | `row`    | rows of any kind of account, and records           |
//! | `config` | the config account as it was last read             |
//!
//! One database transaction per chain transaction, and the cursor moves in it. Everything here may be repeated: an
//! event that is final already is left alone.

mod config;
mod row;

use permitpipe_sdk::chain::{Event, PROGRAM_ID};
use solana_sdk::pubkey::Pubkey;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

pub use self::{
    config::put_config,
    row::{Stored, clear, freeze, rows_after, rows_named},
};
use crate::{
    Error,
    decode::{Seen, Transaction},
    fold::{
        Anchor, Epoch, FoldError, Last, Moment, Noun, Place, Plan, Relay, Stake, Subscription, Table, Template, Vault,
        integer, place,
    },
};

/// What became of a final transaction.
#[derive(Debug, Default)]
pub struct Folded {
    /// Accounts whose earlier events are missing, or may be: this transaction has to come again.
    pub gaps: Vec<Pubkey>,
    /// Rows that changed: table and address.
    pub changed: Vec<Changed>,
}

/// A row that changed.
#[derive(Debug)]
pub struct Changed {
    pub table: Table,
    pub address: String,
}

/// How we came to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// The program's list names it; the next backfill may start after it.
    Program { moves_cursor: bool },
    /// The list of one of its accounts names it, from that account's last final event on.
    Account,
}

/// What became of one event.
enum Step {
    Before,
    Folded,
    Gap,
}

/// Records a final transaction and folds it, as far as the accounts' earlier events are there. If nothing is missing
/// and the listing `moves_cursor`, the next backfill starts after it.
pub async fn finalize(
    conn: &mut PgConnection,
    transaction: &Transaction,
    events: &[Seen],
    listing: Listing,
) -> Result<Folded, Error> {
    let mut folded = Folded::default();
    let mut commit = conn.begin().await?;
    for seen in events {
        let account = seen.event.account();
        match fold_event(&mut commit, transaction, seen, listing).await? {
            Step::Before => {}
            Step::Folded => folded
                .changed
                .extend(table_of(&seen.event).map(|table| Changed { table, address: account.to_string() })),
            Step::Gap => folded.gaps.push(account),
        }
    }
    if listing == (Listing::Program { moves_cursor: true }) && folded.gaps.is_empty() {
        sqlx::query("UPDATE chain.cursor SET finalized_signature = $2 WHERE program = $1")
            .bind(PROGRAM_ID.to_string())
            .bind(&transaction.signature)
            .execute(&mut *commit)
            .await?;
    }
    commit.commit().await?;
    Ok(folded)
}

async fn fold_event(
    conn: &mut PgConnection,
    transaction: &Transaction,
    seen: &Seen,
    listing: Listing,
) -> Result<Step, Error> {
    if is_final(conn, transaction, seen).await? {
        return Ok(Step::Before);
    }
    let last = last(conn, &seen.event.account().to_string()).await?;
    match integer(seen.event.event_seq(), "event_seq").map(|seq| place(last, seq, &seen.event)) {
        // Numbers do not show that a whole life between two openings was left out: the account's own list does.
        Ok(Place::Next) if listing != Listing::Account && last.is_some_and(|last| !last.is_open) => {
            record(conn, transaction, seen, "confirmed").await?;
            return Ok(Step::Gap);
        }
        Ok(Place::Later) => {
            record(conn, transaction, seen, "confirmed").await?;
            return Ok(Step::Gap);
        }
        Ok(Place::Taken) => {
            alarm(conn, transaction, &seen.event, &"its number is taken by another event, or passed over").await?;
            return Ok(Step::Before);
        }
        _ => {}
    }
    // Fold before recording: what contradicts the row is not final for us.
    match fold_into(conn, transaction, &seen.event).await? {
        Ok(()) => {
            record(conn, transaction, seen, "finalized").await?;
            Ok(Step::Folded)
        }
        Err(FoldError::NotYet) => {
            record(conn, transaction, seen, "confirmed").await?;
            Ok(Step::Gap)
        }
        Err(contradiction) => {
            alarm(conn, transaction, &seen.event, &contradiction).await?;
            Ok(Step::Gap)
        }
    }
}

/// Changes the account's row and writes what else the event leaves, or neither.
async fn fold_into(
    conn: &mut PgConnection,
    transaction: &Transaction,
    event: &Event,
) -> Result<Result<(), FoldError>, sqlx::Error> {
    let signature = transaction.signature.clone();
    let at = Moment { signature, slot: slot(transaction.slot), time: block_time(transaction) };
    let mut step = conn.begin().await?;
    let folded = match event {
        Event::VaultOpened(_)
        | Event::CapChanged(_)
        | Event::Deposited(_)
        | Event::WithdrawalRequested(_)
        | Event::WithdrawalCancelled(_)
        | Event::Withdrawn(_)
        | Event::Settled(_)
        | Event::VaultClosed(_) => row::fold::<Vault>(&mut step, event, &at).await,
        Event::SettlementClosed(closed) => row::close_settlement(&mut step, closed).await,
        // The account itself is read at each look.
        Event::ConfigChanged(_) => Ok(Ok(())),
        Event::StakeChanged(_) => row::fold::<Stake>(&mut step, event, &at).await,
        Event::RelayChanged(_) => row::fold::<Relay>(&mut step, event, &at).await,
        Event::EpochChanged(_) => row::fold::<Epoch>(&mut step, event, &at).await,
        Event::TemplateChanged(_) => row::fold::<Template>(&mut step, event, &at).await,
        Event::PlanChanged(_) => row::fold::<Plan>(&mut step, event, &at).await,
        Event::SubscriptionChanged(_) => row::fold::<Subscription>(&mut step, event, &at).await,
        Event::LogAnchored(_) => row::fold::<Anchor>(&mut step, event, &at).await,
    };
    // A row that the table itself refuses is a contradiction too, and stops nobody else.
    let folded = folded.or_else(|error| row::broken_rule(&error).map(Err).ok_or(error))?;
    match folded {
        Ok(()) => step.commit().await?,
        Err(_) => step.rollback().await?,
    }
    Ok(folded)
}

/// Where the event's account has its row, if it has one of its own.
const fn table_of(event: &Event) -> Option<Table> {
    Some(match event {
        Event::ConfigChanged(_) | Event::SettlementClosed(_) => return None,
        Event::StakeChanged(_) => Stake::TABLE,
        Event::RelayChanged(_) => Relay::TABLE,
        Event::EpochChanged(_) => Epoch::TABLE,
        Event::TemplateChanged(_) => Template::TABLE,
        Event::PlanChanged(_) => Plan::TABLE,
        Event::SubscriptionChanged(_) => Subscription::TABLE,
        Event::LogAnchored(_) => Anchor::TABLE,
        _ => Vault::TABLE,
    })
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

/// Marks the row as not to be relied on and says so.
async fn alarm(
    conn: &mut PgConnection,
    transaction: &Transaction,
    event: &Event,
    cause: &(dyn std::fmt::Display + Send + Sync),
) -> Result<(), sqlx::Error> {
    let (account, signature) = (event.account().to_string(), &transaction.signature);
    let is_news = match table_of(event) {
        Some(table) => freeze(conn, table, &account).await?,
        None => true,
    };
    if is_news {
        tracing::error!(account, signature, event = event.name(), %cause, "event does not fit; its row is frozen");
    } else {
        tracing::debug!(account, signature, event = event.name(), %cause, "event does not fit");
    }
    Ok(())
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

/// The account's last final event.
async fn last(conn: &mut PgConnection, account: &str) -> Result<Option<Last>, sqlx::Error> {
    let last: Option<(i64, bool)> = sqlx::query_as(
        "SELECT event_seq, name <> 'VaultClosed' AND payload->>'kind' IS DISTINCT FROM 'closed' FROM chain.events
         WHERE account = $1 AND commitment = 'finalized' ORDER BY event_seq DESC LIMIT 1",
    )
    .bind(account)
    .fetch_optional(conn)
    .await?;
    Ok(last.map(|(event_seq, is_open)| Last { event_seq, is_open }))
}

fn block_time(transaction: &Transaction) -> Option<OffsetDateTime> {
    transaction.block_time.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok())
}

/// Slots count up from zero at two a second: they fit.
pub fn slot(slot: u64) -> i64 {
    i64::try_from(slot).unwrap_or(i64::MAX)
}
