//! The path a client asks for: read once, matched and forwarded in the same spelling.
//!
//! Two readers that disagree about a path are how an allow-list is walked around. So what could be read in two ways
//! (`..`, `//`, `\`, `;`, an encoded `/`, `%` twice) is refused, and what remains has one spelling: that one is
//! matched, and the very same bytes go upstream.

use std::fmt;

/// A path in its one spelling: begins with `/`, needless percent-encoding undone, the rest in upper-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientPath(String);

/// Why a path was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Does not begin with `/`.
    #[error("the path must begin with `/`")]
    NotAbsolute,
    /// Beyond [`ClientPath::MAX_BYTES`].
    #[error("the path has {0} bytes, the limit is 4096")]
    TooLong(usize),
    /// A byte that a path cannot hold as it is.
    #[error("the path holds {0}; percent-encode it")]
    Raw(String),
    /// A byte that means something else to some server.
    #[error("the path holds `{0}`, which servers read in different ways; leave it out")]
    Ambiguous(String),
    /// `%` without two hex digits.
    #[error("the path holds a `%` that is not followed by two hex digits")]
    BrokenEscape,
    /// `%25`: something was encoded twice.
    #[error("the path is percent-encoded twice (`%25`); encode it once")]
    DoubleEncoding,
    /// `//`.
    #[error("the path holds an empty segment (`//`); remove the doubled slash")]
    EmptySegment,
    /// `.` or `..`.
    #[error("the path holds a `{0}` segment; write the path it leads to")]
    DotSegment(String),
    /// What the escapes spell is not UTF-8.
    #[error("the path does not decode to UTF-8")]
    NotUtf8,
}

impl ClientPath {
    /// The longest path, in bytes.
    pub const MAX_BYTES: usize = 4096;

    /// Reads a path as it stood in the request line, without query.
    pub fn parse(raw: &str) -> Result<Self, PathError> {
        if raw.len() > Self::MAX_BYTES {
            return Err(PathError::TooLong(raw.len()));
        }
        if !raw.starts_with('/') {
            return Err(PathError::NotAbsolute);
        }
        let mut path = String::with_capacity(raw.len());
        let mut decoded = Vec::with_capacity(raw.len());
        let mut rest = raw.as_bytes();
        while let [first, tail @ ..] = rest {
            let byte;
            (byte, rest) = if *first == b'%' {
                (escaped(tail)?, tail.get(2..).unwrap_or_default())
            } else {
                (literal(*first)?, tail)
            };
            decoded.push(byte);
            if *first != b'%' || is_unreserved(byte) {
                path.push(char::from(byte));
            } else {
                path.push_str(&format!("%{byte:02X}"));
            }
        }
        if std::str::from_utf8(&decoded).is_err() {
            return Err(PathError::NotUtf8);
        }
        check_segments(&path)?;
        Ok(Self(path))
    }

    /// The one spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the slashes; a path that ends in `/` has an empty last one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').skip(1)
    }
}

impl fmt::Display for ClientPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A byte that stands for itself.
fn literal(byte: u8) -> Result<u8, PathError> {
    match byte {
        b'\\' | b';' | b'#' | b'?' => Err(PathError::Ambiguous(char::from(byte).to_string())),
        _ if is_unreserved(byte) || b"/!$&'()*+,=:@".contains(&byte) => Ok(byte),
        0x21..=0x7e => Err(PathError::Raw(format!("`{}`", char::from(byte)))),
        _ => Err(PathError::Raw(format!("byte 0x{byte:02x}"))),
    }
}

/// The byte that the two digits after a `%` name.
fn escaped(digits: &[u8]) -> Result<u8, PathError> {
    let digit = |at: usize| digits.get(at).and_then(|&d| char::from(d).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let (high, low) = digit(0).zip(digit(1)).ok_or(PathError::BrokenEscape)?;
    let byte = high << 4 | low;
    match byte {
        b'%' => Err(PathError::DoubleEncoding),
        b'/' | b'.' | b'#' | b'?' | b'\\' | b';' | 0..=0x1f | 0x7f => Err(PathError::Ambiguous(format!("%{byte:02X}"))),
        _ => Ok(byte),
    }
}

/// Letters, digits, `-`, `.`, `_`, `~`: the same with and without encoding.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn check_segments(path: &str) -> Result<(), PathError> {
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Err(PathError::EmptySegment);
        }
        if segment == "." || segment == ".." {
            return Err(PathError::DotSegment(segment.to_owned()));
        }
    }
    Ok(())
}

/// Which paths an operation or an endpoint means: literal segments, `*` for one, a last `**` for one or more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathPattern {
    segments: Vec<Part>,
}

/// Ordered from the most to the least specific: the smaller pattern wins where two match.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    Literal(String),
    One,
    Rest,
}

/// Why a pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// No request could have such a path.
    #[error("{0}")]
    Path(#[from] PathError),
    /// Written in another spelling than requests are matched in.
    #[error("write this path as `{0}`")]
    Spelling(String),
    /// `*` as a part of a segment, or `**` before the end.
    #[error(
        "`*` stands for one whole segment and `**` for all that remain, so `**` comes last: `/v1/files/*`, `/v1/**`"
    )]
    Wildcard,
}

impl PathPattern {
    /// Reads `/repos/*/*/issues/**`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let path = ClientPath::parse(text)?;
        if path.as_str() != text {
            return Err(PatternError::Spelling(path.0));
        }
        let parts: Result<Vec<Part>, PatternError> = path.segments().map(Part::parse).collect();
        let segments = parts?;
        let early_rest = segments.iter().rev().skip(1).any(|part| *part == Part::Rest);
        if early_rest { Err(PatternError::Wildcard) } else { Ok(Self { segments }) }
    }

    /// Whether `path` is one of those meant. `*` and `**` never stand for an empty segment.
    pub fn matches(&self, path: &ClientPath) -> bool {
        let mut segments = path.segments();
        for part in &self.segments {
            let Some(segment) = segments.next() else { return false };
            match part {
                Part::Literal(literal) if literal == segment => {}
                Part::One if !segment.is_empty() => {}
                Part::Rest => return !segment.is_empty(),
                _ => return false,
            }
        }
        segments.next().is_none()
    }
}

impl Part {
    fn parse(segment: &str) -> Result<Self, PatternError> {
        match segment {
            "*" => Ok(Self::One),
            "**" => Ok(Self::Rest),
            _ if segment.contains('*') => Err(PatternError::Wildcard),
            _ => Ok(Self::Literal(segment.to_owned())),
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments.iter().try_for_each(|part| match part {
            Part::Literal(literal) => write!(f, "/{literal}"),
            Part::One => f.write_str("/*"),
            Part::Rest => f.write_str("/**"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_keep_one_spelling() {
        for (raw, spelled) in [
            ("/", "/"),
            ("/v1/chat/completions", "/v1/chat/completions"),
            ("/v1/chat/completions/", "/v1/chat/completions/"),
            ("/%63hat", "/chat"),
            ("/a%7eb", "/a~b"),
            ("/a%20b", "/a%20b"),
            ("/%c3%a9", "/%C3%A9"),
            ("/@scope/pkg", "/@scope/pkg"),
            ("/a:b,c=d", "/a:b,c=d"),
            ("/a%40b", "/a%40b"),
            ("/...", "/..."),
        ] {
            assert_eq!(ClientPath::parse(raw).map(|p| p.0).as_deref(), Ok(spelled), "{raw}");
        }
    }

    #[test]
    fn what_two_readers_may_read_differently_is_refused() {
        for raw in [
            "",
            "v1",
            "@evil.example",
            "https://evil.example/",
            "//evil.example",
            "/a//b",
            "/a//",
            "/../x",
            "/a/..",
            "/a/.",
            "/./a",
            "/%2e%2e/x",
            "/%2E",
            "/a/%2e%2e%2fb",
            "/a%2fb",
            "/a%5cb",
            "/a\\b",
            "/a;b",
            "/a%3bb",
            "/a%23b",
            "/a#b",
            "/a%3fb",
            "/a?b",
            "/%252e",
            "/%25",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%00",
            "/a%0d%0aHost:x",
            "/a\r\nb",
            "/a b",
            "/a\tb",
            "/é",
            "/%ff",
            "/%c3",
            "/a|b",
            "/a\"b",
            "/a<b",
            "/{a}",
            "/a%7f",
            "/%+1",
        ] {
            assert!(ClientPath::parse(raw).is_err(), "{raw:?} was let through as {:?}", ClientPath::parse(raw));
        }
        assert_eq!(ClientPath::parse(&format!("/{}", "a".repeat(4096))), Err(PathError::TooLong(4097)));
    }

    #[test]
    fn patterns_match_whole_segments() {
        for (pattern, path, matches) in [
            ("/chat/completions", "/chat/completions", true),
            ("/chat/completions", "/chat/completions/", false),
            ("/chat/completions", "/Chat/completions", false),
            ("/chat/completions", "/%63hat/completions", true),
            ("/chat/completions", "/chat", false),
            ("/", "/", true),
            ("/", "/a", false),
            ("/v1/files/*", "/v1/files/a", true),
            ("/v1/files/*", "/v1/files/", false),
            ("/v1/files/*", "/v1/files", false),
            ("/v1/files/*", "/v1/files/a/b", false),
            ("/repos/*/*/issues/**", "/repos/a/b/issues/1/comments", true),
            ("/repos/*/*/issues/**", "/repos/a/b/issues", false),
            ("/**", "/", false),
            ("/**", "/a/b/", true),
        ] {
            let (pattern, path) = (PathPattern::parse(pattern).unwrap(), ClientPath::parse(path).unwrap());
            assert_eq!(pattern.matches(&path), matches, "{pattern} on {path}");
        }
    }

    #[test]
    fn patterns_are_read_or_refused() {
        for text in ["chat", "/a*", "/**/b", "/a/***", "/a//b", "/../a", "/a?b"] {
            assert!(PathPattern::parse(text).is_err(), "{text}");
        }
        assert_eq!(PathPattern::parse("/%63hat"), Err(PatternError::Spelling("/chat".into())));
        assert_eq!(PathPattern::parse("/repos/*/**").unwrap().to_string(), "/repos/*/**");
    }

    #[test]
    fn the_more_specific_pattern_is_the_smaller() {
        let parse = |text| PathPattern::parse(text).unwrap();
        assert!(parse("/a/b") < parse("/a/*"));
        assert!(parse("/a/*") < parse("/a/**"));
    }

    proptest! {
        #[test]
        fn reading_the_spelling_again_changes_nothing(raw in "/[ -~]{0,40}") {
            if let Ok(path) = ClientPath::parse(&raw) {
                prop_assert_eq!(ClientPath::parse(path.as_str()), Ok(path.clone()));
                prop_assert!(!path.as_str().contains(['\\', '?', '#', ';', ' ']));
                let odd = path.segments().any(|s| s == "." || s == "..");
                prop_assert!(!odd && !path.as_str().contains("//"));
            }
        }
    }
}
