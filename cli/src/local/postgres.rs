//! A private Postgres for `permitpipe up`: only a Unix socket, only as long as we live.

pub mod cluster;
pub mod supervise;

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, Command},
};

use self::supervise::Report;
use crate::{
    config::Folder,
    error::{Error, Explain},
};

/// A running server. Dropping this stops it too, without waiting.
pub struct Postgres {
    watchdog: Child,
    /// The watchdog stops the server when this closes, however that comes about.
    lifeline: ChildStdin,
    url: String,
}

impl Postgres {
    /// Starts the watchdog, which makes the cluster if there is none and starts its server.
    pub async fn start(folder: &Folder) -> Result<Self, Error> {
        let ourselves = std::env::current_exe().explain(|| "cannot find our own program".into())?;
        let mut watchdog = Command::new(ourselves)
            .arg("supervise-postgres")
            .arg(folder.postgres())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .explain(|| "cannot start the watchdog of Postgres".into())?;
        // Taken out, because waiting for a child closes its standard input.
        let lifeline = watchdog.stdin.take().ok_or_else(|| Error::new("the watchdog of Postgres has no input"))?;
        match read_report(&mut watchdog).await? {
            Report::Ready { url } => Ok(Self { watchdog, lifeline, url }),
            Report::Failed { problem, advice } => {
                let error = Error::new(problem);
                Err(match advice {
                    Some(advice) => error.advise(advice),
                    None => error,
                })
            }
        }
    }

    /// How to connect.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns when the watchdog has ended, which it never does by itself.
    pub async fn ended(&mut self) {
        let _ = self.watchdog.wait().await;
    }

    /// Stops the server and waits until it has written everything down.
    pub async fn stop(mut self) {
        drop(self.lifeline);
        let _ = self.watchdog.wait().await;
    }
}

async fn read_report(watchdog: &mut Child) -> Result<Report, Error> {
    let output = watchdog.stdout.take().ok_or_else(|| Error::new("the watchdog of Postgres has no output"))?;
    let mut line = String::new();
    let read = BufReader::new(output).read_line(&mut line).await;
    read.explain(|| "cannot read from the watchdog of Postgres".into())?;
    serde_json::from_str(&line).explain(|| "the watchdog of Postgres ended without a word".into())
}
