//! From the request to the response head.
//!
//! Nothing is ever sent twice: whether a request that failed was received is for the agent to find out. What is certain
//! is told apart, though. Until a connection stands, and when the pool hands one back unused, the upstream was not called.

use std::{error::Error as _, pin::pin, sync::Arc, time::Duration};

use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper_util::client::legacy::{
    self,
    connect::{CaptureConnection, capture_connection},
};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    Exchange, Limits, Outcome, Reply, UpstreamClient, UpstreamError,
    body::{Progress, Upload},
    client::Cutter,
    guard::{GuardError, origin_of},
    headers,
    redact::Redactor,
    relay::{Account, Relay, Source},
};

/// Carries one request to the upstream and its response back, and tells how it ended.
///
/// Runs to its end on its own task: the agent hanging up ends the call, not the bookkeeping.
pub async fn exchange(client: &UpstreamClient, mut x: Exchange, mut reply: Reply) -> Outcome {
    let (body, progress) = Upload::new(std::mem::take(&mut x.body), x.kill.clone());
    let redactor = Redactor::new(&x.key);
    let request = prepare(&mut x, body);
    let Exchange { method, limits, scanner, kill, journal, .. } = x;
    let deadline = Instant::now() + span(limits.total_ms);
    let mut call = Call { client, limits, kill: kill.clone(), deadline, progress: progress.clone(), captured: None };
    let account = Account::new(scanner, redactor, progress.clone(), journal);

    let answered = match request {
        Ok(request) => call.send(request, &mut reply).await,
        Err(refused) => Err(refused),
    };
    let response = match answered {
        Ok(response) => response,
        Err(error) => {
            call.cut(false);
            return account.refuse(error, None, reply);
        }
    };
    let status = response.status();
    if let Err(error) = vet(&response, &method, limits.response_bytes) {
        call.cut(true);
        return account.refuse(error, Some(status), reply);
    }
    let (parts, body) = response.into_parts();
    let source = Source::new(body, kill, limits, deadline);
    let outcome = Relay { account, source, reply }.run(&method, &parts).await;
    call.cut(true);
    outcome
}

/// Builds the request; the origin is checked once more on the very URI that is dialled.
fn prepare(x: &mut Exchange, body: Upload) -> Result<Request<Upload>, UpstreamError> {
    let refuse = |cause: &dyn std::fmt::Display| UpstreamError::NotDialled { cause: cause.to_string() };
    let mut headers = headers::filter_request(&x.headers);
    let uri = std::mem::take(&mut x.uri);
    let uri = headers::inject(&mut headers, uri, &x.injection, &x.key).map_err(|error| refuse(&error))?;
    let actual = origin_of(&uri).map_err(|error| refuse(&error))?;
    let expected = x.origin.parse().map_err(|_| GuardError::NoOrigin).and_then(|origin| origin_of(&origin));
    let expected = expected.map_err(|error| refuse(&error))?;
    if actual != expected {
        return Err(refuse(&GuardError::OtherOrigin { expected, actual }));
    }
    let mut request = Request::new(body);
    *request.method_mut() = x.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

/// One request under way.
struct Call<'a> {
    client: &'a UpstreamClient,
    limits: Limits,
    kill: CancellationToken,
    deadline: Instant,
    progress: Arc<Progress>,
    captured: Option<CaptureConnection>,
}

impl Call<'_> {
    async fn send(
        &mut self,
        mut request: Request<Upload>,
        reply: &mut Reply,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let mut connected = capture_connection(&mut request);
        self.captured = Some(connected.clone());
        let mut answer = pin!(self.client.inner.request(request));
        let connect_by = self.deadline.min(Instant::now() + span(self.limits.connect_ms));
        tokio::select! {
            biased;
            () = self.kill.cancelled() => return Err(UpstreamError::Killed { is_dialled: false }),
            () = reply.closed() => return Err(UpstreamError::ClientGone { is_dialled: false }),
            result = &mut answer => return result.map_err(|error| self.explain(&error)),
            () = async { drop(connected.wait_for_connection_metadata().await) } => {}
            () = sleep_until(connect_by) => {
                return Err(UpstreamError::NotDialled { cause: "no connection in time".into() });
            }
        }
        loop {
            let sent = self.progress.bytes();
            let answer_by = self.deadline.min(Instant::now() + span(self.limits.head_ms));
            tokio::select! {
                biased;
                () = self.kill.cancelled() => return Err(UpstreamError::Killed { is_dialled: true }),
                () = reply.closed() => return Err(UpstreamError::ClientGone { is_dialled: true }),
                result = &mut answer => return result.map_err(|error| self.explain(&error)),
                () = sleep_until(answer_by) => {
                    // A long upload is not a slow upstream.
                    if Instant::now() >= self.deadline || self.progress.bytes() == sent {
                        return Err(UpstreamError::TimedOut);
                    }
                }
            }
        }
    }

    fn explain(&self, error: &legacy::Error) -> UpstreamError {
        let cause = chain(error);
        let source = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
        let has = |check: fn(&hyper::Error) -> bool| source.is_some_and(check);
        // Hyper calls a request cancelled only when it gives it back unsent.
        if error.is_connect() || has(hyper::Error::is_canceled) {
            UpstreamError::NotDialled { cause }
        } else if self.kill.is_cancelled() {
            UpstreamError::Killed { is_dialled: true }
        } else if self.progress.has_failed() {
            UpstreamError::ClientGone { is_dialled: true }
        } else if has(hyper::Error::is_parse) {
            UpstreamError::Garbage { cause }
        } else {
            UpstreamError::Unreachable { cause }
        }
    }

    /// Stops writing to the upstream. Once the response has begun and the request is sent there is nothing left to stop,
    /// and the connection may already serve somebody else.
    fn cut(&self, has_head: bool) {
        if has_head && self.progress.has_ended() {
            return;
        }
        let mut extras = http::Extensions::new();
        let Some(captured) = &self.captured else { return };
        if let Some(connected) = captured.connection_metadata().as_ref() {
            connected.get_extras(&mut extras);
        }
        if let Some(cutter) = extras.get::<Cutter>() {
            cutter.cut();
        }
    }
}

/// Refuses what cannot be metered or redacted, or would be too long, before the agent sees any of it.
fn vet(response: &Response<Incoming>, method: &http::Method, limit_bytes: u64) -> Result<(), UpstreamError> {
    let garbage = |cause: &str| Err(UpstreamError::Garbage { cause: cause.into() });
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return garbage("it switches protocols, which was not asked for");
    }
    let all_are = |name, allowed: &str| {
        let mut values = response.headers().get_all(name).iter();
        values.all(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(allowed.as_bytes()))
    };
    if !all_are(header::CONTENT_ENCODING, "identity") {
        return garbage("it is compressed, although that was refused");
    }
    if !all_are(header::TRANSFER_ENCODING, "chunked") {
        return garbage("it has a transfer encoding other than chunked");
    }
    let length = content_length(response.headers()).unwrap_or(0);
    if length > limit_bytes && method != http::Method::HEAD {
        return Err(UpstreamError::TooLong { limit_bytes });
    }
    Ok(())
}

/// A limit as a span of time that can be added to any instant; no exchange takes a month.
pub(super) fn span(limit_ms: u64) -> Duration {
    const MONTH_MS: u64 = 30 * 24 * 60 * 60 * 1000;
    Duration::from_millis(limit_ms.min(MONTH_MS))
}

/// The announced length of a body; hyper has refused contradictory ones.
pub(super) fn content_length(headers: &http::HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
