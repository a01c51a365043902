use super::*;
use crate::service::Catalog;
use http::HeaderValue;

fn template(name: &str) -> Arc<Template> {
    Arc::clone(Catalog::builtin().unwrap().find(name).unwrap())
}

fn parse(service: &str, tail: &str, body: &str) -> Result<Action, ActionError> {
    let headers = HeaderMap::new();
    let head = Head { method: &Method::POST, tail, query: None, headers: &headers };
    Action::parse(&template(service), &head, Some(Bytes::from(body.to_owned())))
}

fn chat(body: &str) -> Result<Action, ActionError> {
    parse("openai", "/chat/completions", body)
}

fn sent(action: &Action) -> String {
    String::from_utf8(action.body.clone().unwrap().to_vec()).unwrap()
}

#[test]
fn output_limits_are_put_in_or_lowered_and_nothing_else_changes() {
    for (body, expected, output) in [
        (
            r#"{"model":"gpt-4o-mini","messages":[]}"#,
            r#"{"model":"gpt-4o-mini","messages":[],"max_completion_tokens":4096}"#,
            4096,
        ),
        (r#"{"model":"gpt-4o-mini", "max_tokens":5}"#, r#"{"model":"gpt-4o-mini", "max_tokens":5}"#, 5),
        (
            r#"{"model":"gpt-4o-mini","max_completion_tokens":7,"n":3}"#,
            r#"{"model":"gpt-4o-mini","max_completion_tokens":7,"n":3}"#,
            21,
        ),
        (r#"{"max_tokens":99999999999999999999,"model":"gpt-4o"}"#, r#"{"max_tokens":16384,"model":"gpt-4o"}"#, 16384),
        (
            r#"{"max_tokens":null,"model":"gpt-4o"}"#,
            r#"{"max_tokens":null,"model":"gpt-4o","max_completion_tokens":4096}"#,
            4096,
        ),
        (
            r#"{"model":"gpt-4o","max_completion_tokens":null}"#,
            r#"{"model":"gpt-4o","max_completion_tokens":4096}"#,
            4096,
        ),
    ] {
        let action = chat(body).unwrap();
        assert_eq!((sent(&action).as_str(), action.bounds.output_tokens), (expected, output));
        assert_eq!(action.bounds.input_tokens, body.len() as u64);
        assert_eq!((action.path.as_str(), action.scope.as_str()), ("/v1/chat/completions", "chat"));
    }
}

#[test]
fn bad_numbers_and_unpriced_wishes_are_refused_with_a_reason() {
    use ActionErrorKind::{Malformed, Unpriced};
    for (field, kind, expected) in [
        (r#""max_tokens":0"#, Malformed, "whole number from 1"),
        (r#""max_tokens":-1"#, Malformed, "whole number from 1"),
        (r#""max_tokens":1.5"#, Malformed, "whole number from 1"),
        (r#""max_tokens":"9""#, Malformed, "whole number from 1"),
        (r#""max_tokens":1e400"#, Malformed, "too large for any reader"),
        (r#""max_tokens":1,"max_completion_tokens":2"#, Malformed, "both there"),
        (r#""n":17"#, Malformed, "`n` is 17, the limit is 16"),
        (r#""n":0"#, Malformed, "whole number from 1"),
        (r#""model":"gpt-4o-mini""#, Malformed, "`model` is there twice"),
        (r#""stream":"yes""#, Malformed, "true or false"),
        (r#""stream":true,"stream_options":[]"#, Malformed, "must be an object"),
        (r#""service_tier":"priority""#, Unpriced, "service_tier"),
        (r#""web_search_options":{}"#, Unpriced, "web_search_options"),
        (r#""modalities":["text","audio"]"#, Unpriced, "modalities"),
        (r#""tools":[{"type":"web_search"}]"#, Unpriced, "hosted tool `web_search`"),
    ] {
        let error = chat(&format!(r#"{{"model":"gpt-4o-mini",{field}}}"#)).unwrap_err();
        assert!(error.kind == kind && error.message.contains(expected), "{field}: {error:?}");
    }
    let unknown = chat(r#"{"model":"gpt-4o-minni"}"#).unwrap_err();
    assert_eq!(unknown.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        unknown.message,
        "model `gpt-4o-minni` has no price for chat, so it cannot be charged. The nearest name with a price is `gpt-4o-mini`."
    );
    assert_eq!(chat("{}").unwrap_err().kind, Malformed);
    assert_eq!(chat(r#"{"model":7}"#).unwrap_err().kind, Malformed);
    assert_eq!(parse("openai", "/embeddings", r#"{"model":"gpt-4o"}"#).unwrap_err().kind, Unpriced);
}

#[test]
fn streams_are_made_to_report_usage() {
    let plain = chat(r#"{"model":"gpt-4o","max_tokens":1,"stream":true}"#).unwrap();
    assert!(plain.is_streaming && plain.strip_usage_event);
    assert!(sent(&plain).ends_with(r#""stream":true,"stream_options":{"include_usage":true}}"#));
    let asked =
        chat(r#"{"model":"gpt-4o","max_tokens":1,"stream":true,"stream_options":{"include_usage":true}}"#).unwrap();
    assert!(asked.is_streaming && !asked.strip_usage_event);
    let other = chat(r#"{"model":"gpt-4o","max_tokens":1,"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":false}}"#).unwrap();
    assert!(other.strip_usage_event && sent(&other).contains(r#"{"include_obfuscation":false,"include_usage":true}"#));
    let responses = parse("openai", "/responses", r#"{"model":"gpt-5-mini","input":"hi","stream":true}"#).unwrap();
    assert!(responses.is_streaming && !responses.strip_usage_event);
    assert!(sent(&responses).ends_with(r#","max_output_tokens":16384}"#));
}

#[test]
fn input_that_the_body_only_points_at_is_bounded_by_the_context() {
    let image = r#"{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]}"#;
    assert_eq!(chat(image).unwrap().bounds.input_tokens, 128_000);
    let invented = r#"{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"hologram"}]}]}"#;
    assert_eq!(chat(invented).unwrap().bounds.input_tokens, 128_000);
    let stored = r#"{"model":"gpt-5","input":"go on","previous_response_id":"resp_1"}"#;
    assert_eq!(parse("openai", "/responses", stored).unwrap().bounds.input_tokens, 400_000);
    let tools = r#"{"model":"gpt-4o","messages":[{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}],
        "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]}"#;
    assert_eq!(chat(tools).unwrap().bounds.input_tokens, tools.len() as u64);
}

#[test]
fn completions_take_one_prompt() {
    let complete =
        |rest: &str| parse("openai", "/completions", &format!(r#"{{"model":"gpt-3.5-turbo-instruct",{rest}}}"#));
    assert_eq!(complete(r#""prompt":"a""#).unwrap().bounds.output_tokens, 256);
    assert!(complete(r#""prompt":[1,2,3]"#).is_ok());
    assert!(complete(r#""prompt":["a","b"]"#).is_err());
    assert!(complete(r#""prompt":"a","best_of":5"#).is_err());
}

#[test]
fn json_rpc_names_its_operation_in_the_body() {
    let rpc = |body: &str| parse("helius", "/", body);
    let action = rpc(r#"{"jsonrpc":"2.0","id":1,"method":"getBalance","params":["x"]}"#).unwrap();
    assert_eq!((action.scope.as_str(), action.path.as_str()), ("rpc.read.get-balance", "/"));
    assert!(rpc(r#"{"jsonrpc":"2.0","id":1,"method":"sendTransaction","params":[]}"#).unwrap().operation.is_dangerous);
    for (body, kind, expected) in [
        (r#" [{"jsonrpc":"2.0","id":1,"method":"getSlot"}]"#, ActionErrorKind::Malformed, "batch"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"getBalanse"}"#, ActionErrorKind::Unmatched, "Did you mean `getBalance`?"),
        (r#"{"jsonrpc":"2.0","id":1}"#, ActionErrorKind::Malformed, "`method` is missing"),
        (r#"{"jsonrpc":"2.0","id":1,"method":["getSlot"]}"#, ActionErrorKind::Malformed, "must be text"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"getSlot","method":"sendTransaction"}"#,
            ActionErrorKind::Malformed,
            "twice",
        ),
        (r#"{"method":"getSlot"}"#, ActionErrorKind::Malformed, "JSON-RPC 2.0"),
    ] {
        let error = rpc(body).unwrap_err();
        assert!(error.kind == kind && error.message.contains(expected), "{body}: {error:?}");
    }
    let large = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"getSlot","params":["{}"]}}"#, "x".repeat(256 * 1024));
    assert_eq!(rpc(&large).unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn what_is_no_operation_is_refused_with_a_hint() {
    let openai = template("openai");
    let headers = HeaderMap::new();
    let ask = |method: &Method, tail: &str| {
        Action::parse(&openai, &Head { method, tail, query: None, headers: &headers }, None)
            .map(|action| action.scope.to_string())
            .map_err(|error| error.message)
    };
    assert_eq!(ask(&Method::GET, "/models"), Ok("models.list".into()));
    assert!(ask(&Method::GET, "/chat/completions").unwrap_err().contains("this path takes POST"));
    assert!(ask(&Method::POST, "/v1/chat/completions").unwrap_err().contains("leave out `/v1`"));
    assert!(ask(&Method::POST, "/fine_tuning/jobs").unwrap_err().contains("no operation of openai"));
    assert!(ask(&Method::GET, "/models/%2e%2e/files").unwrap_err().contains("servers read in different ways"));
    assert_eq!(Action::needs_body(&openai, &Method::POST, "/chat/completions"), Some(8 << 20));
    assert_eq!(Action::needs_body(&openai, &Method::POST, "/moderations"), None);
    assert_eq!(Action::needs_body(&openai, &Method::POST, "/nothing"), None);
}

#[test]
fn streamed_bodies_are_bounded_by_their_declared_length() {
    let openai = template("openai");
    let with = |name: &'static str, value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        Action::parse(
            &openai,
            &Head { method: &Method::POST, tail: "/moderations", query: Some("api_key=x&b=1"), headers: &headers },
            None,
        )
    };
    let action = with("content-length", "500").unwrap();
    assert_eq!((action.bounds.request_bytes, action.body, action.query.as_deref()), (500, None, Some("b=1")));
    assert_eq!(with("x-other", "1").unwrap().bounds.request_bytes, 8 << 20);
    assert_eq!(with("content-length", "99999999").unwrap_err().kind, ActionErrorKind::TooLarge);
    assert_eq!(with("idempotency-key", "abc").unwrap().idempotency_key.as_deref(), Some("abc"));
    assert_eq!(with("idempotency-key", "").unwrap_err().kind, ActionErrorKind::Malformed);
    assert_eq!(with("idempotency-key", &"k".repeat(256)).unwrap_err().kind, ActionErrorKind::Malformed);
}

#[test]
fn compressed_bodies_are_refused_where_they_must_be_read() {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let head = Head { method: &Method::POST, tail: "/chat/completions", query: None, headers: &headers };
    let error = Action::parse(&template("openai"), &head, Some(Bytes::from_static(b"{}"))).unwrap_err();
    assert!(error.message.contains("send it uncompressed"));
}
