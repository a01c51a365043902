//! Server-sent events through a lease.

use std::sync::Arc;

use permitpipe_tests::{
    upstream::{EVENTS_HEAD, Mode, Step, chunk},
    world::{World, chat, eventually, within},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

fn streaming(includes_usage: Option<bool>) -> Value {
    let mut body = chat();
    body["stream"] = json!(true);
    if let Some(wanted) = includes_usage {
        body["stream_options"] = json!({ "include_usage": wanted });
    }
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_charged_exactly_by_usage_and_the_usage_event_comes_only_if_it_was_asked_for() {
    let world = World::start().await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    for (asks, shows) in [(None, false), (Some(false), false), (Some(true), true)] {
        let request = world.chat_request(0, lease.bearer.as_deref().unwrap(), &streaming(asks));
        let answer = world.send(request).await;
        let text = answer.text();
        assert_eq!((answer.status, answer.is_whole), (200, true), "{text}");
        assert_eq!(text.matches("prompt_tokens").count(), usize::from(shows), "asked: {asks:?}: {text}");
        assert!(text.ends_with("data: [DONE]\n\n") && text.contains("Hello"), "{text}");
        world.settle_down().await;
        let outcome = world.entries("outcome").await.pop().unwrap();
        let input = world.upstream.received().last().unwrap().body.len().div_ceil(4) as i64;
        assert_eq!((outcome["input_tokens"].as_i64(), outcome["output_tokens"].as_i64()), (Some(input), Some(5)));
        // gpt-4o-mini: 0.15 USD in and 0.60 USD out for a million tokens, rounded up once.
        let price = (input * 150_000 + 5 * 600_000 + 999_999) / 1_000_000;
        assert_eq!(outcome["upstream"].as_i64(), Some(price), "{outcome}");
        assert_eq!(outcome["charged"].as_i64(), Some(price + 21), "{outcome}");
        assert_eq!((&outcome["end"], &outcome["is_estimated"]), (&json!("completed"), &json!(false)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_reach_the_agent_while_the_upstream_is_still_writing() {
    let world = World::start().await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    let word = Arc::new(Notify::new());
    let event = |text: &str| Step::write(chunk(format!("data: {{\"choices\":[],\"x\":\"{text}\"}}\n\n")));
    world.upstream.set_mode(Mode::Script(vec![
        Step::write(EVENTS_HEAD),
        event("first"),
        Step::Await(word.clone()),
        event("second"),
        Step::write(chunk("")),
    ]));
    let request = world.chat_request(0, lease.bearer.as_deref().unwrap(), &streaming(None));
    let mut response = within("the head comes at once", request.send()).await.unwrap();
    let first = within("the first event comes at once", response.chunk()).await.unwrap().unwrap();
    assert!(first.ends_with(b"\"first\"}\n\n"), "{first:?}");
    word.notify_one();
    let second = within("the second event", response.chunk()).await.unwrap().unwrap();
    assert!(second.ends_with(b"\"second\"}\n\n"), "{second:?}");
    assert!(within("the end", response.chunk()).await.unwrap().is_none());
    world.settle_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_mid_stream_is_charged_and_the_upstream_is_hung_up_on() {
    let world = World::start().await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    world.upstream.set_mode(Mode::stall_mid_body());
    let request = world.chat_request(0, lease.bearer.as_deref().unwrap(), &streaming(Some(true)));
    let mut response = request.send().await.unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    drop(response);
    within("the upstream is hung up on", world.upstream.wait_until_hung_up()).await;
    world.settle_down().await;
    let outcome = world.entries("outcome").await.pop().unwrap();
    assert_eq!((&outcome["end"], &outcome["is_estimated"]), (&json!("client_gone"), &json!(true)), "{outcome}");
    assert!(outcome["upstream"].as_i64().unwrap() > 0 && outcome["charged"].as_i64().unwrap() > 20, "{outcome}");
    assert_eq!(world.count("SELECT count(*) FROM ledger.holds WHERE state = 'captured'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_before_the_answer_leaves_no_open_hold() {
    let world = World::start().await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    world.upstream.set_mode(Mode::stall_before_head());
    let request = world.chat_request(0, lease.bearer.as_deref().unwrap(), &chat());
    let call = tokio::spawn(request.send());
    within("the upstream has it", world.upstream.wait_for_requests(1)).await;
    call.abort();
    eventually("the hold is captured", || async {
        let outcomes = world.entries("outcome").await;
        let is_so = outcomes.iter().any(|outcome| outcome["end"] == "client_gone");
        if is_so { Ok(()) } else { Err(format!("{outcomes:?}")) }
    })
    .await;
    world.settle_down().await;
}
