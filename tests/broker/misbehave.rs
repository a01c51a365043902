//! Upstreams that are down, slow, cut, lie or refuse: a clear error, a resolved hold, an explained charge.

use std::{sync::Arc, time::Duration};

use permitpipe_sdk::wire::Lease;
use permitpipe_tests::{
    upstream::{CHUNKED_HEAD, Mode, Step, chunk},
    world::{Answer, World, chat, within},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// Our fee for a small request: 20 credits, and what its bytes cost, rounded up.
const FEE: i64 = 21;

/// One row: how the upstream behaves, what the agent gets, what the outcome entry says.
struct Case {
    name: &'static str,
    mode: Mode,
    status: u16,
    code: &'static str,
    end: &'static str,
}

/// A world where nothing takes longer than two seconds.
async fn impatient_world() -> (World, Lease) {
    let world = World::tuned(1, |config| config.longest_hold = Duration::from_secs(2)).await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    (world, lease)
}

async fn last_outcome(world: &World) -> Value {
    world.entries("outcome").await.pop().unwrap()
}

/// A chat whose answer is announced at its full length, so that we read it before we pass it on.
fn announced(length: usize, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn failures() -> Vec<Case> {
    let case = |name, mode, status, code, end| Case { name, mode, status, code, end };
    let cut = Mode::Script(vec![Step::write(announced(500, "{\"object\"")), Step::Reset]);
    let slow = Mode::Script(vec![Step::write(announced(500, "{")), Step::Stall]);
    let long = Mode::Script(vec![Step::write(announced(17 << 20, "{")), Step::Stall]);
    vec![
        case("silent", Mode::stall_before_head(), 504, "upstream_timed_out", "upstream_timed_out"),
        case("silent in its body", slow, 504, "upstream_timed_out", "upstream_timed_out"),
        case("no answer", Mode::Script(vec![]), 502, "upstream_closed", "upstream_unreachable"),
        case("reset", Mode::Script(vec![Step::Reset]), 502, "upstream_closed", "upstream_unreachable"),
        case("cut in its body", cut, 502, "upstream_cut", "upstream_cut"),
        case("not HTTP", Mode::garbage(), 502, "upstream_garbage", "upstream_garbage"),
        case("endless head", Mode::endless_headers(), 502, "upstream_garbage", "upstream_garbage"),
        case("too long", long, 502, "upstream_too_long", "limit_reached"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_fails_gives_a_clear_error_a_resolved_hold_and_an_explained_charge() {
    let (world, lease) = impatient_world().await;
    for case in failures() {
        world.upstream.set_mode(case.mode);
        let answer = within(case.name, world.chat(lease.bearer.as_deref().unwrap())).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (case.status, case.code),
            "{}: {}",
            case.name,
            answer.text()
        );
        assert_eq!(answer.json()["error"]["type"], "server_error", "{}", case.name);
        world.settle_down().await;
        let outcome = last_outcome(&world).await;
        assert_eq!(outcome["end"], case.end, "{}: {outcome}", case.name);
        let (charged, fee) = (outcome["charged"].as_i64().unwrap(), outcome["fee"].as_i64().unwrap());
        assert!(charged >= FEE && outcome["is_estimated"] == true, "{}: {outcome}", case.name);
        assert_eq!(charged, fee + outcome["upstream"].as_i64().unwrap(), "{}", case.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_is_down_costs_nothing() {
    let (world, lease) = impatient_world().await;
    let World { upstream, .. } = &world;
    // The port is taken over by somebody who accepts nothing: the connection is refused.
    let address = upstream.address();
    let mut world = world;
    drop(std::mem::replace(&mut world.upstream, permitpipe_tests::upstream::Upstream::start("other").await.unwrap()));
    within("the port is free", async {
        while std::net::TcpStream::connect(address).is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let answer = world.chat(lease.bearer.as_deref().unwrap()).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(answer.json()["error"]["type"], "server_error");
    world.settle_down().await;
    let outcome = last_outcome(&world).await;
    assert_eq!(
        (&outcome["end"], &outcome["charged"], &outcome["counted"]),
        (&json!("not_dialled"), &json!(0), &json!(0))
    );
    assert_eq!(world.count("SELECT count(*) FROM ledger.holds WHERE state = 'voided'").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM ledger.receipts").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstreams_own_refusal_is_passed_through_and_costs_only_our_fee() {
    let (world, lease) = impatient_world().await;
    for status in [400, 401, 404, 429, 500, 503] {
        world.upstream.set_mode(Mode::Status(status));
        let answer = world.chat(lease.bearer.as_deref().unwrap()).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.json()["error"]["code"].is_string(), "the provider's own words: {}", answer.text());
        let retry_after = answer.headers.get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(retry_after, (status == 429).then_some("7"), "{status}");
        world.settle_down().await;
        let outcome = last_outcome(&world).await;
        assert_eq!((&outcome["end"], &outcome["upstream"]), (&json!("completed"), &json!(0)), "{outcome}");
        assert_eq!(outcome["charged"], outcome["fee"], "{outcome}");
        assert_eq!(outcome["charged"], FEE, "{outcome}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_is_cut_at_the_agent_and_charged_for_what_came() {
    let (world, lease) = impatient_world().await;
    let (reset, garbage) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    for (name, mode, word, end) in [
        ("reset", Mode::reset_mid_stream(reset.clone()), Some(reset), "upstream_cut"),
        ("silence", Mode::stall_mid_body(), None, "upstream_timed_out"),
        ("drip", Mode::Drip { every: Duration::from_millis(50) }, None, "upstream_timed_out"),
        ("garbage", broken_chunks(&garbage), Some(garbage), "upstream_garbage"),
    ] {
        world.upstream.set_mode(mode);
        let mut body = chat();
        body["stream"] = json!(true);
        let request = world.chat_request(0, lease.bearer.as_deref().unwrap(), &body);
        let response = within(name, request.send()).await.unwrap();
        word.iter().for_each(|word| word.notify_one());
        let answer = within(name, Answer::read(response)).await;
        assert_eq!((answer.status, answer.is_whole), (200, false), "{name}");
        world.settle_down().await;
        let outcome = last_outcome(&world).await;
        assert_eq!((&outcome["end"], &outcome["is_estimated"]), (&json!(end), &json!(true)), "{name}: {outcome}");
        assert!(outcome["charged"].as_i64().unwrap() > FEE, "{name}: {outcome}");
    }
}

/// A chunk whose size is none, once the agent has seen the one before it.
fn broken_chunks(word: &Arc<Notify>) -> Mode {
    let begun = [Step::write(CHUNKED_HEAD), Step::write(chunk("data: {}\n\n")), Step::Await(word.clone())];
    Mode::Script(begun.into_iter().chain([Step::write("zz\r\nnot a size"), Step::Stall]).collect())
}
