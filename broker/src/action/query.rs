//! Takes the bearer out of the query and leaves every other byte.

use percent_encoding::percent_decode_str;

use super::ActionError;
use crate::service::Injection;

const MAX_QUERY_BYTES: usize = 16 * 1024;
/// Where clients of different providers put their key.
const BEARER_PARAMETERS: [&str; 3] = ["api-key", "api_key", "apikey"];

/// The query to forward. Parameters that carry a key are compared decoded and without regard to case, so that no spelling slips through.
pub(super) fn without_bearer(query: Option<&str>, injection: &Injection) -> Result<Option<String>, ActionError> {
    let Some(query) = query else { return Ok(None) };
    if query.len() > MAX_QUERY_BYTES {
        return Err(ActionError::malformed(format!(
            "the query has {} bytes, the limit is {MAX_QUERY_BYTES}. Send the rest in the body.",
            query.len()
        )));
    }
    if let Some(odd) = query.bytes().find(|b| !b.is_ascii_graphic() || *b == b'#') {
        return Err(ActionError::malformed(format!("the query holds byte 0x{odd:02x}; percent-encode it.")));
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_bearer(pair, injection)).collect();
    let is_untouched = kept.len() == query.split('&').count();
    Ok(if is_untouched { Some(query.to_owned()) } else { Some(kept.join("&")).filter(|rest| !rest.is_empty()) })
}

fn is_bearer(pair: &str, injection: &Injection) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    let name = percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
    let is_injected = matches!(injection, Injection::Query { name: injected } if injected.eq_ignore_ascii_case(&name));
    is_injected || BEARER_PARAMETERS.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    #[test]
    fn only_the_bearer_leaves() {
        let header = Injection::Header { name: HeaderName::from_static("authorization"), prefix: "Bearer ".into() };
        let key = Injection::Query { name: "key".into() };
        for (query, injection, kept) in [
            ("api-key=pp_lease_x", &header, None),
            ("a=1&api-key=x&b=%20+%zz&&c", &header, Some("a=1&b=%20+%zz&&c")),
            ("a=1&a=2", &header, Some("a=1&a=2")),
            ("API-KEY=x&api%2Dkey=y&%61pikey=z&api_key", &header, None),
            ("key=1", &header, Some("key=1")),
            ("key=1&x", &key, Some("x")),
            ("K%65y=1&x", &key, Some("x")),
            ("", &header, Some("")),
            ("x-api-key=1", &header, Some("x-api-key=1")),
        ] {
            assert_eq!(without_bearer(Some(query), injection).unwrap().as_deref(), kept, "{query}");
        }
        assert!(without_bearer(Some("a=é"), &header).is_err());
        assert!(without_bearer(Some("a#b"), &header).is_err());
        assert!(without_bearer(Some(&"a".repeat(16 * 1024 + 1)), &header).is_err());
    }
}
