//! `./dev demo`: the main job end to end, every step printed with what it proves.
//!
//! `--data DIR` names where it keeps everything; it can be run again there. Fails when anything is off.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use permitpipe_sdk::chain::{Config, Vault};
use permitpipe_tests::{demo, system::program};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run() -> Result<()> {
    let Some(data) = data_folder(std::env::args().skip(1))? else {
        println!("usage: demo [--data DIR]\n\nPlays the main job end to end, on data that it keeps in DIR.");
        return Ok(());
    };
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        bail!("another cryptography provider is installed");
    }
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let interrupted = async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    demo::play(&data, interrupted).await
}

/// `None` when help is asked for.
fn data_folder(mut words: impl Iterator<Item = String>) -> Result<Option<PathBuf>> {
    match (words.next().as_deref(), words.next(), words.next()) {
        (None, ..) => usual_folder().map(Some),
        (Some("--data"), Some(folder), None) => Ok(Some(std::path::absolute(folder)?)),
        (Some("--help" | "-h"), ..) => Ok(None),
        (Some(word), ..) => bail!("`{word}` is not understood: demo [--data DIR]"),
    }
}

/// In the cache, under a name that carries the layout of the program's accounts: what an older program wrote stays out
/// of the way. Root's cache cannot be entered by the user that runs Postgres for it.
fn usual_folder() -> Result<PathBuf> {
    let name = format!("demo-{}-{}", Config::VERSION, Vault::VERSION);
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/cache/permitpipe").join(name));
    }
    Ok(program::cache().context("neither HOME nor XDG_CACHE_HOME is set: name a folder with --data")?.join(name))
}
