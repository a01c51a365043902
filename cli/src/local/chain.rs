//! The local Solana chain, a process of its own.

use std::{fs::OpenOptions, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, Command},
};

use crate::{
    config::{self, Folder},
    error::{Error, Explain},
};

/// A running chain. Dropping this stops it too, without waiting.
pub struct LocalChain {
    process: Child,
    /// The chain stops when this closes, however that comes about.
    lifeline: ChildStdin,
    rpc_url: String,
    ws_url: String,
}

impl LocalChain {
    /// Starts the chain on `rpc_port` and, for its WebSocket, the port above; returns when it answers.
    pub async fn start(folder: &Folder, rpc_port: u16, slot_ms: u64) -> Result<Self, Error> {
        let program = config::find_localchain()?;
        let log_path = folder.chain_log();
        let log = OpenOptions::new().write(true).create(true).truncate(true).open(&log_path);
        let log = log.explain(|| format!("cannot write {}", log_path.display()))?;
        let mut process = Command::new(&program)
            .arg("--db")
            .arg(folder.chain())
            .args(["--rpc", &rpc_port.to_string(), "--slot-ms", &slot_ms.to_string(), "--with-parent"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()
            .explain(|| format!("cannot start {}", program.display()))?;
        // Taken out, because waiting for a child closes its standard input.
        let lifeline = process.stdin.take().ok_or_else(|| Error::new("the local chain has no input"))?;
        let Some((rpc_url, ws_url)) = read_ready(&mut process).await? else {
            let _ = process.wait().await;
            let words = std::fs::read_to_string(&log_path).unwrap_or_default();
            let words = words.trim().trim_start_matches("permitpipe-localchain: ");
            return Err(Error::new(format!("the local chain did not start: {words}"))
                .advise("--rpc-port names another port, --rpc URL a chain that already runs"));
        };
        Ok(Self { process, lifeline, rpc_url, ws_url })
    }

    /// Its JSON-RPC.
    pub fn rpc_url(&self) -> &str {
        &self.rpc_url
    }

    /// Its WebSocket.
    pub fn ws_url(&self) -> &str {
        &self.ws_url
    }

    /// Returns when the chain has ended, which it never does by itself.
    pub async fn ended(&mut self) {
        let _ = self.process.wait().await;
    }

    /// Stops the chain and waits until it has written everything down.
    pub async fn stop(mut self) {
        drop(self.lifeline);
        let _ = self.process.wait().await;
    }
}

/// The URLs of the line `ready http://… ws://…`; `None` when the process ended without it.
async fn read_ready(process: &mut Child) -> Result<Option<(String, String)>, Error> {
    let output = process.stdout.take().ok_or_else(|| Error::new("the local chain has no output"))?;
    let mut line = String::new();
    let read = BufReader::new(output).read_line(&mut line).await;
    read.explain(|| "cannot read from the local chain".into())?;
    let mut words = line.split_whitespace();
    Ok(match (words.next(), words.next(), words.next()) {
        (Some("ready"), Some(rpc), Some(ws)) => Some((rpc.to_owned(), ws.to_owned())),
        _ => None,
    })
}
