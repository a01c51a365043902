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
    plan::{Ask, Close, Intent, Verdict},
};

/// How long a request waits for its commit before it gives up; a grant that comes later is voided by the train.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Most intents in one commit. Beyond this a commit's own length begins to show in every request's latency.
const LONGEST: usize = 4_096;

/// An intent and the way back.
struct Car {
    intent: Intent,
    reply: oneshot::Sender<Verdict>,
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
        verdict.await.ok()
    }
}
