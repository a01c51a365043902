//! What the control API answers when it refuses: RFC 9457 `application/problem+json`.

use serde::{Deserialize, Serialize};

/// A refusal. `detail` says what is wrong, the limit and the actual value, then what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A URI reference that names the kind; `about:blank#{code}`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This case in words.
    pub detail: String,
    /// Stable, for programs.
    pub code: String,
    /// Quote it when you ask for help.
    pub request_id: String,
    /// The audit entry of the refusal, where one was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_ref: Option<String>,
}

/// Why a call of the client failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The broker refused, and says why.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// Nobody answered. The URL is kept out: it may carry a bearer.
    #[error("the broker at {url} does not answer: {cause}; is `permitpipe up` running?")]
    Unreachable {
        /// Base URL of the broker.
        url: String,
        /// In words.
        cause: String,
    },
    /// An answer that is no answer of ours.
    #[error("the broker answered {status} with something that is not its own: is {url} the right address?")]
    Foreign {
        /// Base URL asked.
        url: String,
        /// HTTP status.
        status: u16,
    },
}
