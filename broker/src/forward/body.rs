//! The two bodies of an exchange: what the agent uploads, and what it gets back.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Pieces of a response that wait for a slow agent; past that the upstream waits too.
const PIECES_IN_FLIGHT: usize = 4;

/// The body ended before its message did. The agent's connection is cut, so that nobody takes a part for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the response was cut")]
pub struct BodyCut;

/// How far an upload has come, seen from outside of the connection that sends it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    bytes: AtomicU64,
    has_ended: AtomicBool,
    has_failed: AtomicBool,
}

impl Progress {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    /// Nothing is left to send.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// The agent broke off.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }
}

/// The agent's request body on its way up: counted, without trailers, and dead once killed.
pub(super) struct Upload {
    body: axum::body::Body,
    kill: CancellationToken,
    progress: Arc<Progress>,
}

impl Upload {
    pub(super) fn new(body: axum::body::Body, kill: CancellationToken) -> (Self, Arc<Progress>) {
        let progress = Arc::new(Progress { has_ended: AtomicBool::new(body.is_end_stream()), ..Progress::default() });
        (Self { body, kill, progress: progress.clone() }, progress)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.kill.is_cancelled() {
            return Poll::Ready(Some(Err(BodyCut.into())));
        }
        loop {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
            if frame.is_none() || self.body.is_end_stream() {
                self.progress.has_ended.store(true, Ordering::Release);
            }
            match frame.transpose() {
                Err(error) => {
                    self.progress.has_failed.store(true, Ordering::Release);
                    return Poll::Ready(Some(Err(error.into())));
                }
                Ok(None) => return Poll::Ready(None),
                Ok(Some(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.progress.bytes.fetch_add(data.len() as u64, Ordering::AcqRel);
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

enum Piece {
    Data(Bytes),
    End,
}

/// The sending half of a [`Download`]. Dropped before [`Feed::end`], it cuts the agent's connection.
pub(super) struct Feed(mpsc::Sender<Piece>);

impl Feed {
    /// Waits until there is room; false means that the agent is gone.
    pub(super) async fn send(&self, data: Bytes) -> bool {
        data.is_empty() || self.0.send(Piece::Data(data)).await.is_ok()
    }

    /// Says that the body is whole; false means that the agent is gone.
    pub(super) async fn end(&self) -> bool {
        self.0.send(Piece::End).await.is_ok()
    }

    /// Resolves when the agent is gone.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }
}

/// The response body as the agent's connection reads it.
pub(super) struct Download {
    pieces: mpsc::Receiver<Piece>,
    kill: CancellationToken,
    has_ended: bool,
}

impl Download {
    pub(super) fn new(kill: CancellationToken) -> (Feed, Self) {
        let (sender, pieces) = mpsc::channel(PIECES_IN_FLIGHT);
        (Feed(sender), Self { pieces, kill, has_ended: false })
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = BodyCut;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyCut>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        // No wake-up of its own: a killed exchange drops its feed, and that wakes us.
        let piece = if self.kill.is_cancelled() { None } else { ready!(self.pieces.poll_recv(context)) };
        match piece {
            Some(Piece::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Piece::End) => {
                self.has_ended = true;
                Poll::Ready(None)
            }
            None => {
                self.has_ended = true;
                Poll::Ready(Some(Err(BodyCut)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }
}
