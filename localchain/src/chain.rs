//! The chain itself: an in-process SVM behind Solana's own JSON-RPC and WebSocket.
#![allow(clippy::disallowed_methods, reason = "waits on files and ports; nothing here is turned by tests")]

use std::{
    fs::{self, File, TryLockError},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::Receiver;
use surfpool_core::surfnet::{
    locker::SurfnetSvmLocker,
    svm::{SurfnetSvm, SurfnetSvmConfig},
};
use surfpool_types::{BlockProductionMode, RpcConfig, SimnetConfig, SimnetEvent, SurfpoolConfig, SvmFeatureConfig};

use crate::arguments::Arguments;

/// How long a predecessor on the same file may take to flush and go.
const HANDOVER: Duration = Duration::from_secs(15);

/// How often notes that nobody reads are dropped.
const FORGET_EVERY: Duration = Duration::from_secs(5);

/// A chain that serves.
pub struct Chain {
    locker: SurfnetSvmLocker,
    /// Held for as long as the chain lives: two chains on one file would destroy it.
    _lock: Option<File>,
}

impl Chain {
    /// Starts the chain and returns once it answers.
    pub fn start(arguments: &Arguments) -> Result<Self, String> {
        let lock = arguments.db.as_deref().map(lock).transpose()?;
        wait_for_port(arguments.rpc_port)?;
        wait_for_port(arguments.ws_port)?;
        let config = config(arguments);
        let (mut svm, events, geyser) = SurfnetSvm::new_with_db(database(arguments)?.as_deref(), svm_config(&config)?)
            .map_err(|e| format!("cannot open the chain's file: {e}; moving it away starts an empty chain"))?;
        // Each start adds the interfaces of well-known programs, megabytes of them, to those of the start before, and
        // reads them all: seconds more with every restart. We look up none of them.
        svm.registered_idls.clear().map_err(|e| format!("cannot clean the chain's file: {e}"))?;
        let locker = SurfnetSvmLocker::new(svm);
        let (commands, received) = crossbeam_channel::unbounded();
        let inner = locker.clone();
        let serve = move || {
            let chain = surfpool_core::runloops::start_local_surfnet_runloop(inner, config, commands, received, geyser);
            if let Err(error) = hiro_system_kit::nestable_block_on(chain) {
                eprintln!("permitpipe-localchain: the chain stopped: {error}");
                std::process::exit(1);
            }
        };
        thread::Builder::new().name("chain".into()).spawn(serve).map_err(|e| format!("cannot start a thread: {e}"))?;
        wait_until_ready(&events)?;
        // Nobody reads the events, but the channel would grow for ever.
        thread::spawn(move || while events.recv().is_ok() {});
        forget_profiles(locker.clone());
        Ok(Self { locker, _lock: lock })
    }

    /// Writes everything to the file.
    pub fn flush(&self) {
        self.locker.with_svm_reader(|svm| svm.shutdown());
    }
}

fn config(arguments: &Arguments) -> SurfpoolConfig {
    SurfpoolConfig {
        simnets: vec![SimnetConfig {
            offline_mode: true,
            remote_rpc_url: None,
            slot_time: arguments.slot_ms,
            block_production_mode: BlockProductionMode::Clock,
            ..Default::default()
        }],
        rpc: RpcConfig {
            bind_host: Ipv4Addr::LOCALHOST.to_string(),
            bind_port: arguments.rpc_port,
            ws_port: arguments.ws_port,
            ..Default::default()
        },
        ..Default::default()
    }
}

fn svm_config(config: &SurfpoolConfig) -> Result<SurfnetSvmConfig, String> {
    let net = config.simnets.first().ok_or("no chain configured")?;
    Ok(SurfnetSvmConfig {
        surfnet_id: net.surfnet_id.clone(),
        slot_time: net.slot_time,
        instruction_profiling_enabled: false,
        max_profiles: net.max_profiles,
        log_bytes_limit: net.log_bytes_limit,
        feature_config: SvmFeatureConfig::default(),
        skip_blockhash_check: false,
    })
}

fn database(arguments: &Arguments) -> Result<Option<String>, String> {
    let Some(path) = &arguments.db else { return Ok(None) };
    let text = path.to_str().ok_or_else(|| format!("--db {}: the path must be UTF-8", path.display()))?;
    Ok(Some(text.to_owned()))
}

/// For each transaction the chain notes every account before and after, our program's code included, and never forgets
/// it: a file that grows by half a megabyte a transaction. Nobody asks for these notes.
fn forget_profiles(locker: SurfnetSvmLocker) {
    thread::spawn(move || {
        loop {
            thread::sleep(FORGET_EVERY);
            let forgotten = locker.with_svm_writer(|svm| {
                svm.executed_transaction_profiles.clear()?;
                svm.profile_tag_map.clear()
            });
            if let Err(error) = forgotten {
                eprintln!("permitpipe-localchain: cannot clean the chain's file: {error}");
            }
        }
    });
}

/// Takes the file's lock, waiting for a predecessor that is just going.
fn lock(db: &Path) -> Result<File, String> {
    if let Some(folder) = db.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|e| format!("cannot create {}: {e}", folder.display()))?;
    }
    let path = db.with_added_extension("lock");
    let file = File::create(&path).map_err(|e| format!("cannot create {}: {e}", path.display()))?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(format!("cannot lock {}: {e}", path.display())),
            Err(TryLockError::WouldBlock) if since.elapsed() > HANDOVER => {
                return Err(format!("another chain runs on {}: stop it, or name another --db", db.display()));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// The chain's own server reports a taken port late and unclearly, so we ask first.
fn wait_for_port(port: u16) -> Result<(), String> {
    let since = Instant::now();
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(()),
            Err(e) if since.elapsed() > Duration::from_secs(2) => {
                return Err(format!("port {port} of 127.0.0.1 cannot be used: {e}; name another with --rpc or --ws"));
            }
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn wait_until_ready(events: &Receiver<SimnetEvent>) -> Result<(), String> {
    loop {
        match events.recv_timeout(Duration::from_secs(60)) {
            Ok(SimnetEvent::CoreStarted(_)) => return Ok(()),
            Ok(SimnetEvent::Aborted(reason)) => return Err(format!("the chain did not start: {reason}")),
            Ok(_) => {}
            Err(e) => return Err(format!("the chain did not start within 60 s: {e}")),
        }
    }
}
