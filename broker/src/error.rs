//! One error for the whole broker: what kind, what the caller reads, what we log.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use permitpipe_sdk::{
    error::Problem,
    id::{EntryId, RequestId},
};
use serde_json::json;

use crate::service::ErrorShape;

/// What kind of refusal it is; decides the status and whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 400: the request is malformed.
    Malformed,
    /// 401: no bearer, or one that is unknown, expired, revoked.
    Unauthenticated,
    /// 402: no credit, or no budget left on the lease.
    Unpaid,
    /// 403: policy or scope forbids it.
    Forbidden,
    /// 404: no such thing, or somebody else's.
    NotFound,
    /// 405: the path exists, the method does not.
    MethodNotAllowed,
    /// 409: it clashes with what is there.
    Conflict,
    /// 413: larger than the limit.
    TooLarge,
    /// 429: too often.
    RateLimited,
    /// 500: our fault.
    Internal,
    /// 502: the upstream failed.
    Upstream,
    /// 503: we cannot serve now; try again.
    Unavailable,
    /// 504: the upstream was too slow.
    UpstreamTimeout,
}

impl Kind {
    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Unpaid => StatusCode::PAYMENT_REQUIRED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Upstream => StatusCode::BAD_GATEWAY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The word OpenAI's SDKs expect in `error.type`.
    const fn openai_type(self) -> &'static str {
        match self {
            Self::Unauthenticated => "authentication_error",
            Self::Unpaid => "insufficient_quota",
            Self::Forbidden => "permission_error",
            Self::RateLimited => "rate_limit_error",
            Self::Internal | Self::Upstream | Self::Unavailable | Self::UpstreamTimeout => "server_error",
            _ => "invalid_request_error",
        }
    }

    /// A code from the range that JSON-RPC leaves to servers.
    const fn json_rpc_code(self) -> i32 {
        match self {
            Self::Malformed => -32600,
            Self::NotFound | Self::MethodNotAllowed => -32601,
            Self::Internal => -32603,
            Self::Unauthenticated => -32001,
            Self::Unpaid => -32002,
            Self::Forbidden => -32003,
            Self::RateLimited => -32005,
            _ => -32000,
        }
    }
}

/// A refusal or failure, on its way to the caller.
#[derive(Debug)]
pub struct Error {
    /// Status and advice.
    pub kind: Kind,
    /// Stable, for programs: `lease_revoked`, `budget_exhausted`, …
    pub code: &'static str,
    /// Written by hand: what is wrong, the limit and the actual value, what to do.
    pub public: String,
    /// For the log, once; never shown.
    cause: Option<String>,
    /// Which request this was about, and the entry that recorded the refusal.
    reference: Option<(RequestId, Option<EntryId>)>,
}

impl Error {
    /// A refusal that is the caller's to mend.
    pub fn new(kind: Kind, code: &'static str, public: impl Into<String>) -> Self {
        Self { kind, code, public: public.into(), cause: None, reference: None }
    }

    /// Something of ours broke; `cause` goes to the log.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let public =
            "Something broke on our side. Nothing was charged; try again, and quote the request id if it stays.";
        Self { cause: Some(cause.to_string()), ..Self::new(Kind::Internal, "internal", public) }
    }

    /// The database does not answer; nothing was begun.
    pub fn unavailable(cause: impl std::fmt::Display) -> Self {
        let public =
            "The ledger cannot be reached, so no request is begun. Nothing was charged; try again in a second.";
        Self { cause: Some(cause.to_string()), ..Self::new(Kind::Unavailable, "ledger_unavailable", public) }
    }

    /// Names the request and the audit entry.
    #[must_use]
    pub fn about(mut self, request_id: RequestId, entry_id: Option<EntryId>) -> Self {
        self.reference.get_or_insert((request_id, entry_id));
        self
    }

    /// The answer, in the shape the caller's SDK understands.
    pub fn into_shape(self, shape: ErrorShape) -> Response {
        if let Some(cause) = &self.cause {
            // What is unavailable is so for every request: whoever noticed first has logged it.
            match self.kind {
                Kind::Unavailable => tracing::debug!(code = self.code, cause, "request refused"),
                _ => tracing::error!(code = self.code, cause, "request failed"),
            }
        }
        let (request_id, entry_id) = self.reference.unwrap_or_else(|| (RequestId::generate(), None));
        let audit_ref = entry_id.map(|id| id.to_string());
        let body = match shape {
            ErrorShape::OpenAi => json!({ "error": {
                "message": self.public, "type": self.kind.openai_type(), "param": null, "code": self.code,
                "request_id": request_id, "audit_ref": audit_ref,
            }}),
            ErrorShape::JsonRpc => json!({ "jsonrpc": "2.0", "id": null, "error": {
                "code": self.kind.json_rpc_code(), "message": self.public,
                "data": { "code": self.code, "request_id": request_id, "audit_ref": audit_ref },
            }}),
            ErrorShape::Plain => json!(Problem {
                kind: format!("about:blank#{}", self.code),
                title: self.kind.status().canonical_reason().unwrap_or("Error").to_owned(),
                status: self.kind.status().as_u16(),
                detail: self.public,
                code: self.code.to_owned(),
                request_id: request_id.to_string(),
                audit_ref,
            }),
        };
        let mut response = (self.kind.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        if shape == ErrorShape::Plain {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        }
        if self.kind == Kind::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(self.kind, Kind::Unavailable | Kind::RateLimited) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Ok(value) = HeaderValue::from_str(&request_id.to_string()) {
            headers.insert("x-request-id", value);
        }
        response
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.into_shape(ErrorShape::Plain)
    }
}

impl From<sqlx::Error> for Error {
    /// A database that is away is a reason to try again; anything else is a bug of ours.
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_) => {
                Self::unavailable(error)
            }
            sqlx::Error::Database(ref cause) if cause.code().is_some_and(|code| is_going_away(&code)) => {
                Self::unavailable(error)
            }
            _ => Self::internal(error),
        }
    }
}

/// SQLSTATEs of a server that is stopping, starting, or out of connections.
fn is_going_away(code: &str) -> bool {
    code.starts_with("57P") || code.starts_with("08") || code == "53300"
}
