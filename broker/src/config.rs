//! What an operator sets. The command line fills this in; nothing here reads the environment.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use permitpipe_sdk::money::Credits;

use crate::estimate::Fees;

/// Settings of one broker process.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where Postgres is; the process then acts in the role `permitpipe_broker`.
    pub database_url: String,
    /// Where agents and owners reach us. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// How agents spell our address; base URLs of leases begin with it.
    pub public_url: Option<String>,
    /// File with the 32-byte key-encryption key.
    pub kek_path: PathBuf,
    /// File with the 32-byte Ed25519 seed that signs receipts.
    pub receipt_key_path: PathBuf,
    /// JSON-RPC endpoint of the chain that settlements are sent to.
    pub rpc_url: String,
    /// Keypair file of the settle authority; without it this process does not settle.
    pub settle_key_path: Option<PathBuf>,
    /// A name for people; the identity is a fresh id for each process.
    pub node_name: String,
    /// No request lives longer. The withdrawal delay must leave room for it.
    pub longest_hold: Duration,
    /// How often receipts are gathered into a settlement.
    pub settle_interval: Duration,
    /// Origins that are not public and may be dialled all the same, such as `http://127.0.0.1:8899`.
    pub allowed_private_origins: Vec<String>,
    /// Our own price.
    pub fees: Fees,
    /// How long a node may go without renewing its heartbeat before it counts as gone.
    pub fence_ttl: Duration,
    /// Connections to Postgres.
    pub database_connections: u32,
}

impl Config {
    /// Defaults for everything an operator rarely changes.
    pub fn new(database_url: String, listen: SocketAddr, kek_path: PathBuf, receipt_key_path: PathBuf) -> Self {
        Self {
            database_url,
            listen,
            public_url: None,
            kek_path,
            receipt_key_path,
            rpc_url: "http://127.0.0.1:8899".into(),
            settle_key_path: None,
            node_name: "broker".into(),
            longest_hold: Duration::from_secs(300),
            settle_interval: Duration::from_secs(5),
            allowed_private_origins: Vec::new(),
            fees: Fees { per_request: FEE_PER_REQUEST, per_mebibyte: FEE_PER_MEBIBYTE },
            fence_ttl: Duration::from_secs(2),
            database_connections: 16,
        }
    }
}

/// 20 µUSD a request and 5 µUSD a mebibyte, the sum rounded up to the credit.
const FEE_PER_REQUEST: Credits = Credits::whole(20);
const FEE_PER_MEBIBYTE: Credits = Credits::whole(5);

/// How long promises on the chain's view must stay good, for the train to judge by.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Until what is captured is on its way to the chain.
    pub settle_interval: Duration,
    /// Until what is held is captured.
    pub longest_hold: Duration,
}

impl Terms {
    /// Both together, in milliseconds: the part of the withdrawal delay that is already spoken for.
    pub fn reserved_ms(&self) -> i64 {
        let span = self.settle_interval.saturating_add(self.longest_hold);
        i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
    }
}
