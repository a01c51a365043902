//! Agents that leave and operators who cut: nobody is left waiting, and nothing more is written.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use permitpipe_broker::forward::{End, PrivateOrigins, UpstreamClient, UpstreamError};
use permitpipe_tests::upstream::Mode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};

use crate::rig::{Rig, Seen};

/// A request body that sends what the test sends.
fn fed() -> (mpsc::Sender<Result<Bytes, std::io::Error>>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    let pieces = futures_util::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    (sender, Body::from_stream(pieces))
}

#[tokio::test]
async fn an_agent_that_leaves_in_the_middle_ends_the_call_with_usage_so_far() {
    let rig = Rig::new(Mode::stall_mid_body()).await;
    let running = rig.start(rig.get());
    let mut response = running.reply.await.unwrap().unwrap();
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    let outcome = running.task.await.unwrap();
    assert_eq!((outcome.end, outcome.status, outcome.usage.response_bytes), (End::ClientGone, Some(200), 10));
    rig.upstream.wait_until_hung_up().await;
}

#[tokio::test]
async fn an_agent_that_leaves_before_the_head_ends_the_call() {
    let rig = Rig::new(Mode::stall_before_head()).await;
    let running = rig.start(rig.get());
    rig.upstream.wait_for_requests(1).await;
    drop(running.reply);
    let outcome = running.task.await.unwrap();
    assert_eq!((outcome.end, outcome.status), (End::ClientGone, None));
    rig.upstream.wait_until_hung_up().await;
}

#[tokio::test]
async fn an_agent_that_breaks_off_its_upload_ends_the_call() {
    let rig = Rig::new(Mode::Honest).await;
    let mut x = rig.request(Method::POST, "/");
    let (sender, body) = fed();
    x.body = body;
    let running = rig.start(x);
    sender.send(Ok(Bytes::from("first"))).await.unwrap();
    sender.send(Err(std::io::ErrorKind::ConnectionReset.into())).await.unwrap();
    assert_eq!(running.reply.await.unwrap().unwrap_err(), UpstreamError::ClientGone { is_dialled: true });
    let outcome = running.task.await.unwrap();
    assert_eq!((outcome.end, outcome.usage.request_bytes), (End::ClientGone, 5));
    assert_eq!(rig.upstream.received().len(), 0, "half a request is no request");
}

#[tokio::test]
async fn the_kill_switch_cuts_a_stream_at_both_ends() {
    let rig = Rig::new(Mode::stall_mid_body()).await;
    let running = rig.start(rig.get());
    let mut response = running.reply.await.unwrap().unwrap();
    response.body_mut().frame().await.unwrap().unwrap();
    running.kill.cancel();
    let seen = Seen::read(response).await;
    assert!(seen.body.is_empty() && !seen.is_whole);
    assert_eq!(running.task.await.unwrap().end, End::Killed);
    rig.upstream.wait_until_hung_up().await;
}

#[tokio::test]
async fn what_waits_for_the_agent_is_not_delivered_after_the_kill() {
    let rig = Rig::new(Mode::endless_body()).await;
    let mut running = rig.start(rig.get());
    let response = running.reply.await.unwrap().unwrap();
    running.journal.wait_for(|usage| usage.response_bytes > 0).await.unwrap();
    running.kill.cancel();
    let seen = Seen::read(response).await;
    assert!(seen.body.is_empty() && !seen.is_whole, "{} bytes", seen.body.len());
    assert_eq!(running.task.await.unwrap().end, End::Killed);
    rig.upstream.wait_until_hung_up().await;
}

#[tokio::test]
async fn the_kill_switch_works_while_the_upstream_thinks() {
    let rig = Rig::new(Mode::stall_before_head()).await;
    let running = rig.start(rig.get());
    rig.upstream.wait_for_requests(1).await;
    running.kill.cancel();
    assert_eq!(running.reply.await.unwrap().unwrap_err(), UpstreamError::Killed { is_dialled: true });
    assert_eq!(running.task.await.unwrap().end, End::Killed);
    rig.upstream.wait_until_hung_up().await;
}

#[tokio::test]
async fn no_byte_of_an_upload_is_sent_after_the_kill() {
    // A server that reads nothing at first: the kernel's buffers fill, then hyper's, then the upload waits.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut rig = Rig::new(Mode::Honest).await;
    let origin = format!("http://{}", listener.local_addr().unwrap());
    rig.client = UpstreamClient::new(PrivateOrigins::parse(&[&origin]).unwrap());
    let mut x = rig.request(Method::POST, "/");
    (x.uri, x.origin) = (origin.parse().unwrap(), origin);
    let (sender, body) = fed();
    x.body = body;
    let running = rig.start(x);
    let (mut stream, _) = listener.accept().await.unwrap();
    // Stuck is what takes no further piece for a while.
    let send = || tokio::time::timeout(Duration::from_millis(100), sender.send(Ok(vec![b'u'; 16 << 10].into())));
    while let Ok(sent) = send().await {
        sent.unwrap();
    }
    running.kill.cancel();
    let outcome = running.task.await.unwrap();
    assert_eq!(outcome.end, End::Killed);
    // What the kernel had is all that arrives. Hyper had at least another 64 KiB ready to go.
    let mut arrived = Vec::new();
    let _ = stream.read_to_end(&mut arrived).await;
    let (arrived, taken) = (arrived.len() as u64, outcome.usage.request_bytes);
    assert!(arrived + (48 << 10) < taken, "{arrived} of {taken} bytes arrived");
    assert!(sender.is_closed());
}

#[tokio::test]
async fn a_kill_after_the_end_changes_nothing() {
    let rig = Rig::new(Mode::Honest).await;
    let (seen, outcome) = {
        let x = rig.get();
        let kill = x.kill.clone();
        let ended = rig.run(x).await;
        kill.cancel();
        ended
    };
    assert!(seen.unwrap().is_whole);
    assert_eq!(outcome.end, End::Completed);
    let (again, _) = rig.run(rig.get()).await;
    assert_eq!(again.unwrap().status, 200);
}

#[tokio::test]
async fn an_early_refusal_of_an_upload_reaches_the_agent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let mut rig = Rig::new(Mode::Honest).await;
    rig.client = UpstreamClient::new(PrivateOrigins::parse(&[&origin]).unwrap());
    let mut x = rig.request(Method::POST, "/");
    (x.uri, x.origin) = (origin.parse().unwrap(), origin);
    let (sender, body) = fed();
    x.body = body;
    let running = rig.start(x);
    sender.send(Ok(Bytes::from("first"))).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let refusal = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\n{}";
    stream.write_all(refusal).await.unwrap();
    let seen = Seen::read(running.reply.await.unwrap().unwrap()).await;
    assert_eq!((seen.status, &seen.body[..]), (413, &b"{}"[..]));
    assert_eq!(running.task.await.unwrap().end, End::Completed);
}
