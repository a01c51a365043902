//! One exchange with an upstream: dial, inject the key, relay the answer, and say how it ended.
//!
//! - [`forward`]: the phase: opens the secret, dials, journals usage
//! - [`exchange`]: the exchange itself, its limits and its kill switch
//! - `client`: the pooled HTTP/1.1 client; the only thing in the broker that dials an upstream
//! - [`guard`]: which addresses may be dialled
//! - [`headers`]: what crosses in each direction, and how the key gets in
//! - [`redact`], `needle`: masks the key in what comes back
//! - `body`: the two streaming bodies

mod body;
mod client;
mod dial;
mod exchange;
pub mod guard;
pub mod headers;
mod needle;
pub mod redact;
mod relay;

use axum::response::Response;
use http::{HeaderMap, Method, Uri};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use self::{body::BodyCut, client::UpstreamClient, dial::forward, exchange::exchange, guard::PrivateOrigins};
use crate::{
    meter::{Scanner, Usage},
    secret::SecretString,
    service::Injection,
};

/// Everything one exchange needs; it is consumed, the key with it.
pub struct Exchange {
    /// The origin the key is bound to; `uri` must lead there.
    pub origin: String,
    pub uri: Uri,
    pub method: Method,
    /// As the agent sent them; filtered here.
    pub headers: HeaderMap,
    pub body: axum::body::Body,
    pub injection: Injection,
    pub key: SecretString,
    pub limits: Limits,
    pub scanner: Scanner,
    /// Cancelled, it cuts both ends at once.
    pub kill: CancellationToken,
    /// Usage so far, for a hold that has to be captured after a crash.
    pub journal: watch::Sender<Usage>,
}

/// How long and how much an exchange may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until a connection stands, TLS included.
    pub connect_ms: u64,
    /// From the last byte uploaded to the response head.
    pub head_ms: u64,
    /// Between two pieces of the response body.
    pub idle_ms: u64,
    /// All of it, a slow agent included.
    pub total_ms: u64,
    /// The most of a response body that is read.
    pub response_bytes: u64,
}

/// Where the response goes, or why there is none. The receiver dropped means that the agent is gone.
pub type Reply = oneshot::Sender<Result<Response, UpstreamError>>;

/// What is left of an exchange for the bookkeeping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub end: End,
    /// The upstream's status, once there was one.
    pub status: Option<u16>,
    pub usage: Usage,
    /// How often the key stood in the response and was masked.
    pub redactions: u64,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// Not one byte of the request was written.
    NotDialled,
    /// The response was relayed to its end.
    Completed,
    /// The agent hung up, or broke off its upload.
    ClientGone,
    /// The request may have been received; no response came.
    Unreachable,
    /// One of the time limits ran out.
    TimedOut,
    /// The upstream broke off in the middle of the response.
    Cut,
    /// What came is no HTTP response that may be passed on.
    Garbage,
    /// The kill switch was thrown.
    Killed,
    /// The response is longer than allowed.
    LimitReached,
}

/// Why there is no response. `cause` is for the log: it may name addresses, but never a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    #[error("the upstream was not called: {cause}")]
    NotDialled { cause: String },
    #[error("the upstream closed the connection without a response: {cause}")]
    Unreachable { cause: String },
    #[error("the upstream did not answer in time")]
    TimedOut,
    #[error("the upstream broke off in the middle of its response")]
    Cut,
    #[error("the upstream's response cannot be passed on: {cause}")]
    Garbage { cause: String },
    #[error("the lease was revoked during the call")]
    Killed { is_dialled: bool },
    #[error("the upstream's response is longer than {limit_bytes} bytes")]
    TooLong { limit_bytes: u64 },
    #[error("the agent hung up")]
    ClientGone { is_dialled: bool },
}

impl UpstreamError {
    /// What the bookkeeping calls it.
    pub fn end(&self) -> End {
        match self {
            Self::NotDialled { .. } | Self::Killed { is_dialled: false } | Self::ClientGone { is_dialled: false } => {
                End::NotDialled
            }
            Self::Unreachable { .. } => End::Unreachable,
            Self::TimedOut => End::TimedOut,
            Self::Cut => End::Cut,
            Self::Garbage { .. } => End::Garbage,
            Self::Killed { is_dialled: true } => End::Killed,
            Self::TooLong { .. } => End::LimitReached,
            Self::ClientGone { is_dialled: true } => End::ClientGone,
        }
    }
}
