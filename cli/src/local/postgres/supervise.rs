//! The watchdog: a process of its own between `permitpipe up` and Postgres.
//!
//! It starts the server, starts it again when it dies, and stops it when its own standard input ends, which is when
//! `up` goes, however it goes. It ignores SIGTERM and SIGINT: whoever stops a whole group of processes at once would
//! otherwise take the database away from a broker that is still finishing its work.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, ExitStatus},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use super::cluster::{self, Cluster};
use crate::{
    clock::Stopwatch,
    error::{Error, Explain},
};

/// How long starting, stopping and handing over may take.
const PATIENCE: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(20);

/// The one line the watchdog writes on its standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// Postgres accepts connections at this URL.
    Ready { url: String },
    /// It does not, and why.
    Failed { problem: String, advice: Option<String> },
}

/// Runs the watchdog for the cluster in `data`; returns when Postgres has stopped.
pub fn run(data: &Path) -> Result<(), Error> {
    let parent = watch_parent();
    ignore_signals()?;
    match start(data) {
        Ok((_lock, cluster, server)) => {
            report(&Report::Ready { url: cluster.url() });
            watch(&cluster, server, &parent)
        }
        Err(error) => {
            report(&Report::Failed { problem: error.problem().into(), advice: error.advice().map(str::to_owned) });
            Err(error)
        }
    }
}

fn start(data: &Path) -> Result<(File, Cluster, Child), Error> {
    let lock = lock(data)?;
    let cluster = Cluster::prepare(data)?;
    if let Some(orphan) = cluster.find_orphan() {
        stop_orphan(orphan)?;
    }
    let server = start_server(&cluster)?;
    Ok((lock, cluster, server))
}

/// Until the parent goes. A server that dies is started again.
fn watch(cluster: &Cluster, mut server: Child, parent: &Receiver<()>) -> Result<(), Error> {
    loop {
        match parent.recv_timeout(TICK) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                stop_server(server)?;
                cluster.clean();
                return Ok(());
            }
        }
        if let Ok(Some(status)) = server.try_wait() {
            tracing::warn!(%status, "Postgres ended by itself; starting it again");
            server = start_server(cluster)?;
        }
    }
}

/// Starts the server and waits until it accepts connections.
fn start_server(cluster: &Cluster) -> Result<Child, Error> {
    let since = Stopwatch::start();
    loop {
        let log_begins = fs::metadata(cluster.log()).map_or(0, |log| log.len());
        let mut server = cluster.server()?.spawn().explain(|| "cannot start Postgres".into())?;
        let ended = wait_until_ready(cluster, &mut server, since)?;
        let Some(status) = ended else { return Ok(server) };
        let log = read_from(&cluster.log(), log_begins);
        // A killed server's children hold its shared memory for a moment longer; and who was killed while it was
        // starting has said nothing about why it could not.
        let may_pass = status.signal().is_some() || log.contains("shared memory") || log.contains("lock file");
        if !may_pass || since.elapsed() > PATIENCE {
            return Err(Error::new(format!("Postgres ended ({status}): {}", log.trim()))
                .advise(format!("its log is {}", cluster.log().display())));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// `None` once it is ready, its exit status when it ended instead.
fn wait_until_ready(cluster: &Cluster, server: &mut Child, since: Stopwatch) -> Result<Option<ExitStatus>, Error> {
    while !cluster.is_ready(server.id()) {
        if let Some(status) = server.try_wait().explain(|| "cannot wait for Postgres".into())? {
            return Ok(Some(status));
        }
        // After a crash it replays its journal first, which takes what it takes: we wait as long as it lives.
        if since.elapsed() > PATIENCE.saturating_mul(10) {
            let _ = server.kill();
            return Err(Error::new("Postgres was not ready within 300 s").advise("see its log"));
        }
        thread::sleep(TICK / 4);
    }
    Ok(None)
}

fn stop_server(mut server: Child) -> Result<(), Error> {
    if let Some(pid) = i32::try_from(server.id()).ok().and_then(Pid::from_raw) {
        cluster::stop(pid);
    }
    server.wait().map(drop).explain(|| "cannot wait for Postgres".into())
}

fn stop_orphan(orphan: Pid) -> Result<(), Error> {
    let since = Stopwatch::start();
    cluster::stop(orphan);
    while rustix::process::test_kill_process(orphan).is_ok() {
        if since.elapsed() > PATIENCE {
            let pid = orphan.as_raw_nonzero();
            return Err(Error::new(format!("an earlier Postgres (process {pid}) on this folder does not stop"))
                .advise(format!("look at it, then: kill -QUIT {pid}")));
        }
        thread::sleep(TICK);
    }
    Ok(())
}

/// One watchdog a cluster. A predecessor whose parent is gone is just stopping its server: wait for it.
fn lock(data: &Path) -> Result<File, Error> {
    let path = data.with_extension("lock");
    if let Some(parent) = data.parent() {
        crate::file::create_folder(parent, 0o711)?;
    }
    let file = File::create(&path).explain(|| format!("cannot create {}", path.display()))?;
    let since = Stopwatch::start();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => thread::sleep(TICK),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(format!("another Postgres runs in {}", data.display()))
                    .advise("stop the other `permitpipe up`, or name another folder with --data"));
            }
            Err(TryLockError::Error(e)) => return Err(Error::new(format!("cannot lock {}: {e}", path.display()))),
        }
    }
}

/// The parent holds the other end of our standard input and writes nothing: its end is the parent's.
fn watch_parent() -> Receiver<()> {
    let (gone, is_gone) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 64];
        while io::stdin().read(&mut buffer).is_ok_and(|length| length > 0) {}
        let _ = gone.send(());
    });
    is_gone
}

fn ignore_signals() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.explain(|| "cannot listen for signals".into())?;
    let _entered = runtime.enter();
    for kind in [tokio::signal::unix::SignalKind::terminate(), tokio::signal::unix::SignalKind::interrupt()] {
        // Installing a handler is what keeps the default action, which is to die, from happening.
        tokio::signal::unix::signal(kind).map(drop).explain(|| "cannot listen for signals".into())?;
    }
    Ok(())
}

/// A parent that is gone by now is noticed elsewhere, and must not keep us from stopping the server.
fn report(report: &Report) {
    let line = serde_json::to_string(report).unwrap_or_default();
    let _ = writeln!(io::stdout(), "{line}");
}

fn read_from(path: &Path, offset: u64) -> String {
    let mut text = Vec::new();
    if let Ok(mut file) = File::open(path)
        && file.seek(SeekFrom::Start(offset)).is_ok()
    {
        let _ = file.read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}
