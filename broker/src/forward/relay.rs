//! From the response head to the end of its body.
//!
//! When the upstream breaks off, or we do, the agent's connection is cut. No closing event is made up for it: an SDK
//! reports a cut connection as what it is, and a made-up event could land in the middle of a real one.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, header, response::Parts};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    End, Limits, Outcome, Reply, UpstreamError,
    body::{Download, Feed, Progress},
    exchange::{content_length, span},
    headers,
    redact::Redactor,
};
use crate::meter::{Scanner, Usage};

/// A body of announced length up to this is sent on in one piece, once it is complete.
const SMALL_BYTES: u64 = 64 * 1024;
/// Usage is journalled after this time, or this much of the body, whichever comes first.
const JOURNAL_EVERY: Duration = Duration::from_millis(250);
const JOURNAL_BYTES: u64 = 64 * 1024;

/// Counts an exchange: what the upstream sent goes through here, what comes out is for the agent.
pub(super) struct Account {
    scanner: Scanner,
    redactor: Redactor,
    progress: Arc<Progress>,
    journal: watch::Sender<Usage>,
    journalled_at: Instant,
    journalled_bytes: u64,
    received: u64,
}

impl Account {
    pub(super) fn new(
        scanner: Scanner,
        redactor: Redactor,
        progress: Arc<Progress>,
        journal: watch::Sender<Usage>,
    ) -> Self {
        Self { scanner, redactor, progress, journal, journalled_at: Instant::now(), journalled_bytes: 0, received: 0 }
    }

    /// Ends an exchange that has no response for the agent.
    pub(super) fn refuse(self, error: UpstreamError, status: Option<StatusCode>, reply: Reply) -> Outcome {
        let end = error.end();
        // The agent may be gone; then nobody is told.
        let _ = reply.send(Err(error));
        self.close(end, status)
    }

    fn close(self, end: End, status: Option<StatusCode>) -> Outcome {
        let usage = self.usage();
        self.journal.send_replace(usage);
        Outcome { end, status: status.map(|status| status.as_u16()), usage, redactions: self.redactor.hits() }
    }

    fn usage(&self) -> Usage {
        Usage { request_bytes: self.progress.bytes(), response_bytes: self.received, ..self.scanner.usage() }
    }

    fn push(&mut self, data: Bytes) -> Bytes {
        self.received += data.len() as u64;
        let scanned = if self.scanner.holds_back() {
            self.scanner.push(&data)
        } else {
            self.scanner.observe(&data);
            data
        };
        let passed = self.redactor.push(scanned);
        if self.received - self.journalled_bytes >= JOURNAL_BYTES || self.journalled_at.elapsed() >= JOURNAL_EVERY {
            self.write_journal();
        }
        passed
    }

    /// Resolves when something has waited long enough to be journalled; never, while nothing is waiting.
    async fn journal_is_due(&self) {
        if self.received == self.journalled_bytes {
            std::future::pending().await
        }
        sleep_until(self.journalled_at + JOURNAL_EVERY).await;
    }

    fn write_journal(&mut self) {
        (self.journalled_bytes, self.journalled_at) = (self.received, Instant::now());
        self.journal.send_replace(self.usage());
    }

    fn finish(&mut self) -> Bytes {
        let scanned = self.scanner.finish();
        let mut passed = BytesMut::from(self.redactor.push(scanned));
        passed.extend_from_slice(&self.redactor.finish());
        passed.freeze()
    }
}

/// The upstream's body, under all limits.
pub(super) struct Source {
    body: Incoming,
    kill: CancellationToken,
    idle: Duration,
    idle_by: Instant,
    deadline: Instant,
    left: u64,
}

impl Source {
    pub(super) fn new(body: Incoming, kill: CancellationToken, limits: Limits, deadline: Instant) -> Self {
        let idle = span(limits.idle_ms);
        Self { body, kill, idle, idle_by: Instant::now() + idle, deadline, left: limits.response_bytes }
    }

    /// The next piece, `None` at the clean end. A piece that crosses the byte limit is shortened to it.
    async fn next(&mut self) -> Result<Option<Bytes>, End> {
        loop {
            if self.kill.is_cancelled() {
                return Err(End::Killed);
            }
            let frame = tokio::select! {
                biased;
                frame = self.body.frame() => frame,
                () = self.kill.cancelled() => return Err(End::Killed),
                () = sleep_until(self.idle_by.min(self.deadline)) => return Err(End::TimedOut),
            };
            // An endless body that never lets us wait still meets its deadline.
            if Instant::now() >= self.deadline {
                return Err(End::TimedOut);
            }
            // Trailers stay here: nobody has checked them for the key.
            match frame.map(|frame| frame.map(|frame| frame.into_data())) {
                None => return Ok(None),
                Some(Err(error)) => return Err(classify(&error)),
                Some(Ok(Ok(data))) if data.is_empty() => {}
                Some(Ok(Ok(data))) => return self.take(data).map(Some),
                Some(Ok(Err(_trailers))) => {}
            }
        }
    }

    fn take(&mut self, mut data: Bytes) -> Result<Bytes, End> {
        if self.left == 0 {
            return Err(End::LimitReached);
        }
        self.idle_by = Instant::now() + self.idle;
        data.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= data.len() as u64;
        Ok(data)
    }
}

fn classify(error: &hyper::Error) -> End {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    let is_malformed = source
        .is_some_and(|io| matches!(io.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput));
    if error.is_parse() || is_malformed { End::Garbage } else { End::Cut }
}

/// A response on its way to the agent.
pub(super) struct Relay {
    pub(super) account: Account,
    pub(super) source: Source,
    pub(super) reply: Reply,
}

impl Relay {
    pub(super) async fn run(mut self, method: &Method, parts: &Parts) -> Outcome {
        let mut headers = headers::filter_response(&parts.headers);
        self.account.redactor.redact_headers(&mut headers);
        let has_no_body = *method == Method::HEAD
            || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || self.source.body.is_end_stream();
        let is_small = content_length(&parts.headers).is_some_and(|length| length <= SMALL_BYTES);
        if has_no_body {
            let response = respond(parts.status, headers, axum::body::Body::empty());
            self.deliver(response, parts.status)
        } else if is_small && !is_event_stream(&headers) {
            self.whole(parts.status, headers).await
        } else {
            self.stream(parts.status, headers).await
        }
    }

    /// Reads a small body to its end first: one write instead of a channel, and a cut can still become a clear error.
    async fn whole(mut self, status: StatusCode, mut headers: HeaderMap) -> Outcome {
        let mut body = BytesMut::new();
        let failed = loop {
            let next = tokio::select! {
                biased;
                next = self.source.next() => next,
                () = self.reply.closed() => Err(End::ClientGone),
            };
            match next {
                Ok(Some(data)) => body.extend_from_slice(&self.account.push(data)),
                Ok(None) => break None,
                Err(end) => break Some(end),
            }
        };
        if let Some(end) = failed {
            let error = self.error(end);
            return self.account.refuse(error, Some(status), self.reply);
        }
        body.extend_from_slice(&self.account.finish());
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        self.deliver(respond(status, headers, body.freeze().into()), status)
    }

    fn deliver(self, response: Response, status: StatusCode) -> Outcome {
        let end = if self.reply.send(Ok(response)).is_ok() { End::Completed } else { End::ClientGone };
        self.account.close(end, Some(status))
    }

    async fn stream(mut self, status: StatusCode, mut headers: HeaderMap) -> Outcome {
        if is_event_stream(&headers) {
            // The scanner may take an event out.
            headers.remove(header::CONTENT_LENGTH);
        }
        let (feed, download) = Download::new(self.source.kill.clone());
        let response = respond(status, headers, axum::body::Body::new(download));
        let end = match self.reply.send(Ok(response)) {
            Ok(()) => pump(&mut self.source, &mut self.account, feed).await,
            Err(_) => End::ClientGone,
        };
        self.account.close(end, Some(status))
    }

    fn error(&self, end: End) -> UpstreamError {
        match end {
            End::ClientGone => UpstreamError::ClientGone { is_dialled: true },
            End::Killed => UpstreamError::Killed { is_dialled: true },
            End::TimedOut => UpstreamError::TimedOut,
            End::Garbage => UpstreamError::Garbage { cause: "its body is malformed".into() },
            End::LimitReached => UpstreamError::TooLong { limit_bytes: self.account.received },
            End::NotDialled | End::Completed | End::Unreachable | End::Cut => UpstreamError::Cut,
        }
    }
}

/// Moves the body from the upstream to the agent. Unless it reaches the end, dropping the feed cuts the agent's side.
async fn pump(source: &mut Source, account: &mut Account, feed: Feed) -> End {
    loop {
        let next = tokio::select! {
            biased;
            next = source.next() => next,
            () = feed.closed() => return End::ClientGone,
            () = account.journal_is_due() => {
                account.write_journal();
                continue;
            }
        };
        let (data, is_last) = match next {
            Ok(Some(data)) => (account.push(data), false),
            Ok(None) => (account.finish(), true),
            Err(end) => return end,
        };
        if let Err(end) = hand_over(data, is_last, source, account, &feed).await {
            return end;
        }
        if is_last {
            return End::Completed;
        }
    }
}

/// Waits for the agent to take a piece: a slow one holds up the upstream, but not past the kill switch or the deadline.
async fn hand_over(
    data: Bytes,
    is_last: bool,
    source: &mut Source,
    account: &mut Account,
    feed: &Feed,
) -> Result<(), End> {
    let mut taken = pin!(async { feed.send(data).await && (!is_last || feed.end().await) });
    loop {
        tokio::select! {
            biased;
            () = source.kill.cancelled() => return Err(End::Killed),
            is_taken = &mut taken => {
                // Time that the agent took is not the upstream's.
                source.idle_by = Instant::now() + source.idle;
                return if is_taken { Ok(()) } else { Err(End::ClientGone) };
            }
            () = sleep_until(source.deadline) => return Err(End::TimedOut),
            () = account.journal_is_due() => account.write_journal(),
        }
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    kind.get(..17).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream"))
}

fn respond(status: StatusCode, headers: HeaderMap, body: axum::body::Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
