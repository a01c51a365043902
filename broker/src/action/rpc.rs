//! JSON-RPC: the operation is named in the body.

use std::sync::Arc;

use bytes::Bytes;

use super::{ActionError, Reading, json::Object};
use crate::{service::Operation, yaml::nearest};

/// Finds the operation that the body names. Batches are refused: one request is one operation, one hold, one receipt.
pub(super) fn read(service: &str, candidates: &[&Arc<Operation>], body: Bytes) -> Result<Reading, ActionError> {
    if body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'[') {
        return Err(ActionError::malformed(
            "this is a JSON-RPC batch; one request is one operation here, so send the calls one by one.",
        ));
    }
    let object = Object::parse(&body)?;
    if object.text("jsonrpc")?.as_deref() != Some("2.0") {
        return Err(ActionError::malformed("`jsonrpc` is not \"2.0\"; send a JSON-RPC 2.0 request."));
    }
    let method = object
        .text("method")?
        .ok_or_else(|| ActionError::malformed("`method` is missing; name the JSON-RPC method."))?;
    let named = |operation: &&&Arc<Operation>| operation.rpc_method.as_deref() == Some(method.as_str());
    let Some(&operation) = candidates.iter().find(named) else {
        let known = candidates.iter().filter_map(|operation| operation.rpc_method.as_deref());
        let hint = nearest(&method, known).map_or_else(String::new, |near| format!(" Did you mean `{near}`?"));
        let shown: String = method.chars().filter(|c| !c.is_control()).take(60).collect();
        return Err(ActionError::unmatched(format!(
            "`{shown}` is no operation of {service}; only methods that its template names are let through.{hint}"
        )));
    };
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    if length > operation.request_limit_bytes {
        return Err(ActionError::too_large(format!(
            "the body has {length} bytes, the limit for `{method}` is {}.",
            operation.request_limit_bytes
        )));
    }
    Ok(Reading {
        operation: Arc::clone(operation),
        body,
        model: None,
        input_tokens: 0,
        output_tokens: 0,
        is_streaming: false,
        strip_usage_event: false,
    })
}
