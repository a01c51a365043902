//! What is asked: finds the route, reads a bounded body where the operation or its price depends on it.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
};
use bytes::Bytes;
use permitpipe_sdk::id::LeaseId;

use crate::{
    action::{Action, ActionError, ActionErrorKind, Head},
    app::App,
    authenticate::Caller,
    error::{Error, Kind},
    refusal::refuse,
};

/// A body that policy must read has to arrive within this.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How a proxied path begins.
enum Door<'p> {
    /// `/v1/{service}/…`
    Service(&'p str),
    /// `/api/proxy/{lease}/…`
    Lease(&'p str),
}

/// Reads what is asked. A refusal is put on record.
pub async fn receive(app: &App, caller: &Caller, request: &mut Request) -> Result<Action, Error> {
    match read(caller, request).await {
        Ok(action) => Ok(action),
        Err(error) => {
            let what = format!("{} {}", request.method(), request.uri().path());
            Err(refuse(app, caller, &what, error).await)
        }
    }
}

async fn read(caller: &Caller, request: &mut Request) -> Result<Action, Error> {
    let path = request.uri().path().to_owned();
    let tail = enter(caller, &path)?;
    let template = &caller.lease.template;
    let body = match Action::needs_body(template, request.method(), tail) {
        Some(limit) => Some(read_body(request, limit).await?),
        None => None,
    };
    let head = Head { method: request.method(), tail, query: request.uri().query(), headers: request.headers() };
    Action::parse(template, &head, body).map_err(Error::from)
}

/// Checks that the path leads to the lease's own service, and returns what stands behind it.
fn enter<'p>(caller: &Caller, path: &'p str) -> Result<&'p str, Error> {
    let lease = &caller.lease;
    let Some((door, tail)) = split(path) else {
        return Err(Error::new(Kind::NotFound, "no_route", "There is nothing at this path."));
    };
    match door {
        Door::Service(name) if name == lease.template.name => Ok(tail),
        Door::Lease(id) if id.parse::<LeaseId>() == Ok(lease.lease_id) => Ok(tail),
        Door::Service(name) => Err(Error::new(
            Kind::Forbidden,
            "wrong_service",
            format!(
                "This lease is for `{}`, not for `{}`. Ask for a lease on that service.",
                lease.template.name,
                name.chars().take(64).collect::<String>()
            ),
        )),
        Door::Lease(_) => {
            let message = "The bearer belongs to another lease than the one in the path. Use the lease's own path.";
            Err(Error::new(Kind::Forbidden, "wrong_lease", message))
        }
    }
}

fn split(path: &str) -> Option<(Door<'_>, &str)> {
    let (is_lease, rest) = match path.strip_prefix("/api/proxy/") {
        Some(rest) => (true, rest),
        None => (false, path.strip_prefix("/v1/")?),
    };
    let at = rest.find('/').unwrap_or(rest.len());
    let (name, tail) = rest.split_at_checked(at)?;
    let door = if is_lease { Door::Lease(name) } else { Door::Service(name) };
    Some((door, if tail.is_empty() { "/" } else { tail }))
}

async fn read_body(request: &mut Request, limit_bytes: u64) -> Result<Bytes, Error> {
    let body = std::mem::replace(request.body_mut(), Body::empty());
    let limit = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_long(&error) => Err(Error::new(
            Kind::TooLarge,
            "body_too_large",
            format!("The body is larger than the {limit_bytes} bytes that this operation takes. Send less."),
        )),
        Ok(Err(_)) => {
            Err(Error::new(Kind::Malformed, "body_broken", "The body ended before it was complete. Send it again."))
        }
        Err(_) => Err(Error::new(
            Kind::Malformed,
            "body_too_slow",
            format!("The body did not arrive within {} seconds. Send it again.", BODY_TIMEOUT.as_secs()),
        )),
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = cause.source();
    }
    false
}

impl From<ActionError> for Error {
    fn from(error: ActionError) -> Self {
        let (kind, code) = match error.kind {
            ActionErrorKind::Malformed => (Kind::Malformed, "malformed_request"),
            ActionErrorKind::Unmatched => (Kind::Forbidden, "no_such_operation"),
            ActionErrorKind::Unpriced => (Kind::Forbidden, "unpriced"),
            ActionErrorKind::TooLarge => (Kind::TooLarge, "body_too_large"),
        };
        Self::new(kind, code, error.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_doors_split_into_name_and_tail() {
        for (path, is_lease, name, tail) in [
            ("/v1/openai/chat/completions", false, "openai", "/chat/completions"),
            ("/v1/helius", false, "helius", "/"),
            ("/v1/helius/", false, "helius", "/"),
            ("/api/proxy/lease_1/chat", true, "lease_1", "/chat"),
            ("/v1/openai//x", false, "openai", "//x"),
        ] {
            let (door, rest) = split(path).unwrap();
            let found = match door {
                Door::Service(name) => (false, name),
                Door::Lease(name) => (true, name),
            };
            assert_eq!((found, rest), ((is_lease, name), tail), "{path}");
        }
        assert!(split("/v2/openai/chat").is_none());
    }
}
