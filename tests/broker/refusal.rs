//! Every route refuses what it must, in words and in the shape that its caller understands.
//!
//! | module | holds |
//! |---|---|
//! | this | routes, keys, methods, other owners |
//! | `input` | malformed bodies, names, money, time |
//! | `path` | paths, methods and headers of the proxy, byte by byte |

mod input;
mod path;

use http::Method;
use permitpipe_sdk::{
    bearer::{Bearer, BearerKind},
    id::LeaseId,
};
use permitpipe_tests::world::{Answer, World, chat};
use serde_json::json;

/// Every route of the control API that needs a key. `{}` is a lease of the owner.
const CONTROL: [(&str, &str); 13] = [
    ("GET", "/v1/whoami"),
    ("GET", "/v1/account"),
    ("POST", "/v1/secrets"),
    ("GET", "/v1/secrets"),
    ("PUT", "/v1/policies/default"),
    ("GET", "/v1/policies/default"),
    ("POST", "/v1/leases"),
    ("GET", "/v1/leases"),
    ("DELETE", "/v1/leases/{lease_id}"),
    ("GET", "/v1/leases/{lease_id}"),
    ("GET", "/v1/receipts"),
    ("GET", "/v1/settlements"),
    ("GET", "/v1/audit/trail"),
];
/// Routes that need no key.
const OPEN: [(&str, &str); 3] = [("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics")];
/// Routes that need a lease.
const PROXY: [&str; 6] = [
    "/v1/{service}",
    "/v1/{service}/",
    "/v1/{service}/{*tail}",
    "/api/proxy/{lease}",
    "/api/proxy/{lease}/",
    "/api/proxy/{lease}/{*tail}",
];

fn method(name: &str) -> Method {
    name.parse().unwrap()
}

fn bearer(kind: BearerKind, byte: u8) -> String {
    Bearer::from_entropy(kind, &[byte; 32]).expose().to_owned()
}

/// Its last digit is another one.
fn damaged(bearer: &str) -> String {
    let (rest, last) = bearer.split_at(bearer.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

#[test]
fn the_tables_name_every_route() {
    let source = include_str!("../../broker/src/router.rs");
    let in_router = source.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for route in in_router {
        let is_known = CONTROL.iter().chain(&OPEN).any(|(_, path)| *path == route) || PROXY.contains(&route);
        assert!(is_known, "{route} is in no table of refusals");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_control_api_takes_a_management_key_and_nothing_else() {
    let world = World::start().await;
    world.add_openai(true).await;
    let lease = world.lease(1_000).await;
    let revoked =
        permitpipe_broker::bootstrap_owner(&world.config.database_url, &world.owner.wallet, "old").await.unwrap();
    sqlx::query("UPDATE access.management_keys SET revoked_at = now() WHERE name = 'old'")
        .execute(&world.pool)
        .await
        .unwrap();
    let credentials = [
        None,
        Some("Bearer ".to_owned()),
        Some("Bearer junk".to_owned()),
        Some(world.owner.key.clone()),
        Some(format!("Basic {}", world.owner.key)),
        Some(format!("Bearer {}", lease.bearer.as_ref().unwrap())),
        Some(format!("Bearer {}", damaged(&world.owner.key))),
        Some(format!("Bearer {}", bearer(BearerKind::Management, 9))),
        Some(format!("Bearer {revoked}")),
    ];
    for (name, path) in CONTROL {
        let url = format!("{}{}", world.brokers[0].url, path.replace("{lease_id}", &lease.lease_id.to_string()));
        for credential in &credentials {
            let request = world.http.request(method(name), &url);
            let request = match credential {
                Some(value) => request.header("authorization", value),
                None => request,
            };
            let answer = world.send(request).await;
            let case = format!("{name} {path} with {credential:?}: {}", answer.text());
            assert_eq!(
                (answer.status, answer.code().as_str(), answer.is_problem()),
                (401, "invalid_key", true),
                "{case}"
            );
            assert_eq!(answer.headers.get("www-authenticate").unwrap(), "Bearer", "{case}");
        }
        let allowed = world.send(world.http.request(method(name), &url).bearer_auth(&world.owner.key)).await;
        assert!([200, 400].contains(&allowed.status), "{name} {path} with the key: {}", allowed.text());
    }
    for (name, path) in OPEN {
        let url = format!("{}{path}", world.brokers[0].url);
        assert_eq!(world.send(world.http.request(method(name), &url)).await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxy_takes_the_bearer_of_a_lease_and_nothing_else_and_answers_in_the_providers_shape() {
    let world = World::start().await;
    world.add_openai(true).await;
    let lease = world.lease(1_000).await;
    let paths = [
        "/v1/openai",
        "/v1/openai/",
        "/v1/openai/chat/completions",
        "/v1/helius/",
        "/v1/unknown/x",
        &format!("/api/proxy/{}", lease.lease_id),
        &format!("/api/proxy/{}/", lease.lease_id),
        &format!("/api/proxy/{}/chat/completions", lease.lease_id),
    ];
    let credentials = [
        None,
        Some("junk".to_owned()),
        Some(world.owner.key.clone()),
        Some(damaged(lease.bearer.as_ref().unwrap())),
        Some(bearer(BearerKind::Lease, 9)),
    ];
    for path in paths {
        for credential in &credentials {
            let request = world.http.post(format!("{}{path}", world.brokers[0].url)).json(&chat());
            let request = match credential {
                Some(value) => request.bearer_auth(value),
                None => request,
            };
            let answer = world.send(request).await;
            let case = format!("{path} with {credential:?}: {}", answer.text());
            assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_bearer"), "{case}");
            let body = answer.json();
            match path.split('/').nth(2) {
                Some("openai") => assert_eq!(body["error"]["type"], "authentication_error", "{case}"),
                Some("helius") => assert_eq!(body["error"]["code"], -32001, "{case}"),
                _ => assert!(answer.is_problem(), "{case}"),
            }
        }
        let two =
            world.http.post(format!("{}{path}", world.brokers[0].url)).bearer_auth(lease.bearer.as_ref().unwrap());
        let two = world.send(two.header("x-api-key", bearer(BearerKind::Lease, 9)).json(&chat())).await;
        assert_eq!(two.status, 401, "two bearers: {}", two.text());
    }
    assert!(world.upstream.received().is_empty());
    assert_eq!(world.count("SELECT count(*) FROM ledger.holds").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_method_is_405_and_an_unknown_path_404() {
    let world = World::start().await;
    let lease_id = LeaseId::generate().to_string();
    for path in CONTROL.iter().chain(&OPEN).map(|(_, path)| *path).collect::<std::collections::BTreeSet<_>>() {
        for name in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"] {
            let get = if name == "HEAD" { "GET" } else { name };
            if CONTROL.contains(&(get, path)) || OPEN.contains(&(get, path)) {
                continue;
            }
            let request = world.request(0, method(name), &path.replace("{lease_id}", &lease_id), &world.owner.key);
            let answer = world.send(request).await;
            assert_eq!(answer.status, 405, "{name} {path}: {}", answer.text());
            assert!(answer.is_problem(), "{name} {path}: {}", answer.text());
        }
    }
    for path in ["/", "/v1", "/v1/", "/v2/leases", "/api", "/api/proxy", "/healthz/x", "/V1/leases"] {
        let answer = world.send(world.request(0, Method::GET, path, &world.owner.key)).await;
        assert!(answer.status == 404 && answer.is_problem(), "{path}: {} {}", answer.status, answer.text());
    }
}

/// What another owner gets must not even differ from what nobody's id gets.
fn same_but_for_ids(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    (answer.status, answer.code(), body["detail"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_another_owner_is_as_unknown_as_what_does_not_exist() {
    let world = World::start().await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    assert_eq!(world.chat(lease.bearer.as_deref().unwrap()).await.status, 200);
    world.settle_down().await;
    let other = world.another_owner(2).await;
    let no_ids = [LeaseId::generate().to_string(), "lease_".into(), "x".into(), "%00".into(), "..%2f..".into()];
    for name in [Method::GET, Method::DELETE] {
        let ask = |id: &str| world.send(world.request(0, name.clone(), &format!("/v1/leases/{id}"), &other.key));
        let theirs = ask(&lease.lease_id.to_string()).await;
        assert_eq!((theirs.status, theirs.is_problem()), (404, true), "{}", theirs.text());
        for id in &no_ids {
            assert_eq!(same_but_for_ids(&ask(id).await), same_but_for_ids(&theirs), "{id}");
        }
    }
    assert_eq!(world.chat(lease.bearer.as_deref().unwrap()).await.status, 200, "and still lives");
    world.settle_down().await;

    assert!(other.client.list_leases().await.unwrap().is_empty());
    assert!(other.client.list_secrets().await.unwrap().is_empty());
    assert!(other.client.receipts().await.unwrap().receipts.is_empty());
    let trail = other.client.audit_trail(None, 1_000).await.unwrap();
    assert!(trail.entries.iter().all(|entry| entry.lease_id.is_none()), "{trail:?}");
    assert_eq!(other.client.account().await.unwrap().spent, 0);
    let ask = json!({ "agent": "a", "service": "openai", "scopes": ["*"], "duration": 60, "budget_usd": "1" });
    let answer = world.send(world.request(0, Method::POST, "/v1/leases", &other.key).json(&ask)).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "no_secret"), "their secret is not ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_opens_only_its_own_service_its_own_path_and_its_own_scopes() {
    let world = World::start().await;
    world.add_openai(true).await;
    world.add_secret(&world.owner, "helius", None, false).await;
    let (lease, second) = (world.lease(1_000_000).await, world.lease(1_000_000).await);
    let rpc = world.lease_for(&world.owner, "helius", 1_000_000, 600).await;
    let (chats, calls) = (lease.bearer.as_deref().unwrap(), rpc.bearer.as_deref().unwrap());
    let slot = json!({ "jsonrpc": "2.0", "id": 1, "method": "getSlot" });
    let write = json!({ "jsonrpc": "2.0", "id": 1, "method": "sendTransaction", "params": ["AA=="] });
    let own = format!("/api/proxy/{}/chat/completions", lease.lease_id);
    let others = format!("/api/proxy/{}/chat/completions", second.lease_id);
    let rows = [
        (chats, "/v1/openai/chat/completions".to_owned(), chat(), 200, ""),
        (chats, own, chat(), 200, ""),
        (chats, others, chat(), 403, "wrong_lease"),
        (chats, "/api/proxy/nonsense/chat/completions".into(), chat(), 403, "wrong_lease"),
        (chats, "/v1/helius/".into(), slot.clone(), 403, "wrong_service"),
        (chats, "/v1/openai/files".into(), json!({}), 403, "no_such_operation"),
        (chats, "/v1/openai".into(), json!({}), 403, "no_such_operation"),
        (calls, "/v1/helius/".into(), slot, 200, ""),
        (calls, "/v1/helius/".into(), write, 403, "not_allowed"),
    ];
    for (bearer, path, body, status, code) in rows {
        let seen = world.upstream.received().len();
        let answer = world.send(world.request(0, Method::POST, &path, bearer).json(&body)).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        if status != 200 {
            assert_eq!(answer.code(), code, "{path}: {}", answer.text());
            assert_eq!(world.upstream.received().len(), seen, "{path}");
            assert!(answer.text().contains("entry_"), "the refusal is on record: {}", answer.text());
        }
    }
    world.settle_down().await;
    assert_eq!(world.count("SELECT count(*) FROM audit.entries WHERE kind = 'refusal'").await, 6);
}
