//! Durations, amounts, rates and name patterns, as people write them.

use std::fmt;

use permitpipe_sdk::money::Credits;

use crate::yaml::{Node, View};

/// The longest lease that can be written, in seconds: 31 days.
const MAX_TTL_SECONDS: u64 = 31 * 24 * 3600;

/// So many in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many.
    pub count: u64,
    /// In how long.
    pub per_seconds: u64,
}

impl Rate {
    /// Reads `100/minute`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let explain = || {
            format!(
                "`{}` is not a rate; write a number from 1 and second, minute, hour or day, such as 100/minute",
                shorten(text)
            )
        };
        let (count, unit) = text.split_once('/').ok_or_else(explain)?;
        let per_seconds = match unit.trim() {
            "second" | "s" => 1,
            "minute" | "m" => 60,
            "hour" | "h" => 3600,
            "day" | "d" => 86_400,
            _ => return Err(explain()),
        };
        let count = whole(count.trim()).filter(|count| (1..=1_000_000_000).contains(count)).ok_or_else(explain)?;
        Ok(Self { count, per_seconds })
    }

    /// Whether it allows less than `other` does.
    pub fn is_tighter_than(self, other: Self) -> bool {
        u128::from(self.count).saturating_mul(other.per_seconds.into())
            < u128::from(other.count).saturating_mul(self.per_seconds.into())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per_seconds {
            1 => write!(f, "{}/second", self.count),
            60 => write!(f, "{}/minute", self.count),
            3600 => write!(f, "{}/hour", self.count),
            86_400 => write!(f, "{}/day", self.count),
            seconds => write!(f, "{} in {seconds} seconds", self.count),
        }
    }
}

/// Which agents or services a rule means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamePattern {
    /// `*`
    All,
    /// `ci-*`
    Prefix(String),
    /// `ci-bot`
    Exact(String),
}

impl NamePattern {
    /// Reads a name or pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::All);
        }
        let stem = text.strip_suffix('*').unwrap_or(text);
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let begins_well = stem.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if !begins_well || stem.len() > 64 || !stem.bytes().all(is_plain) {
            return Err(format!(
                "`{}` is not a name: write 1 to 64 of letters, digits, `.`, `_` and `-`, with `*` only at the end",
                shorten(text)
            ));
        }
        Ok(if stem.len() < text.len() { Self::Prefix(stem.to_owned()) } else { Self::Exact(text.to_owned()) })
    }

    /// Whether `name` is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Prefix(prefix) => name.starts_with(prefix.as_str()),
            Self::Exact(exact) => name == exact,
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::Exact(exact) => f.write_str(exact),
        }
    }
}

/// Reads `90`, `90s`, `15m`, `1h`, `30 minutes` into seconds, from 1 second to 31 days.
pub fn parse_duration(text: &str) -> Result<u64, String> {
    let explain = || format!("`{}` is not a duration; write 90s, 15m, 1h, 7d or 30 minutes", shorten(text));
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(explain)?;
    let factor: u64 = match unit.strip_prefix(' ').unwrap_or(unit) {
        "" | "s" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        _ => return Err(explain()),
    };
    let seconds = whole(number).and_then(|number| number.checked_mul(factor)).ok_or_else(explain)?;
    if (1..=MAX_TTL_SECONDS).contains(&seconds) {
        return Ok(seconds);
    }
    Err(format!("`{text}` is {seconds} seconds; a duration lies between 1 second and 31 days"))
}

/// Reads `5 USD`, `$0.25` or `0.25`.
pub fn parse_amount(text: &str) -> Result<Credits, String> {
    let number = text.strip_suffix(" USD").or_else(|| text.strip_prefix('$')).unwrap_or(text);
    Credits::parse_usd(number).map_err(|error| format!("`{}`: {error}", shorten(text)))
}

/// A duration, also as a bare number of seconds.
pub(super) fn read_duration(view: &View<'_>) -> Option<u64> {
    if let Node::Integer(number) = view.node() {
        return parse_duration(&number.to_string()).map_err(|error| view.problem(error)).ok();
    }
    view.read(parse_duration)
}

/// An amount, also as a whole number of USD. A fraction as a bare number would have been read as a float.
pub(super) fn read_amount(view: &View<'_>) -> Option<Credits> {
    match view.node() {
        Node::Fraction => {
            view.problem(
                "an amount with decimals is written with its currency, such as `0.25 USD`, so that it stays exact",
            );
            None
        }
        Node::Integer(number) => parse_amount(&number.to_string()).map_err(|error| view.problem(error)).ok(),
        _ => view.read(parse_amount),
    }
}

/// Digits only: `parse` alone takes a plus sign too.
fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_or_refused() {
        for (text, seconds) in [
            ("1", 1),
            ("90s", 90),
            ("15m", 900),
            ("1h", 3600),
            ("30 minutes", 1800),
            ("7d", 604_800),
            ("31 days", 2_678_400),
        ] {
            assert_eq!(parse_duration(text), Ok(seconds), "{text}");
        }
        for text in
            ["", "0", "-5", "P1000Y", "15m ", "32d", "1.5h", "h", "15  m", "+5m", "99999999999999999999s", "1e3"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for (text, credits) in [("5 USD", 5_000_000), ("$0.25", 250_000), ("0.01", 10_000), ("0 USD", 0)] {
            assert_eq!(parse_amount(text).map(Credits::get), Ok(credits), "{text}");
        }
        for text in ["", "-1", "1.0000001 USD", "5 EUR", "1e18", "five", "9223372036855 USD"] {
            assert!(parse_amount(text).is_err(), "{text}");
        }
        assert_eq!(Rate::parse("100/minute"), Ok(Rate { count: 100, per_seconds: 60 }));
        for text in ["", "100", "0/minute", "-1/minute", "1.5/minute", "100/fortnight", "100 per minute", "+1/s"] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
        assert!(Rate::parse("59/minute").unwrap().is_tighter_than(Rate::parse("1/second").unwrap()));
    }

    #[test]
    fn names_match_whole_or_by_prefix() {
        let matches = |pattern: &str, name: &str| NamePattern::parse(pattern).unwrap().matches(name);
        assert!(matches("*", "x") && matches("ci-*", "ci-bot") && matches("DevAgent", "DevAgent"));
        assert!(!matches("ci-*", "xci-bot") && !matches("DevAgent", "devagent"));
        for text in ["", "-a", "a*b", "*a", "**", "a b", "агент", "a\"b", &"a".repeat(65)] {
            assert!(NamePattern::parse(text).is_err(), "{text}");
        }
    }
}
