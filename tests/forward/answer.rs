//! Upstreams that behave: what crosses, and what does not.

use axum::body::Body;
use http::{HeaderMap, Method};
use permitpipe_broker::{
    forward::{End, Limits},
    meter::Scanner,
    service::{Injection, UsageReader},
};
use permitpipe_tests::upstream::{CHUNKED_HEAD, EVENTS_HEAD, Mode, Step, chunk};

use crate::rig::{KEY, Rig};

fn script(response: impl AsRef<[u8]>) -> Mode {
    Mode::Script(vec![Step::write(response)])
}

fn chat(rig: &Rig, body: &'static str) -> permitpipe_broker::forward::Exchange {
    let mut x = rig.request(Method::POST, "/v1/chat/completions");
    x.headers.insert("content-type", "application/json".parse().unwrap());
    x.headers.insert("authorization", "Bearer pp_lease_mine".parse().unwrap());
    x.headers.insert("x_api_key", "mine".parse().unwrap());
    x.headers.insert("idempotency-key", "once".parse().unwrap());
    x.body = Body::from(body);
    x
}

#[tokio::test]
async fn a_json_call_carries_the_real_key_and_comes_back_in_one_piece() {
    let rig = Rig::new(Mode::Honest).await;
    let (seen, outcome) = rig.run(chat(&rig, r#"{"model":"gpt-4o-mini","messages":[]}"#)).await;
    let seen = seen.unwrap();
    assert_eq!((seen.status, seen.is_whole), (200, true));
    assert_eq!(seen.headers["content-length"], seen.body.len().to_string());
    assert!(String::from_utf8_lossy(&seen.body).contains("Hello from the real upstream"));
    assert_eq!((outcome.end, outcome.status, outcome.redactions), (End::Completed, Some(200), 0));
    assert_eq!((outcome.usage.request_bytes, outcome.usage.response_bytes), (37, seen.body.len() as u64));
    let received = rig.upstream.received();
    assert!(received.len() == 1 && received[0].has_real_key);
    assert_eq!(received[0].header("authorization").unwrap(), format!("Bearer {KEY}"));
    assert_eq!(received[0].header("x_api_key"), None);
    assert_eq!(received[0].header("idempotency-key").unwrap(), "once");
    assert_eq!(received[0].header("accept-encoding").unwrap(), "identity");
    assert_eq!(received[0].header("host").unwrap(), rig.upstream.address().to_string());
    assert_eq!(received[0].header("content-length").unwrap(), "37");
}

#[tokio::test]
async fn an_event_stream_arrives_event_by_event() {
    let rig = Rig::new(Mode::Honest).await;
    let x =
        chat(&rig, r#"{"model":"gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#);
    let (seen, outcome) = rig.run(x).await;
    let seen = seen.unwrap();
    let text = String::from_utf8_lossy(&seen.body);
    assert_eq!(text.matches("data: ").count(), 8);
    assert!(text.contains("\"completion_tokens\":5") && text.ends_with("data: [DONE]\n\n") && seen.is_whole);
    assert_eq!(outcome.end, End::Completed);
}

#[tokio::test]
async fn usage_is_read_from_both_forms_and_our_own_event_is_taken_out() {
    let rig = Rig::new(Mode::Honest).await;
    let mut x = chat(&rig, r#"{"model":"gpt-4o-mini","messages":[]}"#);
    x.scanner = Scanner::new(UsageReader::OpenAi, false);
    let (_, outcome) = rig.run(x).await;
    assert_eq!((outcome.usage.input_tokens, outcome.usage.output_tokens), (Some(10), Some(5)));

    let mut x =
        chat(&rig, r#"{"model":"gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#);
    x.scanner = Scanner::new(UsageReader::OpenAi, true);
    let (seen, outcome) = rig.run(x).await;
    let seen = seen.unwrap();
    let text = String::from_utf8_lossy(&seen.body);
    assert!(text.matches("data: ").count() == 7 && !text.contains("completion_tokens") && text.ends_with("[DONE]\n\n"));
    assert_eq!((outcome.usage.input_tokens, outcome.usage.output_tokens), (Some(23), Some(5)));
    assert!(outcome.usage.response_bytes > seen.body.len() as u64);
}

#[tokio::test]
async fn a_key_in_the_query_reaches_the_upstream_once() {
    let rig = Rig::new(Mode::Honest).await;
    let mut x = rig.request(Method::POST, "/?api-key=mine&x=1");
    x.injection = Injection::Query { name: "api-key".into() };
    let (seen, _) = rig.run(x).await;
    assert_eq!(seen.unwrap().status, 200);
    assert_eq!(rig.upstream.received()[0].target, format!("/?x=1&api-key={KEY}"));
}

#[tokio::test]
async fn a_reflected_key_is_masked_wherever_it_is_split() {
    let rig = Rig::new(Mode::Honest).await;
    let body_length = format!("{{\"error\":\"unknown key Bearer {KEY}\"}}").len();
    for split in 0..body_length {
        rig.upstream.set_mode(Mode::Reflect { split });
        let (seen, outcome) = rig.run(rig.get()).await;
        let seen = seen.unwrap();
        let stars = "*".repeat(KEY.len());
        assert_eq!(seen.headers["x-you-sent"], format!("Bearer {stars}"));
        assert_eq!(seen.body, format!("{{\"error\":\"unknown key Bearer {stars}\"}}"), "split at {split}");
        assert_eq!((outcome.end, outcome.status, outcome.redactions), (End::Completed, Some(400), 2));
    }
}

#[tokio::test]
async fn errors_of_the_provider_pass_unchanged_and_are_not_retried() {
    for status in [429, 500, 503] {
        let rig = Rig::new(Mode::Status(status)).await;
        let (seen, outcome) = rig.run(rig.get()).await;
        let seen = seen.unwrap();
        assert_eq!((seen.status, outcome.end, outcome.status), (status, End::Completed, Some(status)));
        assert_eq!(seen.headers.get("retry-after").is_some(), status == 429);
        assert!(seen.body.starts_with(b"{\"error\":"));
        assert_eq!(rig.upstream.received().len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_is_handed_over_and_never_followed() {
    let elsewhere = Rig::new(Mode::Honest).await;
    let location = format!("{}/steal", elsewhere.upstream.url());
    let response = format!(
        "HTTP/1.1 307 .\r\nlocation: {location}\r\nset-cookie: a=b\r\nalt-svc: h3\r\ncontent-length: 0\r\n\r\n"
    );
    let rig = Rig::new(script(response)).await;
    let (seen, outcome) = rig.run(rig.get()).await;
    let seen = seen.unwrap();
    assert_eq!((seen.status, outcome.end), (307, End::Completed));
    assert_eq!(seen.headers["location"], location);
    assert!(!seen.headers.contains_key("set-cookie") && !seen.headers.contains_key("alt-svc"));
    assert_eq!(elsewhere.upstream.connections(), 0);
}

#[tokio::test]
async fn responses_without_a_body_end_with_their_head() {
    for (method, head) in [
        (Method::HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 900000000\r\n\r\n"),
        (Method::GET, "HTTP/1.1 204 No Content\r\n\r\n"),
        (Method::GET, "HTTP/1.1 304 Not Modified\r\ncontent-length: 20\r\netag: x\r\n\r\n"),
        (Method::GET, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    ] {
        let rig = Rig::new(Mode::Script(vec![Step::write(head), Step::Stall])).await;
        let (seen, outcome) = rig.run(rig.request(method, "/")).await;
        let seen = seen.unwrap();
        assert!(seen.body.is_empty() && seen.is_whole && outcome.end == End::Completed, "{head}");
        assert_eq!(seen.headers.get("content-length").is_some(), head.contains("content-length"));
    }
}

#[tokio::test]
async fn early_hints_and_trailers_stay_behind() {
    let hints =
        format!("HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n{CHUNKED_HEAD}2\r\n{{}}\r\n0\r\nx-late: {KEY}\r\n\r\n");
    let rig = Rig::new(script(hints)).await;
    let (seen, outcome) = rig.run(rig.get()).await;
    let seen = seen.unwrap();
    assert_eq!((seen.status, &seen.body[..], seen.is_whole), (200, &b"{}"[..], true));
    assert!(!seen.headers.contains_key("x-late") && outcome.end == End::Completed);
}

#[tokio::test]
async fn a_large_upload_and_a_large_download_are_streamed_whole() {
    let download = "0123456789abcde\n".repeat(20_000);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{download}", download.len());
    let rig = Rig::new(script(head)).await;
    let mut x = rig.request(Method::POST, "/upload");
    let pieces = (0..64).map(|_| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'u'; 16 << 10])));
    x.body = Body::from_stream(futures_util::stream::iter(pieces));
    x.headers = HeaderMap::from_iter([("expect".parse().unwrap(), "100-continue".parse().unwrap())]);
    let (seen, outcome) = rig.run(x).await;
    let seen = seen.unwrap();
    assert!(seen.is_whole && seen.body == download);
    assert_eq!(seen.headers["content-length"], download.len().to_string());
    assert_eq!(rig.upstream.received()[0].body.len(), 1 << 20);
    assert_eq!((outcome.usage.request_bytes, outcome.usage.response_bytes), (1 << 20, download.len() as u64));
}

#[tokio::test]
async fn usage_is_journalled_while_a_response_streams() {
    let piece = chunk("x\n".repeat(40_000));
    let steps = vec![Step::write(EVENTS_HEAD), Step::write(&piece), Step::Stall];
    let rig = Rig::new(Mode::Script(steps)).await;
    let mut running = rig.start(rig.get());
    let reading = tokio::spawn(crate::rig::Seen::read(running.reply.await.unwrap().unwrap()));
    running.journal.wait_for(|usage| usage.response_bytes >= 64 << 10).await.unwrap();
    running.kill.cancel();
    assert!(!reading.await.unwrap().is_whole);
    let outcome = running.task.await.unwrap();
    assert_eq!(*running.journal.borrow(), outcome.usage, "the last word is the outcome's");
}

#[tokio::test]
async fn connections_are_used_again() {
    let rig = Rig::new(Mode::Honest).await;
    for _ in 0..20 {
        assert_eq!(rig.run(rig.get()).await.1.end, End::Completed);
    }
    assert!(rig.upstream.connections() < 20, "{} connections for 20 calls", rig.upstream.connections());
}

#[tokio::test]
async fn calls_at_the_same_time_do_not_disturb_each_other() {
    let rig = Rig::new(Mode::Honest).await;
    let calls = (0..64).map(|_| rig.run(chat(&rig, r#"{"model":"m","stream":true,"messages":[]}"#)));
    for (seen, outcome) in futures_util::future::join_all(calls).await {
        assert!(seen.unwrap().is_whole && outcome.end == End::Completed);
    }
    assert!(rig.upstream.received().iter().filter(|request| request.has_real_key).count() == 64);
}

#[tokio::test]
async fn limits_without_a_limit_are_no_trouble() {
    let rig = Rig::new(Mode::Honest).await;
    let mut x = rig.get();
    x.limits = Limits {
        connect_ms: u64::MAX,
        head_ms: u64::MAX,
        idle_ms: u64::MAX,
        total_ms: u64::MAX,
        response_bytes: u64::MAX,
    };
    assert_eq!(rig.run(x).await.1.end, End::Completed);
}
