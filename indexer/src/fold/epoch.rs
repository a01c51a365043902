//! An epoch of rewards: what all claims may take, and what they took.

use permitpipe_sdk::chain::{EpochChange, EpochChanged, Event, decode_epoch};
use serde::{Deserialize, Serialize};

use super::{FoldError, Moment, Noun, Table, bytes, integer, positive, same, sum};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    pub number: i64,
    pub root: String,
    pub leaf_count: i64,
    pub total_atoms: i64,
    pub claimed_atoms: i64,
    pub claimed_count: i64,
    /// What the treasury got when it was closed; the account does not say.
    pub unclaimed_atoms: Option<i64>,
}

impl Noun for Epoch {
    const TABLE: Table = Table { name: "epochs", key: "epoch" };

    fn open(event: &Event, _at: &Moment) -> Result<Self, FoldError> {
        let EpochChanged { number, kind, .. } = changed(event)?;
        let EpochChange::Published { root, leaf_count, total_atoms } = kind else { return Err(FoldError::NotOpened) };
        Ok(Self {
            number: integer(*number, "number")?,
            root: bytes(root),
            leaf_count: (*leaf_count).into(),
            total_atoms: integer(*total_atoms, "total_atoms")?,
            claimed_atoms: 0,
            claimed_count: 0,
            unclaimed_atoms: None,
        })
    }

    fn change(&mut self, event: &Event, _at: &Moment) -> Result<(), FoldError> {
        let EpochChanged { number, kind, .. } = changed(event)?;
        same("number", integer(*number, "number")?, self.number)?;
        match kind {
            EpochChange::Published { .. } => Err(FoldError::NotOpened),
            EpochChange::Claimed { index, amount_atoms, .. } => self.claim((*index).into(), *amount_atoms),
            EpochChange::Closed { unclaimed_atoms } => {
                let (event, row) = (integer(*unclaimed_atoms, "unclaimed_atoms")?, self.left());
                // Anybody may have sent something on top.
                if event < row {
                    return Err(FoldError::Contradiction { what: "unclaimed_atoms", event, row });
                }
                self.unclaimed_atoms = Some(event);
                Ok(())
            }
        }
    }

    fn read(&self, data: &[u8]) -> Result<(u64, Self), FoldError> {
        let account = decode_epoch(data)?;
        let read = Self {
            number: integer(account.number, "number")?,
            root: bytes(&account.root),
            leaf_count: account.leaf_count.into(),
            total_atoms: integer(account.total_atoms, "total_atoms")?,
            claimed_atoms: integer(account.claimed_atoms, "claimed_atoms")?,
            claimed_count: account.claimed.iter().map(|byte| i64::from(byte.count_ones())).sum(),
            unclaimed_atoms: self.unclaimed_atoms,
        };
        Ok((account.event_seq, read))
    }
}

impl Epoch {
    /// One leaf, within the leaves and within what is left. That it was not paid before is the key of its record.
    fn claim(&mut self, index: i64, amount_atoms: u64) -> Result<(), FoldError> {
        if index >= self.leaf_count {
            return Err(FoldError::Contradiction { what: "index", event: index, row: self.leaf_count });
        }
        let amount = positive("amount_atoms", integer(amount_atoms, "amount_atoms")?)?;
        if amount > self.left() {
            return Err(FoldError::Contradiction { what: "amount_atoms", event: amount, row: self.left() });
        }
        self.claimed_atoms = sum("claimed_atoms", self.claimed_atoms, amount_atoms)?;
        self.claimed_count = sum("claimed_count", self.claimed_count, 1)?;
        Ok(())
    }

    const fn left(&self) -> i64 {
        self.total_atoms.saturating_sub(self.claimed_atoms)
    }
}

fn changed(event: &Event) -> Result<&EpochChanged, FoldError> {
    if let Event::EpochChanged(changed) = event { Ok(changed) } else { Err(FoldError::OfAnotherKind) }
}

#[cfg(test)]
mod tests {
    use solana_sdk::pubkey::Pubkey;

    use super::*;

    fn event(kind: EpochChange) -> Event {
        Event::EpochChanged(EpochChanged { epoch: Pubkey::new_unique(), number: 1, event_seq: 1, kind })
    }

    fn claim(index: u32, amount_atoms: u64) -> EpochChange {
        EpochChange::Claimed { index, relay: Pubkey::new_unique(), amount_atoms, receipt_count: 1 }
    }

    #[test]
    fn claims_stay_within_the_leaves_and_the_total_and_the_rest_is_swept() {
        let at = Moment { signature: "s".into(), slot: 1, time: None };
        let published = event(EpochChange::Published { root: [1; 32], leaf_count: 2, total_atoms: 100 });
        let mut epoch = Epoch::open(&published, &at).unwrap();
        epoch.change(&event(claim(1, 60)), &at).unwrap();
        assert_eq!((epoch.claimed_atoms, epoch.claimed_count), (60, 1));
        let closed = |unclaimed_atoms| EpochChange::Closed { unclaimed_atoms };
        for refused in [claim(2, 1), claim(0, 41), claim(0, 0), claim(0, u64::MAX), closed(39)] {
            assert!(epoch.clone().change(&event(refused.clone()), &at).is_err(), "{refused:?}");
        }
        epoch.change(&event(closed(41)), &at).unwrap();
        assert_eq!(epoch.unclaimed_atoms, Some(41), "somebody sent one on top");
    }
}
