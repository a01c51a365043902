//! Scopes: what a lease may do, named after operations.
//!
//! `chat` is one operation, `issues.*` every operation under `issues.`, `*` all of them. Segments are separated by
//! `.` or `:`; a wildcard is a whole last segment, so that no scope means more than it shows.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One scope: the name of an operation, or a wildcard over many.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Arc<str>);

/// Why a scope was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// No text at all.
    #[error("a scope cannot be empty: name an operation such as `chat`, or `*` for all")]
    Empty,
    /// Beyond [`Scope::MAX_BYTES`].
    #[error("a scope has at most 128 characters, this one has {0}")]
    TooLong(usize),
    /// A byte outside the alphabet.
    #[error("a scope is written in a-z, 0-9, `.`, `_`, `:` and `-`, not {0:?}")]
    Character(char),
    /// Two separators in a row, one at an end, or a segment that begins with `-` or `_`.
    #[error("every part of a scope between `.` or `:` begins with a letter or digit")]
    Segment,
    /// `*` anywhere but as the whole last segment.
    #[error("`*` in a scope stands for whole last segments, such as `issues.*`, not for a part of a name")]
    Wildcard,
}

impl Scope {
    /// The longest scope, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Reads a scope; whatever it returns is spelled in the one canonical way.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.is_empty() {
            return Err(ScopeError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(ScopeError::TooLong(text.chars().count()));
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._:-*".contains(c);
        if let Some(other) = text.chars().find(|&c| !allowed(c)) {
            return Err(ScopeError::Character(other));
        }
        let name = if text == "*" { return Ok(Self(text.into())) } else { wildcard_stem(text).unwrap_or(text) };
        if name.contains('*') {
            return Err(ScopeError::Wildcard);
        }
        let begins_well = |segment: &str| segment.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if !name.split(['.', ':']).all(begins_well) {
            return Err(ScopeError::Segment);
        }
        Ok(Self(text.into()))
    }

    /// The scope that covers every operation.
    pub fn all() -> Self {
        Self("*".into())
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for more than one operation.
    pub fn is_wildcard(&self) -> bool {
        self.0.ends_with('*')
    }

    /// Whether everything `other` allows is allowed by `self` too.
    pub fn covers(&self, other: &Self) -> bool {
        match self.0.strip_suffix('*') {
            // `issues.*` keeps its separator: it covers `issues.comment`, not `issues` and not `issuesX`.
            Some(prefix) => other.0.starts_with(prefix),
            None => self == other,
        }
    }

    /// Whether some operation could be meant by both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }
}

/// `issues` of `issues.*`.
fn wildcard_stem(text: &str) -> Option<&str> {
    text.strip_suffix('*')?.strip_suffix(['.', ':'])
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::parse(text)
    }
}

impl Borrow<str> for Scope {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_or_refused() {
        for text in
            ["chat", "issues.comment", "issues.*", "*", "llm:complete", "llm:*", "pull_request.merge", "a-b.c_d.9"]
        {
            assert_eq!(Scope::parse(text).map(|s| s.to_string()).as_deref(), Ok(text));
        }
        let long = "a".repeat(129);
        for (text, error) in [
            ("", ScopeError::Empty),
            (long.as_str(), ScopeError::TooLong(129)),
            ("Chat", ScopeError::Character('C')),
            ("a b", ScopeError::Character(' ')),
            ("сhat", ScopeError::Character('с')),
            ("a..b", ScopeError::Segment),
            (".a", ScopeError::Segment),
            ("a.", ScopeError::Segment),
            ("-a", ScopeError::Segment),
            (".*", ScopeError::Segment),
            ("iss*", ScopeError::Wildcard),
            ("*.read", ScopeError::Wildcard),
            ("a.*.b", ScopeError::Wildcard),
            ("**", ScopeError::Wildcard),
            ("a.**", ScopeError::Wildcard),
            ("*.*", ScopeError::Wildcard),
        ] {
            assert_eq!(Scope::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn covering_is_by_whole_segments() {
        for (wide, narrow, covers) in [
            ("*", "issues.comment", true),
            ("*", "*", true),
            ("*", "issues.*", true),
            ("issues.*", "issues.comment", true),
            ("issues.*", "issues.comment.edit", true),
            ("issues.*", "issues.*", true),
            ("issues.*", "issues.comment.*", true),
            ("issues.*", "issues", false),
            ("issues.*", "issuesx.comment", false),
            ("issues.*", "issues:comment", false),
            ("issues.*", "*", false),
            ("issues", "issues.comment", false),
            ("chat", "chat", true),
            ("chat", "*", false),
        ] {
            let (wide, narrow) = (Scope::parse(wide).unwrap(), Scope::parse(narrow).unwrap());
            assert_eq!(wide.covers(&narrow), covers, "{wide} covers {narrow}");
        }
    }

    #[test]
    fn the_wire_form_is_the_text() {
        let scope = Scope::parse("issues.*").unwrap();
        assert_eq!(serde_json::to_string(&scope).unwrap(), "\"issues.*\"");
        assert_eq!(serde_json::from_str::<Scope>("\"issues.*\"").unwrap(), scope);
        assert!(serde_json::from_str::<Scope>("\"iss*\"").is_err());
    }
}
