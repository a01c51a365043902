//! `permitpipe up`: everything on this machine, in this process and two children.

use std::{
    convert::Infallible,
    fs::{File, TryLockError},
    net::SocketAddr,
};

use serde_json::json;

use super::{Context, serve::Tuning};
use crate::{
    clock::Stopwatch,
    config::{self, Folder},
    error::{Error, Explain},
    file,
    local::{
        bootstrap::Terms,
        machine::{Machine, Wanted},
        parts::{self, Parts},
        setup,
    },
    output,
    profile::Profile,
    signal,
};

/// What to run, and what to leave to others.
#[derive(clap::Args)]
pub struct Args {
    /// Where agents and owners reach the broker
    #[arg(long, default_value = "127.0.0.1:8400", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Use this Postgres instead of a private one
    #[arg(long, env = "PERMITPIPE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// Use this chain instead of a local one
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// WebSocket of that chain, if not the RPC's host with the port above
    #[arg(long, value_name = "URL", requires = "rpc")]
    ws: Option<String>,
    /// Port of the local chain's JSON-RPC; its WebSocket takes the port above
    #[arg(long, default_value_t = 8899, value_name = "PORT", conflicts_with = "rpc")]
    rpc_port: u16,
    /// Length of the local chain's slots; finality comes about 31 slots later
    #[arg(long, default_value_t = 400, value_name = "MILLISECONDS", conflicts_with = "rpc")]
    slot_ms: u64,
    /// New local chain: from the request of a withdrawal to its payment
    #[arg(long, default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=2_592_000))]
    withdrawal_delay: i64,
    /// New local chain: length of the window that an owner's cap counts in [default: 300, at most the delay]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=2_592_000))]
    window: Option<i64>,
    #[command(flatten)]
    tuning: Tuning,
}

/// Starts everything, says how to go on, and runs until asked to stop.
pub async fn run(args: Args, context: &Context) -> Result<(), Error> {
    let stop = signal::stop_token()?;
    let _lock = lock(&context.folder)?;
    let (terms, wanted) = (terms(&args)?, wanted(&args)?);
    let up = Up { args, context, terms, watch: Stopwatch::start(), progress: Progress { is_silent: context.json } };
    let mut machine = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        started = Machine::start(&context.folder, wanted, &up.progress) => started?,
    };
    let mut parts = None;
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        Err(error) = up.go_on(&mut machine, &mut parts) => Err(error),
    };
    // In the order in which they need each other.
    if let Some(parts) = parts {
        parts.stop().await;
    }
    machine.stop().await;
    ended
}

/// One run of the verb.
struct Up<'a> {
    args: Args,
    context: &'a Context,
    terms: Terms,
    watch: Stopwatch,
    progress: Progress,
}

impl Up<'_> {
    /// From running children to a running whole, and on until something stops by itself.
    async fn go_on(&self, machine: &mut Machine, parts: &mut Option<Parts>) -> Result<Infallible, Error> {
        let (folder, progress) = (&self.context.folder, &self.progress);
        let installed = setup::chain(folder, machine, self.terms, progress).await?;
        let tuning = with_defaults(&self.args.tuning, installed.withdrawal_delay_seconds);
        let broker = parts::broker(folder, machine, installed.can_settle, self.args.listen, &tuning)?;
        let watch = Stopwatch::start();
        let (started, ready) = Parts::start(machine, broker);
        let parts = parts.insert(started);
        let url = parts.wait_until_ready(ready).await?;
        progress.say("broker", &format!("and indexer, in {watch}"));
        let profile = setup::profile(folder, machine, &installed, &url, progress).await?;
        progress.say("ready", &format!("in {}", self.watch));
        announce(self.context, machine, &profile);
        tokio::select! {
            error = parts.failed() => Err(error),
            error = machine.keep_alive(folder) => Err(error),
        }
    }
}

fn wanted(args: &Args) -> Result<Wanted, Error> {
    let rpc = match &args.rpc {
        Some(rpc) => Some((rpc.clone(), args.ws.clone().map_or_else(|| super::index::ws_url(rpc), Ok)?)),
        None => None,
    };
    Ok(Wanted { database_url: args.database_url.clone(), rpc, rpc_port: args.rpc_port, slot_ms: args.slot_ms })
}

fn terms(args: &Args) -> Result<Terms, Error> {
    let delay = args.withdrawal_delay;
    let window = args.window.unwrap_or(delay.min(300));
    if window > delay {
        return Err(Error::usage(format!("--window is {window} s, but at most the --withdrawal-delay of {delay} s"))
            .advise("one full window must fit before any exit, so that what was spent is settled first"));
    }
    Ok(Terms { withdrawal_delay_seconds: delay, window_seconds: window })
}

/// Half of a short delay is left for indexing and settling.
fn with_defaults(tuning: &Tuning, withdrawal_delay_seconds: i64) -> Tuning {
    let half = u64::try_from(withdrawal_delay_seconds / 2).unwrap_or(0).max(1);
    Tuning { longest_hold: Some(tuning.longest_hold.unwrap_or(half.min(300))), ..tuning.clone() }
}

/// One `up` a folder.
fn lock(folder: &Folder) -> Result<File, Error> {
    // Others may pass through on the way to what is theirs, as Postgres' own user must; keys lie deeper, under 0700.
    file::create_folder(folder.path(), 0o711)?;
    let file = File::create(folder.lock()).explain(|| format!("cannot write to {}", folder.path().display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(format!("another `permitpipe up` runs in {}", folder.path().display()))
                .advise("stop it, or name another folder (--data) and other ports (--listen, --rpc-port)"))
        }
        Err(TryLockError::Error(e)) => Err(Error::new(format!("cannot lock {}: {e}", folder.lock().display()))),
    }
}

/// Says what has been done, as it is done.
pub struct Progress {
    is_silent: bool,
}

impl Progress {
    /// One line: which part, and what about it.
    pub fn say(&self, part: &str, what: &str) {
        if !self.is_silent {
            output::notice(format!("{part:<11} {what}"));
        }
    }
}

fn announce(context: &Context, machine: &Machine, profile: &Profile) {
    if context.json {
        return output::notice(json!({
            "url": profile.url, "rpc_url": machine.rpc_url(), "ws_url": machine.ws_url(),
            "database_url": machine.database_url(), "program_id": profile.program_id, "usdc_mint": profile.usdc_mint,
            "data": context.folder.path(),
        }).to_string());
    }
    let us = config::our_name(&context.folder);
    let rpc = machine.rpc_url();
    output::notice("");
    output::notice(format!("  broker    {}", profile.url));
    output::notice(format!("  chain     {rpc}"));
    output::notice(format!("  data      {}", context.folder.path().display()));
    output::notice("");
    output::notice("Next, in another terminal:");
    output::notice("");
    output::notice(format!("  {us} topup 5"));
    output::notice(format!("  echo the-local-chain-needs-no-key | {us} secret add helius --origin {rpc} --key-stdin"));
    output::notice(format!(
        "  {us} run --agent hello --service helius --scope 'rpc.read.*' -- \
         sh -c 'curl -s --json \"{{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":1,\\\"method\\\":\\\"getSlot\\\"}}\" \"$HELIUS_RPC_URL\"'"
    ));
    output::notice("");
}
