//! What an acknowledged revocation, or the end of a lease, promises.

use std::{
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    time::{Duration, Instant},
};

use permitpipe_tests::{
    upstream::{EVENTS_HEAD, Mode, Step, chunk},
    world::{Answer, World, chat, within},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

fn streaming() -> Value {
    let mut body = chat();
    body["stream"] = json!(true);
    body
}

/// One event, then nothing until the test's word, then one more.
fn two_events(word: &Arc<Notify>) -> Mode {
    let event = |text: &str| Step::write(chunk(format!("data: {{\"x\":\"{text}\"}}\n\n")));
    let steps = [Step::write(EVENTS_HEAD), event("before"), Step::Await(word.clone()), event("after"), Step::Stall];
    Mode::Script(steps.into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_through_another_broker_returns_when_the_stream_is_cut_and_nothing_follows_it() {
    let world = World::tuned(2, |_| {}).await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    let bearer = lease.bearer.clone().unwrap();
    let word = Arc::new(Notify::new());
    world.upstream.set_mode(two_events(&word));
    let mut response = world.chat_request(0, &bearer, &streaming()).send().await.unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    assert!(first.ends_with(b"\"before\"}\n\n"), "{first:?}");
    // A second call has no answer yet.
    world.upstream.set_mode(Mode::stall_before_head());
    let silent = tokio::spawn(world.chat_request(0, &bearer, &chat()).send());
    within("both are at the upstream", world.upstream.wait_for_requests(2)).await;

    let path = format!("/v1/leases/{}", lease.lease_id);
    let started = Instant::now();
    let ack = within("revoked", world.send(world.request(1, http::Method::DELETE, &path, &world.owner.key))).await;
    assert_eq!((ack.status, ack.json()["state"].as_str()), (200, Some("revoked")), "{}", ack.text());
    assert!(started.elapsed() < Duration::from_secs(2), "live nodes confirm at once, took {:?}", started.elapsed());
    word.notify_one();
    let rest = within("the agent's stream is over", response.chunk()).await;
    assert!(rest.is_err(), "cut, and not one byte more: {rest:?}");
    let silent = Answer::read(silent.await.unwrap().unwrap()).await;
    assert_eq!((silent.status, silent.code().as_str()), (401, "lease_revoked"), "{}", silent.text());
    within("the upstream is hung up on", world.upstream.wait_until_hung_up()).await;

    world.upstream.set_mode(Mode::Honest);
    for broker in [0, 1] {
        let answer = world.send(world.chat_request(broker, &bearer, &chat())).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "lease_revoked"), "{}", answer.text());
    }
    assert_eq!(world.upstream.received().len(), 2, "nothing was dialled after the acknowledgement");
    world.settle_down().await;
    for outcome in world.entries("outcome").await {
        assert_eq!(outcome["end"], "revoked", "{outcome}");
    }
    // Who asks again hears the same.
    let again = world.send(world.request(0, http::Method::DELETE, &path, &world.owner.key)).await;
    assert_eq!((again.status, again.json()["state"].as_str()), (200, Some("revoked")));
    assert_eq!(world.entries("lease_revoked").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_every_call_that_begins_after_the_acknowledgement_is_refused() {
    let world = Arc::new(World::tuned(2, |_| {}).await);
    world.add_openai(true).await;
    let lease = world.lease(50_000_000).await;
    let bearer = lease.bearer.clone().unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let callers = (0..16).map(|number| {
        let (world, bearer, is_over) = (world.clone(), bearer.clone(), is_over.clone());
        tokio::spawn(async move {
            let mut calls = Vec::new();
            loop {
                let (was_over, began) = (is_over.load(Ordering::SeqCst), Instant::now());
                calls.push((began, world.send(world.chat_request(number % 2, &bearer, &chat())).await.status));
                if was_over {
                    return calls;
                }
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    within("calls are under way", world.upstream.wait_for_requests(40)).await;
    world.owner.client.revoke_lease(lease.lease_id).await.unwrap();
    let acknowledged = Instant::now();
    is_over.store(true, Ordering::SeqCst);
    let (mut before, mut after) = (0, 0);
    for caller in callers {
        for (began, status) in within("the callers end", caller).await.unwrap() {
            // 503 is a node that missed a heartbeat on a busy machine: it serves nobody.
            assert!([200, 401, 503].contains(&status), "{status}");
            match began < acknowledged {
                true => before += usize::from(status == 200),
                false => after += usize::from(status == 200),
            }
        }
    }
    assert!(before >= 20 && after == 0, "{before} were served before, {after} after");
    world.settle_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_ends_on_time_in_the_middle_of_a_stream() {
    let world = World::start().await;
    world.add_openai(true).await;
    world.upstream.set_mode(Mode::Drip { every: Duration::from_millis(5) });
    let began = Instant::now();
    let lease = world.lease_for(&world.owner, "openai", 1_000_000, 1).await;
    let issued = Instant::now();
    let response = world.chat_request(0, lease.bearer.as_deref().unwrap(), &streaming()).send().await.unwrap();
    let answer = within("the stream ends", Answer::read(response)).await;
    assert!(!answer.is_whole && !answer.body.is_empty());
    assert!(began.elapsed() >= Duration::from_millis(990), "not before its time: {:?}", began.elapsed());
    assert!(issued.elapsed() < Duration::from_millis(1_500), "nor long after it: {:?}", issued.elapsed());

    world.upstream.set_mode(Mode::Honest);
    let seen = world.upstream.received().len();
    let next = world.chat(lease.bearer.as_deref().unwrap()).await;
    assert_eq!((next.status, next.code().as_str()), (401, "lease_expired"), "{}", next.text());
    assert_eq!(next.headers.get("www-authenticate").unwrap(), "Bearer");
    assert_eq!(world.upstream.received().len(), seen);
    world.settle_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_waits_for_a_dead_broker_no_longer_than_its_heartbeat_lives() {
    let mut world = World::tuned(2, |_| {}).await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    world.brokers[1].kill();
    let started = Instant::now();
    within("acknowledged", world.owner.client.revoke_lease(lease.lease_id)).await.unwrap();
    assert!(started.elapsed() < world.config.fence_ttl + Duration::from_millis(1_500), "{:?}", started.elapsed());
    assert_eq!(world.chat(lease.bearer.as_deref().unwrap()).await.status, 401);
}
