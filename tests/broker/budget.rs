//! Many calls at once against one budget, one credit.

use std::{collections::BTreeMap, sync::Arc};

use permitpipe_sdk::{receipt::verify_chain, wire::Lease};
use permitpipe_tests::{
    upstream::{Mode, Step},
    world::{Answer, World, chat, within},
};
use serde_json::json;
use tokio::{
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

const CALLS: usize = 64;

/// An honest answer that waits for the test's word.
fn gated(word: &Arc<Notify>) -> Mode {
    let usage = json!({ "prompt_tokens": 20, "completion_tokens": 5 });
    let body = json!({ "object": "chat.completion", "choices": [], "usage": usage }).to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    Mode::Script(vec![Step::Await(word.clone()), Step::write(head + &body)])
}

/// Starts `CALLS` calls on one lease through one broker, all at once.
fn storm(world: &World, broker: usize, lease: &Lease) -> Vec<JoinHandle<Answer>> {
    let one = |_| {
        let request = world.chat_request(broker, lease.bearer.as_deref().unwrap(), &chat());
        tokio::spawn(async move { Answer::read(request.send().await.unwrap()).await })
    };
    (0..CALLS).map(one).collect()
}

/// Waits for all; meanwhile says the word to every call that waits for it at the upstream.
async fn finish(calls: Vec<JoinHandle<Answer>>, word: &Notify) -> Vec<Answer> {
    let mut all: JoinSet<Answer> = JoinSet::new();
    for call in calls {
        all.spawn(async { call.await.unwrap() });
    }
    let mut answers = Vec::new();
    within("every call is answered", async {
        while !all.is_empty() {
            tokio::select! {
                Some(answer) = all.join_next() => answers.push(answer.unwrap()),
                () = tokio::time::sleep(std::time::Duration::from_millis(10)) => word.notify_waiters(),
            }
        }
    })
    .await;
    answers
}

fn tally(answers: &[Answer]) -> BTreeMap<(u16, String), usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        let code = if answer.status == 200 { String::new() } else { answer.code() };
        *tally.entry((answer.status, code)).or_default() += 1;
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_parallel_calls_exactly_the_10_that_the_budget_covers_reach_the_upstream() {
    let world = World::start().await;
    world.add_openai(true).await;
    let worst = world.worst_case().await;
    let lease = world.lease(10 * worst).await;
    let word = Arc::new(Notify::new());
    world.upstream.set_mode(gated(&word));
    let before = world.upstream.received().len();

    let calls = storm(&world, 0, &lease);
    within("54 are answered while 10 are held", async {
        while calls.iter().filter(|call| call.is_finished()).count() < CALLS - 10 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    within("10 reach the upstream", world.upstream.wait_for_requests(before + 10)).await;
    assert_eq!(world.upstream.received().len(), before + 10);
    let held = world.owner.client.account().await.unwrap().held;
    assert_eq!(held, 10 * worst, "the budget is held to the credit");
    world.check_books().await;

    let answers = finish(calls, &word).await;
    assert_eq!(world.upstream.received().len(), before + 10, "nobody slipped in behind a refusal");
    let expected = BTreeMap::from([((200, String::new()), 10), ((402, "budget_exhausted".into()), 54)]);
    assert_eq!(tally(&answers), expected);
    let refused = answers.iter().find(|answer| answer.status == 402).unwrap().json();
    assert_eq!(refused["error"]["type"], "insufficient_quota", "in OpenAI's own shape: {refused}");
    assert!(refused["error"]["audit_ref"].is_string() && refused["error"]["message"].is_string());
    world.settle_down().await;
    assert_eq!(world.count("SELECT count(*) FROM audit.entries WHERE kind = 'refusal'").await, 54);
    receipts_add_up(&world).await;
}

async fn receipts_add_up(world: &World) {
    let page = world.owner.client.receipts().await.unwrap();
    let mut by_lease: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for receipt in page.receipts {
        by_lease.entry(receipt.body.lease_id).or_default().push(receipt);
    }
    let key: [u8; 32] = hex::decode(&page.public_key).unwrap().try_into().unwrap();
    let key = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
    let sums = by_lease.values().map(|receipts| verify_chain(receipts, &key).unwrap().get());
    assert_eq!(sums.sum::<i64>(), world.owner.client.account().await.unwrap().spent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_brokers_on_one_database_hold_one_budget_to_the_credit_and_do_not_deadlock() {
    let world = World::tuned(2, |_| {}).await;
    world.add_openai(true).await;
    let worst = world.worst_case().await;
    let lease = world.lease(10 * worst + worst / 2).await;
    let word = Arc::new(Notify::new());
    world.upstream.set_mode(gated(&word));
    let before = world.upstream.received().len();

    let mut calls = storm(&world, 0, &lease);
    calls.extend(storm(&world, 1, &lease));
    within("118 are answered while 10 are held", async {
        while calls.iter().filter(|call| call.is_finished()).count() < 2 * CALLS - 10 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    within("10 reach the upstream", world.upstream.wait_for_requests(before + 10)).await;
    assert_eq!(world.owner.client.account().await.unwrap().held, 10 * worst);
    let answers = finish(calls, &word).await;
    let expected = BTreeMap::from([((200, String::new()), 10), ((402, "budget_exhausted".into()), 118)]);
    assert_eq!(tally(&answers), expected);
    assert_eq!(world.upstream.received().len(), before + 10);
    world.settle_down().await;
    assert_eq!(deadlocks(&world).await, 0);

    // Unheld, they race captures against holds on the same rows: all end, none twice.
    world.upstream.set_mode(Mode::Honest);
    let lease = world.lease(1_000 * worst).await;
    let mut calls = storm(&world, 0, &lease);
    calls.extend(storm(&world, 1, &lease));
    let answers = finish(calls, &word).await;
    assert_eq!(tally(&answers), BTreeMap::from([((200, String::new()), 2 * CALLS)]));
    world.settle_down().await;
    assert_eq!(deadlocks(&world).await, 0);
    receipts_add_up(&world).await;
}

async fn deadlocks(world: &World) -> i64 {
    world.count("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").await
}
