//! The parts as processes, and what is remembered between runs: a secret is bound to its origin, so ports stay.

use std::{
    fs,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use permitpipe_sdk::client::Client;
use serde_json::{Value, json};
use solana_sdk::signature::Keypair;
use tokio::process::Command;

use super::teller::Teller;
use crate::system::{
    cli::{Cli, text},
    onchain::Onchain,
    port,
    process::Process,
    program,
};

/// Short slots: finality comes 31 of them later.
const SLOT_MS: &str = "150";
/// From the request of a withdrawal to its payment. Half of it is left for indexing and settling.
pub const WITHDRAWAL_DELAY_SECONDS: u64 = 30;
/// The first start makes a database and a chain.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// What every act needs.
pub struct Scene {
    pub cli: Cli,
    pub client: Client,
    pub chain: Onchain,
    pub python: PathBuf,
    /// The chain's own RPC: the upstream of `helius`.
    pub rpc_url: String,
    /// The OpenAI-compatible upstream, and the one key it accepts.
    pub upstream_url: String,
    pub upstream_key: String,
}

/// The processes.
pub struct Stage {
    cli: Cli,
    up: Option<Process>,
    upstream: Option<Process>,
    scene: Option<Scene>,
}

impl Stage {
    /// Nothing runs yet.
    pub fn new(data: &Path) -> Result<Self> {
        fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
        // Postgres may have to run as another user, who passes through here on the way to its own folder.
        fs::set_permissions(data, fs::Permissions::from_mode(0o711))?;
        Ok(Self { cli: Cli::new(program::permitpipe()?, data), up: None, upstream: None, scene: None })
    }

    /// Starts upstream and `permitpipe up`, and waits until both serve.
    pub async fn start(&mut self, teller: &Teller) -> Result<&Scene> {
        let python = program::python()?;
        let memory = Memory::load_or_make(&self.cli.data().join("demo.json"))?;
        let upstream_url = self.start_upstream(&memory).await?;
        teller.did(&format!("upstream    {upstream_url}, which speaks OpenAI's API and accepts one key"));
        let ready = self.start_up(&memory, &upstream_url).await?;
        let (url, rpc_url) = (text(&ready, "url")?.to_owned(), text(&ready, "rpc_url")?.to_owned());
        teller.did(&format!("broker      {url}"));
        teller.did(&format!("chain       {rpc_url}, program {}", text(&ready, "program_id")?));
        teller.did(&format!("data        {}", self.cli.data().display()));
        let chain = Onchain::connect(&rpc_url, &self.cli.data().join("keys/wallet.json")).await?;
        teller.did(&format!("wallet      {}", chain.wallet()));
        let client = self.cli.client()?;
        let upstream_key = memory.upstream_key;
        let scene = Scene { cli: self.cli.clone(), client, chain, python, rpc_url, upstream_url, upstream_key };
        Ok(self.scene.insert(scene))
    }

    async fn start_upstream(&mut self, memory: &Memory) -> Result<String> {
        let mut command = Command::new(program::demo_upstream()?);
        command.env("UPSTREAM_KEY", &memory.upstream_key);
        command.env("UPSTREAM_ADDRESS", format!("127.0.0.1:{}", memory.first_port));
        let upstream = Process::start("the upstream", command, &self.cli.data().join("upstream.log"))?;
        self.upstream.insert(upstream).next_line(Duration::from_secs(20)).await
    }

    async fn start_up(&mut self, memory: &Memory, upstream_url: &str) -> Result<Value> {
        let listen = format!("127.0.0.1:{}", memory.first_port + 1);
        let rpc_port = (memory.first_port + 2).to_string();
        let delay = WITHDRAWAL_DELAY_SECONDS.to_string();
        let longest_hold = (WITHDRAWAL_DELAY_SECONDS / 2).to_string();
        let mut words = vec!["--json", "up", "--listen", &listen, "--rpc-port", &rpc_port, "--slot-ms", SLOT_MS];
        words.extend(["--withdrawal-delay", &delay, "--window", &delay, "--longest-hold", &longest_hold]);
        words.extend(["--settle-interval", "1000", "--allow-private-origin", upstream_url]);
        let log = self.cli.data().join("up.log");
        let up = self.up.insert(Process::start("permitpipe up", self.cli.command(&words), &log)?);
        let line = up.next_line(READY_WITHIN).await?;
        serde_json::from_str(&line).with_context(|| format!("`permitpipe up` said: {line}"))
    }

    /// Stops what was started, in the order in which the parts need each other.
    pub async fn stop(&mut self) -> Result<()> {
        let mut stopped = Ok(());
        for process in [self.up.take(), self.upstream.take()].into_iter().flatten() {
            stopped = process.stop().await.and(stopped);
        }
        stopped
    }

    /// The end of what `permitpipe up` complained about.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(self.cli.data().join("up.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

/// What must be the same in the next run: the key that is sealed in the database, and the ports that secrets lead to.
struct Memory {
    upstream_key: String,
    first_port: u16,
}

/// Upstream, broker, the chain's RPC and WebSocket.
const PORTS: u16 = 4;

impl Memory {
    fn load_or_make(path: &Path) -> Result<Self> {
        let Ok(content) = fs::read(path) else { return Self::make(path) };
        let known: Value = serde_json::from_slice(&content)?;
        let first_port = known["first_port"].as_u64().and_then(|port| u16::try_from(port).ok());
        let first_port = first_port.with_context(|| format!("{} is damaged", path.display()))?;
        let taken: Vec<u16> = (first_port..first_port + PORTS).filter(|port| !port::is_free(*port)).collect();
        ensure!(
            taken.is_empty(),
            "ports {taken:?} are taken, and the secrets of an earlier run lead there: is another demo running? \
             --data DIR starts afresh elsewhere"
        );
        Ok(Self { upstream_key: text(&known, "upstream_key")?.to_owned(), first_port })
    }

    fn make(path: &Path) -> Result<Self> {
        let (upstream_key, first_port) = (format!("sk-demo-{}", random()), port::free(PORTS)?);
        let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        serde_json::to_writer(file, &json!({ "upstream_key": upstream_key, "first_port": first_port }))?;
        Ok(Self { upstream_key, first_port })
    }
}

fn random() -> String {
    bs58::encode(&Keypair::new().to_bytes()[..32]).into_string()
}
