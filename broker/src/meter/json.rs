//! Finds the `usage` object of a JSON document that comes in pieces.
//!
//! Only `usage` at the top and inside a top-level `response` count: what stands deeper, or inside text, is content.

use serde_json::Value;

use super::Usage;

/// A usage object larger than this is not read.
const MAX_USAGE_BYTES: usize = 8 * 1024;
/// The longest key that matters, with its quotes.
const MAX_KEY_BYTES: usize = 16;

/// Walks a document, keeping track of the two outer levels only.
#[derive(Debug, Default)]
pub(super) struct UsageFinder {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// Whether the next string on this level is a key, for levels 1 and 2.
    expects_key: [bool; 2],
    is_list: [bool; 2],
    in_key: bool,
    key: Vec<u8>,
    /// The last key on level 1 and 2 was …
    at_response: bool,
    at_usage: [bool; 2],
    /// The usage object so far, and the depth outside of it.
    capture: Option<(usize, Vec<u8>)>,
    found: Option<Usage>,
}

impl UsageFinder {
    /// Takes the next bytes of the document.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.byte(byte);
            let overflowed = self.capture.as_mut().is_some_and(|(_, captured)| {
                captured.push(byte);
                captured.len() > MAX_USAGE_BYTES
            });
            if overflowed {
                self.capture = None;
            }
            self.close_capture();
        }
    }

    /// Copies what was found into `usage`; the last finding counts.
    pub(super) fn report(&self, usage: &mut Usage) {
        if let Some(found) = self.found {
            usage.input_tokens = found.input_tokens;
            usage.output_tokens = found.output_tokens;
            usage.cached_tokens = found.cached_tokens;
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.in_string {
            return self.inside_string(byte);
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.in_key = self.level_expects_key();
                self.key.clear();
            }
            b'{' | b'[' => self.open(byte == b'{'),
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.expect_key(false);
            }
            b',' => self.expect_key(true),
            _ => {}
        }
    }

    fn inside_string(&mut self, byte: u8) {
        let ends = byte == b'"' && !self.is_escaped;
        self.is_escaped = byte == b'\\' && !self.is_escaped;
        if !ends {
            if self.in_key && self.key.len() < MAX_KEY_BYTES {
                self.key.push(byte);
            }
            return;
        }
        self.in_string = false;
        if self.in_key {
            self.in_key = false;
            self.expect_key(false);
            if self.depth == 1 {
                self.at_response = self.key == b"response";
            }
            let is_usage = self.key == b"usage";
            if let Some(at_usage) = self.level().and_then(|level| self.at_usage.get_mut(level)) {
                *at_usage = is_usage;
            }
        }
    }

    fn open(&mut self, is_object: bool) {
        let is_wanted = match self.depth {
            1 => self.at_usage[0],
            2 => self.at_response && self.at_usage[1],
            _ => false,
        };
        if is_wanted && is_object && self.capture.is_none() {
            self.capture = Some((self.depth, Vec::new()));
        }
        self.depth = self.depth.saturating_add(1);
        if let Some(level) = self.level() {
            // A level that is a list has no keys: its commas must not make strings into keys.
            self.expects_key[level] = is_object;
            self.at_usage[level] = false;
            self.is_list[level] = !is_object;
        }
    }

    fn close_capture(&mut self) {
        let is_closed = self.capture.as_ref().is_some_and(|(outside, _)| self.depth == *outside && !self.in_string);
        if let Some((_, captured)) = self.capture.take_if(|_| is_closed) {
            self.found = parse(&captured).or(self.found);
        }
    }

    /// 0 for the outermost object, 1 for what is directly in it.
    fn level(&self) -> Option<usize> {
        self.depth.checked_sub(1).filter(|level| *level < 2)
    }

    fn level_expects_key(&self) -> bool {
        self.level().is_some_and(|level| self.expects_key[level])
    }

    fn expect_key(&mut self, expects: bool) {
        if let Some(level) = self.level() {
            self.expects_key[level] = expects && !self.is_list[level];
        }
    }
}

/// Chat and embeddings say `prompt_tokens`, responses say `input_tokens`.
fn parse(captured: &[u8]) -> Option<Usage> {
    let object: Value = serde_json::from_slice(captured).ok()?;
    let count = |names: [&str; 2]| names.iter().find_map(|name| object.get(name)?.as_u64());
    let details = ["prompt_tokens_details", "input_tokens_details"]
        .iter()
        .find_map(|name| object.get(name)?.get("cached_tokens")?.as_u64());
    let input_tokens = count(["prompt_tokens", "input_tokens"]);
    let output_tokens = count(["completion_tokens", "output_tokens"]);
    let is_known = input_tokens.is_some() || output_tokens.is_some();
    is_known.then(|| Usage {
        input_tokens,
        output_tokens,
        cached_tokens: details.unwrap_or_default(),
        ..Usage::default()
    })
}
