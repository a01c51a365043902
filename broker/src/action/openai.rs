//! OpenAI bodies: the model gives the price, the output limit makes the worst case true.
//!
//! What would cost something that the price table does not know (other tiers, hosted tools, audio, stored prompts run in
//! the background) is refused as unpriced. What makes the input larger than the body shows (images, files, stored
//! conversations) is bounded by the model's context instead.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::{ActionError, Reading, json::Object};
use crate::{
    service::{Operation, Price, Shape, price::Model},
    yaml::nearest,
};

/// More choices than this in one call are refused.
const MAX_CHOICES: u64 = 16;

/// Reads the body of a call that is priced by model.
pub(super) fn read(operation: &Arc<Operation>, body: Bytes) -> Result<Reading, ActionError> {
    let mut object = Object::parse(&body)?;
    let (name, model) = find_model(operation, &object)?;
    refuse_unpriced(operation.shape, &object)?;
    let output_tokens = bound_output(operation.shape, &mut object, &model)?;
    let is_streaming = operation.shape != Shape::OpenAiEmbeddings && object.flag("stream")?;
    let reports_by_itself = matches!(operation.shape, Shape::OpenAiResponses | Shape::OpenAiEmbeddings);
    let strip_usage_event = is_streaming && !reports_by_itself && ask_for_usage(&mut object)?;
    let input_tokens = bound_input(operation.shape, &object, &model, body.len())?;
    let operation = Arc::clone(operation);
    let model = Some(name);
    Ok(Reading {
        operation,
        body: object.into_bytes(),
        model,
        input_tokens,
        output_tokens,
        is_streaming,
        strip_usage_event,
    })
}

fn find_model(operation: &Operation, object: &Object<'_>) -> Result<(String, Arc<Model>), ActionError> {
    let name = object.text("model")?.ok_or_else(|| ActionError::malformed("`model` is missing; name the model."))?;
    let Price::PerToken(table) = &operation.price else {
        return Err(ActionError::unpriced("this operation has no price by model."));
    };
    if let Some(model) = table.find(&name) {
        return Ok((name.clone(), Arc::clone(model)));
    }
    let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    let hint = nearest(&name, table.names())
        .map_or_else(String::new, |near| format!(" The nearest name with a price is `{near}`."));
    Err(ActionError::unpriced(format!(
        "model `{shown}` has no price for {}, so it cannot be charged.{hint}",
        operation.name
    )))
}

/// Refuses what is billed beside tokens, or at another price.
fn refuse_unpriced(shape: Shape, object: &Object<'_>) -> Result<(), ActionError> {
    let unpriced = |what: &str| {
        Err(ActionError::unpriced(format!("{what} has no price here, so it cannot be charged; leave it out.")))
    };
    match object.text("service_tier")?.as_deref() {
        None | Some("auto" | "default") => {}
        Some(_) => return unpriced("`service_tier` other than `auto` or `default`"),
    }
    for field in ["web_search_options", "audio", "prediction"] {
        if object.raw(field).is_some() {
            return unpriced(&format!("`{field}`"));
        }
    }
    let is_text = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(|item| item == "text"));
    if object.value("modalities")?.is_some_and(|value| !is_text(&value)) {
        return unpriced("`modalities` other than text");
    }
    if object.flag("background")? {
        return unpriced("`background`");
    }
    let is_hosted = |tool: &Value| !matches!(tool.get("type").and_then(Value::as_str), Some("function" | "custom"));
    let hosted = object
        .value("tools")?
        .and_then(|tools| tools.as_array().and_then(|tools| tools.iter().find(|tool| is_hosted(tool)).cloned()));
    if let Some(tool) = hosted {
        let kind: String = tool.get("type").and_then(Value::as_str).unwrap_or("?").chars().take(40).collect();
        return unpriced(&format!("the hosted tool `{kind}`"));
    }
    if shape == Shape::OpenAiCompletions {
        check_completion(object)?;
    }
    Ok(())
}

/// The older endpoint multiplies its output by prompts and by candidates.
fn check_completion(object: &Object<'_>) -> Result<(), ActionError> {
    let prompts = object.value("prompt")?;
    let many = |list: &Vec<Value>| list.len() > 1 && !list.iter().all(Value::is_u64);
    if prompts.as_ref().and_then(Value::as_array).is_some_and(many) {
        return Err(ActionError::malformed("`prompt` holds several prompts; send one a request."));
    }
    match object.count("best_of")? {
        None | Some(1) => Ok(()),
        Some(best_of) => Err(ActionError::malformed(format!("`best_of` is {best_of}, the limit is 1; leave it out."))),
    }
}

/// Puts in or lowers the output limit; returns the most tokens all choices can have together.
fn bound_output(shape: Shape, object: &mut Object<'_>, model: &Model) -> Result<u64, ActionError> {
    let field = match shape {
        Shape::OpenAiEmbeddings => return Ok(0),
        Shape::OpenAiResponses => "max_output_tokens",
        Shape::OpenAiCompletions => "max_tokens",
        _ if object.raw("max_tokens").is_some() => "max_tokens",
        _ => "max_completion_tokens",
    };
    if field == "max_tokens" && object.raw("max_completion_tokens").is_some() {
        return Err(ActionError::malformed(
            "`max_tokens` and `max_completion_tokens` are both there; send one of them.",
        ));
    }
    let asked = object.count(field)?;
    let granted = asked.unwrap_or(model.default_max_output_tokens).min(model.max_output_tokens);
    if asked != Some(granted) {
        object.set(field, granted.to_string());
    }
    let choices = if shape == Shape::OpenAiResponses { 1 } else { object.count("n")?.unwrap_or(1) };
    if choices > MAX_CHOICES {
        return Err(ActionError::malformed(format!(
            "`n` is {choices}, the limit is {MAX_CHOICES}; ask for fewer choices."
        )));
    }
    Ok(granted.saturating_mul(choices))
}

/// Has the stream end with its usage; true if the client had not asked for that itself.
fn ask_for_usage(object: &mut Object<'_>) -> Result<bool, ActionError> {
    let mut options = match object.value("stream_options")? {
        None => serde_json::Map::new(),
        Some(Value::Object(options)) => options,
        Some(_) => return Err(ActionError::malformed("`stream_options` must be an object.")),
    };
    if options.get("include_usage") == Some(&Value::Bool(true)) {
        return Ok(false);
    }
    options.insert("include_usage".into(), Value::Bool(true));
    object.set("stream_options", Value::Object(options).to_string());
    Ok(true)
}

/// A token is at least one byte of the body, unless the body only points at the input.
fn bound_input(shape: Shape, object: &Object<'_>, model: &Model, body_bytes: usize) -> Result<u64, ActionError> {
    let stored = ["previous_response_id", "conversation"].iter().any(|field| object.raw(field).is_some());
    let template = shape == Shape::OpenAiResponses && object.raw("prompt").is_some();
    let field = if shape == Shape::OpenAiResponses { "input" } else { "messages" };
    let points_elsewhere = match shape {
        Shape::OpenAiChat | Shape::OpenAiResponses => {
            object.value(field)?.is_some_and(|value| points_elsewhere(&value))
        }
        _ => false,
    };
    let bytes = u64::try_from(body_bytes).unwrap_or(u64::MAX);
    Ok(if stored || template || points_elsewhere { model.context_tokens } else { bytes.min(model.context_tokens) })
}

/// Parts whose tokens all stand in the body. Any other kind, also one that is invented later, may be larger than it looks.
const PLAIN_PARTS: [&str; 10] = [
    "text",
    "input_text",
    "output_text",
    "refusal",
    "message",
    "function",
    "function_call",
    "function_call_output",
    "custom",
    "custom_tool_call",
];

fn points_elsewhere(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(points_elsewhere),
        Value::Object(fields) => {
            let kind = fields.get("type").and_then(Value::as_str);
            let is_odd = kind.is_some_and(|kind| !PLAIN_PARTS.contains(&kind));
            let has_pointer = ["audio", "image_url", "file", "file_id", "file_url"]
                .iter()
                .any(|key| fields.get(*key).is_some_and(|v| !v.is_null()));
            is_odd || has_pointer || fields.values().any(points_elsewhere)
        }
        _ => false,
    }
}
