//! A child process: what it prints, where its complaints go, how it ends.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::mpsc,
};

/// How long an orderly end may take before it is no longer orderly.
const STOP_WITHIN: Duration = Duration::from_secs(45);

/// A running child. Dropped, it is killed.
pub struct Process {
    name: String,
    child: Child,
    /// Some children stop when this closes.
    lifeline: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<String>,
    log: PathBuf,
}

impl Process {
    /// Starts `command` in a process group of its own, so that a Ctrl-C reaches it only through us. Its standard error
    /// is added to `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(log);
        let file = file.with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file).process_group(0).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let lifeline = child.stdin.take();
        let output = child.stdout.take().with_context(|| format!("{name} has no output"))?;
        let (send, lines) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut output = BufReader::new(output).lines();
            while let Ok(Some(line)) = output.next_line().await {
                // Read to the end though nobody listens: a full pipe would stop the child.
                let _ = send.send(line);
            }
        });
        Ok(Self { name: name.to_owned(), child, lifeline, lines, log: log.to_owned() })
    }

    /// The next line it prints; fails when it ends first.
    pub async fn next_line(&mut self, within: Duration) -> Result<String> {
        match tokio::time::timeout(within, self.lines.recv()).await {
            Ok(Some(line)) => Ok(line),
            Ok(None) => {
                let status = self.child.wait().await?;
                Err(anyhow!("{} ended ({status}):\n{}", self.name, self.last_words()))
            }
            Err(_) => bail!("{} said nothing within {} s:\n{}", self.name, within.as_secs(), self.last_words()),
        }
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
    }

    /// The exit status, if it has ended.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(mut self) {
        let _ = self.child.kill().await;
    }

    /// Asks it to stop and waits until it has; kills it when it takes too long, which is an error.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(pid) = self.pid() {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
        drop(self.lifeline.take());
        if tokio::time::timeout(STOP_WITHIN, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
            bail!("{} did not stop within {} s", self.name, STOP_WITHIN.as_secs());
        }
        Ok(())
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}
