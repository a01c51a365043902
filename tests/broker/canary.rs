//! A master key is planted, used in every way we know, and then searched for everywhere but where it belongs.

use std::collections::BTreeMap;

use base64::Engine;
use http::Method;
use permitpipe_sdk::wire;
use permitpipe_tests::{
    upstream::{Mode, Step},
    world::{Answer, KEY, Logs, World, chat},
};
use serde_json::{Value, json};

/// What the agent and the owner were given, byte for byte.
#[derive(Default)]
struct Given(Vec<(String, Vec<u8>)>);

impl Given {
    async fn send(&mut self, world: &World, what: &str, request: reqwest::RequestBuilder) -> Answer {
        let answer = world.send(request).await;
        let mut bytes = format!("{:?}\n", answer.headers).into_bytes();
        bytes.extend_from_slice(&answer.body);
        self.0.push((format!("{what} ({})", answer.status), bytes));
        answer
    }
}

/// All spellings that give a key away: plain, hex, percent-encoded, base64 at each alignment; and the hex of each, which
/// is how a `bytea` reads as text.
fn spellings(secret: &str) -> Vec<String> {
    let base64 = |pad: usize| {
        let text = base64::engine::general_purpose::STANDARD.encode([vec![0; pad], secret.into()].concat());
        // Only the digits that depend on nothing but the secret.
        let (from, to) = (pad.div_ceil(3) * 4, (pad + secret.len()) / 3 * 4);
        text[from..to].to_owned()
    };
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut all = vec![secret.to_owned(), percent.clone(), percent.to_lowercase(), base64(0), base64(1), base64(2)];
    all.push(secret.replace('-', "%2D"));
    let hex: Vec<String> = all.iter().map(hex::encode).collect();
    all.extend(hex.iter().map(|text| text.to_uppercase()));
    all.extend(hex);
    all
}

fn find(haystack: &[u8], needles: &[String]) -> Option<String> {
    let finds = |needle: &&String| haystack.windows(needle.len()).any(|window| window == needle.as_bytes());
    needles.iter().find(finds).cloned()
}

/// Every row of every table of every schema of ours, as text.
async fn rows(world: &World) -> Vec<(String, String)> {
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_schema::text, table_name::text FROM information_schema.tables
         WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert!(tables.len() >= 18, "{tables:?}");
    let mut rows = Vec::new();
    for (schema, table) in tables {
        let sql = format!("SELECT t::text FROM {schema}.{table} t");
        let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&world.pool).await.unwrap();
        rows.extend(found.into_iter().map(|row| (format!("{schema}.{table}"), row)));
    }
    rows
}

fn custom(inject: &str) -> wire::CustomService {
    let scope = wire::CustomScope { endpoints: vec!["/echo/*".into()], methods: vec!["GET".into()], price_per_call: 3 };
    wire::CustomService { inject: inject.into(), scopes: BTreeMap::from([("echo".into(), scope)]) }
}

fn behaviours() -> Vec<(String, Mode)> {
    let named = |name: &str, mode| (name.to_owned(), mode);
    let mut all: Vec<_> =
        (0..KEY.len() + 30).map(|split| (format!("reflect at {split}"), Mode::Reflect { split })).collect();
    all.push(named("honest", Mode::Honest));
    all.extend([400, 401, 429, 500].map(|status| (format!("status {status}"), Mode::Status(status))));
    all.push(named("garbage", Mode::garbage()));
    all.push(named("no answer", Mode::Script(vec![])));
    let header = format!("HTTP/1.1 {KEY}\r\n\r\n");
    all.push(named("the key instead of a status", Mode::Script(vec![Step::write(header)])));
    let reason = format!("HTTP/1.1 500 {KEY}\r\ncontent-length: 0\r\n\r\n");
    all.push(named("the key as a reason phrase", Mode::Script(vec![Step::write(reason)])));
    all
}

/// Every kind of call, on every kind of service, against every kind of upstream.
async fn use_the_key(world: &World, given: &mut Given) -> Vec<String> {
    let mut bearers = Vec::new();
    world.add_openai(true).await;
    world.add_secret(&world.owner, "helius", None, false).await;
    world.add_secret(&world.owner, "by-header", Some(custom("header:x-token")), false).await;
    world.add_secret(&world.owner, "by-query", Some(custom("query:token")), false).await;
    for service in ["openai", "helius", "by-header", "by-query"] {
        let lease = world.lease_for(&world.owner, service, 1_000_000, 600).await;
        let bearer = lease.bearer.clone().unwrap();
        for (name, mode) in behaviours() {
            world.upstream.set_mode(mode);
            let request = match service {
                "openai" => world.chat_request(0, &bearer, &chat()),
                "helius" => {
                    let ask = json!({ "jsonrpc": "2.0", "id": 1, "method": "getSlot" });
                    world.request(0, Method::POST, "/v1/helius/", &bearer).json(&ask)
                }
                other => world.request(0, Method::GET, &format!("/v1/{other}/echo/this"), &bearer),
            };
            given.send(world, &format!("{service}, {name}"), request).await;
        }
        world.upstream.set_mode(Mode::Honest);
        given
            .send(world, "no operation", world.request(0, Method::GET, &format!("/v1/{service}/admin"), &bearer))
            .await;
        world.owner.client.revoke_lease(lease.lease_id).await.unwrap();
        given.send(world, "revoked", world.request(0, Method::GET, &format!("/v1/{service}/echo/x"), &bearer)).await;
        bearers.push(bearer);
    }
    bearers
}

/// Requests that carry the key and are refused; what refuses must not repeat it.
async fn misuse_the_key(world: &World, given: &mut Given) {
    for body in [
        json!(KEY),
        json!([KEY]),
        json!({ "service": "openai", "key": KEY }),
        json!({ "service": "openai", "key": KEY, "is_resold": KEY }),
        json!({ "service": KEY, "key": KEY }),
        json!({ "service": "other", "key": KEY, KEY: 1 }),
        json!({ "service": "other", "key": KEY, "origin": KEY }),
        json!({ "service": "other", "key": format!("{KEY}\n") }),
        json!({ "service": "other", "key": KEY, "origin": "http://10.0.0.1", "custom": KEY }),
    ] {
        let request = world.request(0, Method::POST, "/v1/secrets", &world.owner.key).json(&body);
        let answer = given.send(world, &format!("misuse {body}"), request).await;
        assert!([400, 409].contains(&answer.status), "{body}: {}", answer.text());
    }
}

async fn look_around(world: &World, given: &mut Given) {
    for path in ["whoami", "account", "secrets", "policies/default", "leases", "receipts", "settlements"] {
        given.send(world, path, world.request(0, Method::GET, &format!("/v1/{path}"), &world.owner.key)).await;
    }
    let trail = world.request(0, Method::GET, "/v1/audit/trail?limit=1000", &world.owner.key);
    let trail = given.send(world, "audit", trail).await;
    assert!(trail.json()["entries"].as_array().is_some_and(|entries: &Vec<Value>| entries.len() > 200));
    given.send(world, "metrics", world.request(0, Method::GET, "/metrics", "x")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_key_is_nowhere_but_in_the_upstreams_own_log() {
    let logs = Logs::default();
    let world = World::logged(1, |_| {}, Some(&logs)).await;
    let mut given = Given::default();
    let bearers = use_the_key(&world, &mut given).await;
    misuse_the_key(&world, &mut given).await;
    world.settle_down().await;
    look_around(&world, &mut given).await;

    let keyed = world.upstream.received().iter().filter(|request| request.has_real_key).count();
    assert!(keyed > 100, "it was used {keyed} times, so it was there to leak");
    let needles = spellings(KEY);
    for (what, bytes) in &given.0 {
        assert_eq!(find(bytes, &needles), None, "given out: {what}: {}", String::from_utf8_lossy(bytes));
    }
    let log = logs.read();
    assert!(log.windows(5).any(|window| window == b"TRACE"), "the log is a log");
    assert_eq!(find(&log, &needles), None, "logged");

    let rows = rows(&world).await;
    for (table, row) in &rows {
        assert_eq!(find(row.as_bytes(), &needles), None, "{table}: {row}");
    }
    // Bearers are handed out once; no table and no log keeps them.
    for bearer in bearers.iter().chain([&world.owner.key]) {
        let needles = spellings(bearer);
        assert_eq!(find(&log, &needles), None, "logged: {}", &bearer[..12]);
        for (table, row) in &rows {
            assert_eq!(find(row.as_bytes(), &needles), None, "{table} holds {}", &bearer[..12]);
        }
        let requests = world.upstream.received();
        let leaks = requests.iter().find(|request| find(format!("{request:?}").as_bytes(), &needles[..1]).is_some());
        assert!(leaks.is_none(), "the upstream was given a bearer of ours: {leaks:?}");
    }
}

#[test]
fn the_search_finds_what_it_searches_for() {
    let needles = spellings("sk-abc-DEF-0123456789");
    for leak in [
        "x sk-abc-DEF-0123456789 x".to_owned(),
        format!("\\x{}", hex::encode("a sk-abc-DEF-0123456789")),
        base64::engine::general_purpose::STANDARD.encode("Bearer sk-abc-DEF-0123456789."),
        base64::engine::general_purpose::STANDARD.encode("1 sk-abc-DEF-0123456789"),
        base64::engine::general_purpose::STANDARD.encode("12 sk-abc-DEF-0123456789"),
    ] {
        assert!(find(leak.as_bytes(), &needles).is_some(), "{leak}");
    }
    assert_eq!(find(b"sk-abc-DEF-012345678", &needles), None);
}
