//! `permitpipe`: the one binary. User verbs go through the sdk; `up`, `serve` and `index` run the parts.
//!
//! | module | holds |
//! |---|---|
//! | [`verb`] | one verb a file |
//! | [`local`] | what `up` runs beside itself: Postgres, chain, keys, and the chain's first state |
//! | [`rpc`] | the chain: accounts, transactions, finality |
//! | [`profile`] | `cli.json`, by which the verbs find broker and wallet |
//! | [`config`] | folders, and where programs are found |
//! | [`amount`] | amounts as people write them |
//! | [`file`], [`output`], [`error`] | private files, tables and JSON, failures |
//! | [`clock`], [`signal`] | how long things take, being asked to stop |

mod amount;
mod clock;
mod config;
mod error;
mod file;
mod local;
mod output;
mod profile;
mod rpc;
mod signal;
mod verb;

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::{
    config::Folder,
    error::{Error, Explain},
    verb::Context,
};

/// Lets agents use real APIs without ever holding a real key, and bills that use from prepaid credit on Solana.
#[derive(Parser)]
#[command(name = "permitpipe", bin_name = "permitpipe", version, max_term_width = 110)]
struct Arguments {
    /// Where `up` keeps everything [default: ~/.local/share/permitpipe; as root /var/lib/permitpipe]
    #[arg(long, global = true, env = "PERMITPIPE_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run everything on this machine: Postgres, a local chain, indexer, broker
    Up(verb::up::Args),
    /// Run a broker against a Postgres and a chain that already run
    Serve(verb::serve::Args),
    /// Run an indexer against a Postgres and a chain that already run
    Index(verb::index::Args),
    /// Store master keys
    #[command(subcommand)]
    Secret(verb::secret::Verb),
    /// Say what agents may do
    #[command(subcommand)]
    Policy(verb::policy::Verb),
    /// Request, list and revoke leases
    #[command(subcommand)]
    Lease(verb::lease::Verb),
    /// Run a command with a lease that ends with it
    Run(verb::run::Args),
    /// Move USDC or SOL from the wallet into the vault
    Topup(verb::topup::Args),
    /// Show the credit
    Balance(verb::balance::Args),
    /// Move unspent credit back to the wallet, after the delay
    Withdraw(verb::withdraw::Args),
    /// Limit what settlements may take from the vault, or close it
    #[command(subcommand)]
    Vault(verb::vault::Verb),
    /// Stake PERMIT for a discount on the fee, or show the stake
    Stake(verb::stake::Args),
    /// Take PERMIT out of the stake, after the cool-down
    Unstake(verb::unstake::Args),
    /// Show the discounts, and which one the stake gives
    Tier(verb::tier::Args),
    /// Run a relay against a bond, or report one
    #[command(subcommand)]
    Relay(verb::relay::Verb),
    /// Publish service templates against a bond, and judge them
    #[command(subcommand)]
    Template(verb::template::Verb),
    /// Sell and buy plans
    #[command(subcommand)]
    Plan(verb::plan::Verb),
    /// Read the audit log
    #[command(subcommand)]
    Audit(verb::audit::Verb),
    /// Show what calls cost
    #[command(subcommand)]
    Receipt(verb::receipt::Verb),
    /// Show what was settled on chain
    #[command(subcommand)]
    Settlement(verb::settlement::Verb),
    /// The watchdog between `up` and its Postgres
    #[command(hide = true)]
    SupervisePostgres { data: PathBuf },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let as_json = arguments.json;
    start_log();
    match start(arguments) {
        Ok(code) => code,
        Err(error) => {
            error.print(as_json);
            error.exit_code()
        }
    }
}

fn start(arguments: Arguments) -> Result<ExitCode, Error> {
    if let Verb::SupervisePostgres { data } = &arguments.verb {
        // Its parent prints what went wrong.
        return Ok(local::postgres::supervise::run(data).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS));
    }
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a cryptography provider was installed already");
    }
    let context = Context { folder: Folder::resolve(arguments.data.as_deref())?, json: arguments.json };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.explain(|| "cannot start threads".into())?;
    let ended = runtime.block_on(dispatch(arguments.verb, &context));
    // What has not ended by now was given its time: nobody waits for it.
    runtime.shutdown_background();
    ended
}

async fn dispatch(verb: Verb, context: &Context) -> Result<ExitCode, Error> {
    match verb {
        Verb::Up(args) => verb::up::run(args, context).await,
        Verb::Serve(args) => verb::serve::run(args).await,
        Verb::Index(args) => verb::index::run(args).await,
        Verb::Secret(verb) => verb::secret::run(verb, context).await,
        Verb::Policy(verb) => verb::policy::run(verb, context).await,
        Verb::Lease(verb) => return verb::lease::run(verb, context).await,
        Verb::Run(args) => return verb::run::run(args, context).await,
        Verb::Topup(args) => verb::topup::run(args, context).await,
        Verb::Balance(args) => verb::balance::run(args, context).await,
        Verb::Withdraw(args) => verb::withdraw::run(args, context).await,
        Verb::Vault(verb) => verb::vault::run(verb, context).await,
        Verb::Stake(args) => verb::stake::run(args, context).await,
        Verb::Unstake(args) => verb::unstake::run(args, context).await,
        Verb::Tier(args) => verb::tier::run(args, context).await,
        Verb::Relay(verb) => verb::relay::run(verb, context).await,
        Verb::Template(verb) => verb::template::run(verb, context).await,
        Verb::Plan(verb) => verb::plan::run(verb, context).await,
        Verb::Audit(verb) => verb::audit::run(verb, context).await,
        Verb::Receipt(verb) => verb::receipt::run(verb, context).await,
        Verb::Settlement(verb) => verb::settlement::run(verb, context).await,
        Verb::SupervisePostgres { .. } => Ok(()),
    }
    .map(|()| ExitCode::SUCCESS)
}

fn start_log() {
    let filter = EnvFilter::try_from_env("PERMITPIPE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let is_seen = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(is_seen).init();
}
