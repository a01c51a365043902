//! What one commit does, as a pure function of the locked rows and the intents in order of arrival.
//!
//! Rows are read and locked before, written after; here nothing waits, so the rules of admission can be read and tested
//! on their own.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use permitpipe_sdk::{
    id::{HoldId, LeaseId, OwnerId},
    money::Credits,
    receipt::ReceiptBody,
};

use super::{Ask, Close, Ending, Grant, Intent, Refusal, Verdict};
use crate::{
    audit::{Entry, EntryKind},
    ledger::{self, Balances, Transfer},
};

/// An owner's locked account row, and what the chain still lets the operator settle.
#[derive(Debug, Clone, Copy)]
pub struct AccountRow {
    /// The row.
    pub balances: Balances,
    /// What may be promised on it, or why nothing may.
    pub limit: Result<Limit, Refusal>,
}

/// What finalized caps still let the operator settle before the owner could leave. Credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Most that may be held and spent at once.
    pub exposure: i64,
    /// Most that one receipt may come to: a settlement cannot pay a part of one.
    pub single: i64,
}

/// A locked lease row.
#[derive(Debug, Clone)]
pub struct LeaseRow {
    /// `active` and not past its end, by the database's clock; else why not.
    pub standing: Result<Duration, Refusal>,
    /// The budget and what is taken of it.
    pub budget: i64,
    /// Promised.
    pub held: i64,
    /// Used.
    pub spent: i64,
    /// Sequence, hash and total of the last receipt.
    pub receipt_seq: i64,
    /// SHA-256 of the last receipt's body.
    pub receipt_hash: [u8; 32],
    /// Sum over all receipts.
    pub receipt_total: i64,
}

/// All rows that one batch touches.
#[derive(Debug, Default)]
pub struct Locked {
    /// By owner; an owner that is missing is locked elsewhere and waits.
    pub accounts: HashMap<OwnerId, AccountRow>,
    /// By lease.
    pub leases: HashMap<LeaseId, LeaseRow>,
    /// Holds of this batch that are still open.
    pub open_holds: HashSet<HoldId>,
}

/// A hold that ends.
#[derive(Debug)]
pub struct Ended {
    /// Which.
    pub hold_id: HoldId,
    /// Its owner.
    pub owner_id: OwnerId,
    /// `captured`, `voided` or `expired`.
    pub ending: Ending,
    /// Taken from the owner's credit.
    pub used: Credits,
    /// Counted against the budget.
    pub used_budget: Credits,
}

/// Everything that one commit writes.
#[derive(Debug, Default)]
pub struct Plan {
    /// New holds.
    pub holds: Vec<Ask>,
    /// Holds that end.
    pub ended: Vec<Ended>,
    /// Journal rows: owner, transfer, cause, hold.
    pub transfers: Vec<(OwnerId, Transfer, &'static str, HoldId)>,
    /// Audit entries.
    pub entries: Vec<Entry>,
    /// Receipts with their body hashes.
    pub receipts: Vec<(ReceiptBody, [u8; 32])>,
    /// Account rows to write back, one an owner.
    pub accounts: BTreeMap<OwnerId, Balances>,
    /// Lease rows to write back, one a lease.
    pub leases: BTreeMap<(OwnerId, LeaseId), LeaseRow>,
}

impl Plan {
    /// Adds one intent and says what becomes of it.
    pub fn add(&mut self, locked: &mut Locked, intent: Intent) -> Verdict {
        match intent {
            Intent::Reserve(ask) => self.reserve(locked, *ask),
            Intent::Close(close) => self.close(locked, *close),
            Intent::Record(entry) => {
                self.entries.push(*entry);
                Verdict::Done
            }
        }
    }

    fn reserve(&mut self, locked: &mut Locked, ask: Ask) -> Verdict {
        match admit(locked, &ask) {
            Ok(remaining) => {
                let hold = ask.hold(remaining);
                if let (Some(account), Some(lease)) =
                    (locked.accounts.get_mut(&ask.owner_id), locked.leases.get_mut(&ask.lease_id))
                {
                    let transfers = ledger::hold(ask.amount);
                    if account.balances.apply(&transfers).is_err() {
                        return Verdict::Broken;
                    }
                    lease.held = lease.held.saturating_add(ask.budget.get());
                    self.touch(&ask.owner_id, &ask.lease_id, account.balances, lease.clone());
                    self.journal(ask.owner_id, transfers, "hold", ask.hold_id);
                }
                self.entries.push(ask.intent.clone());
                self.holds.push(ask);
                Verdict::Granted(Grant(hold))
            }
            Err(refusal) => {
                let facts = serde_json::json!({ "code": refusal.code(), "operation": ask.operation });
                let entry = Entry::new(ask.intent.subject, EntryKind::Refusal, &facts);
                let entry_id = entry.entry_id;
                self.entries.push(entry);
                Verdict::Refused(refusal, Some(entry_id))
            }
        }
    }

    fn close(&mut self, locked: &mut Locked, close: Close) -> Verdict {
        let hold = &close.held;
        // Already ended, by a recovery that found us fenced: exactly one of the two counts.
        if !locked.open_holds.remove(&hold.hold_id) {
            return Verdict::Gone;
        }
        let (Some(account), Some(lease)) =
            (locked.accounts.get_mut(&hold.owner_id), locked.leases.get_mut(&hold.lease_id))
        else {
            return Verdict::Broken;
        };
        let used = close.used.min(hold.amount);
        let used_budget = close.used_budget.min(hold.budget).max(used);
        let transfers = ledger::capture(hold.amount, used);
        if account.balances.apply(&transfers).is_err() {
            return Verdict::Broken;
        }
        lease.held = lease.held.saturating_sub(hold.budget.get());
        lease.spent = lease.spent.saturating_add(used_budget.get());
        if close.ending != Ending::Voided {
            let body = receipt(lease, &close, used, used_budget);
            let hash = body.hash();
            (lease.receipt_seq, lease.receipt_hash) = (lease.receipt_seq.saturating_add(1), hash);
            lease.receipt_total = body.total.get();
            self.receipts.push((body, hash));
        }
        self.touch(&hold.owner_id, &hold.lease_id, account.balances, lease.clone());
        self.journal(hold.owner_id, transfers, "capture", hold.hold_id);
        self.ended.push(Ended {
            hold_id: hold.hold_id,
            owner_id: hold.owner_id,
            ending: close.ending,
            used,
            used_budget,
        });
        self.entries.push(close.outcome);
        Verdict::Done
    }

    fn touch(&mut self, owner_id: &OwnerId, lease_id: &LeaseId, balances: Balances, lease: LeaseRow) {
        self.accounts.insert(*owner_id, balances);
        self.leases.insert((*owner_id, *lease_id), lease);
    }

    fn journal(&mut self, owner_id: OwnerId, transfers: Vec<Transfer>, cause: &'static str, hold_id: HoldId) {
        self.transfers.extend(transfers.into_iter().map(|transfer| (owner_id, transfer, cause, hold_id)));
    }
}

/// The rules of admission, in the order in which a refusal is most useful to the caller.
fn admit(locked: &Locked, ask: &Ask) -> Result<Duration, Refusal> {
    let lease = locked.leases.get(&ask.lease_id).ok_or(Refusal::LeaseRevoked)?;
    let remaining = lease.standing?;
    let left = lease.budget.saturating_sub(lease.held).saturating_sub(lease.spent);
    if ask.budget.get() > left {
        return Err(Refusal::Budget { left, asked: ask.budget.get() });
    }
    if ask.amount == Credits::ZERO {
        return Ok(remaining);
    }
    let account = locked.accounts.get(&ask.owner_id).ok_or(Refusal::Credit { left: 0, asked: ask.amount.get() })?;
    let spendable = account.balances.spendable();
    if ask.amount.get() > spendable {
        return Err(Refusal::Credit { left: spendable, asked: ask.amount.get() });
    }
    let limit = account.limit?;
    let left = limit.exposure.saturating_sub(account.balances.exposure()).min(limit.single);
    if ask.amount.get() > left {
        return Err(Refusal::Exposure { left, asked: ask.amount.get() });
    }
    Ok(remaining)
}

fn receipt(lease: &LeaseRow, close: &Close, used: Credits, used_budget: Credits) -> ReceiptBody {
    ReceiptBody {
        version: 1,
        owner_id: close.held.owner_id,
        lease_id: close.held.lease_id,
        sequence: lease.receipt_seq.unsigned_abs().saturating_add(1),
        previous: lease.receipt_hash,
        hold_id: close.held.hold_id,
        operation: close.held.operation.clone(),
        amount: used,
        counted: used_budget,
        total: Credits::parse(lease.receipt_total).unwrap_or(Credits::ZERO).saturating_add(used),
        price_version: close.held.price_version.clone(),
        is_estimated: close.is_estimated,
        audit_hash: close.outcome.leaf_hash(),
    }
}

#[cfg(test)]
mod tests;
