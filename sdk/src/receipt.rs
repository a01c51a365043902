//! Receipts: what one captured hold cost, chained per lease and signed by the broker.
//!
//! The body is canonical bytes. Its hash goes into the next receipt of the lease and, as a leaf, into the root that a
//! settlement puts on chain. [`verify_chain`] needs nothing but the receipts and the broker's public key.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    id::{HoldId, LeaseId, OwnerId, SettlementId},
    money::Credits,
};

/// The facts of one receipt, in the order in which they are hashed. Amounts are credits (1 µUSD).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptBody {
    /// Format of these bytes; 1.
    pub version: u8,
    /// Who paid.
    pub owner_id: OwnerId,
    /// On which lease.
    pub lease_id: LeaseId,
    /// Gapless per lease, from 1.
    pub sequence: u64,
    /// SHA-256 of the body before this one; zeros for the first. Hex.
    #[serde(with = "hex::serde")]
    pub previous: [u8; 32],
    /// The hold that was captured.
    pub hold_id: HoldId,
    /// The named operation, such as `openai:chat`.
    pub operation: String,
    /// What was taken from the owner's credit.
    pub amount: Credits,
    /// What was counted against the lease's budget.
    pub counted: Credits,
    /// Sum of `amount` over this lease so far, this receipt included.
    pub total: Credits,
    /// The price book that gave the amount.
    pub price_version: String,
    /// True where usage was estimated because the upstream or the process stopped short.
    pub is_estimated: bool,
    /// SHA-256 of the audit entry that closes the request. Hex.
    #[serde(with = "hex::serde")]
    pub audit_hash: [u8; 32],
}

impl ReceiptBody {
    /// The bytes that are hashed and signed: JSON with the fields in the order above and no white space.
    pub fn canonical(&self) -> Vec<u8> {
        // A struct of strings and integers has no way to fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// SHA-256 of the canonical bytes.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.canonical()).into()
    }

    /// Signs the canonical bytes; the same body and key always give the same signature.
    pub fn sign(self, key: &SigningKey) -> Receipt {
        let signature = key.sign(&self.canonical()).to_bytes();
        Receipt { body: self, signature, settlement_id: None }
    }
}

/// A receipt as it is handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The facts.
    pub body: ReceiptBody,
    /// Ed25519 over [`ReceiptBody::canonical`]. Hex.
    #[serde(with = "hex::serde")]
    pub signature: [u8; 64],
    /// The settlement that pays it, once there is one; not signed. The root of a settlement is over its receipts by
    /// lease and sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement_id: Option<SettlementId>,
}

/// What is wrong with a chain of receipts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not signed by this key.
    #[error("receipt {0}: the signature is not by the broker's key")]
    Signature(u64),
    /// A sequence number is missing or stands twice.
    #[error("receipt {found} stands where receipt {expected} must")]
    Gap {
        /// The number that should be here.
        expected: u64,
        /// The number that is.
        found: u64,
    },
    /// The hash of the receipt before is another one.
    #[error("receipt {0}: it does not follow the receipt before it")]
    Unlinked(u64),
    /// The running total does not add up.
    #[error("receipt {0}: the running total is not the sum of the amounts")]
    Total(u64),
}

/// Checks all receipts of one lease, oldest first, and returns their sum.
pub fn verify_chain(receipts: &[Receipt], key: &VerifyingKey) -> Result<Credits, ReceiptError> {
    let (mut previous, mut total, mut expected) = ([0; 32], Credits::ZERO, 1);
    for Receipt { body, signature, .. } in receipts {
        let found = body.sequence;
        if found != expected {
            return Err(ReceiptError::Gap { expected, found });
        }
        if body.previous != previous {
            return Err(ReceiptError::Unlinked(found));
        }
        key.verify_strict(&body.canonical(), &Signature::from_bytes(signature))
            .map_err(|_| ReceiptError::Signature(found))?;
        total = total.checked_add(body.amount).filter(|sum| *sum == body.total).ok_or(ReceiptError::Total(found))?;
        previous = body.hash();
        expected = expected.saturating_add(1);
    }
    Ok(total)
}

/// The root that a settlement stores: an RFC 6962 Merkle tree over receipt hashes.
pub fn receipts_root(hashes: &[[u8; 32]]) -> [u8; 32] {
    match hashes {
        [] => Sha256::digest([]).into(),
        [only] => Sha256::new().chain_update([0]).chain_update(only).finalize().into(),
        _ => {
            let (left, right) = hashes.split_at(hashes.len().next_power_of_two() >> 1);
            Sha256::new()
                .chain_update([1])
                .chain_update(receipts_root(left))
                .chain_update(receipts_root(right))
                .finalize()
                .into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(amounts: &[i64], key: &SigningKey) -> Vec<Receipt> {
        let (owner_id, lease_id) = (OwnerId::generate(), LeaseId::generate());
        let (mut previous, mut total) = ([0; 32], 0);
        amounts
            .iter()
            .zip(1..)
            .map(|(&amount, sequence)| {
                total += amount;
                let body = ReceiptBody {
                    version: 1,
                    owner_id,
                    lease_id,
                    sequence,
                    previous,
                    hold_id: HoldId::generate(),
                    operation: "openai:chat".into(),
                    amount: Credits::parse(amount).unwrap(),
                    counted: Credits::parse(amount).unwrap(),
                    total: Credits::parse(total).unwrap(),
                    price_version: "1".into(),
                    is_estimated: false,
                    audit_hash: [3; 32],
                };
                previous = body.hash();
                body.sign(key)
            })
            .collect()
    }

    #[test]
    fn an_untouched_chain_verifies_and_any_change_is_seen() {
        let key = SigningKey::from_bytes(&[9; 32]);
        let receipts = chain(&[5, 0, 7], &key);
        assert_eq!(verify_chain(&receipts, &key.verifying_key()), Ok(Credits::parse(12).unwrap()));

        let mut cheaper = receipts.clone();
        cheaper[0].body.amount = Credits::parse(4).unwrap();
        assert_eq!(verify_chain(&cheaper, &key.verifying_key()), Err(ReceiptError::Signature(1)));
        let dropped = [receipts[0].clone(), receipts[2].clone()];
        assert_eq!(verify_chain(&dropped, &key.verifying_key()), Err(ReceiptError::Gap { expected: 2, found: 3 }));
        let other = chain(&[5, 0, 7], &key);
        let spliced = [receipts[0].clone(), other[1].clone()];
        assert_eq!(verify_chain(&spliced, &key.verifying_key()), Err(ReceiptError::Unlinked(2)));
    }

    #[test]
    fn the_root_is_that_of_rfc_6962() {
        // From the RFC's rules by hand: leaves are prefixed with 0, nodes with 1, the left side is the larger power of two.
        let leaf = |h: [u8; 32]| -> [u8; 32] { Sha256::new().chain_update([0]).chain_update(h).finalize().into() };
        let node = |l: [u8; 32], r: [u8; 32]| -> [u8; 32] {
            Sha256::new().chain_update([1]).chain_update(l).chain_update(r).finalize().into()
        };
        let [a, b, c] = [[1; 32], [2; 32], [3; 32]];
        assert_eq!(receipts_root(&[a, b, c]), node(node(leaf(a), leaf(b)), leaf(c)));
        assert_ne!(receipts_root(&[a, b]), receipts_root(&[b, a]));
    }
}
