//! This process as one of several: its heartbeat, its fence, the streams it must be able to cut.
//!
//! A node renews one row. Its deadline counts from before the renewal was sent, on a clock that runs through suspension,
//! so that it always knows of its own end before anybody else may assume it. Past the deadline it begins nothing and
//! cuts what runs. With the heartbeat it confirms the epoch: every stream that the epoch ended is gone by then.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use permitpipe_sdk::id::{LeaseId, NodeId, RequestId};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::Moment;

/// Streams under way, by lease and request.
type Streams = HashMap<LeaseId, HashMap<RequestId, CancellationToken>>;

/// This process, as the others see it.
pub struct Node {
    id: RwLock<NodeId>,
    /// Boot-clock milliseconds after which nothing may be begun; 0 before the first heartbeat.
    deadline: AtomicU64,
    /// The epoch whose consequences are carried out here.
    epoch: AtomicI64,
    streams: Mutex<Streams>,
    /// A stream has ended.
    ended: Notify,
    /// The epoch may have moved: do not wait for the next beat.
    nudged: Notify,
}

/// A stream that a revocation can cut. It counts as under way until this is dropped.
pub struct Stream {
    node: Arc<Node>,
    lease_id: LeaseId,
    request_id: RequestId,
    kill: CancellationToken,
}

impl Node {
    /// A node that has not joined yet and therefore serves nothing.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            id: RwLock::new(NodeId::generate()),
            deadline: AtomicU64::new(0),
            epoch: AtomicI64::new(0),
            streams: Mutex::default(),
            ended: Notify::new(),
            nudged: Notify::new(),
        })
    }

    /// The current incarnation.
    pub fn id(&self) -> NodeId {
        *self.id.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A fenced incarnation never comes back: the process goes on under a new id.
    pub fn reincarnate(&self) -> NodeId {
        let id = NodeId::generate();
        *self.id.write().unwrap_or_else(PoisonError::into_inner) = id;
        self.deadline.store(0, Ordering::SeqCst);
        id
    }

    /// The heartbeat that was sent at `sent` was accepted: serve for `ttl` from then.
    pub fn extend(&self, sent: Moment, ttl: Duration) {
        self.deadline.store(sent.plus(ttl).millis(), Ordering::SeqCst);
    }

    /// Whether this node may begin something now. Checked again after every hold, before dialling.
    pub fn is_live(&self) -> bool {
        Moment::now().millis() < self.deadline.load(Ordering::SeqCst)
    }

    /// The epoch that is carried out here.
    pub fn epoch(&self) -> i64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// All that `epoch` ended is cut here.
    pub fn confirm(&self, epoch: i64) {
        self.epoch.fetch_max(epoch, Ordering::SeqCst);
    }

    /// Looks at the epoch now instead of at the next beat.
    pub fn nudge(&self) {
        self.nudged.notify_one();
    }

    /// Returns when nudged.
    pub async fn nudged(&self) {
        self.nudged.notified().await;
    }

    /// Makes a request cuttable. Done before its hold is asked for, so that no revocation can fall between.
    pub fn register(self: &Arc<Self>, lease_id: LeaseId, request_id: RequestId) -> Stream {
        let kill = CancellationToken::new();
        self.streams().entry(lease_id).or_default().insert(request_id, kill.clone());
        Stream { node: Arc::clone(self), lease_id, request_id, kill }
    }

    /// Leases with a stream under way.
    pub fn leases_under_way(&self) -> Vec<LeaseId> {
        self.streams().keys().copied().collect()
    }

    /// Cuts all streams of these leases and returns when they have ended.
    pub async fn cut(&self, leases: &[LeaseId]) {
        loop {
            // Enabled before the look, so that a stream that ends in between is not missed.
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            let running = {
                let streams = self.streams();
                let mut tokens = leases.iter().filter_map(|id| streams.get(id)).flat_map(HashMap::values).peekable();
                let running = tokens.peek().is_some();
                tokens.for_each(CancellationToken::cancel);
                running
            };
            if !running {
                return;
            }
            ended.await;
        }
    }

    /// Cuts everything: this node is past its deadline.
    pub async fn cut_all(&self) {
        self.cut(&self.leases_under_way()).await;
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        // A panic while the map was held leaves it whole: each change is one insert or remove.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    /// Cancelled when the stream must end at once.
    pub fn kill(&self) -> CancellationToken {
        self.kill.clone()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut streams = self.node.streams();
        if let Some(of_lease) = streams.get_mut(&self.lease_id) {
            of_lease.remove(&self.request_id);
            if of_lease.is_empty() {
                streams.remove(&self.lease_id);
            }
        }
        drop(streams);
        self.node.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cut_returns_only_when_the_stream_has_ended() {
        let node = Node::new();
        let (lease, request) = (LeaseId::generate(), RequestId::generate());
        let stream = node.register(lease, request);
        let kill = stream.kill();
        let leases = [lease];
        let cut = node.cut(&leases);
        tokio::pin!(cut);
        assert!(futures_util::poll!(&mut cut).is_pending());
        assert!(kill.is_cancelled());
        drop(stream);
        cut.await;
        assert!(node.leases_under_way().is_empty());
    }

    #[test]
    fn a_node_that_has_not_joined_is_not_live() {
        let node = Node::new();
        assert!(!node.is_live());
        node.extend(Moment::now(), Duration::from_secs(60));
        assert!(node.is_live());
        node.reincarnate();
        assert!(!node.is_live());
    }
}
