//! `permitpipe audit tail`.

use std::time::Duration;

use permitpipe_sdk::wire::AuditEntry;
use serde_json::Value;

use super::Context;
use crate::{error::Error, output, signal};

/// Most entries in one answer.
const PAGE: u32 = 500;
/// Facts that stand in front of the line already, or are the same in all of them.
const IN_EVERY_ENTRY: [&str; 4] = ["version", "kind", "at", "request_id"];
const POLL: Duration = Duration::from_millis(500);

/// What to do.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// Show the latest entries
    Tail {
        /// How many
        #[arg(long, short = 'n', default_value_t = 20)]
        lines: usize,
        /// Go on showing what comes
        #[arg(long, short)]
        follow: bool,
    },
}

/// Does it.
pub async fn run(verb: Verb, context: &Context) -> Result<(), Error> {
    let Verb::Tail { lines, follow } = verb;
    let client = context.client()?;
    let (mut after, mut latest) = (None, Vec::new());
    // Pages come oldest first: read to the end, keep the last.
    loop {
        let page = client.audit_trail(after, PAGE).await?;
        let is_last = page.entries.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        after = page.entries.last().map(|entry| entry.entry_id).or(after);
        latest.extend(page.entries);
        latest.drain(..latest.len().saturating_sub(lines));
        if is_last {
            break;
        }
    }
    show(&latest, context.json);
    let stop = signal::stop_token()?;
    while follow && !stop.is_cancelled() {
        tokio::select! { () = stop.cancelled() => break, () = tokio::time::sleep(POLL) => {} }
        let page = client.audit_trail(after, PAGE).await?;
        after = page.entries.last().map(|entry| entry.entry_id).or(after);
        show(&page.entries, context.json);
    }
    Ok(())
}

/// One line an entry, so that following and looking read the same.
fn show(entries: &[AuditEntry], as_json: bool) {
    for entry in entries {
        if as_json {
            output::json(entry);
        } else {
            output::line(format!(
                "{}  {:<16}  {}  {}",
                output::moment(entry.at),
                entry.kind,
                entry.request_id,
                facts(&entry.body)
            ));
        }
    }
}

/// The facts as `name=value`, strings without quotation marks.
fn facts(body: &Value) -> String {
    let Value::Object(fields) = body else { return body.to_string() };
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let said = |name: &str| IN_EVERY_ENTRY.contains(&name);
    let facts = fields.iter().filter(|(name, value)| !said(name) && !value.is_null());
    facts.map(|(name, value)| format!("{name}={}", plain(value))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_read_as_name_and_value() {
        assert_eq!(
            facts(&json!({ "kind": "intent", "agent": "a", "amount": 3, "model": null, "scopes": ["x"] })),
            r#"agent=a amount=3 scopes=["x"]"#
        );
    }
}
