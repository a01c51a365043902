//! The forms a key can take in text, and a search for all of them at once.
//!
//! The search is Wu and Manber's: it looks at two bytes and usually skips as many as the shortest form is long, so that
//! a body without the key costs a fraction of reading it.

use std::{collections::BTreeSet, ops::Range};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

const SHIFT_BITS: u32 = 11;

/// All forms of one key.
pub(super) struct Needles {
    forms: Vec<Zeroizing<Vec<u8>>>,
    shortest: usize,
    longest: usize,
    /// How far the search may move on, by the hash of the two bytes it looks at; 0 means "compare here".
    shifts: Box<[u8; 1 << SHIFT_BITS]>,
}

impl Needles {
    /// The forms of `key`, which is visible ASCII and at least 16 bytes long.
    pub(super) fn new(key: &str) -> Self {
        let forms: Vec<_> = forms(key.as_bytes()).into_iter().map(Zeroizing::new).collect();
        let shortest = forms.iter().map(|form| form.len()).min().unwrap_or(2).clamp(2, 255);
        let longest = forms.iter().map(|form| form.len()).max().unwrap_or(2);
        let furthest = u8::try_from(shortest - 1).unwrap_or(u8::MAX);
        let mut shifts = Box::new([furthest; 1 << SHIFT_BITS]);
        for form in &forms {
            for (start, pair) in form.windows(2).take(shortest - 1).enumerate() {
                let shift = u8::try_from(shortest - 2 - start).unwrap_or(0);
                let slot = &mut shifts[slot(pair[0], pair[1])];
                *slot = shift.min(*slot);
            }
        }
        Self { forms, shortest, longest, shifts }
    }

    /// The length of the longest form.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Every place where a form stands, in order of where it starts; places may overlap.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        // `last` is the place of the last byte of a window as long as the shortest form.
        let mut last = self.shortest - 1;
        while last < text.len() {
            match usize::from(self.shifts[slot(text[last - 1], text[last])]) {
                0 => {
                    let start = last + 1 - self.shortest;
                    let here = self.forms.iter().filter(|form| text[start..].starts_with(form));
                    found.extend(here.map(|form| start..start + form.len()));
                    last += 1;
                }
                shift => last += shift,
            }
        }
        found
    }
}

fn slot(first: u8, second: u8) -> usize {
    ((usize::from(first) << 4) ^ usize::from(second)) & ((1 << SHIFT_BITS) - 1)
}

/// The key itself, base64 at each of its three alignments, URL encoding of some or all bytes, hex, and JSON escapes.
fn forms(key: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::from([key.to_vec()]);
    for alignment in 0..3 {
        forms.insert(base64_at(&STANDARD_NO_PAD, key, alignment));
        forms.insert(base64_at(&URL_SAFE_NO_PAD, key, alignment));
    }
    let is_reserved = |byte: u8| !(byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
        forms.insert(encoded(key, is_reserved, b"%", Some(digits)));
        forms.insert(encoded(key, |_| true, b"%", Some(digits)));
        forms.insert(encoded(key, |_| true, b"", Some(digits)));
    }
    forms.insert(encoded(key, |byte| b"\"\\".contains(&byte), b"\\", None));
    forms.insert(encoded(key, |byte| b"\"\\/".contains(&byte), b"\\", None));
    forms
}

/// What base64 makes of `key` behind `alignment` unknown bytes: the characters that no unknown byte touches.
fn base64_at(engine: &impl Engine, key: &[u8], alignment: usize) -> Vec<u8> {
    let padded = Zeroizing::new([&[0; 2][..alignment], key].concat());
    let encoded = Zeroizing::new(engine.encode(&*padded));
    let first = (alignment * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    encoded.as_bytes()[first..end].to_vec()
}

/// `key` with `escape` before the bytes in question, and these in hex where digits are given.
fn encoded(key: &[u8], is_escaped: impl Fn(u8) -> bool, escape: &[u8], hex: Option<&[u8; 16]>) -> Vec<u8> {
    // Room for all of it: growing would leave pieces of the key behind.
    let mut text = Vec::with_capacity(key.len() * 3);
    for &byte in key {
        match hex.filter(|_| is_escaped(byte)) {
            Some(digits) => {
                text.extend_from_slice(escape);
                text.extend([digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
            }
            None => {
                text.extend_from_slice(if is_escaped(byte) { escape } else { b"" });
                text.push(byte);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "sk-Live/+0123456789?abcXYZ";

    #[test]
    fn the_search_finds_what_a_naive_search_finds() {
        let needles = Needles::new(KEY);
        let forms = forms(KEY.as_bytes());
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let pick = prop_oneof![
            proptest::sample::select(forms.iter().cloned().collect::<Vec<_>>()),
            proptest::sample::select(forms.iter().map(|form| form[..form.len() / 2].to_vec()).collect::<Vec<_>>()),
            proptest::collection::vec(any::<u8>(), 0..40),
            "[a-zA-Z0-9+/%]{0,40}".prop_map(String::into_bytes),
        ];
        runner
            .run(&proptest::collection::vec(pick, 0..12), |parts| {
                let text = parts.concat();
                let naive: BTreeSet<_> = forms
                    .iter()
                    .flat_map(|form| {
                        let starts = text.windows(form.len()).enumerate().filter(|(_, window)| window == form);
                        starts.map(|(start, window)| (start, start + window.len())).collect::<Vec<_>>()
                    })
                    .collect();
                let found: BTreeSet<_> =
                    needles.find(&text).into_iter().map(|place| (place.start, place.end)).collect();
                prop_assert_eq!(found, naive);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn base64_is_found_whatever_stands_before_and_behind_the_key() {
        let needles = Needles::new(KEY);
        for before in ["", "a", "ab", "abc", "user:", "user:x", "user:xy", "\u{ff}"] {
            for behind in ["", ".", "..", "...", "\n"] {
                let text = STANDARD.encode(format!("{before}{KEY}{behind}"));
                assert_eq!(needles.find(text.as_bytes()).len(), 1, "{text}");
                let url_safe = URL_SAFE_NO_PAD.encode(format!("{before}{KEY}{behind}"));
                assert_eq!(needles.find(url_safe.as_bytes()).len(), 1, "{url_safe}");
            }
        }
    }

    #[test]
    fn every_form_of_a_key_is_known() {
        let forms = forms(b"k/0\"456789abcdef");
        for form in [
            "k/0\"456789abcdef",
            "k%2F0%22456789abcdef",
            "k%2f0%22456789abcdef",
            "%6B%2F%30%22%34%35%36%37%38%39%61%62%63%64%65%66",
            "%6b%2f%30%22%34%35%36%37%38%39%61%62%63%64%65%66",
            "6B2F302234353637383961626364656",
            "6b2f3022343536373839616263646566",
            "k/0\\\"456789abcdef",
            "k\\/0\\\"456789abcdef",
            "ay8wIjQ1Njc4OWFiY2RlZ",
        ] {
            assert!(forms.iter().any(|known| known.starts_with(form.as_bytes())), "{form}");
        }
    }

    #[test]
    fn a_key_of_the_smallest_size_has_no_form_that_is_too_short_to_be_its_own() {
        let shortest = forms(b"0123456789abcdef").iter().map(Vec::len).min();
        assert_eq!(shortest, Some(16));
    }
}
