//! Upstreams that stall, reset, lie or never stop.

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt;
use permitpipe_broker::forward::{End, UpstreamError};
use permitpipe_tests::upstream::{CHUNKED_HEAD, EVENTS_HEAD, Mode, Step, chunk};
use tokio::sync::Notify;

use crate::rig::{KEY, Rig, Seen};

fn script(response: impl AsRef<[u8]>) -> Mode {
    Mode::Script(vec![Step::write(response)])
}

#[tokio::test]
async fn what_is_not_http_is_garbage() {
    for mode in [
        Mode::garbage(),
        Mode::endless_headers(),
        script("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd"),
        script("HTTP/1.1 200 OK\r\nx: a\r\n folded\r\ncontent-length: 0\r\n\r\n"),
        script(format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(200))),
    ] {
        let rig = Rig::new(mode).await;
        let (seen, outcome) = rig.run(rig.get()).await;
        assert!(matches!(seen, Err(UpstreamError::Garbage { .. })), "{seen:?}");
        assert_eq!((outcome.end, outcome.status), (End::Garbage, None));
        rig.upstream.wait_until_hung_up().await;
    }
}

#[tokio::test]
async fn a_response_that_cannot_be_read_is_not_passed_on() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nxx",
        "HTTP/1.1 200 OK\r\ncontent-encoding: identity, br\r\ncontent-length: 2\r\n\r\nxx",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nxx\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ] {
        let rig = Rig::new(script(head)).await;
        let (seen, outcome) = rig.run(rig.get()).await;
        assert!(matches!(seen, Err(UpstreamError::Garbage { .. })), "{head}: {seen:?}");
        assert_eq!(outcome.end, End::Garbage);
    }
}

#[tokio::test]
async fn a_body_with_broken_chunks_is_garbage_and_cuts_the_agent() {
    let rig = Rig::new(script(format!("{CHUNKED_HEAD}2\r\n{{}}\r\nzz\r\n"))).await;
    let (seen, outcome) = rig.run(rig.get()).await;
    assert!(!seen.unwrap().is_whole);
    assert_eq!((outcome.end, outcome.status), (End::Garbage, Some(200)));
}

#[tokio::test]
async fn an_upstream_that_takes_the_request_and_closes_is_not_asked_again() {
    for steps in [vec![], vec![Step::Reset], vec![Step::write("HTTP/1.1 200")]] {
        let rig = Rig::new(Mode::Script(steps)).await;
        let (seen, outcome) = rig.run(rig.get()).await;
        assert!(matches!(seen, Err(UpstreamError::Unreachable { .. })), "{seen:?}");
        assert_eq!((outcome.end, outcome.status), (End::Unreachable, None));
        assert_eq!((rig.upstream.received().len(), rig.upstream.connections()), (1, 1));
    }
}

#[tokio::test]
async fn a_silent_upstream_times_out_before_and_after_its_head() {
    let rig = Rig::new(Mode::stall_before_head()).await;
    let mut x = rig.get();
    x.limits.head_ms = 30;
    let (seen, outcome) = rig.run(x).await;
    assert_eq!((seen.unwrap_err(), outcome.end), (UpstreamError::TimedOut, End::TimedOut));
    rig.upstream.wait_until_hung_up().await;

    let rig = Rig::new(Mode::stall_mid_body()).await;
    let mut x = rig.get();
    x.limits.idle_ms = 30;
    let (seen, outcome) = tokio::time::timeout(Duration::from_secs(20), rig.run(x)).await.expect("the idle limit");
    let seen = seen.unwrap();
    assert_eq!((&seen.body[..], seen.is_whole), (&b"data: {}\n\n"[..], false));
    assert_eq!((outcome.end, outcome.status, outcome.usage.response_bytes), (End::TimedOut, Some(200), 10));
    rig.upstream.wait_until_hung_up().await;
}

#[tokio::test]
async fn a_drip_that_is_never_idle_still_ends() {
    let rig = Rig::new(Mode::Drip { every: Duration::from_millis(2) }).await;
    let mut x = rig.get();
    x.limits.total_ms = 60;
    let (seen, outcome) = rig.run(x).await;
    assert!(!seen.unwrap().is_whole);
    assert_eq!(outcome.end, End::TimedOut);
    rig.upstream.wait_until_hung_up().await;
}

#[tokio::test]
async fn a_stream_reset_in_the_middle_cuts_the_agent() {
    let word = Arc::new(Notify::new());
    let rig = Rig::new(Mode::reset_mid_stream(word.clone())).await;
    let running = rig.start(rig.get());
    let mut response = running.reply.await.unwrap().unwrap();
    let event = response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(event, "data: {}\n\n", "an event is passed on before the next one comes");
    word.notify_one();
    assert!(!Seen::read(response).await.is_whole);
    let outcome = running.task.await.unwrap();
    assert_eq!((outcome.end, outcome.status, outcome.usage.response_bytes), (End::Cut, Some(200), 10));
}

#[tokio::test]
async fn a_small_body_cut_short_becomes_an_error_instead_of_a_fragment() {
    let rig = Rig::new(script("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":")).await;
    let (seen, outcome) = rig.run(rig.get()).await;
    assert_eq!(seen.unwrap_err(), UpstreamError::Cut);
    assert_eq!((outcome.end, outcome.status, outcome.usage.response_bytes), (End::Cut, Some(200), 8));
}

#[tokio::test]
async fn an_endless_body_stops_at_the_byte_limit_exactly() {
    let rig = Rig::new(Mode::endless_body()).await;
    let mut x = rig.get();
    x.limits.response_bytes = 100_001;
    let (seen, outcome) = rig.run(x).await;
    let seen = seen.unwrap();
    assert!(!seen.is_whole && seen.body.len() <= 100_001);
    assert_eq!((outcome.end, outcome.usage.response_bytes), (End::LimitReached, 100_001));
    rig.upstream.wait_until_hung_up().await;
}

#[tokio::test]
async fn a_body_announced_too_long_is_refused_before_its_first_byte() {
    let rig = Rig::new(script("HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n")).await;
    let mut x = rig.get();
    x.limits.response_bytes = 100;
    let (seen, outcome) = rig.run(x).await;
    assert_eq!(seen.unwrap_err(), UpstreamError::TooLong { limit_bytes: 100 });
    assert_eq!((outcome.end, outcome.status), (End::LimitReached, Some(200)));
}

#[tokio::test]
async fn a_slow_agent_holds_the_upstream_up_instead_of_filling_memory() {
    let rig = Rig::new(Mode::endless_body()).await;
    let mut x = rig.get();
    x.limits.total_ms = 150;
    let running = rig.start(x);
    let response = running.reply.await.unwrap().unwrap();
    let outcome = running.task.await.unwrap();
    assert_eq!(outcome.end, End::TimedOut);
    assert!(outcome.usage.response_bytes < 1 << 20, "{} bytes were read ahead", outcome.usage.response_bytes);
    assert!(!Seen::read(response).await.is_whole);
}

#[tokio::test]
async fn a_cut_event_stream_gives_away_no_held_back_key() {
    let half = format!("data: {}", &KEY[..KEY.len() - 2]);
    let rig = Rig::new(Mode::Script(vec![Step::write(EVENTS_HEAD), Step::write(chunk(&half)), Step::Reset])).await;
    let (seen, outcome) = rig.run(rig.get()).await;
    assert_eq!(outcome.end, End::Cut);
    if let Ok(seen) = seen {
        assert!(seen.body.is_empty() || seen.body == "data: ");
    }
}
