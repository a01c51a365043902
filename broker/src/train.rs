//! The commit train: holds, captures and audit entries are durable before their effect, yet one commit serves many
//! requests.
//!
//! Requests hand their intent to the writer. While one transaction commits, the next batch gathers whatever has arrived.
//! It locks the touched rows in (owner, table, id) order, admits in order of arrival by a pure function ([`plan`]),
//! writes one sum per row and commits once. Two nodes on one account stay exact because Postgres is the only truth, and
//! cannot deadlock because both lock in that order. A batch that fails is halved until the bad intent stands alone; an
//! owner who is locked elsewhere waits for the next batch instead of holding this one up.

pub mod plan;
mod run;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use permitpipe_sdk::{
    id::{EntryId, HoldId, LeaseId, NodeId, OwnerId, RequestId},
    money::Credits,
};
use tokio::sync::{mpsc, oneshot};

use crate::audit::{Entry, EntryKind, Subject};
pub use run::run;

/// Most intents in one commit. Beyond this a commit's own length begins to show in every request's latency.
const LONGEST: usize = 4_096;

/// What a request asks of the ledger before it may be dialled.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Who pays.
    pub owner_id: OwnerId,
    /// On which lease.
    pub lease_id: LeaseId,
    /// For which request.
    pub request_id: RequestId,
    /// The id of the hold if it is granted.
    pub hold_id: HoldId,
    /// This process; recovery knows by it whose holds are orphans.
    pub node_id: NodeId,
    /// Worst case, taken from credit.
    pub amount: Credits,
    /// Worst case, taken from the lease's budget.
    pub budget: Credits,
    /// Least that is taken once it may have been dialled.
    pub minimum: Credits,
    /// The same for the budget.
    pub minimum_budget: Credits,
    /// `service:operation`.
    pub operation: String,
    /// The price book the charge will be made by.
    pub price_version: String,
    /// The entry that opens the request.
    pub intent: Entry,
}

impl Ask {
    /// The hold that this becomes when it is granted.
    fn hold(&self, remaining: Duration) -> Held {
        Held {
            owner_id: self.owner_id,
            lease_id: self.lease_id,
            request_id: self.request_id,
            hold_id: self.hold_id,
            amount: self.amount,
            budget: self.budget,
            operation: self.operation.clone(),
            price_version: self.price_version.clone(),
            lease_remaining: remaining,
        }
    }
}

/// A worst case that is reserved, with the intent on record. Only the train makes one.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "each field is that of `Ask`")]
pub struct Held {
    pub(crate) owner_id: OwnerId,
    pub(crate) lease_id: LeaseId,
    pub(crate) request_id: RequestId,
    pub(crate) hold_id: HoldId,
    pub(crate) amount: Credits,
    pub(crate) budget: Credits,
    pub(crate) operation: String,
    pub(crate) price_version: String,
    /// How long the lease still lived when the hold was committed, by the database's clock.
    pub(crate) lease_remaining: Duration,
}

impl Held {
    /// What its entries are about.
    pub(crate) fn subject(&self) -> Subject {
        Subject { owner_id: self.owner_id, request_id: self.request_id, lease_id: Some(self.lease_id) }
    }
}

/// How a hold ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was, or may have been, dialled.
    Captured,
    /// It certainly was not; only the live process may say so.
    Voided,
    /// Its process is gone; a recovery closed it.
    Expired,
}

impl Ending {
    /// As the SQL enum spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Voided => "voided",
            Self::Expired => "expired",
        }
    }
}

/// The end of a hold.
#[derive(Debug, Clone)]
pub struct Close {
    /// Which.
    pub held: Held,
    /// How.
    pub ending: Ending,
    /// Taken from credit; capped at the hold.
    pub used: Credits,
    /// Counted against the budget; capped at the hold.
    pub used_budget: Credits,
    /// True where usage was not read from the upstream.
    pub is_estimated: bool,
    /// The entry that closes the request.
    pub outcome: Entry,
}

impl Close {
    /// The end of a hold that was never dialled: everything goes back.
    pub fn void(held: Held, reason: &str) -> Self {
        let facts = serde_json::json!({ "end": "not_dialled", "reason": reason, "charged": 0, "counted": 0 });
        let outcome = Entry::new(held.subject(), EntryKind::Outcome, &facts);
        let (used, used_budget) = (Credits::ZERO, Credits::ZERO);
        Self { held, ending: Ending::Voided, used, used_budget, is_estimated: false, outcome }
    }
}

/// Why a hold was not granted. Amounts are credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The lease was ended by its owner.
    LeaseRevoked,
    /// The lease is past its end.
    LeaseExpired,
    /// The lease has used up its budget.
    LeaseExhausted,
    /// The worst case does not fit what is left of the budget.
    #[allow(missing_docs)]
    Budget { left: i64, asked: i64 },
    /// The worst case does not fit the owner's credit.
    #[allow(missing_docs)]
    Credit { left: i64, asked: i64 },
    /// The chain would not let the operator settle that much before the owner could leave.
    #[allow(missing_docs)]
    Exposure { left: i64, asked: i64 },
    /// The owner's wallet has no vault.
    NoVault,
    /// The view of the chain is too old to promise anything on.
    StaleView,
    /// Another node has declared this one gone.
    Fenced,
}

impl Refusal {
    /// Stable, for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::LeaseRevoked => "lease_revoked",
            Self::LeaseExpired => "lease_expired",
            Self::LeaseExhausted => "lease_exhausted",
            Self::Budget { .. } => "budget_exhausted",
            Self::Credit { .. } => "credit_exhausted",
            Self::Exposure { .. } => "settlement_cap_reached",
            Self::NoVault => "no_vault",
            Self::StaleView => "chain_view_stale",
            Self::Fenced => "node_fenced",
        }
    }
}

/// A granted hold, on its way to who asked. If nobody waits any more the train voids it.
#[derive(Debug)]
pub struct Grant(pub(crate) Held);

/// What became of an intent.
#[derive(Debug)]
pub enum Verdict {
    /// The hold is committed.
    Granted(Grant),
    /// Refused; the entry is committed.
    Refused(Refusal, Option<EntryId>),
    /// Written.
    Done,
    /// The hold had ended already.
    Gone,
    /// A bug of ours or a row that broke a constraint; nothing was written.
    Broken,
}

/// An intent and the way back.
struct Car {
    intent: plan::Intent,
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
        self.send(plan::Intent::Reserve(Box::new(ask))).await
    }

    /// Ends a hold. Waits as long as it takes: the train tries until the database answers.
    pub async fn close(&self, close: Close) -> Option<Verdict> {
        self.send(plan::Intent::Close(Box::new(close))).await
    }

    /// Writes an entry that moves no money.
    pub async fn record(&self, entry: Entry) -> Option<Verdict> {
        self.send(plan::Intent::Record(Box::new(entry))).await
    }

    async fn send(&self, intent: plan::Intent) -> Option<Verdict> {
        let (reply, verdict) = oneshot::channel();
        self.cars.send(Car { intent, reply }).ok()?;
        verdict.await.ok()
    }
}
