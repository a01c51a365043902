//! Nodes that die, or are declared gone: what they held ends exactly once, and only then do they come back.

use std::sync::Arc;

use permitpipe_tests::{
    upstream::{EVENTS_HEAD, Mode, Step, chunk},
    world::{Answer, Logs, World, chat, eventually, within},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

fn streaming() -> Value {
    let mut body = chat();
    body["stream"] = json!(true);
    body
}

/// A hold as recovery finds it, or leaves it.
#[derive(Debug, sqlx::FromRow)]
struct HoldRow {
    state: String,
    amount: i64,
    minimum: i64,
    journalled: i64,
    captured: Option<i64>,
}

async fn only_hold(world: &World) -> HoldRow {
    sqlx::query_as("SELECT state::text, amount, minimum, journalled, captured FROM ledger.holds")
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

async fn expired_hold(world: &World) -> HoldRow {
    eventually("the other broker ends the hold", || async {
        let hold = only_hold(world).await;
        if hold.state == "open" { Err(format!("{hold:?}")) } else { Ok(hold) }
    })
    .await
}

/// Two brokers and a stream through the second one, which is silent after one event.
async fn streaming_world(logs: &Logs) -> (World, reqwest::Response) {
    let world = World::logged(2, |_| {}, Some(logs)).await;
    world.add_openai(true).await;
    world.upstream.set_mode(Mode::stall_mid_body());
    let response = open_stream(&world, 1).await;
    (world, response)
}

/// A stream on a lease of its own, after its first event.
async fn open_stream(world: &World, broker: usize) -> reqwest::Response {
    let lease = world.lease(1_000_000).await;
    let request = world.chat_request(broker, lease.bearer.as_deref().unwrap(), &streaming());
    let mut response = request.send().await.unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    response
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_dies_mid_stream_leaves_a_hold_that_costs_what_was_journalled() {
    let (mut world, response) = streaming_world(&Logs::default()).await;
    let journalled = eventually("usage is journalled", || async {
        let hold = only_hold(&world).await;
        if hold.journalled > hold.minimum { Ok(hold.journalled) } else { Err(format!("{hold:?}")) }
    })
    .await;
    world.brokers[1].kill();
    drop(response);
    let hold = expired_hold(&world).await;
    assert_eq!((hold.state.as_str(), hold.captured), ("expired", Some(journalled)), "{hold:?}");
    assert!(journalled < hold.amount);
    world.settle_down().await;
    let outcome = world.entries("outcome").await.pop().unwrap();
    assert_eq!((&outcome["end"], &outcome["is_estimated"]), (&json!("crashed"), &json!(true)), "{outcome}");
    let receipt = world.owner.client.receipts().await.unwrap().receipts.pop().unwrap().body;
    assert_eq!((receipt.amount.get(), receipt.is_estimated), (journalled, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_dies_before_the_answer_leaves_a_hold_that_costs_its_minimum() {
    let mut world = World::tuned(2, |_| {}).await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    world.upstream.set_mode(Mode::stall_before_head());
    let call = tokio::spawn(world.chat_request(1, lease.bearer.as_deref().unwrap(), &chat()).send());
    within("the upstream has it", world.upstream.wait_for_requests(1)).await;
    world.brokers[1].kill();
    assert!(within("the agent sees a cut", call).await.unwrap().is_err());
    let hold = expired_hold(&world).await;
    assert_eq!((hold.state.as_str(), hold.captured), ("expired", Some(hold.minimum)), "{hold:?}");
    assert_eq!(hold.minimum, 21, "one token in, and our fee for the request");
    world.settle_down().await;
    // The lease lives on, and the survivor serves it.
    world.upstream.set_mode(Mode::Honest);
    assert_eq!(world.chat(lease.bearer.as_deref().unwrap()).await.status, 200);
    world.settle_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fenced_node_serves_nothing_under_its_old_name_and_its_hold_ends_once_though_both_end_it() {
    let logs = Logs::default();
    let (world, response) = streaming_world(&logs).await;
    // Another hold of the account stays open, so that ending the first one twice would find something to take.
    let sibling = open_stream(&world, 0).await;
    // Both will want to end the hold: with the account locked, they queue up for it.
    let mut lock = world.pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM ledger.accounts FOR UPDATE").execute(&mut *lock).await.unwrap();
    let fence = "UPDATE access.nodes SET fenced_at = clock_timestamp()
                 WHERE node_id = (SELECT node_id FROM ledger.holds ORDER BY created_at LIMIT 1)";
    sqlx::query(fence).execute(&world.pool).await.unwrap();
    let answer = within("the agent's stream is cut", Answer::read(response)).await;
    assert!(!answer.is_whole);
    eventually("both wait for the account", || async {
        let waiting = world
            .count(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                 AND query LIKE '%FROM ledger.accounts%FOR UPDATE%'",
            )
            .await;
        if waiting >= 2 { Ok(()) } else { Err(format!("{waiting} wait")) }
    })
    .await;
    lock.rollback().await.unwrap();
    eventually("the hold ends", || async {
        let open = world.count("SELECT count(*) FROM ledger.holds WHERE state = 'open'").await;
        if open == 1 { Ok(()) } else { Err(format!("{open} open")) }
    })
    .await;
    comes_back(&world).await;
    drop(sibling);
    world.settle_down().await;
    let ended = world.count("SELECT count(*) FROM audit.entries WHERE kind = 'outcome'").await;
    assert_eq!((ended, world.count("SELECT count(*) FROM ledger.receipts").await), (4, 4), "two streams, two calls");
    // The second one saw that it came too late; it was not left to the schema to stop it.
    let log = String::from_utf8_lossy(&logs.read()).into_owned();
    assert!(!log.contains("refused by the database"), "a double end was only stopped by a constraint");
}

/// The fenced process goes on under a fresh id.
async fn comes_back(world: &World) {
    world.upstream.set_mode(Mode::Honest);
    let lease = world.lease(1_000_000).await;
    // Behind everything that its train had to write.
    assert_eq!(world.chat(lease.bearer.as_deref().unwrap()).await.status, 200);
    eventually("it joins again", || async {
        let answer = world.send(world.chat_request(1, lease.bearer.as_deref().unwrap(), &chat())).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    assert_eq!(world.count("SELECT count(*) FROM access.nodes WHERE fenced_at IS NULL").await, 2);
    assert_eq!(world.count("SELECT count(*) FROM access.nodes").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_hold_is_ever_taken_by_a_node_after_its_fence() {
    let world = Arc::new(World::tuned(2, |_| {}).await);
    world.add_openai(true).await;
    let lease = world.lease(50_000_000).await;
    let done = Arc::new(Notify::new());
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (world, bearer, done) = (world.clone(), lease.bearer.clone().unwrap(), done.clone());
            tokio::spawn(async move {
                let mut statuses = Vec::new();
                let over = done.notified();
                tokio::pin!(over);
                over.as_mut().enable();
                loop {
                    tokio::select! {
                        biased;
                        () = &mut over => return statuses,
                        answer = world.send(world.chat_request(1, &bearer, &chat())) => statuses.push(answer.status),
                    }
                }
            })
        })
        .collect();
    for round in 1..=5 {
        within("calls are under way", world.upstream.wait_for_requests(world.upstream.received().len() + 10)).await;
        let fence = "UPDATE access.nodes SET fenced_at = clock_timestamp() WHERE node_id =
                     (SELECT node_id FROM ledger.holds ORDER BY created_at DESC LIMIT 1) AND fenced_at IS NULL";
        sqlx::query(fence).execute(&world.pool).await.unwrap();
        eventually("it joins again", || async {
            let nodes = world.count("SELECT count(*) FROM access.nodes").await;
            if nodes >= 2 + round { Ok(()) } else { Err(format!("{nodes} nodes")) }
        })
        .await;
    }
    done.notify_waiters();
    for caller in callers {
        let statuses = within("the callers end", caller).await.unwrap();
        assert!(statuses.iter().all(|status| [200, 401, 503].contains(status)), "{statuses:?}");
        assert!(statuses.contains(&200));
    }
    world.settle_down().await;
    let late = "SELECT count(*) FROM ledger.holds JOIN access.nodes USING (node_id) WHERE created_at > fenced_at";
    assert_eq!(world.count(late).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_stopped_in_order_cuts_nothing_that_ends_in_time_and_leaves_no_hold() {
    let mut world = World::tuned(2, |_| {}).await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    let word = Arc::new(Notify::new());
    world.upstream.set_mode(Mode::Script(vec![
        Step::write(EVENTS_HEAD),
        Step::write(chunk("data: {}\n\n")),
        Step::Await(word.clone()),
        Step::write(chunk("data: [DONE]\n\n")),
        Step::write(chunk("")),
    ]));
    let mut response = world.chat_request(1, lease.bearer.as_deref().unwrap(), &streaming()).send().await.unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    let stopping = tokio::spawn(world.brokers.remove(1).stop());
    word.notify_one();
    let answer = within("the stream ends by itself", Answer::read(response)).await;
    assert!(answer.is_whole && answer.text().ends_with("[DONE]\n\n"));
    within("the broker stops", stopping).await.unwrap();
    world.settle_down().await;
    assert_eq!(world.entries("outcome").await.pop().unwrap()["end"], "completed");
}
