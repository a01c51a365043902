//! `permitpipe serve`: a broker alone, against a Postgres and a chain that already run.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use permitpipe_broker::config::Config;

use crate::{error::Error, output, signal};

/// What the broker is told.
#[derive(clap::Args)]
pub struct Args {
    /// postgres://…
    #[arg(long, env = "PERMITPIPE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
    /// Where agents and owners reach it
    #[arg(long, default_value = "127.0.0.1:8400", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// How agents spell that address, if not http://ADDRESS:PORT
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// JSON-RPC of the chain
    #[arg(long, env = "PERMITPIPE_RPC_URL", hide_env_values = true, value_name = "URL")]
    rpc: String,
    /// File with the key-encryption key: 32 bytes, mode 0600
    #[arg(long, value_name = "FILE")]
    kek: PathBuf,
    /// File with the key that signs receipts: 32 bytes, mode 0600
    #[arg(long, value_name = "FILE")]
    receipt_key: PathBuf,
    /// Keypair file of the settle authority; a broker without it does not settle
    #[arg(long, value_name = "FILE")]
    settle_key: Option<PathBuf>,
    /// A name for people
    #[arg(long, default_value = "broker")]
    node_name: String,
    #[command(flatten)]
    tuning: Tuning,
}

/// What `up` offers as well.
#[derive(clap::Args, Clone)]
pub struct Tuning {
    /// No call lives longer; the withdrawal delay must leave room for it
    #[arg(long, value_name = "SECONDS")]
    pub longest_hold: Option<u64>,
    /// How often receipts are gathered into a settlement
    #[arg(long, value_name = "MILLISECONDS")]
    pub settle_interval: Option<u64>,
    /// Origin that may be called although it is not public, such as http://127.0.0.1:9000; may be repeated
    #[arg(long = "allow-private-origin", value_name = "ORIGIN")]
    pub private_origins: Vec<String>,
}

impl Tuning {
    /// Overrides the broker's own defaults where something was said.
    pub fn apply(&self, config: &mut Config) {
        if let Some(seconds) = self.longest_hold {
            config.longest_hold = Duration::from_secs(seconds);
        }
        if let Some(milliseconds) = self.settle_interval {
            config.settle_interval = Duration::from_millis(milliseconds);
        }
        config.allowed_private_origins.extend(self.private_origins.iter().cloned());
    }
}

/// Serves until asked to stop.
pub async fn run(args: Args) -> Result<(), Error> {
    let stop = signal::stop_token()?;
    let mut config = Config::new(args.database_url, args.listen, args.kek, args.receipt_key);
    config.public_url = args.public_url;
    config.rpc_url = args.rpc;
    config.settle_key_path = args.settle_key;
    config.node_name = args.node_name;
    args.tuning.apply(&mut config);
    let ready = |address| output::notice(format!("ready http://{address}"));
    let served = permitpipe_broker::serve(config, ready, stop.cancelled_owned()).await;
    // `{:#}`: with everything that led to it.
    served.map_err(|e| Error::new(format!("the broker stopped: {e:#}")))
}
