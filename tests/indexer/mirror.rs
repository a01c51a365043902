//! An indexer under test, and what it wrote.

use std::{future::Future, time::Duration};

use permitpipe_indexer::{Config, Error, run};
use permitpipe_tests::postgres::Postgres;
use sqlx::{PgPool, Row, postgres::PgPoolOptions};
use tokio::{sync::oneshot, task::JoinHandle, time::Instant};

use crate::node::Node;

/// Nothing here should take longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One database that indexers write and the test reads.
pub struct Mirror {
    pub config: Config,
    pub pool: PgPool,
}

pub struct Indexer {
    task: JoinHandle<Result<(), Error>>,
    stop: oneshot::Sender<()>,
}

impl Mirror {
    pub async fn of(node: &Node, name: &str) -> Self {
        // A socket nobody listens on: polling alone must be enough.
        Self::at(node.url(), "ws://127.0.0.1:9", name).await
    }

    pub async fn at(rpc_url: &str, ws_url: &str, name: &str) -> Self {
        let name = name.to_owned();
        let url = tokio::task::spawn_blocking(move || Postgres::shared().create_database(&name)).await.unwrap();
        let mut config = Config::new(url, rpc_url, ws_url);
        (config.poll_ms, config.reconcile_ms) = (20, 50);
        let pool = PgPoolOptions::new().max_connections(2).connect(&config.database_url).await.unwrap();
        sqlx::migrate!("../migrations").run(&pool).await.unwrap();
        Self { config, pool }
    }

    pub fn start(&self) -> Indexer {
        let (stop, stopped) = oneshot::channel();
        let config = self.config.clone();
        let task = tokio::spawn(run(config, async {
            let _ = stopped.await;
        }));
        Indexer { task, stop }
    }

    /// The first row of a query's only column, once it is `wanted`.
    pub async fn wait<T>(&self, query: &'static str, wanted: T)
    where
        T: PartialEq
            + std::fmt::Debug
            + Send
            + Unpin
            + for<'r> sqlx::Decode<'r, sqlx::Postgres>
            + sqlx::Type<sqlx::Postgres>,
    {
        self.until(query, |found: &T| *found == wanted, &format!("{wanted:?}")).await;
    }

    pub async fn until<T>(&self, query: &'static str, is_it: impl Fn(&T) -> bool, wanted: &str)
    where
        T: std::fmt::Debug + Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let end = Instant::now() + PATIENCE;
        loop {
            let found: Option<T> = sqlx::query_scalar(query).fetch_optional(&self.pool).await.unwrap();
            if found.as_ref().is_some_and(&is_it) {
                return;
            }
            assert!(Instant::now() < end, "{query}: wanted {wanted}, last {found:?}\n{:#?}", self.tables().await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Finality as far as the node's, so that whatever is final has been looked at.
    pub async fn caught_up(&self, node: &Node) {
        let tip = node.with(|chain| chain.slot - crate::node::LAG) as i64;
        self.until("SELECT finalized_slot FROM chain.cursor", |slot: &i64| *slot >= tip, &format!(">= {tip}")).await;
    }

    /// All that must come out the same however often and in whatever order it was read.
    pub async fn tables(&self) -> Vec<String> {
        let queries = [
            "SELECT to_jsonb(t)::text AS line FROM chain.events t ORDER BY signature, instruction_index, inner_index",
            "SELECT to_jsonb(t)::text AS line FROM chain.vaults t ORDER BY vault",
            "SELECT to_jsonb(t)::text AS line FROM chain.settlements t ORDER BY vault, sequence",
            "SELECT to_jsonb(t)::text AS line FROM chain.stakes t ORDER BY stake",
            "SELECT to_jsonb(t)::text AS line FROM chain.relays t ORDER BY relay",
            "SELECT to_jsonb(t)::text AS line FROM chain.contradictions t ORDER BY relay, stream, sequence",
            "SELECT to_jsonb(t)::text AS line FROM chain.epochs t ORDER BY epoch",
            "SELECT to_jsonb(t)::text AS line FROM chain.rewards t ORDER BY number, leaf_index",
            "SELECT to_jsonb(t)::text AS line FROM chain.templates t ORDER BY template",
            "SELECT to_jsonb(t)::text AS line FROM chain.plans t ORDER BY plan",
            "SELECT to_jsonb(t)::text AS line FROM chain.subscriptions t ORDER BY subscription",
            "SELECT to_jsonb(t)::text AS line FROM chain.anchors t ORDER BY anchor",
            "SELECT (to_jsonb(t) - 'slot')::text AS line FROM chain.config t",
        ];
        let mut lines = Vec::new();
        for query in queries {
            let rows = sqlx::query(query).fetch_all(&self.pool).await.unwrap();
            lines.extend(rows.iter().map(|row| row.get::<String, _>("line")));
        }
        lines
    }

    pub async fn one<T>(&self, query: &'static str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap()
    }
}

impl Indexer {
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        within(self.task).await.unwrap().unwrap();
    }

    /// Ends it wherever it stands, as a kill would.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// The error it stops with.
    pub async fn fails(self) -> Error {
        within(self.task).await.unwrap().unwrap_err()
    }
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("took too long")
}
