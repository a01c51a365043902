//! Watches a response go by and counts: bytes, events, and the usage that the provider reports.
//!
//! It holds nothing back, with one exception: where we asked for the usage event and the client did not, each event is
//! held until it is complete, and that one is dropped.

mod json;
mod sse;

use bytes::Bytes;

use self::{json::UsageFinder, sse::Events};
use crate::service::UsageReader;

/// What a request consumed, as far as was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens read, if the provider said.
    pub input_tokens: Option<u64>,
    /// Those of them that the provider had in its cache.
    pub cached_tokens: u64,
    /// Tokens written, if the provider said.
    pub output_tokens: Option<u64>,
    /// Bytes of the request body; counted by who sends it.
    pub request_bytes: u64,
    /// Bytes of the response body as the upstream sent it.
    pub response_bytes: u64,
    /// Events of a stream that carried something.
    pub output_events: u64,
}

/// Reads along with one response. Its memory is bounded whatever the upstream sends.
#[derive(Debug)]
pub struct Scanner {
    form: Form,
    strip_usage_event: bool,
    usage: Usage,
}

#[derive(Debug)]
enum Form {
    /// Only bytes are counted.
    Opaque,
    /// Nothing but white space came yet.
    Unknown,
    Json(UsageFinder),
    Stream(Events),
}

impl Scanner {
    /// A scanner for one response.
    pub fn new(reader: UsageReader, strip_usage_event: bool) -> Self {
        let form = match reader {
            UsageReader::None => Form::Opaque,
            UsageReader::OpenAi => Form::Unknown,
        };
        Self { form, strip_usage_event, usage: Usage::default() }
    }

    /// Whether [`Scanner::push`] may return something else than what was pushed. If not, [`Scanner::observe`] spares the copy.
    pub fn holds_back(&self) -> bool {
        self.strip_usage_event && !matches!(self.form, Form::Opaque | Form::Json(_))
    }

    /// Takes the next bytes; returns what may be passed on.
    pub fn push(&mut self, chunk: &[u8]) -> Bytes {
        if !self.holds_back() {
            self.observe(chunk);
            return Bytes::copy_from_slice(chunk);
        }
        let mut out = Vec::with_capacity(chunk.len());
        self.scan(chunk, Some(&mut out));
        Bytes::from(out)
    }

    /// Takes the next bytes, all of which are passed on.
    pub fn observe(&mut self, chunk: &[u8]) {
        self.scan(chunk, None);
    }

    /// The response is over; returns what was still held.
    pub fn finish(&mut self) -> Bytes {
        let mut out = Vec::new();
        if let Form::Stream(events) = &mut self.form {
            events.finish(&mut self.usage, &mut out);
        }
        Bytes::from(out)
    }

    /// What was counted so far.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    fn scan(&mut self, chunk: &[u8], mut out: Option<&mut Vec<u8>>) {
        self.usage.response_bytes =
            self.usage.response_bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        let mut chunk = chunk;
        if let Form::Unknown = self.form {
            let blank = chunk.iter().take_while(|b| b.is_ascii_whitespace()).count();
            let (blank, rest) = chunk.split_at_checked(blank).unwrap_or((chunk, &[]));
            if let Some(out) = out.as_deref_mut() {
                out.extend_from_slice(blank);
            }
            self.form = match rest.first() {
                None => return,
                Some(b'{' | b'[') => Form::Json(UsageFinder::default()),
                Some(_) => Form::Stream(Events::new(out.is_some())),
            };
            chunk = rest;
        }
        match &mut self.form {
            Form::Opaque | Form::Unknown => {}
            Form::Stream(events) => return events.push(chunk, &mut self.usage, out),
            Form::Json(finder) => {
                finder.push(chunk);
                finder.report(&mut self.usage);
            }
        }
        if let Some(out) = out {
            out.extend_from_slice(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHAT: &str = "{\n \"id\":\"c\",\"choices\":[{\"message\":{\"content\":\"say \\\"usage\\\": {\\\"prompt_tokens\\\":1}\",\"usage\":{\"prompt_tokens\":99}}}],\
        \"usage\":{\"prompt_tokens\":12,\"completion_tokens\":34,\"total_tokens\":46,\"prompt_tokens_details\":{\"cached_tokens\":8}},\"x\":[1,{\"y\":2}]}\n";
    const STREAM: &str = ": hello\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n\
        event: x\ndata: {\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\":{\"}}],\ndata: \"usage\":null}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7}}\n\ndata: [DONE]\n\n";
    const USAGE_EVENT: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7}}\n\n";
    const RESPONSES: &str = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"usage\":null}}\n\n\
        event: response.output_text.delta\ndata: {\"type\":\"d\",\"delta\":\"hi\"}\n\n\
        event: response.completed\ndata: {\"response\":{\"output\":[{\"usage\":{\"input_tokens\":1}}],\"usage\":{\"input_tokens\":3,\
        \"input_tokens_details\":{\"cached_tokens\":1},\"output_tokens\":4}},\"type\":\"response.completed\"}\n\n";

    fn run(chunks: &[&[u8]], strip: bool) -> (String, Usage) {
        let mut scanner = Scanner::new(UsageReader::OpenAi, strip);
        let mut out = Vec::new();
        for chunk in chunks {
            out.extend_from_slice(&scanner.push(chunk));
        }
        out.extend_from_slice(&scanner.finish());
        (String::from_utf8(out).unwrap(), scanner.usage())
    }

    #[test]
    fn usage_is_found_wherever_the_response_is_split() {
        let crlf = STREAM.replace('\n', "\r\n");
        let cr = STREAM.replace('\n', "\r");
        let without = |text: &str, end: &str| text.replace(&USAGE_EVENT.replace('\n', end), "");
        let cases = [
            (CHAT.to_owned(), CHAT.to_owned(), (12, 34, 8, 0)),
            (STREAM.to_owned(), without(STREAM, "\n"), (5, 7, 0, 3)),
            (crlf.clone(), without(&crlf, "\r\n"), (5, 7, 0, 3)),
            (cr.clone(), without(&cr, "\r"), (5, 7, 0, 3)),
            (RESPONSES.to_owned(), RESPONSES.to_owned(), (3, 4, 1, 3)),
        ];
        for (text, stripped, (input, output, cached_tokens, output_events)) in cases {
            let usage = Usage {
                input_tokens: Some(input),
                output_tokens: Some(output),
                cached_tokens,
                output_events,
                request_bytes: 0,
                response_bytes: text.len() as u64,
            };
            for at in 0..=text.len() {
                let (head, tail) = text.as_bytes().split_at(at);
                assert_eq!(run(&[head, tail], false), (text.clone(), usage), "split at {at}");
                assert_eq!(run(&[head, tail], true), (stripped.clone(), usage), "stripped, split at {at}");
            }
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(run(&bytes, true), (stripped, usage), "byte by byte");
        }
    }

    #[test]
    fn only_the_event_we_asked_for_is_dropped() {
        for event in [
            "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n",
            "data: {\"choices\":[],\"usage\":null}\n\n",
            "data: {\"choices\":[{}],\"usage\":{\"prompt_tokens\":1}}\n\n",
            "data: {\"usage\":{\"prompt_tokens\":1}}\n\n",
            ": {\"choices\":[],\"usage\":{}}\n\n",
            "data: {\"choices\":[],\"usage\":{}\n\n",
            "data: not json\n\n",
            "\n\n\n",
            "retry: 5\r\n\r\n",
            "data",
            "data: {\"choices\":[{\"delta\":{\"content\":\"cut of",
        ] {
            assert_eq!(run(&[event.as_bytes()], true).0, event);
        }
        assert_eq!(run(&[USAGE_EVENT.trim_end().as_bytes()], true).0, "", "also without the last line's end");
        assert_eq!(
            run(&[b"{\"error\":{\"message\":\"no\"}}"], true).0,
            "{\"error\":{\"message\":\"no\"}}",
            "an error instead of a stream"
        );
    }

    #[test]
    fn whole_events_pass_at_once() {
        let mut scanner = Scanner::new(UsageReader::OpenAi, true);
        let event = b"data: {\"choices\":[{\"delta\":{}}]}\n\n";
        assert_eq!(scanner.push(event), &event[..]);
        assert_eq!(scanner.push(b"data: {"), "");
        let mut open = Scanner::new(UsageReader::OpenAi, false);
        assert_eq!(open.push(b"data: {"), "data: {");
    }

    #[test]
    fn memory_is_bounded_and_giants_pass() {
        let mut scanner = Scanner::new(UsageReader::OpenAi, true);
        let (mut passed, piece) = (0, vec![b'a'; 64 * 1024]);
        passed += scanner.push(b"data: ").len();
        for _ in 0..64 {
            passed += scanner.push(&piece).len();
        }
        assert!(passed >= 3 << 20, "an endless event is not held: {passed}");
        let tail = scanner.push(b"\n\n").len() + scanner.finish().len();
        assert_eq!(passed + tail, 6 + 64 * 64 * 1024 + 2);
        let giant = format!("{{\"usage\":{{\"a\":\"{}\",\"prompt_tokens\":1}}}}", "x".repeat(1 << 20));
        assert_eq!(run(&[giant.as_bytes()], false).1.input_tokens, None);
    }

    #[test]
    fn odd_usage_counts_as_none() {
        for text in [
            "{\"usage\":null}",
            "{\"usage\":[1]}",
            "{\"usage\":{}}",
            "{\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":1.5}}",
            "{\"usage\":{\"prompt_tokens\":\"9\"}}",
            "[{\"usage\":{\"prompt_tokens\":9}}]",
            "{\"a\":{\"usage\":{\"prompt_tokens\":9}}}",
            "\u{1f}\u{8b}garbage",
            "{\"usage\":{\"prompt_tokens\":9",
        ] {
            let usage = run(&[text.as_bytes()], false).1;
            assert_eq!((usage.input_tokens, usage.output_tokens), (None, None), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_changed_in_any_text(text in "(data: |[a-z{}\\[\\]\":,0-9 ]|\\r|\\n|\\r\\n){0,80}", cuts in proptest::collection::vec(0_usize..200, 0..6)) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= text.len()).collect();
            cuts.sort_unstable();
            let (mut chunks, mut from) = (Vec::new(), 0);
            for cut in cuts {
                chunks.push(&text.as_bytes()[from..cut]);
                from = cut;
            }
            chunks.push(&text.as_bytes()[from..]);
            let (whole, split) = (run(&[text.as_bytes()], true), run(&chunks, true));
            prop_assert_eq!(&whole, &split);
            prop_assert_eq!(&whole.0, &text);
            prop_assert_eq!(run(&chunks, false).1, split.1);
        }
    }
}
