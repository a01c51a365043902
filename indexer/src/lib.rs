//! Chain → Postgres. Mirrors our program's events and accounts into schema `chain`, and can be rebuilt from zero.
//!
//! | module      | does                                                                             |
//! |-------------|----------------------------------------------------------------------------------|
//! | `source`    | everything we ask of an RPC node; the only file that knows its wire format       |
//! | `wake`      | the WebSocket: says "look now", never "this happened"                            |
//! | `decode`    | one transaction → the events our own program emitted in it                       |
//! | `fold`      | pure: an account's row + its next event → its next row                           |
//! | `apply`     | the SQL that records events and folds them                                       |
//! | `cursor`    | the one connection that writes, its lock, and how far the mirror has read        |
//! | `reconcile` | folded rows against accounts; a difference freezes the row                       |
//! | `poll`      | one look at the chain, top to bottom                                             |
//! | `outage`    | retry for ever, back off, log once                                               |
//! | `clock`     | the only reader of a clock                                                       |
//!
//! An event counts (`finalized`) exactly when it has been folded, and it is folded only directly after its
//! predecessor of the same account. So finalized rows of an account have no holes from where it was opened to where it was
//! closed, and one that is opened again goes on above all its former numbers.

mod apply;
mod clock;
mod cursor;
mod decode;
mod fold;
mod outage;
mod poll;
mod reconcile;
mod source;
mod wake;

use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};

use permitpipe_sdk::chain::ChainError;
use tokio::sync::Notify;

pub use fold::FoldError;
pub use source::RpcError;

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct Config {
    pub database_url: String,
    pub rpc_url: String,
    pub ws_url: String,
    /// The cluster this must be. A local chain makes a new one at each start: leave it out there.
    pub genesis_hash: Option<String>,
    /// How often to look although nothing woke us: 5,000 on a public cluster, a few hundred on a local chain.
    pub poll_ms: u64,
    /// How often a slice of each table is compared with their accounts.
    pub reconcile_ms: u64,
    /// Empty schema `chain` first and read everything again.
    pub is_rebuild: bool,
}

impl Config {
    pub fn new(database_url: impl Into<String>, rpc_url: impl Into<String>, ws_url: impl Into<String>) -> Self {
        Self {
            database_url: database_url.into(),
            rpc_url: rpc_url.into(),
            ws_url: ws_url.into(),
            genesis_hash: None,
            poll_ms: 5_000,
            reconcile_ms: 60_000,
            is_rebuild: false,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("migrations: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("RPC: {0}")]
    Rpc(#[from] RpcError),
    #[error(
        "wrong cluster: {whose} has genesis hash {found}, configured is {configured}; name the right RPC, or rebuild \
         the mirror if you changed the cluster on purpose"
    )]
    WrongCluster { whose: &'static str, configured: String, found: String },
    #[error(
        "transaction {signature} carries an event this indexer does not know ({cause}); upgrade the indexer, then \
         start it again: nothing was skipped"
    )]
    UnknownEvent { signature: String, cause: ChainError },
}

impl Error {
    /// Worth trying again: the other side is away or slow, not wrong.
    fn is_passing(&self) -> bool {
        match self {
            Self::Rpc(_) => true,
            Self::Database(cause) => is_passing_database(cause),
            Self::Migrate(sqlx::migrate::MigrateError::Execute(cause)) => is_passing_database(cause),
            Self::Migrate(_) | Self::WrongCluster { .. } | Self::UnknownEvent { .. } => false,
        }
    }
}

fn is_passing_database(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // Connection failure, out of resources, operator intervention (start-up, shutdown), serialization, deadlock.
        sqlx::Error::Database(cause) => {
            cause.code().is_some_and(|code| ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class)))
        }
        _ => false,
    }
}

/// Follows the chain until `shutdown` resolves (then `Ok`) or something needs a person (then `Err`).
///
/// May be dropped or killed at any moment: whatever is committed is complete, and the next start goes on from there.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
    tokio::select! {
        () = shutdown => Ok(()),
        ended = follow(config) => match ended { Err(error) => Err(error), Ok(never) => match never {} },
    }
}

async fn follow(mut config: Config) -> Result<Infallible, Error> {
    let mut outage = outage::Outage::default();
    loop {
        match session(&mut config, &mut outage).await {
            Err(error) if error.is_passing() => outage.wait(&error).await,
            ended => return ended,
        }
    }
}

/// From taking the writer's lock to the first failure.
async fn session(config: &mut Config, outage: &mut outage::Outage) -> Result<Infallible, Error> {
    let mut conn = cursor::acquire(config).await?;
    if config.is_rebuild {
        apply::clear(&mut conn).await?;
        tracing::info!("chain mirror emptied, reading again from the first transaction");
        config.is_rebuild = false;
    }
    let source = source::Source::new(&config.rpc_url);
    let cursor = cursor::Cursor::open(&mut conn, config.genesis_hash.as_deref(), source.genesis_hash().await?).await?;
    let view = poll::View::new(conn, source, cursor, Duration::from_millis(config.reconcile_ms));
    let wake = Arc::new(Notify::new());
    tokio::select! {
        ended = keep_looking(view, Duration::from_millis(config.poll_ms), Arc::clone(&wake), outage) => ended,
        never = wake::listen(config.ws_url.clone(), wake) => match never {},
    }
}

async fn keep_looking(
    mut view: poll::View,
    pause: Duration,
    wake: Arc<Notify>,
    outage: &mut outage::Outage,
) -> Result<Infallible, Error> {
    loop {
        view.poll().await?;
        outage.over();
        // The socket may be silent for ever: the timer alone must be enough.
        let _ = tokio::time::timeout(pause, wake.notified()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_spawned() {
        fn spawnable(_: impl Future<Output = Result<(), Error>> + Send + 'static) {}
        spawnable(run(Config::new("", "", ""), std::future::pending()));
    }
}
