//! Broker and indexer as tasks of this process.

use std::{net::SocketAddr, time::Duration};

use permitpipe_broker::config::Config as BrokerConfig;
use permitpipe_indexer::Config as IndexerConfig;
use tokio::{
    runtime::Handle,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{keys, machine::Machine, setup::Installed};
use crate::{
    clock::Stopwatch,
    config::Folder,
    error::Error,
    verb::{serve::Tuning, up::Progress},
};

const READY_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
/// How long calls under way may take to come to their end.
const DRAIN_WITHIN: Duration = Duration::from_secs(30);
/// The local chain costs nothing to ask.
const LOCAL_POLL_MS: u64 = 500;

/// Both, running.
pub struct Parts {
    tasks: JoinSet<Result<(), String>>,
    stop: CancellationToken,
    url: String,
}

impl Parts {
    /// Starts both.
    pub fn start(
        folder: &Folder,
        machine: &Machine,
        installed: &Installed,
        listen: SocketAddr,
        tuning: &Tuning,
    ) -> Result<Self, Error> {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let (broker, until) = (broker(folder, machine, installed, listen, tuning)?, stop.clone());
        spawn(&mut tasks, move |runtime| {
            let served = runtime.block_on(permitpipe_broker::serve(broker, until.cancelled_owned()));
            served.map_err(|e| format!("the broker stopped: {e}"))
        });
        let (indexer, until) = (indexer(machine), stop.clone());
        spawn(&mut tasks, move |runtime| {
            let followed = runtime.block_on(permitpipe_indexer::run(indexer, until.cancelled_owned()));
            followed.map_err(|e| format!("the indexer stopped: {e}"))
        });
        Ok(Self { tasks, stop, url: format!("http://{}", reachable(listen)) })
    }

    /// The broker's base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns when the broker takes calls.
    pub async fn wait_until_ready(&mut self, progress: &Progress) -> Result<(), Error> {
        let watch = Stopwatch::start();
        let http = reqwest::Client::new();
        let ready = format!("{}/readyz", self.url);
        while !http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
            tokio::select! {
                Some(ended) = self.tasks.join_next() => return Err(why(ended)),
                () = tokio::time::sleep(POLL) => {}
            }
            if watch.elapsed() > READY_WITHIN {
                return Err(Error::new(format!("the broker was not ready within {} s", READY_WITHIN.as_secs()))
                    .advise("start it with PERMITPIPE_LOG=info to see what it waits for"));
            }
        }
        progress.say("broker", &format!("and indexer, in {watch}"));
        Ok(())
    }

    /// Returns when either ends by itself, which neither should.
    pub async fn failed(&mut self) -> Error {
        match self.tasks.join_next().await {
            Some(ended) => why(ended),
            None => Error::new("broker and indexer ended"),
        }
    }

    /// Lets calls under way come to their end.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_WITHIN, drained).await.is_err() {
            tracing::warn!(
                "calls were still under way after {} s; their holds are recovered at the next start",
                DRAIN_WITHIN.as_secs()
            );
        }
    }
}

/// A thread for each part's main loop, so that neither waits for a worker that the other keeps busy.
fn spawn(tasks: &mut JoinSet<Result<(), String>>, part: impl FnOnce(Handle) -> Result<(), String> + Send + 'static) {
    let runtime = Handle::current();
    tasks.spawn_blocking(move || part(runtime));
}

fn broker(
    folder: &Folder,
    machine: &Machine,
    installed: &Installed,
    listen: SocketAddr,
    tuning: &Tuning,
) -> Result<BrokerConfig, Error> {
    let database_url = machine.database_url().to_owned();
    let mut config = BrokerConfig::new(database_url, listen, keys::kek_path(folder)?, keys::receipt_key_path(folder)?);
    config.public_url = Some(format!("http://{}", reachable(listen)));
    config.rpc_url = machine.rpc_url().to_owned();
    config.settle_key_path = installed.can_settle.then(|| keys::settle_path(folder));
    config.node_name = "up".into();
    if machine.has_own_chain() {
        // So that the first thing a newcomer puts behind a lease can be the chain that runs already.
        config.allowed_private_origins.push(machine.rpc_url().to_owned());
    }
    tuning.apply(&mut config);
    Ok(config)
}

fn indexer(machine: &Machine) -> IndexerConfig {
    let mut config = IndexerConfig::new(machine.database_url(), machine.rpc_url(), machine.ws_url());
    if machine.has_own_chain() {
        config.poll_ms = LOCAL_POLL_MS;
    }
    config
}

/// `0.0.0.0` is a place to listen at, not one to call.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let loopback = match listen {
        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(if listen.ip().is_unspecified() { loopback } else { listen.ip() }, listen.port())
}

fn why(ended: Result<Result<(), String>, JoinError>) -> Error {
    match ended {
        Ok(Ok(())) => Error::new("broker or indexer ended by itself"),
        Ok(Err(words)) => Error::new(words),
        Err(error) => Error::new(format!("broker or indexer broke down: {error}")),
    }
}
