//! The official `openai` package at work: the scripts know a base URL and a key from their environment, nothing of us.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use permitpipe_sdk::wire::Lease;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::stage::Scene;

/// Streams a chat and prints it.
pub const STREAM_CHAT: &str = include_str!("../../demo/stream_chat.py");
/// Calls what the lease does not cover.
pub const OUT_OF_SCOPE: &str = include_str!("../../demo/out_of_scope.py");
/// Calls, waits for a line, calls again.
pub const CALL_TWICE: &str = include_str!("../../demo/call_twice.py");
/// Calls until it is refused.
pub const CALL_UNTIL_REFUSED: &str = include_str!("../../demo/call_until_refused.py");

const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A script in conversation with us: a line of JSON out, an empty line in.
pub struct Script {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Script {
    /// Starts a script that calls with this lease.
    pub fn with_lease(scene: &Scene, script: &str, lease: &Lease) -> Result<Self> {
        let mut command = Command::new(&scene.python);
        command.env("OPENAI_BASE_URL", &lease.base_url);
        command.env("OPENAI_API_KEY", lease.bearer.as_deref().context("the lease has no bearer")?);
        command.args(["-c", script]);
        Self::start(command)
    }

    /// Starts a command that ends up in a script, such as `permitpipe run -- python …`.
    pub fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut child = command.spawn().context("cannot start Python")?;
        let stdin = child.stdin.take().context("Python has no input")?;
        let stdout = child.stdout.take().context("Python has no output")?;
        Ok(Self { child, stdin, lines: BufReader::new(stdout).lines() })
    }

    /// Its next answer.
    pub async fn answer(&mut self) -> Result<Value> {
        let line = tokio::time::timeout(ANSWER_WITHIN, self.lines.next_line()).await;
        match line.context("Python says nothing")?? {
            Some(line) => serde_json::from_str(&line).with_context(|| format!("Python said: {line}")),
            None => bail!("Python ended without an answer"),
        }
    }

    /// Lets it go on.
    pub async fn go_on(&mut self) -> Result<()> {
        Ok(self.stdin.write_all(b"\n").await?)
    }

    /// Waits for its end, which must be a good one.
    pub async fn end(mut self) -> Result<()> {
        drop(self.stdin);
        let status = tokio::time::timeout(ANSWER_WITHIN, self.child.wait()).await.context("Python does not end")??;
        ensure!(status.success(), "Python ended with {status}");
        Ok(())
    }
}
