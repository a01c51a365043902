//! What requests ask of the commit train, and what one commit does: plain data and pure functions.
//!
//! | module | holds |
//! |---|---|
//! | this | intents, holds and their ends, refusals |
//! | `batch` | one commit as a pure function of the locked rows ([`Plan`]) |

mod batch;

use std::time::Duration;

use permitpipe_sdk::{
    id::{EntryId, HoldId, LeaseId, NodeId, OwnerId, RequestId},
    money::Credits,
};

pub use self::batch::{AccountRow, Ended, LeaseRow, Limit, Locked, Plan};
use crate::audit::{Entry, EntryKind, Subject};

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

impl Grant {
    /// Takes the hold over: from here on somebody has to close it.
    pub fn accept(self) -> Held {
        self.0
    }
}

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

/// One intent of a batch, without the way back to who asked.
#[derive(Debug, Clone)]
pub enum Intent {
    /// A new hold.
    Reserve(Box<Ask>),
    /// The end of one.
    Close(Box<Close>),
    /// An entry that moves no money.
    Record(Box<Entry>),
}

impl Intent {
    /// Whose rows it touches.
    pub fn owner_id(&self) -> OwnerId {
        match self {
            Self::Reserve(ask) => ask.owner_id,
            Self::Close(close) => close.held.owner_id,
            Self::Record(entry) => entry.subject.owner_id,
        }
    }
}
