//! What a request asks for: which operation, within which bounds, with which body.
//!
//! A body is read only where price or operation depend on it, and changed only to make the worst case true: the output
//! limit is put in or lowered. Everything the client wrote besides goes on byte for byte.

mod json;
mod openai;
mod query;
mod rpc;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use permitpipe_sdk::scope::Scope;

use crate::{
    path::ClientPath,
    service::{BodyKind, Operation, Price, Shape, Template},
};

/// The parts of a request that say what it asks for.
#[derive(Debug, Clone, Copy)]
pub struct Head<'r> {
    /// The method.
    pub method: &'r Method,
    /// The path behind `/v1/{service}`, as it was received.
    pub tail: &'r str,
    /// The query, as it was received.
    pub query: Option<&'r str>,
    /// All headers.
    pub headers: &'r HeaderMap,
}

/// One operation of one service, ready to be decided, priced and forwarded.
#[derive(Debug, Clone)]
pub struct Action {
    /// The service.
    pub template: Arc<Template>,
    /// The operation.
    pub operation: Arc<Operation>,
    /// The scope that allows it: the operation's name.
    pub scope: Scope,
    /// The method.
    pub method: Method,
    /// The path as the upstream sees it, base path included.
    pub path: String,
    /// The query without the bearer's parameter.
    pub query: Option<String>,
    /// The body to send; `None` streams the client's through.
    pub body: Option<Bytes>,
    /// The model named in the body.
    pub model: Option<String>,
    /// The most this request can use.
    pub bounds: Bounds,
    /// Whether the answer comes as a stream of events.
    pub is_streaming: bool,
    /// Whether we asked for the usage event, so that the client does not expect it.
    pub strip_usage_event: bool,
    /// The client's key for repeating safely.
    pub idempotency_key: Option<String>,
}

/// The most a request can use; estimates are made from these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written, over all choices.
    pub output_tokens: u64,
    /// Bytes of the request body.
    pub request_bytes: u64,
    /// Bytes of the response body; the stream is cut there.
    pub response_bytes: u64,
}

/// The class of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionErrorKind {
    /// The request itself is broken.
    Malformed,
    /// It is no operation of the service.
    Unmatched,
    /// It has no price, so nobody could be charged.
    Unpriced,
    /// Its body is over the limit.
    TooLarge,
}

/// Why a request cannot become an action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ActionError {
    /// Drives the status.
    pub kind: ActionErrorKind,
    /// For the client: what is wrong, the limit and the value, what to do.
    pub message: String,
}

impl ActionError {
    fn malformed(message: impl Into<String>) -> Self {
        Self { kind: ActionErrorKind::Malformed, message: message.into() }
    }

    fn unmatched(message: impl Into<String>) -> Self {
        Self { kind: ActionErrorKind::Unmatched, message: message.into() }
    }

    fn unpriced(message: impl Into<String>) -> Self {
        Self { kind: ActionErrorKind::Unpriced, message: message.into() }
    }

    fn too_large(message: impl Into<String>) -> Self {
        Self { kind: ActionErrorKind::TooLarge, message: message.into() }
    }

    /// The status that goes with the kind.
    pub fn status(&self) -> StatusCode {
        match self.kind {
            ActionErrorKind::Malformed => StatusCode::BAD_REQUEST,
            ActionErrorKind::Unmatched | ActionErrorKind::Unpriced => StatusCode::FORBIDDEN,
            ActionErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

/// What reading a body found out and changed.
struct Reading {
    operation: Arc<Operation>,
    body: Bytes,
    model: Option<String>,
    input_tokens: u64,
    output_tokens: u64,
    is_streaming: bool,
    strip_usage_event: bool,
}

impl Action {
    /// How much body must be read before [`Action::parse`]; `None` where it is streamed, or where parsing will refuse anyway.
    pub fn needs_body(template: &Template, method: &Method, tail: &str) -> Option<u64> {
        let path = ClientPath::parse(tail).ok()?;
        let limits = template.candidates(method, &path).into_iter().filter_map(|operation| match operation.body() {
            BodyKind::Json { limit_bytes } => Some(limit_bytes),
            BodyKind::Stream => None,
        });
        limits.max()
    }

    /// Reads a request. `body` is the whole body where [`Action::needs_body`] asked for it.
    pub fn parse(template: &Arc<Template>, head: &Head<'_>, body: Option<Bytes>) -> Result<Self, ActionError> {
        let path = ClientPath::parse(head.tail).map_err(|error| ActionError::malformed(format!("{error}.")))?;
        let query = query::without_bearer(head.query, &template.injection)?;
        let idempotency_key = idempotency_key(head.headers)?;
        let candidates = template.candidates(head.method, &path);
        let Some(first) = candidates.first() else { return Err(no_operation(template, head.method, &path)) };
        let base = Self {
            template: Arc::clone(template),
            operation: Arc::clone(first),
            scope: first.name.clone(),
            method: head.method.clone(),
            path: template.upstream_path(&path),
            query,
            body: None,
            model: None,
            bounds: Bounds { response_bytes: first.response_limit_bytes, ..Bounds::default() },
            is_streaming: false,
            strip_usage_event: false,
            idempotency_key,
        };
        let declared = declared_length(head.headers)?;
        match first.body() {
            BodyKind::Stream => base.streamed(declared),
            BodyKind::Json { .. } => {
                refuse_encoding(head.headers)?;
                let reading = read_body(template, &candidates, body.unwrap_or_default())?;
                Ok(base.with_reading(reading))
            }
        }
    }

    /// A body that is not read: bounded by its declared length, or by the operation's limit, at which it is cut.
    fn streamed(mut self, declared: Option<u64>) -> Result<Self, ActionError> {
        let limit = self.operation.request_limit_bytes;
        if let Price::PerToken(_) = self.operation.price {
            return Err(ActionError::unpriced("this operation is priced by model, and its body is not read."));
        }
        let length =
            declared.unwrap_or(if self.method == Method::GET || self.method == Method::HEAD { 0 } else { limit });
        check_size(length, limit)?;
        self.bounds.request_bytes = length;
        Ok(self)
    }

    fn with_reading(self, reading: Reading) -> Self {
        let bounds = Bounds {
            input_tokens: reading.input_tokens,
            output_tokens: reading.output_tokens,
            request_bytes: u64::try_from(reading.body.len()).unwrap_or(u64::MAX),
            response_bytes: reading.operation.response_limit_bytes,
        };
        Self {
            scope: reading.operation.name.clone(),
            operation: reading.operation,
            body: Some(reading.body),
            model: reading.model,
            bounds,
            is_streaming: reading.is_streaming,
            strip_usage_event: reading.strip_usage_event,
            ..self
        }
    }
}

fn read_body(template: &Template, candidates: &[&Arc<Operation>], body: Bytes) -> Result<Reading, ActionError> {
    let Some(&operation) = candidates.first() else { return Err(ActionError::unmatched("no operation.")) };
    let limit = candidates.iter().map(|operation| operation.request_limit_bytes).max().unwrap_or_default();
    check_size(u64::try_from(body.len()).unwrap_or(u64::MAX), limit)?;
    match operation.shape {
        Shape::JsonRpc => rpc::read(&template.name, candidates, body),
        _ => openai::read(operation, body),
    }
}

fn check_size(bytes: u64, limit: u64) -> Result<(), ActionError> {
    if bytes <= limit {
        return Ok(());
    }
    Err(ActionError::too_large(format!(
        "the body has {bytes} bytes, the limit for this operation is {limit}. Send less in one request."
    )))
}

/// Says what would have been an operation.
fn no_operation(template: &Template, method: &Method, path: &ClientPath) -> ActionError {
    let name = &template.name;
    let methods: Vec<&str> = template.methods_on(path).into_iter().map(Method::as_str).collect();
    if !methods.is_empty() {
        return ActionError::unmatched(format!(
            "{method} {path} is no operation of {name}; this path takes {}.",
            methods.join(", ")
        ));
    }
    let stripped = path.as_str().strip_prefix(&template.base_path).filter(|_| !template.base_path.is_empty());
    let hint = match stripped
        .and_then(|rest| ClientPath::parse(rest).ok())
        .filter(|rest| !template.methods_on(rest).is_empty())
    {
        Some(rest) => format!("leave out `{}`, which we put in front: {rest}.", template.base_path),
        None => "only operations that its template names are let through; see the service's list of scopes.".to_owned(),
    };
    ActionError::unmatched(format!("{method} {path} is no operation of {name}; {hint}"))
}

fn declared_length(headers: &HeaderMap) -> Result<Option<u64>, ActionError> {
    let Some(value) = headers.get(header::CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| {
        ActionError::malformed("the Content-Length header is not a number; send the body's length in bytes.")
    })
}

/// A compressed body would be matched and priced unread.
fn refuse_encoding(headers: &HeaderMap) -> Result<(), ActionError> {
    let is_plain = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if is_plain {
        Ok(())
    } else {
        Err(ActionError::malformed(
            "the body is compressed (Content-Encoding); send it uncompressed, since it must be read.",
        ))
    }
}

const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ActionError> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ActionError::malformed("there are two Idempotency-Key headers; send one."));
    }
    let bytes = value.as_bytes();
    let is_plain =
        !bytes.is_empty() && bytes.len() <= MAX_IDEMPOTENCY_KEY_BYTES && bytes.iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(text) if is_plain => Ok(Some(text.to_owned())),
        _ => Err(ActionError::malformed(format!(
            "the Idempotency-Key has {} bytes or odd characters; send 1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible ASCII characters.",
            bytes.len()
        ))),
    }
}

#[cfg(test)]
mod tests;
