//! Where the built programs are: named by a variable, else where the build leaves them.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// The one binary.
pub fn permitpipe() -> Result<PathBuf> {
    find("PERMITPIPE_BIN", beside_us("permitpipe")).context("`permitpipe` is not built: ./dev up builds it")
}

/// The OpenAI-compatible upstream.
pub fn demo_upstream() -> Result<PathBuf> {
    find("PERMITPIPE_DEMO_UPSTREAM", beside_us("demo-upstream"))
        .context("`demo-upstream` is not built: cargo build --workspace --bins")
}

/// The local chain.
pub fn localchain() -> Result<PathBuf> {
    find("PERMITPIPE_LOCALCHAIN", in_cache("localchain/release/permitpipe-localchain"))
        .context("the local chain is not built: ./dev up builds it")
}

/// The on-chain program.
pub fn on_chain() -> Result<PathBuf> {
    find("PERMITPIPE_PROGRAM_SO", in_cache("target/deploy/permitpipe_program.so"))
        .context("the on-chain program is not built: ./dev program builds it")
}

/// A Python with the official `openai` package.
pub fn python() -> Result<PathBuf> {
    find("PERMITPIPE_PYTHON", in_cache("venv/bin/python"))
        .context("no Python with the openai package: ./dev demo installs it, PERMITPIPE_PYTHON names one")
}

/// Everything that is rebuilt at will and kept between runs.
pub fn cache() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?.join("permitpipe"))
}

fn find(variable: &str, built: Option<PathBuf>) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).or(built).filter(|path| path.is_file())
}

/// In the folder of this program, or one above it: tests lie in `deps`.
fn beside_us(name: &str) -> Option<PathBuf> {
    let ourselves = std::env::current_exe().ok()?;
    ourselves.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn in_cache(name: &str) -> Option<PathBuf> {
    Some(cache()?.join(name))
}
