//! Commits whose connection breaks: the outcome is what the database says, never what time or an error suggests.

use permitpipe_tests::{
    postgres::cut::{Cut, Cutter},
    world::World,
};

/// Enough that most of them meet the commit of a hold or of a capture.
const CALLS: usize = 24;

/// Makes calls, each with one broken commit on its way; gives how many were answered with success.
async fn calls_with(cut: Cut) -> (World, usize) {
    let mut cutter = None;
    let world = World::tuned(1, |config| {
        let (made, url) = Cutter::start(&config.database_url);
        (cutter, config.database_url) = (Some(made), url);
    })
    .await;
    let cutter = cutter.unwrap();
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    let mut served = 0;
    for _ in 0..CALLS {
        cutter.cut_next(cut);
        let answer = world.chat(lease.bearer.as_deref().unwrap()).await;
        assert!(cutter.has_cut(), "no commit was cut");
        assert!([200, 503].contains(&answer.status), "{}: {}", answer.status, answer.code());
        served += usize::from(answer.status == 200);
    }
    (world, served)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_counts_once() {
    let (world, served) = calls_with(Cut::After).await;
    assert_eq!(served, CALLS, "what was committed was served");
    world.settle_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_the_server_never_heard_of_is_made_again_or_refused_and_never_doubled() {
    let (world, _) = calls_with(Cut::Before).await;
    world.settle_down().await;
}
