//! What a hand-written request can say that a library would not.

use permitpipe_tests::world::{World, chat, within};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends these bytes and reads until the broker closes. The status; 0 where it closed without a word.
async fn raw(world: &World, bytes: &[u8]) -> (u16, String) {
    let address = world.brokers[0].url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The broker may answer, and close, before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = within("the broker answers", stream.read_to_end(&mut answer)).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, text)
}

fn request(line: &str, headers: &[String], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!(
        "{line} HTTP/1.1\r\nhost: broker\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

struct Rig {
    world: World,
    bearer: String,
    body: String,
}

impl Rig {
    async fn new() -> Self {
        let world = World::start().await;
        world.add_openai(true).await;
        let bearer = world.lease(10_000_000).await.bearer.unwrap();
        Self { world, bearer, body: chat().to_string() }
    }

    async fn call(&self, line: &str, headers: &[&str]) -> (u16, String) {
        let mut all =
            vec![format!("authorization: Bearer {}", self.bearer), "content-type: application/json".to_owned()];
        all.extend(headers.iter().map(|header| (*header).to_owned()));
        raw(&self.world, &request(line, &all, &self.body)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_is_forwarded_byte_for_byte_or_refused() {
    let rig = Rig::new().await;
    let good = "/v1/chat/completions";
    let (status, text) = rig.call("POST /v1/openai/chat/completions", &[]).await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(rig.world.upstream.received().pop().unwrap().target, good);
    let targets = [
        "//chat/completions",
        "/v1/openai//chat/completions",
        "/v1//openai/chat/completions",
        "//v1/openai/chat/completions",
        "/v1/openai/../openai/chat/completions",
        "/v1/openai/./chat/completions",
        "/v1/openai/chat/../chat/completions",
        "/v1/openai/%2e%2e/openai/chat/completions",
        "/v1/openai/%2e%2e%2fadmin",
        "/v1/openai/chat%2fcompletions",
        "/v1/openai/%252e%252e/x",
        "/v1/openai/chat/completions;a=b",
        "/v1/openai/chat\\completions",
        "/v1/openai/chat%5ccompletions",
        "/v1/openai/chat/completions%23x",
        "/v1/openai/chat/completions%3fx=1",
        "/v1/openai/@evil.example/",
        "/v1/openai/chat/completions/",
        "/v1/openai/CHAT/completions",
        "/v1/OPENAI/chat/completions",
        "/v1/openai/chat/completions%00",
        "/v1/openai/chat/completions%0d%0ax:y",
        "/v1/openai/%ff%fe",
        "/v1/openai/http://evil.example/",
        "/v1/openai/v1/chat/completions",
        "/v1/openai",
        "/v1/openai/",
        "/v1/openai@evil.example/chat/completions",
        "/V1/openai/chat/completions",
        "/v1/openai/chat/completions%20",
        "*",
        "evil.example:443",
        "@evil.example/x",
    ];
    for target in targets {
        let (status, text) = rig.call(&format!("POST {target}"), &[]).await;
        assert!([400, 401, 403, 404].contains(&status), "{target}: {status} {text}");
        assert_eq!(rig.world.upstream.received().len(), 1, "{target} was forwarded");
    }
    // Wherever a client says to go, it goes to the origin that the secret is bound to.
    let (status, text) =
        rig.call("POST http://evil.example/v1/openai/chat/completions", &["x-forwarded-host: evil.example"]).await;
    assert_eq!(status, 200, "{text}");
    let arrived = rig.world.upstream.received().pop().unwrap();
    assert_eq!((arrived.target.as_str(), arrived.has_real_key), (good, true));
    assert_eq!(arrived.header("host").as_deref(), rig.world.upstream.url().strip_prefix("http://"));
    rig.world.settle_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unusual_method_reaches_no_upstream() {
    let rig = Rig::new().await;
    for line in ["TRACE", "CONNECT", "post", "GET\0", "PATCH", "DELETE", "GET", "PUT", "FOO", "", "POST POST"] {
        let (status, text) =
            rig.call(&format!("{line} /v1/openai/chat/completions"), &["x-http-method-override: POST"]).await;
        assert!([0, 400, 403, 404, 405].contains(&status), "{line}: {status} {text}");
    }
    assert!(rig.world.upstream.received().is_empty());
    rig.call("POST /v1/openai/chat/completions", &["x-http-method-override: DELETE", "x-method-override: DELETE"])
        .await;
    let arrived = rig.world.upstream.received().pop().unwrap();
    assert_eq!(arrived.header("x-http-method-override").or_else(|| arrived.header("x-method-override")), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_smuggle_are_refused_or_stripped() {
    let rig = Rig::new().await;
    let many: Vec<String> = (0..200).map(|number| format!("x-{number}: y")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let large = format!("x-large: {}", "y".repeat(1 << 20));
    for (name, headers) in [
        ("two lengths", vec!["content-length: 3"]),
        ("length and chunks", vec!["transfer-encoding: chunked"]),
        ("a coding nobody knows", vec!["transfer-encoding: xchunked"]),
        ("200 headers", many),
        ("a header of a mebibyte", vec![large.as_str()]),
        ("no name", vec![": x"]),
        ("a space before the colon", vec!["x : y"]),
        ("a NUL", vec!["x: \0"]),
        ("a management key beside the bearer", vec![]),
    ] {
        let mut headers = headers;
        let second = format!("x-api-key: {}", rig.world.owner.key);
        if headers.is_empty() {
            headers.push(&second);
        }
        let (status, text) = rig.call("POST /v1/openai/chat/completions", &headers).await;
        assert!([0, 400, 401, 431, 501].contains(&status), "{name}: {status} {text}");
        assert!(rig.world.upstream.received().is_empty(), "{name} was forwarded");
    }
    let hops = [
        "connection: x-secret, close",
        "x-secret: 1",
        "te: trailers",
        "upgrade: h2c",
        "cookie: a=b",
        "x-forwarded-for: 1.2.3.4",
    ];
    let (status, text) = rig.call("POST /v1/openai/chat/completions", &hops).await;
    assert_eq!(status, 200, "{text}");
    let arrived = rig.world.upstream.received().pop().unwrap();
    for name in ["x-secret", "te", "upgrade", "cookie", "x-forwarded-for"] {
        assert_eq!(arrived.header(name), None, "{name}");
    }
    assert!(arrived.has_real_key);
    rig.world.settle_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_long_or_broken_is_refused_before_anything_is_held() {
    let rig = Rig::new().await;
    let send = |body: String| {
        let request = rig.world.request(0, http::Method::POST, "/v1/openai/chat/completions", &rig.bearer);
        rig.world.send(request.header("content-type", "application/json").body(body))
    };
    let large = send(format!("{{\"model\":\"gpt-4o-mini\",\"x\":\"{}\"}}", "y".repeat(9 << 20))).await;
    assert_eq!((large.status, large.code().as_str()), (413, "body_too_large"));
    for body in [
        "",
        "x",
        "null",
        "[]",
        "{}",
        "{\"model\":1}",
        "{\"model\":\"gpt-4o-mini\",\"model\":\"gpt-5\",\"messages\":[]}",
        "{\"model\":\"gpt-4o-mini\",\"max_tokens\":-1}",
        "{\"model\":\"gpt-4o-mini\",\"max_tokens\":1e400}",
        "{\"model\":\"gpt-4o-mini\",\"max_tokens\":1.5}",
        "{\"model\":\"gpt-4o-mini\",\"n\":1000}",
        "{\"model\":\"gpt-4o-mini\",\"stream\":\"yes\"}",
        "{\"model\":\"gpt-4o-mini\",\"n\":99999999999999999999}",
    ] {
        let answer = send(body.to_owned()).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "malformed_request"), "{body}: {}", answer.text());
        assert_eq!(answer.json()["error"]["type"], "invalid_request_error", "{body}");
    }
    for body in [
        "{\"model\":\"gpt-99\"}",
        "{\"model\":\"gpt-4o-mini\",\"service_tier\":\"priority\"}",
        "{\"model\":\"\\u0000\"}",
    ] {
        let answer = send(body.to_owned()).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "unpriced"), "{body}: {}", answer.text());
    }
    let (line, bearer) = ("POST /v1/openai/chat/completions HTTP/1.1", &rig.bearer);
    let broken =
        format!("{line}\r\nhost: x\r\nauthorization: Bearer {bearer}\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
    let (status, text) = raw(&rig.world, broken.as_bytes()).await;
    assert!([0, 400].contains(&status), "{status} {text}");
    assert!(rig.world.upstream.received().is_empty());
    assert_eq!(rig.world.count("SELECT count(*) FROM ledger.holds").await, 0);
    rig.world.check_books().await;
}
