//! A world for broker tests: its own database, real brokers, an upstream that obeys the test, an owner with credit.
//!
//! | module | holds |
//! |---|---|
//! | `broker` | a broker that can be stopped, or die at once |
//! | `mirror` | what the indexer would have written |
//! | `call` | a call, and what the agent got |
//! | `books` | what must hold in the database whatever happened |

mod books;
mod broker;
mod call;
mod mirror;

use std::{
    future::Future,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use permitpipe_broker::{config::Config, secret::KeyEncryptionKey};
use permitpipe_sdk::{client::Client, id::OwnerId, wire};
use serde_json::Value;
use sqlx::{PgPool, postgres::PgPoolOptions};

pub use self::{
    broker::{Broker, Logs},
    call::{Answer, chat},
    mirror::{CONFIG, Commitment, Mirror},
};
use crate::{postgres::Postgres, upstream::Upstream};

/// The master key that the upstream insists on; it belongs nowhere else.
pub const KEY: &str = "sk-master-CANARY-7f3e9a1c5b-XyZ";
/// What an owner starts with: 5 USD.
pub const CREDIT: i64 = 5_000_000;
/// Everything that a test waits for happens within this, or not at all.
const DEADLINE: Duration = Duration::from_secs(30);

const POLICY: &str = "version: 1
limits: { ttl: 8h, budget: 100 USD }
rules:
  - { name: everything, effect: allow, agents: [\"*\"], services: [\"*\"], scopes: [\"*\"] }
";

/// One owner, who has a vault, a management key and a policy that allows everything.
pub struct Owner {
    pub id: OwnerId,
    pub wallet: String,
    pub key: String,
    /// Speaks to the first broker.
    pub client: Client,
}

pub struct World {
    /// The database, as nobody in particular: may read and break everything.
    pub pool: PgPool,
    pub mirror: Mirror,
    pub upstream: Upstream,
    pub brokers: Vec<Broker>,
    pub owner: Owner,
    pub http: reqwest::Client,
    pub config: Config,
    _folder: tempfile::TempDir,
}

impl World {
    /// One broker.
    pub async fn start() -> Self {
        Self::tuned(1, |_| {}).await
    }

    /// Several brokers on one database, each with settings changed as the test wishes.
    pub async fn tuned(brokers: usize, tune: impl FnOnce(&mut Config)) -> Self {
        Self::logged(brokers, tune, None).await
    }

    /// The same; everything that the brokers log, down to TRACE, goes to `logs`.
    pub async fn logged(brokers: usize, tune: impl FnOnce(&mut Config), logs: Option<&Logs>) -> Self {
        let database_url = fresh_database().await;
        let upstream = Upstream::start(KEY).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&database_url, folder.path(), &upstream.url());
        tune(&mut config);
        let wallet = mirror::wallet(1);
        let key = permitpipe_broker::bootstrap_owner(&database_url, &wallet, "tests").await.unwrap();
        let pool = PgPoolOptions::new().max_connections(4).connect(&database_url).await.unwrap();
        let mirror = Mirror::connect(&database_url).await;
        mirror.observe().await;
        let mut running = Vec::new();
        for _ in 0..brokers {
            running.push(Broker::start(config.clone(), logs).await);
        }
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let owner = owner_of(&pool, wallet, key, &running[0]).await;
        let world = Self { pool, mirror, upstream, brokers: running, owner, http, config, _folder: folder };
        world.furnish(&world.owner).await;
        world
    }

    /// A further owner, as well off as the first.
    pub async fn another_owner(&self, number: u8) -> Owner {
        let wallet = mirror::wallet(number);
        let key = permitpipe_broker::bootstrap_owner(&self.config.database_url, &wallet, "tests").await.unwrap();
        let owner = owner_of(&self.pool, wallet, key, &self.brokers[0]).await;
        self.furnish(&owner).await;
        owner
    }

    /// Starts one more broker on the same database.
    pub async fn start_broker(&mut self) -> usize {
        self.brokers.push(Broker::start(self.config.clone(), None).await);
        self.brokers.len() - 1
    }

    async fn furnish(&self, owner: &Owner) {
        self.mirror.open_vault(&owner.wallet).await;
        self.mirror.deposit(&owner.wallet, CREDIT).await;
        owner.client.apply_policy(POLICY).await.unwrap();
        self.wait_for_account("the deposit is credited", owner, |account| account.available == CREDIT).await;
    }

    /// Adds the master key for `openai`, led to the fake upstream.
    pub async fn add_openai(&self, is_resold: bool) {
        self.add_secret(&self.owner, "openai", None, is_resold).await;
    }

    /// Adds the master key for any service, led to the fake upstream.
    pub async fn add_secret(
        &self,
        owner: &Owner,
        service: &str,
        custom: Option<wire::CustomService>,
        is_resold: bool,
    ) -> wire::Secret {
        let origin = Some(self.upstream.url());
        let secret = wire::AddSecret { service: service.into(), key: KEY.into(), origin, custom, is_resold };
        owner.client.add_secret(&secret).await.unwrap()
    }

    /// A lease on everything that `openai` offers.
    pub async fn lease(&self, budget: i64) -> wire::Lease {
        self.lease_for(&self.owner, "openai", budget, 3_600).await
    }

    /// A lease on everything that a service offers.
    pub async fn lease_for(&self, owner: &Owner, service: &str, budget: i64, ttl_seconds: u64) -> wire::Lease {
        let ask = wire::AskLease {
            agent: "tester".into(),
            service: service.into(),
            scopes: vec!["*".into()],
            duration: wire::Duration::Seconds(ttl_seconds),
            budget_usd: usd(budget),
            intent: None,
        };
        let lease = owner.client.ask_lease(&ask).await.unwrap();
        assert_eq!(lease.status.as_deref(), Some("approved"), "{lease:?}");
        lease
    }

    /// Waits for the owner's account to become what the test expects.
    pub async fn wait_for_account(
        &self,
        what: &str,
        owner: &Owner,
        is_so: impl Fn(&wire::Account) -> bool,
    ) -> wire::Account {
        eventually(what, || async {
            let account = owner.client.account().await.unwrap();
            if is_so(&account) { Ok(account) } else { Err(format!("{account:?}")) }
        })
        .await
    }

    /// The bodies of an owner's entries of one kind, oldest first.
    pub async fn entries(&self, kind: &str) -> Vec<Value> {
        let bodies: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT body FROM audit.entries WHERE kind = $1 ORDER BY entry_id")
                .bind(kind)
                .fetch_all(&self.pool)
                .await
                .unwrap();
        bodies.iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
    }

    /// One number from the database.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }
}

/// Credits as the API takes them.
pub fn usd(credits: i64) -> String {
    format!("{}.{:06}", credits / 1_000_000, credits % 1_000_000)
}

/// Asks until the answer is `Ok`. The last `Err` is what the test fails with.
pub async fn eventually<T, F: Future<Output = Result<T, String>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let started = std::time::Instant::now();
    loop {
        match ask().await {
            Ok(found) => return found,
            Err(last) if started.elapsed() > DEADLINE => panic!("{what}: not within {DEADLINE:?}; last seen: {last}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// What must happen before the deadline.
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(|_| panic!("{what}: not within {DEADLINE:?}"))
}

async fn fresh_database() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let name = format!("world_{}", NUMBER.fetch_add(1, Ordering::SeqCst));
    tokio::task::spawn_blocking(move || Postgres::shared().create_database(&name)).await.unwrap()
}

fn config(database_url: &str, folder: &std::path::Path, upstream: &str) -> Config {
    let (kek, receipt_key) = (folder.join("kek"), folder.join("receipt-key"));
    KeyEncryptionKey::create(&kek).unwrap();
    std::fs::write(&receipt_key, [42; 32]).unwrap();
    let mut config = Config::new(database_url.into(), ([127, 0, 0, 1], 0).into(), kek, receipt_key);
    config.allowed_private_origins = vec![upstream.into()];
    config.database_connections = 6;
    config
}

async fn owner_of(pool: &PgPool, wallet: String, key: String, broker: &Broker) -> Owner {
    let id = sqlx::query_scalar("SELECT owner_id FROM access.owners WHERE wallet = $1")
        .bind(&wallet)
        .fetch_one(pool)
        .await
        .unwrap();
    Owner { id: OwnerId::from_uuid(id), wallet, client: Client::new(&broker.url, &key), key }
}
