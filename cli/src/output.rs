//! Standard output: tables and lines for people, JSON for programs.

use std::io::{self, Write};

use comfy_table::{Cell, Table, presets};
use permitpipe_sdk::money::Credits;
use serde::Serialize;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// Prints one line. A reader that has gone away (`| head`) ends the process quietly.
pub fn line(text: impl AsRef<str>) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{}", text.as_ref()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Prints one line, or loses it: what serves others goes on when nobody reads any more.
pub fn notice(text: impl AsRef<str>) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", text.as_ref()).and_then(|()| out.flush());
}

/// Prints a value as one line of JSON.
pub fn json(value: &impl Serialize) {
    // Our values are structs of strings and integers, which have no way to fail.
    line(serde_json::to_string(value).unwrap_or_default());
}

/// Prints rows under their headings, or `empty` where there are none.
pub fn table<const N: usize>(headings: [&str; N], rows: Vec<[String; N]>, empty: &str) {
    if rows.is_empty() {
        return line(empty);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(headings.map(|heading| Cell::new(heading.to_uppercase())));
    for row in rows {
        table.add_row(row);
    }
    line(table.trim_fmt());
}

/// Credits, which in the double entry may be negative, as USD.
pub fn usd(credits: i64) -> String {
    let amount = Credits::parse(credits.saturating_abs()).unwrap_or(Credits::ZERO);
    format!("{}{amount} USD", if credits < 0 { "-" } else { "" })
}

/// A moment to the second, in UTC, such as `2026-11-21T17:08:00Z`.
pub fn moment(at: OffsetDateTime) -> String {
    let seconds = at.to_offset(UtcOffset::UTC).replace_nanosecond(0).unwrap_or(at);
    seconds.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}

/// A moment of the chain's clock, in Unix seconds.
pub fn at(unix_seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(unix_seconds).map_or_else(|_| format!("second {unix_seconds}"), moment)
}

/// Prints a line under a short label.
pub fn labelled(label: &str, text: &str) {
    line(format!("{label:<11} {text}"));
}

/// The beginning of a long id or hash, for narrow columns.
pub fn short(text: &str) -> String {
    text.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_keeps_its_sign_and_every_digit() {
        assert_eq!(usd(5_000_000), "5.000000 USD");
        assert_eq!(usd(-1), "-0.000001 USD");
        assert_eq!(usd(0), "0.000000 USD");
    }
}
