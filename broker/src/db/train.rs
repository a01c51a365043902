//! One commit of the train: lock, plan, write, commit.

use std::collections::BTreeSet;

use permitpipe_sdk::id::OwnerId;
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
            if let (true, Intent::Reserve(_)) = (locked.is_fenced, intent) {
                return Some(Verdict::Refused(Refusal::Fenced, None));
            }
            Some(plan.add(&mut locked.rows, (*intent).clone()))
        })
        .collect();
    write::plan(&mut tx, &plan).await?;
    finish(pool, tx, &locked.transaction_id).await?;
    Ok(verdicts)
}

/// Commits. A connection that breaks while it does leaves the outcome open: then Postgres is asked what became of it.
async fn finish(pool: &PgPool, tx: Transaction<'_, Postgres>, transaction_id: &str) -> Result<(), Failure> {
    let Err(error) = tx.commit().await else { return Ok(()) };
    let failure = Failure::from(error);
    if matches!(failure, Failure::Bad(_)) {
        return Err(failure);
    }
    loop {
        let status = sqlx::query_scalar::<_, Option<String>>("SELECT pg_xact_status($1::xid8)")
            .bind(transaction_id)
            .fetch_one(pool)
            .await;
        match status.ok().flatten().as_deref() {
            Some("committed") => return Ok(()),
            Some("aborted") => return Err(Failure::Away),
            // Still in progress, or the server is still away: nothing is decided because time passed.
            _ => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}
