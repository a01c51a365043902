//! `permitpipe index`: an indexer alone, against a Postgres and a chain that already run.

use permitpipe_indexer::Config;

use crate::{
    error::{Error, Explain},
    signal,
};

/// What the indexer is told.
#[derive(clap::Args)]
pub struct Args {
    /// postgres://…
    #[arg(long, env = "PERMITPIPE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
    /// JSON-RPC of the chain
    #[arg(long, env = "PERMITPIPE_RPC_URL", hide_env_values = true, value_name = "URL")]
    rpc: String,
    /// WebSocket of the chain, if not the RPC's host with the port above
    #[arg(long, env = "PERMITPIPE_WS_URL", hide_env_values = true, value_name = "URL")]
    ws: Option<String>,
    /// The cluster this must be, by its genesis hash
    #[arg(long, value_name = "HASH")]
    genesis_hash: Option<String>,
    /// Look at the chain this often even when nothing wakes us
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 5_000)]
    poll: u64,
    /// Empty the mirror first and read everything again
    #[arg(long)]
    rebuild: bool,
}

/// Follows the chain until asked to stop.
pub async fn run(args: Args) -> Result<(), Error> {
    let stop = signal::stop_token()?;
    let ws = match args.ws {
        Some(url) => url,
        None => ws_url(&args.rpc)?,
    };
    let mut config = Config::new(args.database_url, args.rpc, ws);
    config.genesis_hash = args.genesis_hash;
    config.poll_ms = args.poll;
    config.is_rebuild = args.rebuild;
    permitpipe_indexer::run(config, stop.cancelled_owned()).await.explain(|| "the indexer stopped".into())
}

/// Solana's custom: the same host, `ws` for `http`, and the port above where a port is named.
pub fn ws_url(rpc: &str) -> Result<String, Error> {
    let unusable = || Error::usage(format!("--rpc {rpc} is not an http:// or https:// URL"));
    let mut url = reqwest::Url::parse(rpc).map_err(|_| unusable())?;
    let scheme = match url.scheme() {
        "http" => "ws",
        "https" => "wss",
        _ => return Err(unusable()),
    };
    let port = url.port().map(|port| port.saturating_add(1));
    url.set_port(port).and_then(|()| url.set_scheme(scheme)).map_err(|()| unusable())?;
    Ok(url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_websocket_is_found_as_solana_has_it() {
        assert_eq!(ws_url("http://127.0.0.1:8899").unwrap(), "ws://127.0.0.1:8900/");
        assert_eq!(ws_url("https://rpc.example.com/x?api-key=k").unwrap(), "wss://rpc.example.com/x?api-key=k");
        assert!(ws_url("127.0.0.1:8899").is_err());
        assert!(ws_url("ftp://x").is_err());
    }
}
