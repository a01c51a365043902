//! Which headers cross the broker, and how the key gets in: strip first, inject last, exactly once.
//!
//! Names are compared in a normal form where every character but letters and digits is a dash, because servers behind
//! CGI-like interfaces read `x_api_key`, `x.api.key` and `x-api-key` as one header.

use std::{borrow::Cow, collections::HashSet};

use http::{
    HeaderMap, HeaderValue, Uri,
    header::{ACCEPT_ENCODING, CONNECTION},
    uri::PathAndQuery,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::{secret::SecretString, service::Injection};

/// The template names a slot that no HTTP message can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the service's template injects the key where no HTTP message can carry it")]
pub struct InjectionError;

/// What of an agent's request headers goes to the upstream. No credential slot is left, under any spelling.
pub fn filter_request(headers: &HeaderMap) -> HeaderMap {
    let mut kept = keep(headers, |name| is_hop_by_hop(name) || is_credential(name) || is_ours_to_say(name));
    // What is compressed cannot be redacted or metered.
    kept.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    kept
}

/// What of an upstream's response headers goes to the agent.
///
/// Cookies do not: a session the upstream opens for our key would be a credential that outlives the lease. Neither does
/// what would speak for the broker's own origin: transport, caching of addresses, cross-origin access, reporting.
pub fn filter_response(headers: &HeaderMap) -> HeaderMap {
    keep(headers, |name| is_hop_by_hop(name) || speaks_for_the_origin(name))
}

/// Puts the key into its slot and returns the URI to dial; whatever else was in the slot is gone.
pub fn inject(
    headers: &mut HeaderMap,
    uri: Uri,
    injection: &Injection,
    key: &SecretString,
) -> Result<Uri, InjectionError> {
    match injection {
        Injection::Header { name, prefix } => {
            let slot = normal_form(name.as_str()).into_owned();
            *headers = keep(headers, |other| other == slot);
            let value = Zeroizing::new([prefix.as_str(), key.expose()].concat());
            let mut value = HeaderValue::from_str(&value).map_err(|_| InjectionError)?;
            value.set_sensitive(true);
            headers.insert(name.clone(), value);
            Ok(uri)
        }
        Injection::Query { name } => inject_query(uri, name.as_str(), key),
    }
}

fn inject_query(uri: Uri, name: &str, key: &SecretString) -> Result<Uri, InjectionError> {
    const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let slot = normal_form(name);
    let is_slot = |pair: &str| {
        let given = pair.split('=').next().unwrap_or_default();
        normal_form(&percent_decode_str(given).decode_utf8_lossy()) == slot
    };
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !is_slot(pair));
    let ours = Zeroizing::new(format!(
        "{}={}",
        utf8_percent_encode(name, UNRESERVED),
        utf8_percent_encode(key.expose(), UNRESERVED)
    ));
    let query = Zeroizing::new(kept.chain([ours.as_str()]).collect::<Vec<_>>().join("&"));
    let target = Zeroizing::new(format!("{}?{}", uri.path(), *query));
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target.as_str()).map_err(|_| InjectionError)?);
    Uri::from_parts(parts).map_err(|_| InjectionError)
}

/// The headers that neither `is_stripped` nor a `Connection` header names.
fn keep(headers: &HeaderMap, is_stripped: impl Fn(&str) -> bool) -> HeaderMap {
    let nominated: HashSet<String> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .map(|name| normal_form(String::from_utf8_lossy(name).trim()).into_owned())
        .collect();
    let mut kept = HeaderMap::with_capacity(headers.len() + 1);
    for (name, value) in headers {
        let normal = normal_form(name.as_str());
        if !is_stripped(&normal) && !nominated.contains(normal.as_ref()) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

fn normal_form(name: &str) -> Cow<'_, str> {
    let is_normal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.bytes().all(is_normal) {
        return Cow::Borrowed(name);
    }
    let normal = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    Cow::Owned(name.chars().map(normal).collect())
}

fn is_hop_by_hop(name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "connection",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
    ];
    NAMES.contains(&name)
}

/// Every slot an upstream might take a credential from.
fn is_credential(name: &str) -> bool {
    const ENDINGS: [&str; 17] = [
        "access-token",
        "api-key",
        "api-token",
        "apikey",
        "application-key",
        "auth-key",
        "auth-token",
        "authentication",
        "credential",
        "credentials",
        "functions-key",
        "job-token",
        "password",
        "private-token",
        "secret",
        "security-token",
        "subscription-key",
    ];
    name.contains("authorization") || name.contains("cookie") || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Framing, routing and the caller's address: the broker says these, or nobody does.
fn is_ours_to_say(name: &str) -> bool {
    const NAMES: [&str; 22] = [
        "accept-encoding",
        "cf-connecting-ip",
        "client-ip",
        "content-length", // written anew from the body
        "expect",
        "forwarded",
        "host",
        "if-range",
        "range", // a key in pieces is a key that is not found
        "request-range",
        "true-client-ip",
        "via",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-host",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-host",
        "x-original-method",
        "x-real-ip",
        "x-rewrite-url",
    ];
    const PREFIXES: [&str; 5] = ["x-envoy-", "x-forwarded", "x-original-ur", "x-permitpipe-", "proxy-"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn speaks_for_the_origin(name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "alt-svc",
        "clear-site-data",
        "nel",
        "public-key-pins",
        "refresh",
        "report-to",
        "reporting-endpoints",
        "service-worker-allowed",
        "set-cookie",
        "set-cookie2",
        "strict-transport-security",
    ];
    const PREFIXES: [&str; 3] = ["access-control-", "x-permitpipe-", "cross-origin-"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "sk-real-0123456789abcdef";

    fn key() -> SecretString {
        SecretString::parse(KEY.into()).unwrap()
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        map
    }

    fn bearer() -> Injection {
        Injection::Header { name: http::header::AUTHORIZATION, prefix: "Bearer ".into() }
    }

    #[test]
    fn what_an_agent_may_not_say_is_dropped() {
        for name in [
            "Authorization",
            "Authorization_",
            "_authorization",
            "Proxy-Authorization",
            "X-Api-Key",
            "x_api_key",
            "x.api.key",
            "ApiKey",
            "api-key",
            "api_key",
            "X-Goog-Api-Key",
            "Cookie",
            "Cookie2",
            "Private-Token",
            "X-Amz-Security-Token",
            "X-Forwarded-For",
            "x_forwarded_host",
            "Forwarded",
            "Via",
            "Host",
            "X-Real-IP",
            "X-HTTP-Method-Override",
            "x_http_method_override",
            "X-Original-URL",
            "Range",
            "If-Range",
            "Expect",
            "TE",
            "Content-Length",
            "Transfer-Encoding",
            "transfer_encoding",
            "Upgrade",
            "Connection",
            "Keep-Alive",
            "Proxy-Connection",
            "Trailer",
            "HTTP2-Settings",
            "X-PermitPipe-Lease",
            "Proxy-Foo",
        ] {
            let kept = filter_request(&headers(&[(name, "x"), ("accept", "*/*")]));
            assert_eq!(kept, headers(&[("accept", "*/*"), ("accept-encoding", "identity")]), "{name}");
        }
    }

    #[test]
    fn what_an_agent_needs_is_kept() {
        let needed = headers(&[
            ("content-type", "application/json"),
            ("idempotency-key", "abc"),
            ("user-agent", "OpenAI/Python"),
            ("openai-organization", "org"),
            ("x-stainless-lang", "python"),
            ("x-multi", "1"),
            ("x-multi", "2"),
        ]);
        let mut kept = filter_request(&needed);
        assert_eq!(kept.remove("accept-encoding").unwrap(), "identity");
        assert_eq!(kept, needed);
    }

    #[test]
    fn nominated_headers_go_before_the_key_comes() {
        let given = headers(&[
            ("connection", "close, Authorization, X-Secret_Thing"),
            ("x-secret-thing", "1"),
            ("accept", "a"),
        ]);
        let mut kept = filter_request(&given);
        inject(&mut kept, Uri::from_static("https://a.b/"), &bearer(), &key()).unwrap();
        let expected = [("accept", "a"), ("accept-encoding", "identity"), ("authorization", &format!("Bearer {KEY}"))];
        assert_eq!(kept, headers(&expected));
        assert!(kept["authorization"].is_sensitive());
    }

    #[test]
    fn a_query_slot_is_filled_exactly_once() {
        let injection = Injection::Query { name: "api-key".into() };
        for (given, expected) in [
            ("https://a.b/", "https://a.b/?api-key=KEY"),
            ("https://a.b/p?x=1&y", "https://a.b/p?x=1&y&api-key=KEY"),
            ("https://a.b/p?api-key=mine&x=1&API_KEY=2&api%2Dkey=3&api-key", "https://a.b/p?x=1&api-key=KEY"),
            ("https://a.b/p?api-key2=1&&", "https://a.b/p?api-key2=1&api-key=KEY"),
        ] {
            let uri = inject(&mut HeaderMap::new(), given.parse().unwrap(), &injection, &key()).unwrap();
            assert_eq!(uri.to_string(), expected.replace("KEY", KEY));
        }
        let odd = SecretString::parse("a&b=c#d?e/f%20+0123".into()).unwrap();
        let uri = inject(&mut HeaderMap::new(), Uri::from_static("https://a.b/"), &injection, &odd).unwrap();
        assert_eq!(uri.query(), Some("api-key=a%26b%3Dc%23d%3Fe%2Ff%2520%2B0123"));
    }

    #[test]
    fn an_impossible_slot_is_an_error() {
        let injection = Injection::Header { name: HeaderName::from_static("x"), prefix: "a\r\nb".into() };
        assert!(inject(&mut HeaderMap::new(), Uri::from_static("https://a.b/"), &injection, &key()).is_err());
    }

    #[test]
    fn responses_lose_what_is_not_for_the_agent() {
        let kept = filter_response(&headers(&[
            ("content-type", "application/json"),
            ("retry-after", "7"),
            ("location", "https://elsewhere.example/"),
            ("x-ratelimit-remaining", "9"),
            ("set-cookie", "session=1"),
            ("alt-svc", "h3=\":443\""),
            ("refresh", "0; url=/"),
            ("strict-transport-security", "max-age=1"),
            ("access-control-allow-origin", "*"),
            ("x-permitpipe-charge", "0"),
            ("transfer-encoding", "chunked"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
        ]));
        let names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-type", "retry-after", "location", "x-ratelimit-remaining"]);
    }

    proptest! {
        #[test]
        fn one_slot_is_left_and_it_is_ours(
            names in proptest::collection::vec(
                prop_oneof![
                    "[-_.a-zA-Z0-9!#$%&'*+^`|~]{1,12}",
                    "(x[-_.])?(api|API|Auth)[-_.]?([kK]ey|orization|Token)[-_.]?",
                    "(x[-_.])?[dD]emo[-_.~]?slot",
                    Just("Connection".to_owned()),
                ],
                0..20,
            ),
            value in "[a-zA-Z, _-]{0,30}",
            slot in prop_oneof![Just("authorization"), Just("x-api-key"), Just("x-demo-slot"), Just("demo_slot")],
        ) {
            let given: Vec<_> = names.iter().map(|name| (name.as_str(), value.as_str())).collect();
            let mut kept = filter_request(&headers(&given));
            let injection = Injection::Header { name: HeaderName::from_static(slot), prefix: String::new() };
            inject(&mut kept, Uri::from_static("https://a.b/"), &injection, &key()).unwrap();
            let slots: Vec<_> = kept.iter().filter(|(name, _)| {
                let normal = normal_form(name.as_str());
                normal == normal_form(slot) || is_credential(&normal)
            }).collect();
            prop_assert_eq!(slots.len(), 1);
            prop_assert_eq!(slots[0].1, KEY);
            prop_assert!(kept.keys().all(|name| !is_hop_by_hop(&normal_form(name.as_str()))));
        }
    }
}
