//! The honest upstream: enough of OpenAI's API for its SDK, with usage in JSON and in streams.

use std::io;

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{EVENTS_HEAD, Received, chunk, wire};

const WORDS: [&str; 5] = ["Hello", " from", " the", " real", " upstream"];

/// Answers one request; only the real key gets more than a 401.
pub(super) async fn answer(stream: &mut TcpStream, request: &Received) -> io::Result<()> {
    if !request.has_real_key {
        return stream.write_all(&failure(401)).await;
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    match (request.method.as_str(), request.path()) {
        ("POST", "/v1/chat/completions") if body["stream"] == true => stream_chat(stream, request, &body).await,
        ("POST", "/v1/chat/completions") => stream.write_all(&wire::json(200, &[], &chat(request, &body))).await,
        ("POST", "/v1/embeddings") => {
            let usage = json!({"prompt_tokens": input_tokens(request), "total_tokens": input_tokens(request)});
            let data = json!([{"object": "embedding", "index": 0, "embedding": [0, 1, 0]}]);
            let body = json!({"object": "list", "data": data, "model": body["model"], "usage": usage});
            stream.write_all(&wire::json(200, &[], &body)).await
        }
        ("GET", "/v1/models") => {
            let models =
                json!({"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model", "owned_by": "upstream"}]});
            stream.write_all(&wire::json(200, &[], &models)).await
        }
        _ => {
            let echo = json!({"method": request.method, "path": request.path(), "bytes": request.body.len()});
            stream.write_all(&wire::json(200, &[], &echo)).await
        }
    }
}

/// An error in the provider's shape.
pub(super) fn failure(status: u16) -> Vec<u8> {
    let (kind, code, message) = match status {
        401 => ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
        429 => ("requests", "rate_limit_exceeded", "Rate limit reached."),
        _ => ("server_error", "server_error", "The server had an error."),
    };
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": code}});
    let retry_after = [("retry-after", "7")];
    wire::json(status, if status == 429 { &retry_after } else { &[] }, &body)
}

fn chat(request: &Received, body: &Value) -> Value {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body["model"],
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": WORDS.concat()},
            "finish_reason": "stop",
        }],
        "usage": usage(request),
    })
}

async fn stream_chat(stream: &mut TcpStream, request: &Received, body: &Value) -> io::Result<()> {
    let event = |choices: Value, usage: Value| {
        let event = json!({
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": body["model"],
            "choices": choices,
            "usage": usage,
        });
        chunk(format!("data: {event}\n\n"))
    };
    stream.write_all(EVENTS_HEAD.as_bytes()).await?;
    for word in WORDS {
        let delta = json!([{"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": null}]);
        stream.write_all(&event(delta, Value::Null)).await?;
    }
    let stop = json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]);
    stream.write_all(&event(stop, Value::Null)).await?;
    if body["stream_options"]["include_usage"] == true {
        stream.write_all(&event(json!([]), usage(request))).await?;
    }
    stream.write_all(&[chunk("data: [DONE]\n\n"), chunk("")].concat()).await
}

/// Roughly as a provider counts: four bytes a token in, one word a token out.
fn usage(request: &Received) -> Value {
    let (input, output) = (input_tokens(request), WORDS.len());
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}

fn input_tokens(request: &Received) -> usize {
    request.body.len().div_ceil(4)
}
