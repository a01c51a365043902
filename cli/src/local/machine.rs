//! The two children of `permitpipe up`, or what stands in for them: a Postgres and a chain.

use super::{chain::LocalChain, postgres::Postgres};
use crate::{clock::Stopwatch, config::Folder, error::Error, rpc::Rpc, verb::up::Progress};

/// A child that goes down more often than this within one run is not worth another start.
const MOST_RESTARTS: u32 = 10;

/// What the operator asks for.
pub struct Wanted {
    /// Instead of a private Postgres.
    pub database_url: Option<String>,
    /// RPC and WebSocket, instead of a local chain.
    pub rpc: Option<(String, String)>,
    /// Where the local chain serves.
    pub rpc_port: u16,
    /// Its slots.
    pub slot_ms: u64,
}

/// Postgres and chain, running.
pub struct Machine {
    wanted: Wanted,
    postgres: Option<Postgres>,
    chain: Option<LocalChain>,
    database_url: String,
    rpc_url: String,
    ws_url: String,
}

impl Machine {
    /// Starts what is ours to start, both at once.
    pub async fn start(folder: &Folder, wanted: Wanted, progress: &Progress) -> Result<Self, Error> {
        let (postgres, chain) = tokio::join!(postgres(folder, &wanted, progress), chain(folder, &wanted, progress));
        let (postgres, chain) = both(postgres, chain).await?;
        let database_url = postgres.as_ref().map(Postgres::url).or(wanted.database_url.as_deref()).unwrap_or_default();
        let ours = chain.as_ref().map(|chain| (chain.rpc_url().to_owned(), chain.ws_url().to_owned()));
        let (rpc_url, ws_url) = ours.or_else(|| wanted.rpc.clone()).unwrap_or_default();
        Ok(Self { database_url: database_url.to_owned(), rpc_url, ws_url, postgres, chain, wanted })
    }

    /// How to reach Postgres.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The chain's JSON-RPC.
    pub fn rpc_url(&self) -> &str {
        &self.rpc_url
    }

    /// The chain's WebSocket.
    pub fn ws_url(&self) -> &str {
        &self.ws_url
    }

    /// Whether the chain is ours.
    pub fn has_own_chain(&self) -> bool {
        self.chain.is_some()
    }

    /// Starts a child again that ends, for as long as that helps. Returns when it does not.
    pub async fn keep_alive(&mut self, folder: &Folder) -> Error {
        for _ in 0..MOST_RESTARTS {
            let restarted = tokio::select! {
                () = postgres_ended(&mut self.postgres) => {
                    tracing::warn!("the watchdog of Postgres ended; starting it again");
                    Postgres::start(folder).await.map(|postgres| self.postgres = Some(postgres))
                }
                () = chain_ended(&mut self.chain) => {
                    tracing::warn!("the local chain ended; starting it again");
                    let chain = LocalChain::start(folder, self.wanted.rpc_port, self.wanted.slot_ms).await;
                    chain.map(|chain| self.chain = Some(chain))
                }
            };
            if let Err(error) = restarted {
                return error;
            }
        }
        Error::new(format!("Postgres and the local chain ended {MOST_RESTARTS} times")).advise("see their logs")
    }

    /// Stops what is ours and waits until it has written everything down.
    pub async fn stop(self) {
        stop(self.postgres, self.chain).await;
    }
}

async fn stop(postgres: Option<Postgres>, chain: Option<LocalChain>) {
    if let Some(chain) = chain {
        chain.stop().await;
    }
    if let Some(postgres) = postgres {
        postgres.stop().await;
    }
}

/// When one did not start, the other is stopped first: whoever tries again finds its port and its lock free.
async fn both(
    postgres: Result<Option<Postgres>, Error>,
    chain: Result<Option<LocalChain>, Error>,
) -> Result<(Option<Postgres>, Option<LocalChain>), Error> {
    match (postgres, chain) {
        (Ok(postgres), Ok(chain)) => Ok((postgres, chain)),
        (Err(error), chain) => {
            stop(None, chain.ok().flatten()).await;
            Err(error)
        }
        (postgres, Err(error)) => {
            stop(postgres.ok().flatten(), None).await;
            Err(error)
        }
    }
}

async fn postgres(folder: &Folder, wanted: &Wanted, progress: &Progress) -> Result<Option<Postgres>, Error> {
    if wanted.database_url.is_some() {
        progress.say("postgres", "yours");
        return Ok(None);
    }
    let watch = Stopwatch::start();
    let postgres = Postgres::start(folder).await?;
    progress.say("postgres", &format!("private, in {watch}"));
    Ok(Some(postgres))
}

async fn chain(folder: &Folder, wanted: &Wanted, progress: &Progress) -> Result<Option<LocalChain>, Error> {
    let watch = Stopwatch::start();
    if let Some((rpc, _)) = &wanted.rpc {
        Rpc::new(rpc).check().await?;
        progress.say("chain", "yours");
        return Ok(None);
    }
    let chain = LocalChain::start(folder, wanted.rpc_port, wanted.slot_ms).await?;
    progress.say("chain", &format!("local, in {watch}"));
    Ok(Some(chain))
}

async fn postgres_ended(postgres: &mut Option<Postgres>) {
    match postgres {
        Some(postgres) => postgres.ended().await,
        None => std::future::pending().await,
    }
}

async fn chain_ended(chain: &mut Option<LocalChain>) {
    match chain {
        Some(chain) => chain.ended().await,
        None => std::future::pending().await,
    }
}
