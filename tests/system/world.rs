//! One installation in a temporary folder. `permitpipe up` makes it; then its parts run as processes of their own.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc, time::Duration};

use permitpipe_sdk::client::Client;
use permitpipe_tests::{
    system::{cli::Cli, onchain::Onchain, port, process::Process, program, until},
    upstream::Upstream,
};
use rustix::process::{Pid, Signal};
use sqlx::PgPool;
use tempfile::TempDir;
use tokio::process::Command;

pub const UPSTREAM_KEY: &str = "sk-canary-7c1f0b9e5d2a4863";
pub const PATIENCE: Duration = Duration::from_secs(60);
const DELAY_SECONDS: &str = "20";
const LONGEST_HOLD_SECONDS: &str = "5";
const SLOT_MS: &str = "100";
const POLICY: &str = "version: 1\nagents: { bot: { services: { openai: { scopes: [chat] } } } }\n";

/// What can be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Broker,
    Indexer,
    Postgres,
}

pub struct World {
    pub cli: Cli,
    pub client: Client,
    pub chain: Arc<Onchain>,
    pub upstream: Arc<Upstream>,
    listen: String,
    rpc_port: u16,
    running: Running,
    /// Gone when the world is.
    _folder: TempDir,
}

/// Processes, in the order in which they need each other.
#[derive(Default)]
struct Running {
    up: Option<Process>,
    broker: Option<Process>,
    indexer: Option<Process>,
    chain: Option<Process>,
    postgres: Option<Process>,
}

impl World {
    /// An installation with credit, a secret and a policy; its parts run one by one.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("permitpipe-system-").tempdir().unwrap();
        // Postgres may have to run as another user, who passes through here.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let cli = Cli::new(program::permitpipe().unwrap(), folder.path());
        let upstream = Upstream::start(UPSTREAM_KEY).await.unwrap();
        let first = port::free(3).unwrap();
        let (listen, rpc_port) = (format!("127.0.0.1:{first}"), first + 1);
        let mut up = start_up(&cli, &listen, rpc_port, &upstream.url());
        up.next_line(PATIENCE * 2).await.unwrap();
        let rpc_url = format!("http://127.0.0.1:{rpc_port}");
        let chain = Onchain::connect(&rpc_url, &folder.path().join("keys/wallet.json")).await.unwrap();
        let client = cli.client().unwrap();
        cli.json(&["topup", "5"]).await.unwrap();
        let secret = ["secret", "add", "openai", "--origin", &upstream.url(), "--key-stdin", "--resold"];
        cli.json_with_input(&secret, UPSTREAM_KEY).await.unwrap();
        client.apply_policy(POLICY).await.unwrap();
        up.stop().await.unwrap();
        let running = Running::default();
        let (chain, upstream) = (Arc::new(chain), Arc::new(upstream));
        let mut world = Self { cli, client, chain, upstream, listen, rpc_port, running, _folder: folder };
        world.start_parts().await;
        world
    }

    /// Each part as a process of its own.
    async fn start_parts(&mut self) {
        let mut postgres = Command::new(program::permitpipe().unwrap());
        postgres.arg("supervise-postgres").arg(self.path("postgres"));
        let mut postgres = self.process("postgres", postgres);
        postgres.next_line(PATIENCE).await.unwrap();
        let mut chain = Command::new(program::localchain().unwrap());
        chain.arg("--db").arg(self.path("chain.sqlite"));
        chain.args(["--rpc", &self.rpc_port.to_string(), "--slot-ms", SLOT_MS, "--with-parent"]);
        let mut chain = self.process("chain", chain);
        chain.next_line(PATIENCE).await.unwrap();
        (self.running.postgres, self.running.chain) = (Some(postgres), Some(chain));
        self.start_part(Part::Broker);
        self.start_part(Part::Indexer);
    }

    /// Starts what was killed; Postgres comes back by its watchdog.
    pub fn start_part(&mut self, part: Part) {
        let (database, rpc) = (self.database_url(), format!("http://127.0.0.1:{}", self.rpc_port));
        match part {
            Part::Broker => {
                let mut words = vec!["serve", "--database-url", &database, "--rpc", &rpc, "--listen", &self.listen];
                words.extend(["--longest-hold", LONGEST_HOLD_SECONDS, "--settle-interval", "1000"]);
                let origin = self.upstream.url();
                words.extend(["--allow-private-origin", &origin]);
                let mut command = self.cli.command(&words);
                command.arg("--kek").arg(self.path("keys/kek"));
                command.arg("--receipt-key").arg(self.path("keys/receipt"));
                command.arg("--settle-key").arg(self.path("keys/settle.json"));
                self.running.broker = Some(self.process("broker", command));
            }
            Part::Indexer => {
                let words = ["index", "--database-url", &database, "--rpc", &rpc, "--poll", "500"];
                self.running.indexer = Some(self.process("indexer", self.cli.command(&words)));
            }
            Part::Postgres => {}
        }
    }

    /// `kill -9`. A part that is just coming up again is killed all the same.
    pub async fn kill(&mut self, part: Part) {
        match part {
            Part::Broker => kill(self.running.broker.take()).await,
            Part::Indexer => kill(self.running.indexer.take()).await,
            Part::Postgres => {
                let note = fs::read_to_string(self.path("postgres/postmaster.pid")).unwrap_or_default();
                if let Some(pid) = note.lines().next().and_then(|line| Pid::from_raw(line.trim().parse().ok()?)) {
                    let _ = rustix::process::kill_process(pid, Signal::KILL);
                }
            }
        }
    }

    /// From parts to a whole: `permitpipe up` on the same data.
    pub async fn become_whole(&mut self) {
        let running = std::mem::take(&mut self.running);
        for process in [running.broker, running.indexer, running.chain, running.postgres].into_iter().flatten() {
            process.stop().await.unwrap();
        }
        self.start_whole().await;
    }

    pub async fn start_whole(&mut self) {
        let mut up = start_up(&self.cli, &self.listen, self.rpc_port, &self.upstream.url());
        up.next_line(PATIENCE).await.unwrap();
        self.running.up = Some(up);
    }

    /// `kill -9` of `permitpipe up`. Postgres and chain stop because it is gone.
    pub async fn kill_whole(&mut self) {
        kill(self.running.up.take()).await;
    }

    /// Returns when the broker serves and Postgres answers.
    pub async fn wait_until_serving(&mut self) {
        let url = format!("http://{}/readyz", self.listen);
        let serving = until("the broker serves", PATIENCE, || async {
            let answer = reqwest::get(&url).await;
            Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
        });
        serving.await.unwrap_or_else(|error| panic!("{error}\n{}", self.last_words()));
    }

    /// A connection of our own; waits until Postgres takes it.
    pub async fn database(&self) -> PgPool {
        let url = self.database_url();
        let connected =
            until("Postgres takes connections", PATIENCE, || async { Ok(PgPool::connect(&url).await.ok()) });
        connected.await.unwrap_or_else(|error| panic!("{error}\n{}", self.last_words()))
    }

    /// What the parts complained about last.
    pub fn last_words(&self) -> String {
        let log = |name: &str| fs::read_to_string(self.path(name)).unwrap_or_default();
        let tail = |text: String| {
            text.lines()
                .rev()
                .take(15)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .map(|line| format!("  {line}\n"))
                .collect::<String>()
        };
        ["up.err", "broker.err", "indexer.err", "postgres.err", "postgres.log", "chain.err"]
            .map(|name| format!("{name}:\n{}", tail(log(name))))
            .concat()
    }

    pub async fn stop(self) {
        let Running { up, broker, indexer, chain, postgres } = self.running;
        for process in [up, broker, indexer, chain, postgres].into_iter().flatten() {
            process.stop().await.unwrap();
        }
    }

    fn process(&self, name: &str, command: Command) -> Process {
        Process::start(name, command, &self.path(&format!("{name}.err"))).unwrap()
    }

    fn database_url(&self) -> String {
        format!("postgres://permitpipe@localhost/postgres?host={}", self.path("postgres").display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.cli.data().join(name)
    }
}

fn start_up(cli: &Cli, listen: &str, rpc_port: u16, upstream: &str) -> Process {
    let rpc_port = rpc_port.to_string();
    let mut words = vec!["--json", "up", "--listen", listen, "--rpc-port", &rpc_port, "--slot-ms", SLOT_MS];
    words.extend(["--withdrawal-delay", DELAY_SECONDS, "--window", DELAY_SECONDS]);
    words.extend(["--longest-hold", LONGEST_HOLD_SECONDS, "--settle-interval", "1000"]);
    words.extend(["--allow-private-origin", upstream]);
    Process::start("permitpipe up", cli.command(&words), &cli.data().join("up.err")).unwrap()
}

async fn kill(process: Option<Process>) {
    if let Some(process) = process {
        process.kill().await;
    }
}
