//! Services: the upstreams that leases lead to, each described by a template.
//!
//! | module | what |
//! |---|---|
//! | [`origin`] | scheme, host and port of an upstream; the only place where URLs are built |
//! | [`price`] | what a call costs: per call, or per token of a named model |
//! | [`template`] | reads `services/*.yaml` |
//! | [`custom`] | templates for the services that owners register |
//! | [`catalog`] | the templates that come with the broker |

pub mod catalog;
pub mod custom;
pub mod origin;
pub mod price;
pub mod template;

use std::sync::Arc;

use http::{HeaderName, Method};
use permitpipe_sdk::scope::Scope;

pub use self::{catalog::Catalog, custom::CustomService, origin::Origin, price::Price, template::TemplateError};
use crate::path::{ClientPath, PathPattern};

/// One upstream: where it is, how its key is put in, what can be done there and what that costs.
#[derive(Debug, Clone)]
pub struct Template {
    /// The name in `/v1/{service}/…` and in policies.
    pub name: String,
    /// The only place requests go to.
    pub origin: Origin,
    /// What stands before every client path: empty, or `/v1`.
    pub base_path: String,
    /// Where the key goes.
    pub injection: Injection,
    /// How refusals look to the provider's own clients.
    pub error_shape: ErrorShape,
    /// Everything that can be asked of it; what is not here is refused.
    pub operations: Vec<Arc<Operation>>,
    /// SHA-256 of the template's text.
    pub content_hash: [u8; 32],
    /// Names the state of the price table, for receipts.
    pub price_version: String,
}

/// Where the upstream expects its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Injection {
    /// `authorization: Bearer …`
    Header {
        /// Lower-case name.
        name: HeaderName,
        /// What stands before the key, such as `Bearer ` with its space.
        prefix: String,
    },
    /// `?api-key=…`
    Query {
        /// The parameter's name.
        name: String,
    },
}

/// The form of our refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorShape {
    /// `{"error": {"message", "type", "param", "code"}}`
    OpenAi,
    /// `{"jsonrpc": "2.0", "id", "error": {"code", "message"}}`
    JsonRpc,
    /// `application/problem+json`
    Plain,
}

/// One thing that can be done at a service.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its name, which is the scope that allows it. Never a wildcard.
    pub name: Scope,
    /// The methods it may be asked with.
    pub methods: Vec<Method>,
    /// The paths after the base path that it answers to.
    pub paths: Vec<PathPattern>,
    /// The `method` in the JSON-RPC body that tells it from others on the same path.
    pub rpc_method: Option<String>,
    /// What the body holds and what must be read of it.
    pub shape: Shape,
    /// The largest request body.
    pub request_limit_bytes: u64,
    /// The largest response body; the stream is cut there.
    pub response_limit_bytes: u64,
    /// Never covered by a wildcard: a lease must name it.
    pub is_dangerous: bool,
    /// How usage is found in the response.
    pub usage: UsageReader,
    /// What it costs.
    pub price: Price,
}

/// What a request's body is, as far as we must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Anything; streamed through unread.
    Opaque,
    /// JSON-RPC 2.0, one call a request.
    JsonRpc,
    /// `POST /chat/completions`
    OpenAiChat,
    /// `POST /completions`
    OpenAiCompletions,
    /// `POST /responses`
    OpenAiResponses,
    /// `POST /embeddings`
    OpenAiEmbeddings,
}

/// Whether a body is read before it is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// Streamed through.
    Stream,
    /// Read as JSON, at most so large.
    Json {
        /// The limit.
        limit_bytes: u64,
    },
}

/// Where usage stands in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageReader {
    /// Nowhere: only bytes are counted.
    None,
    /// The `usage` object, in JSON or in the events of a stream.
    OpenAi,
}

impl Operation {
    /// Whether its body is read or streamed through.
    pub fn body(&self) -> BodyKind {
        match self.shape {
            Shape::Opaque => BodyKind::Stream,
            _ => BodyKind::Json { limit_bytes: self.request_limit_bytes },
        }
    }

    /// The most specific of its patterns that means `path`.
    fn best_match(&self, path: &ClientPath) -> Option<&PathPattern> {
        self.paths.iter().filter(|pattern| pattern.matches(path)).min()
    }
}

impl Template {
    /// The operations that `method` on `path` can be; several only where the body tells them apart.
    pub fn candidates(&self, method: &Method, path: &ClientPath) -> Vec<&Arc<Operation>> {
        let takes_method = |operation: &&Arc<Operation>| operation.methods.contains(method);
        let matches = |operation: &Arc<Operation>| operation.best_match(path).cloned();
        let best = self.operations.iter().filter(takes_method).filter_map(matches).min();
        self.operations
            .iter()
            .filter(takes_method)
            .filter(|operation| best.is_some() && matches(operation) == best)
            .collect()
    }

    /// The methods that some operation takes on `path`, for a refusal that helps.
    pub fn methods_on(&self, path: &ClientPath) -> Vec<&Method> {
        let here = self.operations.iter().filter(|operation| operation.best_match(path).is_some());
        let mut methods: Vec<&Method> = here.flat_map(|operation| &operation.methods).collect();
        methods.sort_by_key(|method| method.as_str());
        methods.dedup();
        methods
    }

    /// The operation of that name.
    pub fn find_operation(&self, name: &str) -> Option<&Arc<Operation>> {
        self.operations.iter().find(|operation| operation.name.as_str() == name)
    }

    /// The same service at another place, such as a private OpenAI-compatible server.
    #[must_use]
    pub fn with_origin(&self, origin: Origin) -> Self {
        Self { origin, ..self.clone() }
    }

    /// The path as the upstream sees it.
    pub fn upstream_path(&self, path: &ClientPath) -> String {
        format!("{}{path}", self.base_path)
    }

    /// Two operations that no request could tell apart.
    fn find_clash(&self) -> Option<(&Operation, &Operation)> {
        let clash = |a: &Operation, b: &Operation| {
            let same_body = a.rpc_method.is_none() || b.rpc_method.is_none() || a.rpc_method == b.rpc_method;
            let same_method = a.methods.iter().any(|method| b.methods.contains(method));
            same_body && same_method && a.paths.iter().any(|path| b.paths.contains(path))
        };
        self.operations.iter().enumerate().find_map(|(at, a)| {
            let later = self.operations.iter().skip(at.saturating_add(1));
            later.map(Arc::as_ref).find(|b| a.name == b.name || clash(a, b)).map(|b| (a.as_ref(), b))
        })
    }
}

/// A service's name: what policies, paths and tables can carry without quoting.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_slug = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_slug && name.len() <= 40 && name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Ok(());
    }
    Err(format!(
        "`{}` cannot name a service: write 1 to 40 of a-z, 0-9 and `-`, a letter first",
        name.chars().take(60).collect::<String>()
    ))
}
