//! What the environment decides: folders, and where the parts we start are found. Nothing else reads it.
#![allow(clippy::disallowed_methods, reason = "this is the replacement that the lint names")]

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::error::Error;

/// Where `permitpipe up` keeps everything.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder that was named, else the usual place of this user.
    pub fn resolve(named: Option<&Path>) -> Result<Self, Error> {
        let path = match named {
            Some(path) => std::path::absolute(path).map_err(|e| Error::usage(format!("--data {path:?}: {e}")))?,
            None if is_root() => PathBuf::from("/var/lib/permitpipe"),
            None => home_folder("XDG_DATA_HOME", ".local/share")
                .ok_or_else(|| {
                    Error::usage("neither HOME nor XDG_DATA_HOME is set").advise("name a folder: --data DIR")
                })?
                .join("permitpipe"),
        };
        Ok(Self(path))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Held by the one `permitpipe up` that runs here.
    pub fn lock(&self) -> PathBuf {
        self.0.join("up.lock")
    }

    /// What the other verbs need to know: see `profile.rs`.
    pub fn profile(&self) -> PathBuf {
        self.0.join("cli.json")
    }

    /// Key files, one a key.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// The policy that `up` applies first.
    pub fn policy(&self) -> PathBuf {
        self.0.join("agent.policy.yaml")
    }

    /// The private Postgres' own folder.
    pub fn postgres(&self) -> PathBuf {
        self.0.join("postgres")
    }

    /// The local chain's file.
    pub fn chain(&self) -> PathBuf {
        self.0.join("chain.sqlite")
    }

    /// The local chain's messages.
    pub fn chain_log(&self) -> PathBuf {
        self.0.join("chain.log")
    }
}

/// Whether this process may do anything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The local chain's program: named, beside ours, or where the build leaves it.
pub fn find_localchain() -> Result<PathBuf, Error> {
    let candidates = [beside_us("permitpipe-localchain"), in_cache("localchain/release/permitpipe-localchain")];
    find("PERMITPIPE_LOCALCHAIN", candidates).ok_or_else(|| {
        Error::new("the local chain's program `permitpipe-localchain` was not found")
            .advise("build it with ./dev up, name it in PERMITPIPE_LOCALCHAIN, or use a running chain: --rpc URL")
    })
}

/// The on-chain program's ELF: named, beside ours, or where the build leaves it.
pub fn find_program() -> Result<PathBuf, Error> {
    let candidates = [beside_us("permitpipe_program.so"), in_cache("target/deploy/permitpipe_program.so")];
    find("PERMITPIPE_PROGRAM_SO", candidates).ok_or_else(|| {
        Error::new("the on-chain program `permitpipe_program.so` was not found")
            .advise("build it with ./dev program, or name it in PERMITPIPE_PROGRAM_SO")
    })
}

/// Where Postgres' own programs may lie, best first; `version` is that of the data, if there is any.
pub fn postgres_folders(version: Option<&str>) -> Vec<PathBuf> {
    if let Some(named) = env::var_os("PERMITPIPE_PG_BIN") {
        return vec![named.into()];
    }
    let debian = Path::new("/usr/lib/postgresql");
    let mut installed: Vec<u32> = std::fs::read_dir(debian)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|number: &u32| version.is_none_or(|wanted| wanted == number.to_string()))
        .collect();
    installed.sort_unstable();
    let packaged = installed.into_iter().rev().map(|number| debian.join(number.to_string()).join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    packaged.chain(env::split_paths(&path)).collect()
}

/// How the user calls us, with the folder where it is not the usual one: to be pasted.
pub fn our_name(folder: &Folder) -> String {
    let name = env::args().next().unwrap_or_else(|| "permitpipe".into());
    let is_usual =
        Folder::resolve(None).is_ok_and(|usual| usual.0 == folder.0) || env::var_os("PERMITPIPE_DATA").is_some();
    if is_usual { quoted(&name) } else { format!("{} --data {}", quoted(&name), quoted(&folder.0.to_string_lossy())) }
}

/// For a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A variable that the command line names.
pub fn find_variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn find(variable: &str, candidates: [Option<PathBuf>; 2]) -> Option<PathBuf> {
    match env::var_os(variable) {
        Some(named) => Some(named.into()),
        None => candidates.into_iter().flatten().find(|path| path.is_file()),
    }
}

fn beside_us(name: &str) -> Option<PathBuf> {
    Some(env::current_exe().ok()?.with_file_name(name))
}

fn in_cache(name: &str) -> Option<PathBuf> {
    Some(home_folder("XDG_CACHE_HOME", ".cache")?.join("permitpipe").join(name))
}

fn home_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(below_home)))
}
