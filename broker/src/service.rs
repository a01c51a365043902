//! Upstreams: how the key is injected.

/// Where the key goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Injection {
    /// Into a header, behind a prefix such as `Bearer `.
    Header { name: http::HeaderName, prefix: String },
    /// Into a query parameter.
    Query { name: String },
}
