//! Malformed input to the control API: 400 or 413 as a problem, never 500, and nothing is stored.

use http::Method;
use permitpipe_tests::world::{Answer, World};
use serde_json::{Value, json};

async fn post(world: &World, path: &str, body: impl Into<Vec<u8>>) -> Answer {
    let request = world.request(0, Method::POST, path, &world.owner.key);
    world.send(request.header("content-type", "application/json").body(body.into())).await
}

fn ask() -> Value {
    json!({ "agent": "a", "service": "openai", "scopes": ["chat"], "duration": 60, "budget_usd": "1" })
}

fn with(field: &str, value: Value) -> String {
    let mut ask = ask();
    ask[field] = value;
    ask.to_string()
}

fn assert_refused(answer: &Answer, what: &str) {
    assert!(answer.status == 400 && answer.is_problem(), "{what}: {} {}", answer.status, answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_not_the_json_we_read_is_refused() {
    let world = World::start().await;
    world.add_openai(true).await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let twice = ask().to_string().replacen('{', "{\"agent\":\"b\",", 1);
    let texts: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"not json".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        b"\"x\"".to_vec(),
        b"{\"agent\":".to_vec(),
        deep.clone().into_bytes(),
        format!("{{\"agent\":{deep}}}").into_bytes(),
        twice.into_bytes(),
        with("unknown", json!(1)).into_bytes(),
        with("agent", json!(1)).into_bytes(),
        with("agent", json!("")).replace("\"\"", "\"\\ud800\"").into_bytes(),
        with("scopes", json!("chat")).into_bytes(),
        with("duration", json!(1)).replace(":1,", ":1e400,").into_bytes(),
        with("duration", json!(1)).replace(":1,", ":NaN,").into_bytes(),
        with("duration", json!(1)).replace(":1,", ":-0,").into_bytes(),
        [b"\xef\xbb\xbf".to_vec(), ask().to_string().into_bytes()].concat(),
        ask().to_string().replace("chat", "\u{1}").into_bytes(),
        [b"{\"agent\":\"\xff\"}".as_slice()].concat(),
        (ask().to_string() + "x").into_bytes(),
    ];
    for text in texts {
        let shown = String::from_utf8_lossy(&text).chars().take(90).collect::<String>();
        assert_refused(&post(&world, "/v1/leases", text.clone()).await, &format!("lease {shown}"));
        assert_refused(&post(&world, "/v1/secrets", text).await, &format!("secret {shown}"));
    }
    for path in ["/v1/leases", "/v1/secrets"] {
        let large = post(&world, path, with("intent", json!("x".repeat(600 * 1024)))).await;
        assert!(large.status == 413 && large.is_problem(), "{path}: {}", large.text());
    }
    assert_eq!(world.count("SELECT count(*) FROM access.leases").await, 0);
}

/// Names, amounts, times and scopes that no lease is granted for.
fn bad_leases() -> Vec<(&'static str, Value)> {
    let long = "x".repeat(300);
    let names = [
        "",
        &long,
        "../",
        "%00",
        "a\u{202e}b",
        "аgent",
        "-a",
        "🦀",
        "a'; DROP TABLE x",
        "a\r\nb",
        "a\0b",
        " a",
        "a b",
        "a/b",
    ];
    let money = [
        "",
        "0",
        "-1",
        "1.0000001",
        "1e18",
        "99999999999999999999",
        "NaN",
        "inf",
        " 1",
        "1 ",
        "0x10",
        "1,0",
        "+1",
        ".",
        "١",
    ];
    let times = [
        json!(0),
        json!(-5),
        json!("P1000Y"),
        json!("15m "),
        json!(1.5),
        json!(""),
        json!(null),
        json!("1.5h"),
        json!("-1"),
        json!([]),
        json!("99999999999999999999d"),
    ];
    let scopes = [
        json!([]),
        json!([""]),
        json!(["CHAT"]),
        json!(["a*b"]),
        json!(["é"]),
        json!(["chat "]),
        json!(["\0"]),
        json!([1]),
        json!(vec!["chat"; 65]),
        json!(["x".repeat(300)]),
    ];
    let mut rows: Vec<(&'static str, Value)> =
        names.iter().flat_map(|name| [("agent", json!(name)), ("service", json!(name))]).collect();
    rows.extend(money.iter().map(|amount| ("budget_usd", json!(amount))));
    rows.extend([json!(1), json!(1.5), json!(null)].map(|amount| ("budget_usd", amount)));
    rows.extend(times.into_iter().map(|time| ("duration", time)));
    rows.extend(scopes.into_iter().map(|scopes| ("scopes", scopes)));
    rows.extend([("intent", json!("a\0b")), ("intent", json!("x".repeat(1_001))), ("intent", json!(1))]);
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_money_time_and_scopes_are_read_strictly() {
    let world = World::start().await;
    world.add_openai(true).await;
    for (field, value) in bad_leases() {
        assert_refused(&post(&world, "/v1/leases", with(field, value.clone())).await, &format!("{field} = {value}"));
    }
    assert_eq!(world.count("SELECT count(*) FROM access.leases").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_more_than_policy_grants_is_narrowed_or_denied_with_a_reason() {
    let world = World::start().await;
    world.add_openai(true).await;
    for (field, value) in
        [("duration", json!("31 days")), ("duration", json!(u64::MAX)), ("budget_usd", json!("1000000"))]
    {
        let answer = post(&world, "/v1/leases", with(field, value.clone())).await;
        assert_eq!(
            (answer.status, answer.json()["status"].as_str()),
            (201, Some("approved")),
            "{field} = {value}: {}",
            answer.text()
        );
        assert!(answer.json()["notes"].as_array().is_some_and(|notes| !notes.is_empty()), "{}", answer.text());
    }
    // What no rule allows is an answer, with a reason for each scope, and no bearer.
    let denied = post(&world, "/v1/leases", with("scopes", json!(["admin.everything", "chat"]))).await;
    assert_eq!(
        (denied.status, &denied.json()["blocked_scopes"][0]["scope"]),
        (201, &json!("admin.everything")),
        "{}",
        denied.text()
    );
    let denied = post(&world, "/v1/leases", with("scopes", json!(["admin.everything"]))).await;
    assert_eq!(
        (denied.status, &denied.json()["status"], denied.json().get("bearer")),
        (200, &json!("denied"), None),
        "{}",
        denied.text()
    );
}

fn secret(changes: &[(&str, Value)]) -> String {
    let scope = json!({ "endpoints": ["/files/*"], "methods": ["GET"], "price_per_call": 1 });
    let custom = json!({ "inject": "header:x-token", "scopes": { "files": scope } });
    let (key, origin) = ("k-0123456789abcdef", "https://api.example.com");
    let mut secret = json!({ "service": "mine", "key": key, "origin": origin, "custom": custom });
    for (field, value) in changes {
        match field.strip_prefix("scope.") {
            Some(field) => secret["custom"]["scopes"]["files"][field] = value.clone(),
            None if *field == "inject" || *field == "scopes" => secret["custom"][*field] = value.clone(),
            None => secret[*field] = value.clone(),
        }
    }
    secret.to_string()
}

/// Keys that are none, and origins that we send no key to.
fn bad_keys_and_origins() -> Vec<(&'static str, Value)> {
    let keys = [
        "",
        "short",
        "with space in it 012345",
        "with\nnewline-0123456789",
        "kéy-0123456789abcdef",
        "k\0-0123456789abcdef",
        &"k".repeat(5_000),
    ];
    let keys = keys.map(|key| ("key", json!(key)));
    let origins = [
        "",
        "api.example.com",
        "http://api.example.com",
        "ftp://api.example.com",
        "https://user@api.example.com",
        "https://api.example.com/v1",
        "https://api.example.com/?x",
        "https://api.example.com#x",
        "https://127.0.0.1",
        "https://127.1",
        "https://2130706433",
        "https://0x7f.1",
        "https://0177.0.0.1",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://localhost",
        "https://localhost.",
        "https://169.254.169.254",
        "http://169.254.169.254",
        "https://10.0.0.1",
        "https://[fd00:ec2::254]",
        "https://metadata.google.internal",
        "http://127.0.0.1:1",
        "https://api.example.com:99999",
        "https://api.example.com\r\nx: y",
        "https://a\0b",
        "https://exa mple.com",
        "javascript:alert(1)",
    ];
    keys.into_iter().chain(origins.map(|origin| ("origin", json!(origin)))).collect()
}

/// Services that are described wrongly, or stand where one of our resources does.
fn bad_services() -> Vec<(&'static str, Value)> {
    let mut rows = Vec::new();
    let source = include_str!("../../../broker/src/router.rs");
    let ours = source.split(".route(\"/v1/").skip(1).filter_map(|rest| rest.split(['/', '"']).next());
    rows.extend(ours.filter(|name| !name.starts_with('{')).map(|name| ("service", json!(name))));
    rows.extend(["", "UPPER", "a b", "a/b", "../x", "a\0", "é", "-a"].map(|name| ("service", json!(name))));
    rows.extend(
        ["", "header", "header:", "header:a b", "header:host", "cookie:x", "query:", "query:a&b", "header:x\r\ny"]
            .map(|to| ("inject", json!(to))),
    );
    rows.extend([json!({}), json!({ "A B": {} }), json!([])].map(|scopes| ("scopes", scopes)));
    rows.extend(
        [json!([]), json!(["files"]), json!([""]), json!(["/a\0"]), json!(["/../x"])]
            .map(|paths| ("scope.endpoints", paths)),
    );
    rows.extend(
        [json!([]), json!(["GE T"]), json!([""]), json!(["CONNECT"])].map(|methods| ("scope.methods", methods)),
    );
    rows.extend([json!(-1), json!(1.5), json!(null), json!("1")].map(|price| ("scope.price_per_call", price)));
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_needs_a_real_key_a_public_origin_and_a_service_of_its_own() {
    let world = World::start().await;
    for (field, value) in bad_keys_and_origins().into_iter().chain(bad_services()) {
        let answer = post(&world, "/v1/secrets", secret(&[(field, value.clone())])).await;
        assert_refused(&answer, &format!("{field} = {value}"));
    }
    assert_eq!(world.count("SELECT count(*) FROM access.secrets").await, 0);
    assert_eq!(
        post(&world, "/v1/secrets", secret(&[])).await.status,
        201,
        "the row that the others change is a good one"
    );
    let again = post(&world, "/v1/secrets", secret(&[])).await;
    assert_eq!((again.status, again.code().as_str()), (409, "secret_exists"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_does_not_read_leaves_the_old_one_in_force() {
    let world = World::start().await;
    let put =
        |body: Vec<u8>| world.send(world.request(0, Method::PUT, "/v1/policies/default", &world.owner.key).body(body));
    let before = world.send(world.request(0, Method::GET, "/v1/policies/default", &world.owner.key)).await.body;
    let bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nversion: 1\n";
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\tversion: 1".to_vec(),
        b"version: 2".to_vec(),
        b"version: 1\nversion: 1\nrules: []".to_vec(),
        b"version: 1\nrules: [{ name: a, effect: perhaps, agents: [x], services: [x], scopes: [x] }]".to_vec(),
        b"version: 1\nrules: [{ name: a, effect: allow, agents: [x], services: [x], scopes: [\"a*b\"] }]".to_vec(),
        b"version: 1\nlimits: { budget: 1.00000001 USD }\nrules: []".to_vec(),
        b"version: 1 # \0\nrules: []".to_vec(),
        b"version: 1 # \xff\nrules: []".to_vec(),
        bomb.as_bytes().to_vec(),
        vec![b'['; 10_000],
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body).chars().take(80).collect::<String>();
        assert_refused(&put(body).await, &shown);
    }
    assert_eq!(put(vec![b'#'; 1 << 20]).await.status, 413);
    let after = world.send(world.request(0, Method::GET, "/v1/policies/default", &world.owner.key)).await.body;
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_have_limits_and_cursors_that_are_checked() {
    let world = World::start().await;
    for query in [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=99999999999",
        "limit=x",
        "after=x",
        "after=%00",
        "after=lease_00000000000000000000000000000000",
        "limit=1&limit=2",
        "unknown=1",
    ] {
        let answer =
            world.send(world.request(0, Method::GET, &format!("/v1/audit/trail?{query}"), &world.owner.key)).await;
        assert_refused(&answer, query);
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = world.owner.client.audit_trail(after, 2).await.unwrap();
        if page.entries.is_empty() {
            break;
        }
        after = page.next;
        seen.extend(page.entries.into_iter().map(|entry| entry.entry_id));
    }
    let all = world.owner.client.audit_trail(None, 1_000).await.unwrap().entries;
    assert!(seen.len() >= 3);
    assert_eq!(seen, all.into_iter().map(|entry| entry.entry_id).collect::<Vec<_>>());
}
