//! What an exchange used.

use bytes::Bytes;

/// How usage is read from a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageReader {
    None,
    OpenAi,
}

/// What was consumed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub output_events: u64,
}

/// Reads usage from a response as it streams.
pub struct Scanner {
    usage: Usage,
}

impl Scanner {
    pub fn new(_reader: UsageReader, _strip_usage_event: bool) -> Self {
        Self { usage: Usage::default() }
    }

    pub fn push(&mut self, data: &[u8]) -> Bytes {
        self.usage.response_bytes += data.len() as u64;
        Bytes::copy_from_slice(data)
    }

    pub fn finish(&mut self) -> Bytes {
        Bytes::new()
    }

    pub fn usage(&self) -> Usage {
        self.usage.clone()
    }
}
