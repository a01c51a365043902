//! The commit train: holds, captures and audit entries are durable before their effect, yet one commit serves many
//! requests.
//!
//! Requests hand their intent to the writer. While one transaction commits, the next batch gathers whatever has arrived.
//! It locks the touched rows in (owner, table, id) order, admits in order of arrival by a pure function ([`crate::plan`]),
//! writes one sum per row and commits once. Two nodes on one account stay exact because Postgres is the only truth, and
//! cannot deadlock because both lock in that order. A batch that fails is halved until the bad intent stands alone; an
//! owner who is locked elsewhere waits for the next batch instead of holding this one up.

mod run;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

pub use self::run::run;
use crate::{
    audit::Entry,
    plan::{Ask, Close, Grant, Intent, Verdict},
};

/// How long a request waits for its commit before it gives up; a grant that comes later is voided by the train.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Most intents in one commit. Beyond this a commit's own length begins to show in every request's latency.
const LONGEST: usize = 4_096;

/// An intent and the way back.
struct Car {
    intent: Intent,
    reply: oneshot::Sender<Delivery>,
}

/// Counters since the process began.
#[derive(Debug, Default)]
pub struct Counters {
    /// Transactions committed.
    pub commits: AtomicU64,
    /// Intents they carried.
    pub intents: AtomicU64,
    /// Holds granted.
    pub holds: AtomicU64,
}

impl Counters {
    fn count(&self, intents: usize, holds: usize) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.intents.fetch_add(u64::try_from(intents).unwrap_or(0), Ordering::Relaxed);
        self.holds.fetch_add(u64::try_from(holds).unwrap_or(0), Ordering::Relaxed);
    }
}

/// The handle that requests hold.
#[derive(Clone)]
pub struct Train {
    cars: mpsc::UnboundedSender<Car>,
}

/// A verdict on its way to who asked. A grant that nobody takes, because the caller gave up before it was sent or between
/// its sending and its arrival, goes back as a void: a hold of a live process would otherwise stay open for its lifetime.
struct Delivery {
    verdict: Option<Verdict>,
    own: mpsc::WeakUnboundedSender<Car>,
}

impl Delivery {
    /// Hands the verdict over.
    fn take(mut self) -> Option<Verdict> {
        self.verdict.take()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let Some(Verdict::Granted(Grant(held))) = self.verdict.take() else { return };
        let close = Close::void(held, "the caller went away before it was dialled");
        // At shutdown there is no way back: the next process finds the hold among the orphans.
        if let Some(own) = self.own.upgrade() {
            let (reply, _) = oneshot::channel();
            let _ = own.send(Car { intent: Intent::Close(Box::new(close)), reply });
        }
    }
}

/// The writer's end; [`run`] owns it.
pub struct Track {
    cars: mpsc::UnboundedReceiver<Car>,
    /// To itself: grants that nobody waited for come back as voids.
    own: mpsc::WeakUnboundedSender<Car>,
}

/// A handle and its writer.
pub fn train() -> (Train, Track) {
    // Unbounded on purpose: what waits here is bounded by the requests under way, and a capture must never be dropped.
    let (sender, cars) = mpsc::unbounded_channel();
    let own = sender.downgrade();
    (Train { cars: sender }, Track { cars, own })
}

impl Train {
    /// Asks for a hold. `None` where the writer is gone, at shutdown.
    pub async fn reserve(&self, ask: Ask) -> Option<Verdict> {
        self.send(Intent::Reserve(Box::new(ask))).await
    }

    /// Ends a hold. Waits as long as it takes: the train tries until the database answers.
    pub async fn close(&self, close: Close) -> Option<Verdict> {
        self.send(Intent::Close(Box::new(close))).await
    }

    /// Writes an entry that moves no money.
    pub async fn record(&self, entry: Entry) -> Option<Verdict> {
        self.send(Intent::Record(Box::new(entry))).await
    }

    async fn send(&self, intent: Intent) -> Option<Verdict> {
        let (reply, verdict) = oneshot::channel();
        self.cars.send(Car { intent, reply }).ok()?;
        verdict.await.ok()?.take()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use permitpipe_sdk::{
        id::{HoldId, LeaseId, OwnerId, RequestId},
        money::Credits,
    };

    use super::*;
    use crate::plan::Held;

    fn delivery(train: &Train) -> Delivery {
        let held = Held {
            owner_id: OwnerId::generate(),
            lease_id: LeaseId::generate(),
            request_id: RequestId::generate(),
            hold_id: HoldId::generate(),
            amount: Credits::ZERO,
            budget: Credits::ZERO,
            operation: String::new(),
            price_version: String::new(),
            lease_remaining: Duration::ZERO,
        };
        Delivery { verdict: Some(Verdict::Granted(Grant(held))), own: train.cars.downgrade() }
    }

    #[test]
    fn a_grant_that_nobody_takes_comes_back_as_a_void_and_one_that_is_taken_does_not() {
        let (train, mut track) = train();
        assert!(matches!(delivery(&train).take(), Some(Verdict::Granted(_))));
        assert!(track.cars.try_recv().is_err());
        // The caller gave up after the verdict was sent, before it was received.
        let (reply, receiver) = oneshot::channel();
        assert!(reply.send(delivery(&train)).is_ok());
        drop(receiver);
        let Ok(Car { intent: Intent::Close(close), .. }) = track.cars.try_recv() else { panic!("nothing came back") };
        assert_eq!(close.ending, crate::plan::Ending::Voided);
    }
}
