//! Broker and indexer as tasks of this process.

use std::{net::SocketAddr, time::Duration};

use permitpipe_broker::config::Config as BrokerConfig;
use permitpipe_indexer::Config as IndexerConfig;
use tokio::{
    runtime::Handle,
    sync::oneshot,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{keys, machine::Machine};
use crate::{config::Folder, error::Error, verb::serve::Tuning};

const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long calls under way may take to come to their end.
const DRAIN_WITHIN: Duration = Duration::from_secs(30);
/// The local chain costs nothing to ask.
const LOCAL_POLL_MS: u64 = 500;

/// Both, running.
pub struct Parts {
    tasks: JoinSet<Result<(), String>>,
    stop: CancellationToken,
}

impl Parts {
    /// Starts both. The address at which the broker takes calls comes through the channel, once it does.
    pub fn start(machine: &Machine, broker: BrokerConfig) -> (Self, oneshot::Receiver<SocketAddr>) {
        let (tell_ready, is_ready) = oneshot::channel();
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let until = stop.clone();
        spawn(&mut tasks, move |runtime| {
            let ready = |address| {
                let _ = tell_ready.send(address);
            };
            let served = runtime.block_on(permitpipe_broker::serve(broker, ready, until.cancelled_owned()));
            served.map_err(|e| format!("the broker stopped: {e:#}"))
        });
        let (indexer, until) = (indexer(machine), stop.clone());
        spawn(&mut tasks, move |runtime| {
            let followed = runtime.block_on(permitpipe_indexer::run(indexer, until.cancelled_owned()));
            followed.map_err(|e| format!("the indexer stopped: {e}"))
        });
        (Self { tasks, stop }, is_ready)
    }

    /// The broker's base URL, once it takes calls.
    pub async fn wait_until_ready(&mut self, ready: oneshot::Receiver<SocketAddr>) -> Result<String, Error> {
        tokio::select! {
            // A broker that fails drops its end of the channel; what it says is worth more than that it did.
            biased;
            Some(ended) = self.tasks.join_next() => Err(why(ended)),
            Ok(address) = ready => Ok(format!("http://{}", reachable(address))),
            () = tokio::time::sleep(READY_WITHIN) => {
                Err(Error::new(format!("the broker was not ready within {} s", READY_WITHIN.as_secs()))
                    .advise("start it with PERMITPIPE_LOG=info to see what it waits for"))
            }
        }
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

/// The broker of a local installation.
pub fn broker(
    folder: &Folder,
    machine: &Machine,
    can_settle: bool,
    listen: SocketAddr,
    tuning: &Tuning,
) -> Result<BrokerConfig, Error> {
    let database_url = machine.database_url().to_owned();
    let mut config = BrokerConfig::new(database_url, listen, keys::kek_path(folder)?, keys::receipt_key_path(folder)?);
    if listen.ip().is_unspecified() {
        config.public_url = Some(format!("http://{}", reachable(listen)));
    }
    config.rpc_url = machine.rpc_url().to_owned();
    config.settle_key_path = can_settle.then(|| keys::settle_path(folder));
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
