//! Our own process, as an operator would start it, with an owner who has credit and an agent with a lease.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use permitpipe_sdk::{client::Client, wire};
use sqlx::PgPool;

use super::{ground, process::Server};
use crate::postgres::Postgres;

/// Everything is allowed to the one agent; the budget is beyond what a run can use.
const POLICY: &str = "version: 1
limits: { ttl: 8h, budget: 100000 USD }
agents:
  bench:
    services:
      openai: { scopes: [chat] }
";
/// 100,000 USD.
const DEPOSIT: i64 = 100_000_000_000;

/// A broker that takes requests.
pub struct Broker {
    pub server: Server,
    pub address: SocketAddr,
    /// The lease's.
    pub bearer: String,
    /// As the superuser.
    pub pool: PgPool,
}

/// What its train has done since it began.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub commits: i64,
    pub intents: i64,
    pub holds: i64,
    /// Times that Postgres flushed its log; it counts with up to a second's delay.
    pub fsyncs: i64,
}

/// Starts it with one worker, as its peers have, and prepares the lease.
pub async fn start(postgres: &Postgres, folder: &Path, upstream: SocketAddr, key: &str) -> Result<Broker> {
    let database = postgres.create_database("proxied_json");
    let management_key = permitpipe_broker::bootstrap_owner(&database, ground::WALLET, "bench").await?;
    let (server, line) = Server::start_and_listen(command(folder, &database, upstream)?)?;
    let address: SocketAddr = line.rsplit("http://").next().unwrap_or_default().trim().parse().context(line.clone())?;
    let pool = PgPool::connect(&database).await?;
    ground::deposit(&pool, DEPOSIT).await?;
    let client = Client::new(&format!("http://{address}"), &management_key);
    await_credit(&client).await?;
    let bearer = lease(&client, upstream, key).await?;
    Ok(Broker { server, address, bearer, pool })
}

fn command(folder: &Path, database: &str, upstream: SocketAddr) -> Result<Command> {
    let binary = match std::env::var_os("PERMITPIPE_BIN") {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe()?.with_file_name("permitpipe"),
    };
    let mut command = Command::new(binary);
    command.args(["serve", "--database-url", database, "--listen", "127.0.0.1:0", "--rpc", "http://127.0.0.1:1"]);
    command.arg("--kek").arg(key_file(folder, "kek")?);
    command.arg("--receipt-key").arg(key_file(folder, "receipt")?);
    command.args(["--allow-private-origin", &format!("http://{upstream}")]);
    command.env("TOKIO_WORKER_THREADS", "1").stderr(Stdio::inherit());
    Ok(command)
}

fn key_file(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    std::io::Write::write_all(&mut file, &[7; 32])?;
    Ok(path)
}

/// The broker posts the deposit by itself, as it would one that the indexer saw.
async fn await_credit(client: &Client) -> Result<()> {
    let began = Instant::now();
    while client.account().await?.available < DEPOSIT {
        ensure!(began.elapsed() < Duration::from_secs(20), "the deposit was not credited");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn lease(client: &Client, upstream: SocketAddr, key: &str) -> Result<String> {
    let origin = Some(format!("http://{upstream}"));
    let secret = wire::AddSecret { service: "openai".into(), key: key.into(), origin, custom: None, is_resold: false };
    client.add_secret(&secret).await?;
    client.apply_policy(POLICY).await?;
    let ask = wire::AskLease {
        agent: "bench".into(),
        service: "openai".into(),
        scopes: vec!["chat".into()],
        duration: wire::Duration::Seconds(3_600),
        budget_usd: "99999".into(),
        intent: None,
    };
    let lease = client.ask_lease(&ask).await?;
    lease.bearer.with_context(|| format!("no lease: {:?} {:?}", lease.status, lease.blocked_scopes))
}

impl Broker {
    /// The train's counters as `/metrics` shows them, and Postgres' own.
    pub async fn counts(&self) -> Result<Counts> {
        let text = reqwest::get(format!("http://{}/metrics", self.address)).await?.text().await?;
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.trim().parse::<i64>().ok()).with_context(|| format!("no counter {name}"))
        };
        Ok(Counts {
            commits: value("permitpipe_train_commits_total ")?,
            intents: value("permitpipe_train_intents_total ")?,
            holds: value("permitpipe_train_holds_total ")?,
            fsyncs: fsyncs(&self.pool).await,
        })
    }
}

/// Flushes of the write-ahead log; 0 where this version of Postgres counts them elsewhere.
pub async fn fsyncs(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT wal_sync FROM pg_stat_wal").fetch_one(pool).await.unwrap_or(0)
}

impl Counts {
    /// What was added since `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            commits: self.commits - before.commits,
            intents: self.intents - before.intents,
            holds: self.holds - before.holds,
            fsyncs: self.fsyncs - before.fsyncs,
        }
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            commits: self.commits + other.commits,
            intents: self.intents + other.intents,
            holds: self.holds + other.holds,
            fsyncs: self.fsyncs + other.fsyncs,
        }
    }
}
