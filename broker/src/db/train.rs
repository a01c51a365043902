//! One commit of the train: lock, plan, write, commit.

use std::collections::BTreeSet;

use permitpipe_sdk::id::{EntryId, OwnerId};
use sqlx::{PgPool, Postgres, Transaction};

use super::{train_rows as rows, train_write as write};
use crate::{
    config::Terms,
    plan::{Intent, Plan, Refusal, Verdict},
};

/// Why a batch was not committed. In either case nothing was written.
#[derive(Debug)]
pub enum Failure {
    /// The database does not answer; the same batch may pass later.
    Away,
    /// The database refuses some row of it.
    Bad(String),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        if super::is_away(&error) { Self::Away } else { Self::Bad(error.to_string()) }
    }
}

/// Runs one batch. `None` in the result marks an intent whose owner is locked elsewhere: it waits for the next batch.
pub async fn commit(pool: &PgPool, terms: &Terms, intents: &[&Intent]) -> Result<Vec<Option<Verdict>>, Failure> {
    let mut tx = pool.begin().await?;
    let owners: BTreeSet<OwnerId> =
        intents.iter().filter(|i| !matches!(i, Intent::Record(_))).map(|i| i.owner_id()).collect();
    let mut locked = rows::lock(&mut tx, terms, &owners, intents).await?;
    let mut plan = Plan::default();
    let verdicts: Vec<Option<Verdict>> = intents
        .iter()
        .map(|intent| {
            let waits = !matches!(intent, Intent::Record(_)) && !locked.rows.accounts.contains_key(&intent.owner_id());
            if waits {
                return None;
            }
            // A fenced node may write what happened, but begin nothing.
            if matches!(intent, Intent::Reserve(ask) if !locked.live_nodes.contains(&ask.node_id)) {
                return Some(Verdict::Refused(Refusal::Fenced, None));
            }
            Some(plan.add(&mut locked.rows, (*intent).clone()))
        })
        .collect();
    write::plan(&mut tx, &plan).await?;
    let written = plan.entries.first().map(|entry| (entry.subject.owner_id, entry.entry_id));
    finish(pool, tx, &locked.transaction_id, written).await?;
    Ok(verdicts)
}

/// Commits. A connection that breaks while it does leaves the outcome open: then the database is asked for a row of
/// ours. Its transaction id alone would not do: after a crash Postgres hands out again what it had not made durable.
async fn finish(
    pool: &PgPool,
    tx: Transaction<'_, Postgres>,
    transaction_id: &str,
    written: Option<(OwnerId, EntryId)>,
) -> Result<(), Failure> {
    let Err(error) = tx.commit().await else { return Ok(()) };
    let failure = Failure::from(error);
    // A batch without an entry has written nothing: it may simply run again.
    let (Failure::Away, Some(entry)) = (&failure, written) else { return Err(failure) };
    loop {
        if let Ok(false) = is_in_progress(pool, transaction_id).await {
            match super::audit::exists(pool, entry).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(Failure::Away),
                Err(_) => {}
            }
        }
        // The server is still away or still at it: nothing is decided because time passed.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Whether a backend that lost us may still be committing. An id that this server does not know any more is over.
async fn is_in_progress(pool: &PgPool, transaction_id: &str) -> Result<bool, sqlx::Error> {
    let status = sqlx::query_scalar::<_, Option<String>>("SELECT pg_xact_status($1::xid8)").bind(transaction_id);
    match status.fetch_one(pool).await {
        Ok(status) => Ok(status.as_deref() == Some("in progress")),
        Err(error) if super::is_away(&error) => Err(error),
        Err(_) => Ok(false),
    }
}
