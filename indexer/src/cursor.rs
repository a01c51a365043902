//! The one connection that writes, of which cluster this mirror is, and how far it has read.
//!
//! The connection holds the lock of this program's mirror, so that losing it and losing the right to write are the same.

use std::time::Duration;

use permitpipe_sdk::chain::PROGRAM_ID;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use crate::{Config, Error, apply::slot, source::Tip};

const STANDBY_PAUSE: Duration = Duration::from_millis(500);

/// A node may be so far behind without a word in the log.
const JITTER_SLOTS: i64 = 64;

/// Migrates, takes the indexer's role, then waits as standby until no other indexer writes for this program.
pub async fn acquire(config: &Config) -> Result<PgConnection, Error> {
    let mut conn = PgConnection::connect(&config.database_url).await?;
    sqlx::migrate!("../migrations").run_direct(None, &mut conn, false).await?;
    sqlx::query("SET ROLE permitpipe_indexer").execute(&mut conn).await?;
    let mut is_standby = false;
    while !try_lock(&mut conn).await? {
        if !is_standby {
            tracing::info!("another indexer writes for this program; standing by");
        }
        is_standby = true;
        tokio::time::sleep(STANDBY_PAUSE).await;
    }
    tracing::info!(program = %PROGRAM_ID, "indexer is the writer");
    Ok(conn)
}

async fn try_lock(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(lock_key()).fetch_one(conn).await
}

/// The program's own address picks the lock: mirrors of two programs may share a database server.
fn lock_key() -> i64 {
    let mut head = [0; 8];
    head.iter_mut().zip(PROGRAM_ID.to_bytes()).for_each(|(to, from)| *to = from);
    i64::from_be_bytes(head)
}

/// How far the mirror has read.
pub struct Cursor {
    /// The newest transaction before which nothing is missing.
    pub signature: Option<String>,
    slot: i64,
    is_behind: bool,
}

impl Cursor {
    /// Reads where the last run stopped, after making sure that the node and the mirror are of the cluster we want.
    pub async fn open(conn: &mut PgConnection, configured: Option<&str>, genesis: String) -> Result<Self, Error> {
        check_cluster("the RPC node", configured, &genesis)?;
        let known: Option<(String, Option<String>, i64)> = sqlx::query_as(
            "SELECT genesis_hash, finalized_signature, finalized_slot FROM chain.cursor WHERE program = $1",
        )
        .bind(PROGRAM_ID.to_string())
        .fetch_optional(&mut *conn)
        .await?;
        if let Some((mirrored, ..)) = &known {
            check_cluster("the mirror", configured, mirrored)?;
        }
        sqlx::query(
            "INSERT INTO chain.cursor (program, genesis_hash) VALUES ($1, $2)
             ON CONFLICT (program) DO UPDATE SET genesis_hash = excluded.genesis_hash",
        )
        .bind(PROGRAM_ID.to_string())
        .bind(genesis)
        .execute(conn)
        .await?;
        let (signature, slot) = known.map_or((None, 0), |(_, signature, slot)| (signature, slot));
        Ok(Self { signature, slot, is_behind: false })
    }

    /// The finalized slot never goes back: a node that says so is behind, and nothing it says is used.
    pub fn accepts(&mut self, tip: Tip) -> bool {
        let behind = self.slot.saturating_sub(slot(tip.slot));
        // A local chain that restarts, or a load balancer, is a slot or two back for a moment; more is a rollback.
        let is_far_behind = behind > JITTER_SLOTS;
        if is_far_behind && !self.is_behind {
            tracing::error!(node = tip.slot, seen = self.slot, "node is behind what was final already; ignoring it");
        }
        self.is_behind = is_far_behind;
        behind <= 0
    }

    /// Everything up to `tip` is in: the view is as fresh as it can be, even when nothing happened.
    pub async fn advance(&mut self, conn: &mut PgConnection, tip: Tip) -> Result<(), sqlx::Error> {
        let time = tip.time.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        sqlx::query(
            "UPDATE chain.cursor
             SET finalized_signature = coalesce($4, finalized_signature), finalized_slot = $2,
                 finalized_at = coalesce($3, finalized_at),
                 observed_at = CASE WHEN $2 > finalized_slot THEN now() ELSE observed_at END
             WHERE program = $1 AND finalized_slot <= $2",
        )
        .bind(PROGRAM_ID.to_string())
        .bind(slot(tip.slot))
        .bind(time)
        .bind(&self.signature)
        .execute(conn)
        .await?;
        self.slot = slot(tip.slot);
        Ok(())
    }
}

fn check_cluster(whose: &'static str, configured: Option<&str>, found: &str) -> Result<(), Error> {
    match configured {
        Some(configured) if configured != found => {
            Err(Error::WrongCluster { whose, configured: configured.to_owned(), found: found.to_owned() })
        }
        _ => Ok(()),
    }
}
