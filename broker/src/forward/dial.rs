//! The phase of a request: opens the secret, runs the exchange, journals what it uses.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::extract::Request;
use futures_util::FutureExt;
use tokio::sync::watch;

use super::{Exchange, Limits, Outcome, Reply, UpstreamError, exchange};
use crate::{
    action::Action,
    app::App,
    authorize::Permit,
    db,
    error::{Error, Kind},
    estimate::charge,
    meter::{Scanner, Usage},
    reserve::{Hold, charged},
    secret::{self, Binding},
};

/// A hold that a crash leaves behind is worth what was noted here, so it is noted about as often as a stream pays.
const JOURNAL_INTERVAL: Duration = Duration::from_secs(1);
const CONNECT_MS: u64 = 10_000;
const HEAD_MS: u64 = 120_000;
const IDLE_MS: u64 = 60_000;

/// Forwards the request with the key injected, and relays the answer through `reply`. Failure is a value: the hold is
/// captured whatever happens here.
pub async fn forward(app: &App, permit: &Permit, hold: &Hold, request: Request, reply: Reply) -> Outcome {
    let (journal, usage) = watch::channel(Usage::default());
    match prepare(app, permit, hold, request, journal) {
        Ok(x) => {
            let notes = keep_notes(app, hold, &permit.action, usage);
            tokio::select! {
                outcome = AssertUnwindSafe(exchange(&app.upstream, x, reply)).catch_unwind() => {
                    outcome.unwrap_or_else(|_| Outcome::broken())
                }
                () = notes => Outcome::not_dialled(), // it has no end of its own
            }
        }
        Err(error) => {
            let _ = reply.send(Err(error));
            Outcome::not_dialled()
        }
    }
}

fn prepare(
    app: &App,
    permit: &Permit,
    hold: &Hold,
    request: Request,
    journal: watch::Sender<Usage>,
) -> Result<Exchange, UpstreamError> {
    let not_dialled = |cause: String| UpstreamError::NotDialled { cause };
    let (lease, action) = (&permit.caller.lease, &permit.action);
    let binding = Binding {
        owner_id: lease.owner_id,
        secret_id: lease.secret.secret_id,
        version: lease.secret.version,
        origin: &lease.secret.origin,
    };
    let uri =
        action.template.origin.join(&action.path, action.query.as_deref()).map_err(|e| not_dialled(e.to_string()))?;
    let key = secret::open(&app.kek, &binding, &lease.secret.sealed).map_err(|e| not_dialled(e.to_string()))?;
    let (parts, body) = request.into_parts();
    Ok(Exchange {
        origin: lease.secret.origin.clone(),
        uri,
        method: action.method.clone(),
        headers: parts.headers,
        body: action.body.clone().map_or(body, Into::into),
        injection: action.template.injection.clone(),
        key,
        limits: limits(app, hold, action),
        scanner: Scanner::new(action.operation.usage, action.strip_usage_event),
        kill: hold.stream.kill(),
        journal,
    })
}

/// Nothing outlives the lease or the longest hold that the withdrawal delay leaves room for.
fn limits(app: &App, hold: &Hold, action: &Action) -> Limits {
    let total = app.config.longest_hold.min(hold.held.lease_remaining);
    let total_ms = u64::try_from(total.as_millis()).unwrap_or(u64::MAX);
    Limits {
        connect_ms: CONNECT_MS.min(total_ms),
        head_ms: HEAD_MS.min(total_ms),
        idle_ms: IDLE_MS.min(total_ms),
        total_ms,
        response_bytes: action.bounds.response_bytes,
    }
}

/// Writes usage to the hold's row now and then. Ends only by being dropped.
async fn keep_notes(app: &App, hold: &Hold, action: &Action, mut usage: watch::Receiver<Usage>) {
    loop {
        tokio::time::sleep(JOURNAL_INTERVAL).await;
        if usage.changed().await.is_err() {
            return std::future::pending().await;
        }
        let cost = charge(action, &app.config.fees, &usage.borrow_and_update());
        let used = (charged(&cost, hold.is_resold), cost.total());
        if let Err(error) = db::hold::journal(&app.pool, hold.held.owner_id, hold.held.hold_id, used).await {
            tracing::warn!(%error, "usage was not journalled");
        }
    }
}

impl Outcome {
    /// Nothing was sent, so nothing is charged.
    pub(crate) fn not_dialled() -> Self {
        Self { end: super::End::NotDialled, status: None, usage: Usage::default(), redactions: 0 }
    }

    /// A bug of ours ended the exchange. It may have been dialled; a hold of a live process must not stay open for it.
    fn broken() -> Self {
        Self { end: super::End::Cut, status: None, usage: Usage::default(), redactions: 0 }
    }
}

impl From<UpstreamError> for Error {
    fn from(error: UpstreamError) -> Self {
        let (kind, code, message) = match &error {
            UpstreamError::NotDialled { .. } => (
                Kind::Upstream,
                "upstream_not_reached",
                "The upstream could not be reached, so it was not called and nothing is charged. Try again; if it stays, \
                 the owner should check the secret's origin."
                    .to_owned(),
            ),
            UpstreamError::Unreachable { .. } => (
                Kind::Upstream,
                "upstream_closed",
                "The upstream closed the connection without an answer. It may have done the work: the call is charged \
                 at its minimum and is not repeated by us."
                    .to_owned(),
            ),
            UpstreamError::TimedOut => (
                Kind::UpstreamTimeout,
                "upstream_timed_out",
                "The upstream did not answer in time. It may have done the work: the call is charged by estimate and is \
                 not repeated by us."
                    .to_owned(),
            ),
            UpstreamError::Cut => (
                Kind::Upstream,
                "upstream_cut",
                "The upstream broke off in the middle of its answer. What came is charged.".to_owned(),
            ),
            UpstreamError::Garbage { .. } => (
                Kind::Upstream,
                "upstream_garbage",
                "The upstream answered with something that is no HTTP response to pass on. The call is charged at its \
                 minimum and is not repeated by us."
                    .to_owned(),
            ),
            UpstreamError::TooLong { limit_bytes } => (
                Kind::Upstream,
                "upstream_too_long",
                format!("The upstream's answer is longer than the {limit_bytes} bytes of this operation. Ask for less."),
            ),
            UpstreamError::Killed { .. } => (
                Kind::Unauthenticated,
                "lease_revoked",
                "This lease was revoked during the call. Ask for a new one.".to_owned(),
            ),
            UpstreamError::ClientGone { .. } => (Kind::Malformed, "client_gone", "The caller hung up.".to_owned()),
        };
        tracing::debug!(cause = %error, code, "upstream failed");
        Self::new(kind, code, message)
    }
}
