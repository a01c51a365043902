//! Masks the injected key in what an upstream sends back, across chunk boundaries, byte for byte.
//!
//! A hostile upstream can always encode a key it was given in some way of its own; this stops the honest ones that echo
//! a header in an error text or a debug endpoint.

use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::needle::Needles;
use crate::secret::SecretString;

const MASK: u8 = b'*';

/// Redacts one response: headers at once, the body as it streams.
///
/// Held back from a chunk is its trailing run of visible ASCII, at most one byte less than the longest form of the key.
/// A body piece that ends in a space or a line end, such as a server-sent event, is never delayed. Whether the run
/// resembles the key makes no difference: were only likely beginnings held back, an agent that can make the upstream
/// echo its guesses could read the key, byte by byte, off the delays.
pub struct Redactor {
    needles: Needles,
    held: Vec<u8>,
    /// How many of the held bytes belong to a place that began in what was already passed on.
    held_masked: usize,
    hits: u64,
}

impl Redactor {
    /// A redactor for one response to a request that carried `key`.
    pub fn new(key: &SecretString) -> Self {
        Self { needles: Needles::new(key.expose()), held: Vec::new(), held_masked: 0, hits: 0 }
    }

    /// How often the key was found.
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// Takes the next chunk, gives what may be passed on now: as many bytes as came in, in the end.
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        let chunk = if self.held.is_empty() { chunk } else { Bytes::from([self.held.as_slice(), &chunk].concat()) };
        let places = self.needles.find(&chunk);
        let passed = chunk.len() - self.trailing_run(&chunk);
        self.hits += places.iter().filter(|place| place.start < passed).count() as u64;
        let masked_before = self.held_masked;
        let passed_on = places.iter().filter(|place| place.start < passed).map(|place| place.end);
        self.held_masked = passed_on.fold(masked_before, usize::max).saturating_sub(passed);
        self.held.clear();
        self.held.extend_from_slice(&chunk[passed..]);
        mask(chunk.slice(..passed), masked_before, &places)
    }

    /// Gives what was held back; call once, at the clean end of the body.
    pub fn finish(&mut self) -> Bytes {
        let chunk = Bytes::from(std::mem::take(&mut self.held));
        let places = self.needles.find(&chunk);
        self.hits += places.len() as u64;
        mask(chunk, std::mem::replace(&mut self.held_masked, 0), &places)
    }

    /// Masks header values in place. A header whose name holds the key is dropped: names are never that long.
    pub fn redact_headers(&mut self, headers: &mut HeaderMap) {
        let named: Vec<_> =
            headers.keys().filter(|name| !self.needles.find(name.as_str().as_bytes()).is_empty()).cloned().collect();
        for name in named {
            headers.remove(name);
            self.hits += 1;
        }
        for value in headers.values_mut() {
            let places = self.needles.find(value.as_bytes());
            if places.is_empty() {
                continue;
            }
            self.hits += places.len() as u64;
            let masked = mask(Bytes::copy_from_slice(value.as_bytes()), 0, &places);
            *value = HeaderValue::from_maybe_shared(masked).unwrap_or_else(|_| HeaderValue::from_static("*"));
        }
    }

    fn trailing_run(&self, chunk: &[u8]) -> usize {
        let most = self.needles.longest() - 1;
        chunk.iter().rev().take(most).take_while(|byte| byte.is_ascii_graphic()).count()
    }
}

fn mask(chunk: Bytes, masked_before: usize, places: &[Range<usize>]) -> Bytes {
    if masked_before == 0 && places.is_empty() {
        return chunk;
    }
    let mut masked = chunk.to_vec();
    let length = masked.len();
    for place in std::iter::once(&(0..masked_before)).chain(places) {
        masked[place.start.min(length)..place.end.min(length)].fill(MASK);
    }
    masked.into()
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;

    const KEY: &str = "sk-proj-0123456789_abcdefXYZ";

    fn redactor() -> Redactor {
        Redactor::new(&SecretString::parse(KEY.into()).unwrap())
    }

    fn redact(chunks: &[&[u8]]) -> Vec<u8> {
        let mut redactor = redactor();
        let mut out: Vec<u8> = chunks.iter().flat_map(|chunk| redactor.push(Bytes::copy_from_slice(chunk))).collect();
        out.extend(redactor.finish());
        out
    }

    fn hex(key: &str, escape: &str) -> String {
        key.bytes().map(|byte| format!("{escape}{byte:02x}")).collect()
    }

    #[test]
    fn the_key_is_masked_wherever_two_or_three_chunks_split_it() {
        let basic = STANDARD.encode(format!("user:{KEY}"));
        for text in [
            format!("{{\"error\":\"bad key {KEY}, sorry\"}}"),
            format!("{KEY}{KEY}"),
            format!("{KEY} {KEY}!"),
            format!("Basic {basic} end"),
            format!("?api-key={}&x=1", hex(KEY, "%")),
            format!("{}\n", hex(KEY, "")),
            format!("{}{KEY}{}", "a".repeat(100), "b".repeat(100)),
        ] {
            let text = text.as_bytes();
            let whole = redact(&[text]);
            assert_eq!(whole.len(), text.len());
            assert!(!whole.windows(6).any(|six| KEY.as_bytes().windows(6).any(|part| part == six)));
            for first in 0..=text.len() {
                assert_eq!(redact(&[&text[..first], &text[first..]]), whole, "split at {first}");
                for second in (first..=text.len()).step_by(3) {
                    let chunks = [&text[..first], &text[first..second], &text[second..]];
                    assert_eq!(redact(&chunks), whole, "split at {first} and {second}");
                }
            }
            let bytes: Vec<_> = text.chunks(1).collect();
            assert_eq!(redact(&bytes), whole, "byte by byte");
        }
    }

    #[test]
    fn everything_but_the_key_passes_unchanged() {
        let almost = [&KEY[1..], &KEY[..KEY.len() - 1], "sk-proj-", "", "\n", "data: {}\n\n", "\u{1F600} ünïcödé"];
        assert_eq!(
            redact(&almost.map(str::as_bytes)),
            [&KEY.as_bytes()[1..], &almost[1..].concat().into_bytes()].concat()
        );
        let binary: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        assert_eq!(redact(&[&binary[..5000], &binary[5000..]]), binary);
    }

    #[test]
    fn a_server_sent_event_is_never_delayed() {
        let mut redactor = redactor();
        for event in ["data: {\"delta\":\"sk-proj-0123\"}\n\n", ": ping\n\n", "data: [DONE]\r\n\r\n"] {
            assert_eq!(redactor.push(Bytes::from(event)), event);
        }
    }

    #[test]
    fn what_is_held_back_is_bounded_and_does_not_depend_on_the_key() {
        let longest = redactor().needles.longest();
        let mut like_the_key = redactor();
        let mut unlike = redactor();
        let guess = format!("{}{}", "x".repeat(4 * longest), &KEY[..12]);
        let other = "y".repeat(guess.len());
        let passed = like_the_key.push(Bytes::from(guess.clone())).len();
        assert_eq!(passed, guess.len() - (longest - 1));
        assert_eq!(passed, unlike.push(Bytes::from(other)).len());
    }

    #[test]
    fn header_values_are_masked_and_hits_are_counted() {
        let mut redactor = redactor();
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", format!("Bearer {KEY}").parse().unwrap());
        headers.append("x-echo", "fine".parse().unwrap());
        headers.insert("location", format!("https://a.example/?k={KEY}&a=b").parse().unwrap());
        redactor.redact_headers(&mut headers);
        let stars = "*".repeat(KEY.len());
        assert_eq!(headers["x-echo"], format!("Bearer {stars}"));
        assert_eq!(headers.get_all("x-echo").iter().nth(1).unwrap(), "fine");
        assert_eq!(headers["location"], format!("https://a.example/?k={stars}&a=b"));
        assert_eq!(redactor.hits(), 2);
        redactor.push(Bytes::from(KEY));
        redactor.finish();
        assert_eq!(redactor.hits(), 3, "a held-back key is counted once");
    }
}
