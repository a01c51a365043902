//! Scheme, host and port of an upstream. A client never names any of them.

use std::{fmt, str::FromStr};

use http::{Uri, uri::PathAndQuery};
use url::{Host, Url};

/// `https://api.example.com`, in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    text: String,
    is_https: bool,
    /// `host` or `host:port`, as it goes into a URI.
    authority: String,
    host: Host<String>,
    port: u16,
}

/// Why an origin, or a URL on it, was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not a URL, or one with more than scheme, host and port, or in another spelling.
    #[error(
        "`{0}` is not an origin: write scheme, host and, if it is not the usual one, port, such as https://api.example.com"
    )]
    Malformed(String),
    /// Something that only an operator may point at.
    #[error("{0}")]
    NotPublic(&'static str),
    /// The URL built from a path would not be on this origin, or not have this path.
    #[error("the path cannot be part of a URL on {0}")]
    Escapes(String),
}

impl Origin {
    /// Reads an origin. Strict: what two URL readers might take for two hosts is refused.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let malformed = || OriginError::Malformed(text.chars().take(100).collect());
        let url = Url::parse(text).map_err(|_| malformed())?;
        let is_https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(malformed()),
        };
        // The canonical form comes from the parsed parts: equality excludes user names, paths, queries, decimal and
        // hexadecimal addresses, upper case, default ports and everything nobody thought of.
        let canonical = url.origin().ascii_serialization();
        let host = url.host().ok_or_else(malformed)?.to_owned();
        let port = url.port_or_known_default().ok_or_else(malformed)?;
        let ends_in_dot = matches!(&host, Host::Domain(name) if name.ends_with('.'));
        if text != canonical || ends_in_dot || port == 0 {
            return Err(malformed());
        }
        let authority = canonical.split_once("://").map(|(_, authority)| authority.to_owned()).ok_or_else(malformed)?;
        Ok(Self { text: canonical, is_https, authority, host, port })
    }

    /// Whether an owner may register it without the operator's consent: https, a public-looking name, the usual port.
    ///
    /// What the name resolves to is checked again at every connection.
    pub fn check_public(&self) -> Result<(), OriginError> {
        let Host::Domain(name) = &self.host else {
            return Err(OriginError::NotPublic(
                "an upstream is named by host name, not by address, unless the operator allows that very origin",
            ));
        };
        if !self.is_https {
            return Err(OriginError::NotPublic(
                "an upstream is reached by https, unless the operator allows that very origin",
            ));
        }
        if self.port != 443 {
            return Err(OriginError::NotPublic(
                "an upstream is reached on port 443, unless the operator allows that very origin",
            ));
        }
        let private =
            ["localhost", "local", "internal", "intranet", "lan", "home", "corp", "onion", "test", "invalid", "arpa"];
        let last = name.rsplit('.').next().unwrap_or_default();
        if !name.contains('.') || private.contains(&last) {
            return Err(OriginError::NotPublic(
                "an upstream has a public host name, unless the operator allows that very origin",
            ));
        }
        Ok(())
    }

    /// The URL of `path` and `query` here. The result is taken apart again and compared: it is on this origin and has this very path.
    pub fn join(&self, path: &str, query: Option<&str>) -> Result<Uri, OriginError> {
        let escapes = || OriginError::Escapes(self.text.clone());
        let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        let target = PathAndQuery::try_from(target).map_err(|_| escapes())?;
        let uri = Uri::builder()
            .scheme(self.scheme())
            .authority(self.authority.as_str())
            .path_and_query(target)
            .build()
            .map_err(|_| escapes())?;
        let is_here =
            uri.scheme_str() == Some(self.scheme()) && uri.authority().is_some_and(|a| a.as_str() == self.authority);
        let is_same = path.starts_with('/') && uri.path() == path && uri.query() == query;
        if is_here && is_same { Ok(uri) } else { Err(escapes()) }
    }

    /// The one spelling.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is reached by TLS.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.is_https { "https" } else { "http" }
    }

    /// Host name or address.
    pub fn host(&self) -> &Host<String> {
        &self.host
    }

    /// The port, also where it is the usual one.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn origins_have_one_spelling() {
        for text in [
            "https://api.openai.com",
            "http://127.0.0.1:8899",
            "https://a.example:8443",
            "http://[::1]:9000",
            "http://localhost:1",
        ] {
            assert_eq!(Origin::parse(text).map(|o| o.to_string()).as_deref(), Ok(text));
        }
        for text in [
            "",
            "api.openai.com",
            "https://",
            "https://api.openai.com/",
            "https://api.openai.com/v1",
            "https://API.openai.com",
            "https://api.openai.com:443",
            "http://a.example:80",
            "https://u@a.example",
            "https://u:p@a.example",
            "https://a.example?x",
            "https://a.example#x",
            "https://a.example.",
            "https:a.example",
            "https:\\\\a.example",
            " https://a.example",
            "https://a.example ",
            "ftp://a.example",
            "file:///etc/passwd",
            "http://0x7f.1",
            "http://2130706433",
            "http://0177.0.0.1",
            "http://127.1",
            "https://exämple.com",
            "https://a%2eexample",
            "https://a.example:0",
            "https://a.example:65536",
            "https://a.example:",
            "http://[::ffff:7f00:0001]",
            "https://a.ex\tample",
            "https://a.example\n",
            "//a.example",
            "javascript:1",
            "https://a.example\\@b.example",
        ] {
            assert!(Origin::parse(text).is_err(), "{text:?} was read as {:?}", Origin::parse(text));
        }
    }

    #[test]
    fn only_public_names_need_no_operator() {
        let is_public = |text: &str| Origin::parse(text).unwrap().check_public().is_ok();
        assert!(is_public("https://api.example.com"));
        for text in [
            "http://api.example.com",
            "https://127.0.0.1",
            "https://[::1]",
            "https://localhost",
            "https://a.localhost",
            "https://metadata.google.internal",
            "https://printer.local",
            "https://intranet",
            "https://api.example.com:22",
        ] {
            assert!(!is_public(text), "{text}");
        }
    }

    #[test]
    fn urls_stay_on_their_origin() {
        let origin = Origin::parse("https://api.example.com").unwrap();
        let joined = origin.join("/v1/chat", Some("a=1&b=%20")).unwrap();
        assert_eq!(joined.to_string(), "https://api.example.com/v1/chat?a=1&b=%20");
        for path in ["", "v1", "@evil.example/x", "https://evil.example/", "/a#b", "/a?b", "/a b", "/a\r\nb", "*"] {
            assert!(origin.join(path, None).is_err(), "{path:?} gave {:?}", origin.join(path, None));
        }
        assert!(origin.join("/a", Some("b#c")).is_err());
        assert_eq!(origin.join("//evil.example/x", None).unwrap().host(), Some("api.example.com"));
    }

    proptest! {
        #[test]
        fn no_path_leaves_the_origin(path in "\\PC{0,40}", query in proptest::option::of("\\PC{0,20}")) {
            let origin = Origin::parse("https://api.example.com:8443").unwrap();
            if let Ok(uri) = origin.join(&path, query.as_deref()) {
                prop_assert_eq!(uri.scheme_str(), Some("https"));
                prop_assert_eq!(uri.host(), Some("api.example.com"));
                prop_assert_eq!(uri.port_u16(), Some(8443));
                prop_assert_eq!(uri.path(), path.as_str());
            }
        }
    }
}
