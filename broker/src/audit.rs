//! Entries of the audit log. An intent stands before an effect, an outcome after it; a refusal stands alone.
//!
//! The body is canonical bytes without any secret or bearer. The leaf is SHA-256(salt ‖ body), so that a public leaf
//! tells nothing; the salt goes with the owner's copy.

use permitpipe_sdk::id::{EntryId, LeaseId, OwnerId, RequestId};
use serde::Serialize;
use sha2::{Digest, Sha256};
use time::format_description::well_known::Rfc3339;

use crate::clock;

/// What an entry says happened. One request has at most one entry of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A request is about to be dialled, its worst case is held.
    Intent,
    /// The request has ended, its hold is closed.
    Outcome,
    /// A request or a lease was refused.
    Refusal,
    /// A lease was issued.
    LeaseIssued,
    /// A lease was ended by its owner.
    LeaseRevoked,
    /// A master key was sealed.
    SecretAdded,
    /// A policy version became the current one.
    PolicyApplied,
    /// A management key was made.
    KeyIssued,
    /// A chain event was posted to the ledger.
    CreditPosted,
    /// A batch was signed for the chain.
    SettlementPrepared,
    /// A batch is final on chain.
    SettlementFinalized,
}

impl EntryKind {
    /// As it stands in the table and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::Refusal => "refusal",
            Self::LeaseIssued => "lease_issued",
            Self::LeaseRevoked => "lease_revoked",
            Self::SecretAdded => "secret_added",
            Self::PolicyApplied => "policy_applied",
            Self::KeyIssued => "key_issued",
            Self::CreditPosted => "credit_posted",
            Self::SettlementPrepared => "settlement_prepared",
            Self::SettlementFinalized => "settlement_finalized",
        }
    }
}

/// Where an entry belongs.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// Whose log.
    pub owner_id: OwnerId,
    /// The request, or a fresh id for a management act.
    pub request_id: RequestId,
    /// The lease, where there is one.
    pub lease_id: Option<LeaseId>,
}

/// One entry, ready to be written.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id; later entries sort later.
    pub entry_id: EntryId,
    /// Where it belongs.
    pub subject: Subject,
    /// What happened.
    pub kind: EntryKind,
    /// Canonical bytes.
    pub body: Vec<u8>,
    /// 32 random bytes.
    pub salt: [u8; 32],
}

/// Every body begins with what and when.
#[derive(Serialize)]
struct Envelope<'a, T> {
    version: u8,
    kind: &'static str,
    at: String,
    request_id: RequestId,
    lease_id: Option<LeaseId>,
    #[serde(flatten)]
    facts: &'a T,
}

impl Entry {
    /// Builds an entry from `facts`, which must hold no secret and no bearer.
    pub fn new(subject: Subject, kind: EntryKind, facts: &impl Serialize) -> Self {
        let envelope = Envelope {
            version: 1,
            kind: kind.name(),
            at: clock::wall().format(&Rfc3339).unwrap_or_default(),
            request_id: subject.request_id,
            lease_id: subject.lease_id,
            facts,
        };
        let mut salt = [0; 32];
        // Randomness that fails would leave the salt zero: the leaf would still be a sound commitment, only guessable.
        let _ = getrandom::fill(&mut salt);
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        Self { entry_id: EntryId::generate(), subject, kind, body, salt }
    }

    /// What the public log holds of it.
    pub fn leaf_hash(&self) -> [u8; 32] {
        Sha256::new().chain_update(self.salt).chain_update(&self.body).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_facts_have_different_leaves() {
        let subject = Subject { owner_id: OwnerId::generate(), request_id: RequestId::generate(), lease_id: None };
        let entry = || Entry::new(subject, EntryKind::Refusal, &serde_json::json!({ "code": "no_scope" }));
        let (a, b) = (entry(), entry());
        assert_ne!(a.salt, b.salt);
        assert_ne!(a.leaf_hash(), b.leaf_hash());
        let body: serde_json::Value = serde_json::from_slice(&a.body).unwrap();
        assert_eq!((body["kind"].as_str(), body["code"].as_str()), (Some("refusal"), Some("no_scope")));
    }
}
