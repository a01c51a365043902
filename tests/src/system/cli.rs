//! The user's verbs: `permitpipe --json …`, answered in JSON.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use permitpipe_sdk::client::Client;
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

/// The longest verb is `withdraw --wait`.
const VERB_WITHIN: Duration = Duration::from_secs(180);

/// `permitpipe` on one data folder.
#[derive(Clone)]
pub struct Cli {
    program: PathBuf,
    data: PathBuf,
}

impl Cli {
    /// Nothing runs yet.
    pub fn new(program: PathBuf, data: &Path) -> Self {
        Self { program, data: data.to_owned() }
    }

    /// The folder that `up` keeps everything in.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A verb, ready to be run.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--data").arg(&self.data).args(words).kill_on_drop(true);
        command
    }

    /// Runs a verb and reads its answer.
    pub async fn json(&self, words: &[&str]) -> Result<Value> {
        self.json_with_input(words, "").await
    }

    /// Runs a verb with something on its standard input, such as a key, and reads its answer.
    pub async fn json_with_input(&self, words: &[&str], input: &str) -> Result<Value> {
        let output = self.output(&[&["--json"], words].concat(), input).await?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let what = || format!("permitpipe {}", words.join(" "));
        if !output.status.success() {
            bail!("{}: {}{printed}", what(), String::from_utf8_lossy(&output.stderr).trim());
        }
        serde_json::from_str(printed.lines().last().unwrap_or_default())
            .with_context(|| format!("{} printed no JSON: {printed}", what()))
    }

    async fn output(&self, words: &[&str], input: &str) -> Result<Output> {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot run {}", self.program.display()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A verb that does not read its input may have ended already.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let ended = tokio::time::timeout(VERB_WITHIN, child.wait_with_output()).await;
        Ok(ended.with_context(|| format!("permitpipe {} takes too long", words.join(" ")))??)
    }

    /// A client of the control API, by the profile that `up` wrote.
    pub fn client(&self) -> Result<Client> {
        let profile = self.profile()?;
        Ok(Client::new(text(&profile, "url")?, text(&profile, "management_key")?))
    }

    /// The profile that `up` wrote.
    pub fn profile(&self) -> Result<Value> {
        let path = self.data.join("cli.json");
        let content = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(serde_json::from_slice(&content)?)
    }
}

/// A field that holds a string.
pub fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    value[field].as_str().with_context(|| format!("no `{field}` in {value}"))
}
