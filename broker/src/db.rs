//! All SQL of the broker. Nothing here decides; it reads, locks and writes.
//!
//! | module | tables |
//! |---|---|
//! | [`train`] | one commit of the train: locks, writes, commits |
//! | [`ledger`] | accounts and journal outside the request path |
//! | [`lease`], [`secret`], [`policy`], [`owner`] | the access schema |
//! | [`node`] | nodes and the epoch |
//! | [`chain`] | what the indexer mirrored, read only |
//! | [`settlement`] | batches and receipts |
//! | [`hold`] | holds of nodes that are gone |
//! | [`audit`] | the log |

pub mod audit;
pub mod chain;
pub mod hold;
pub mod lease;
pub mod ledger;
pub mod node;
pub mod owner;
pub mod policy;
pub mod secret;
pub mod settlement;
pub mod train;
mod train_rows;
mod train_write;

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Connects as the broker's role and brings the schema up to date.
pub async fn connect(url: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    migrate(&options).await?;
    pool(connections).connect_with(options).await
}

/// The train's own connections, so that no query can keep it waiting: one for the commit, one to ask what became of it.
/// They are not tried before use: the train takes a broken one for an absent database and asks again.
pub async fn connect_train(url: &str) -> Result<PgPool, sqlx::Error> {
    pool(2).test_before_acquire(false).connect_with(url.parse()?).await
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(5)).after_connect(
        |connection, _| {
            Box::pin(async move {
                sqlx::query("SET ROLE permitpipe_broker").execute(connection).await?;
                Ok(())
            })
        },
    )
}

/// Runs what is missing, as whoever the operator connects as; an advisory lock keeps two parts from doing it at once.
async fn migrate(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
    sqlx::migrate!("../migrations").run(&pool).await?;
    pool.close().await;
    Ok(())
}

/// Whether the database, not the statement, is what failed: then trying again may help.
pub fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_) => true,
        sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // A server that stops, starts, or is out of connections, memory or disk; one that cancelled or broke up what we
        // asked; a standby that cannot write.
        sqlx::Error::Database(cause) => cause.code().is_some_and(|code| {
            ["57", "08", "53"].iter().any(|class| code.starts_with(class))
                || ["40P01", "40001", "25006", "55P03"].contains(&&*code)
        }),
        _ => false,
    }
}
