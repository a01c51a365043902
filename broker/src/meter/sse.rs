//! Server-sent events that come in pieces.

use serde_json::Value;

use super::{Usage, json::UsageFinder};

/// An event larger than this is passed on unread: the one we drop is small.
const MAX_HELD_BYTES: usize = 256 * 1024;
const FIELD: &[u8] = b"data";
const DONE: &[u8] = b"[DONE]";

/// Reads events; when stripping, holds each until it is complete.
#[derive(Debug)]
pub(super) struct Events {
    line: Line,
    after_return: bool,
    /// The event so far: has it data, is that the end mark, what usage does it hold.
    has_data: bool,
    start: Vec<u8>,
    finder: UsageFinder,
    held: Option<Held>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// So many bytes of `data` matched.
    Name(usize),
    /// Behind `data:`, where one space is not content.
    Space,
    Data,
    Other,
}

#[derive(Debug, Default)]
struct Held {
    raw: Vec<u8>,
    data: Vec<u8>,
    /// The event grew too large and is passing already.
    is_passing: bool,
    dropped_last: bool,
}

impl Events {
    /// `strips`: whether the usage event is to be dropped.
    pub(super) fn new(strips: bool) -> Self {
        Self {
            line: Line::Name(0),
            after_return: false,
            has_data: false,
            start: Vec::new(),
            finder: UsageFinder::default(),
            held: strips.then(Held::default),
        }
    }

    /// Takes the next bytes; what may be passed on goes to `out`.
    pub(super) fn push(&mut self, bytes: &[u8], usage: &mut Usage, mut out: Option<&mut Vec<u8>>) {
        for &byte in bytes {
            let belongs_to_last = byte == b'\n' && self.after_return;
            let is_new = self.is_between_events();
            if let (Some(held), Some(out)) = (&mut self.held, out.as_deref_mut()) {
                held.take(byte, belongs_to_last && is_new, out);
            }
            if !belongs_to_last {
                self.byte(byte, usage, out.as_deref_mut());
            }
            self.after_return = byte == b'\r';
        }
    }

    /// The stream is over: an event without its blank line is taken as it is.
    pub(super) fn finish(&mut self, usage: &mut Usage, out: &mut Vec<u8>) {
        self.dispatch(usage, Some(out));
    }

    fn is_between_events(&self) -> bool {
        self.line == Line::Name(0) && self.held.as_ref().is_some_and(|held| held.raw.is_empty() && !held.is_passing)
    }

    fn byte(&mut self, byte: u8, usage: &mut Usage, out: Option<&mut Vec<u8>>) {
        if byte == b'\n' || byte == b'\r' {
            let is_blank = self.line == Line::Name(0);
            self.line = Line::Name(0);
            if is_blank {
                self.dispatch(usage, out);
            }
            return;
        }
        self.line = match self.line {
            Line::Name(matched) if matched == FIELD.len() && byte == b':' => {
                self.begin_data();
                Line::Space
            }
            Line::Name(matched) if FIELD.get(matched) == Some(&byte) => Line::Name(matched.saturating_add(1)),
            Line::Name(_) | Line::Other => Line::Other,
            Line::Space if byte == b' ' => Line::Data,
            Line::Space | Line::Data => {
                self.data(byte);
                Line::Data
            }
        };
    }

    /// Several data lines make one text, with line feeds between.
    fn begin_data(&mut self) {
        if self.has_data {
            self.data(b'\n');
        }
        self.has_data = true;
    }

    fn data(&mut self, byte: u8) {
        if self.start.len() <= DONE.len() {
            self.start.push(byte);
        }
        self.finder.push(&[byte]);
        if let Some(held) = &mut self.held
            && !held.is_passing
        {
            held.data.push(byte);
        }
    }

    /// The event is complete.
    fn dispatch(&mut self, usage: &mut Usage, out: Option<&mut Vec<u8>>) {
        if self.has_data && self.start != DONE {
            usage.output_events = usage.output_events.saturating_add(1);
            self.finder.report(usage);
        }
        self.has_data = false;
        self.start.clear();
        self.finder = UsageFinder::default();
        if let (Some(held), Some(out)) = (&mut self.held, out) {
            held.release(out);
        }
    }
}

impl Held {
    /// `ends_last`: this line feed is the second half of the line end that completed the last event, and shares its fate.
    fn take(&mut self, byte: u8, ends_last: bool, out: &mut Vec<u8>) {
        if ends_last {
            if !self.dropped_last {
                out.push(byte);
            }
            return;
        }
        self.dropped_last = false;
        if self.is_passing {
            out.push(byte);
            return;
        }
        self.raw.push(byte);
        if self.raw.len() > MAX_HELD_BYTES {
            out.append(&mut self.raw);
            self.data = Vec::new();
            self.is_passing = true;
        }
    }

    fn release(&mut self, out: &mut Vec<u8>) {
        self.dropped_last = !self.is_passing && is_usage_only(&self.data);
        if !self.dropped_last {
            out.append(&mut self.raw);
        }
        self.raw.clear();
        self.data.clear();
        self.is_passing = false;
    }
}

/// No choices but usage: the event that exists only because we asked.
fn is_usage_only(data: &[u8]) -> bool {
    let Ok(event) = serde_json::from_slice::<Value>(data) else { return false };
    let no_choices = event.get("choices").and_then(Value::as_array).is_some_and(Vec::is_empty);
    no_choices && event.get("usage").is_some_and(Value::is_object)
}
