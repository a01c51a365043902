//! What an owner has staked. Each event says the whole position after it; what it must be follows from the one before.

use permitpipe_sdk::chain::{Event, Position, StakeChange, StakeChanged, decode_stake};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};

use super::{FoldError, Moment, Noun, Table, difference, expect, integer, same, sum, timestamp};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stake {
    pub owner: String,
    pub beneficiary: String,
    pub staked_atoms: i64,
    pub weight_atoms: i64,
    #[serde(with = "rfc3339")]
    pub weighed_at: OffsetDateTime,
    pub bonded_atoms: i64,
    pub unlocking_atoms: Option<i64>,
    #[serde(with = "rfc3339::option")]
    pub unlocks_at: Option<OffsetDateTime>,
    pub slashed_atoms: i64,
}

impl Noun for Stake {
    const TABLE: Table = Table { name: "stakes", key: "stake" };

    fn open(event: &Event, _at: &Moment) -> Result<Self, FoldError> {
        let changed = changed(event)?;
        let stake = Self::of(changed.owner.to_string(), changed.beneficiary.to_string(), &changed.position)?;
        same("position", changed.position, Position::default())?;
        Ok(stake)
    }

    fn change(&mut self, event: &Event, _at: &Moment) -> Result<(), FoldError> {
        let changed = changed(event)?;
        let after = Self::of(changed.owner.to_string(), changed.beneficiary.to_string(), &changed.position)?;
        same("owner", &after.owner, &self.owner)?;
        if changed.kind == StakeChange::BeneficiaryChanged {
            expect("weight_atoms", after.weight_atoms, 0)?;
        } else {
            same("beneficiary", &after.beneficiary, &self.beneficiary)?;
        }
        self.moved(&changed.kind, &after)?.check(&after)?;
        *self = after;
        Ok(())
    }

    fn read(&self, data: &[u8]) -> Result<(u64, Self), FoldError> {
        let account = decode_stake(data)?;
        let read = Self::of(account.owner.to_string(), account.beneficiary.to_string(), &account.position)?;
        Ok((account.event_seq, read))
    }
}

/// The amounts that follow from an event.
struct Amounts {
    staked: i64,
    unlocking: i64,
    bonded: i64,
    slashed: i64,
}

impl Stake {
    fn of(owner: String, beneficiary: String, position: &Position) -> Result<Self, FoldError> {
        let atoms = |atoms: u64| integer(atoms, "atoms");
        Ok(Self {
            owner,
            beneficiary,
            staked_atoms: atoms(position.staked_atoms)?,
            weight_atoms: atoms(position.weight_atoms)?,
            weighed_at: timestamp(position.weighed_at)?,
            bonded_atoms: atoms(position.bonded_atoms)?,
            unlocking_atoms: position.unlocking.map(|one| atoms(one.amount_atoms)).transpose()?,
            unlocks_at: position.unlocking.map(|one| timestamp(one.unlocks_at)).transpose()?,
            slashed_atoms: atoms(position.slashed_atoms)?,
        })
    }

    /// What must be after `kind`. A bond may be of any size, and a slash takes of active and unlocking together.
    fn moved(&self, kind: &StakeChange, after: &Self) -> Result<Amounts, FoldError> {
        let mut to = self.amounts();
        match *kind {
            StakeChange::Opened => return Err(FoldError::NotOpened),
            StakeChange::BeneficiaryChanged => {}
            StakeChange::Added { amount_atoms } => to.staked = sum("staked_atoms", to.staked, amount_atoms)?,
            StakeChange::UnstakeRequested { amount_atoms } => {
                expect("unlocking_atoms", 0, to.unlocking)?;
                to.staked = difference("staked_atoms", to.staked, amount_atoms)?;
                to.unlocking = sum("unlocking_atoms", 0, amount_atoms)?;
            }
            StakeChange::UnstakeCancelled { amount_atoms } => {
                to.unlocking = difference("unlocking_atoms", to.unlocking, amount_atoms)?;
                to.staked = sum("staked_atoms", to.staked, amount_atoms)?;
            }
            StakeChange::Unstaked { amount_atoms } => {
                to.unlocking = difference("unlocking_atoms", to.unlocking, amount_atoms)?;
            }
            StakeChange::Bonded => to.bonded = after.bonded_atoms,
            StakeChange::Released => to.bonded = 0,
            StakeChange::Slashed { amount_atoms } => {
                let total = difference("total_atoms", to.staked.saturating_add(to.unlocking), amount_atoms)?;
                (to.staked, to.unlocking) = (after.staked_atoms, total.saturating_sub(after.staked_atoms));
                to.slashed = sum("slashed_atoms", to.slashed, amount_atoms)?;
            }
            StakeChange::Closed => (to.staked, to.unlocking, to.bonded) = (0, 0, 0),
        }
        Ok(to)
    }

    fn amounts(&self) -> Amounts {
        Amounts {
            staked: self.staked_atoms,
            unlocking: self.unlocking_atoms.unwrap_or(0),
            bonded: self.bonded_atoms,
            slashed: self.slashed_atoms,
        }
    }
}

impl Amounts {
    fn check(&self, after: &Stake) -> Result<(), FoldError> {
        let said = after.amounts();
        expect("staked_atoms", said.staked, self.staked)?;
        expect("unlocking_atoms", said.unlocking, self.unlocking)?;
        expect("bonded_atoms", said.bonded, self.bonded)?;
        expect("slashed_atoms", said.slashed, self.slashed)
    }
}

fn changed(event: &Event) -> Result<&StakeChanged, FoldError> {
    if let Event::StakeChanged(changed) = event { Ok(changed) } else { Err(FoldError::OfAnotherKind) }
}

#[cfg(test)]
mod tests {
    use permitpipe_sdk::chain::Unlocking;
    use solana_sdk::pubkey::Pubkey;

    use super::*;

    fn event(kind: StakeChange, position: Position) -> Event {
        let (stake, owner) = (Pubkey::new_from_array([1; 32]), Pubkey::new_from_array([2; 32]));
        Event::StakeChanged(StakeChanged { stake, owner, event_seq: 1, kind, beneficiary: owner, position })
    }

    fn position(staked_atoms: u64, unlocking: u64, bonded_atoms: u64, slashed_atoms: u64) -> Position {
        let unlocking = (unlocking > 0).then_some(Unlocking { amount_atoms: unlocking, unlocks_at: 9 });
        Position { staked_atoms, weight_atoms: 0, weighed_at: 1, bonded_atoms, unlocking, slashed_atoms }
    }

    fn moment() -> Moment {
        Moment { signature: "s".into(), slot: 1, time: None }
    }

    /// A stake of 100, of which 30 unlock and 50 bond, with 7 slashed before.
    fn stake() -> Stake {
        Stake::of(Pubkey::new_from_array([2; 32]).to_string(), Pubkey::new_from_array([2; 32]).to_string(), &before())
            .unwrap()
    }

    fn before() -> Position {
        position(100, 30, 50, 7)
    }

    #[test]
    fn each_change_says_the_position_that_follows_from_the_one_before() {
        let amount_atoms = 10;
        let tables = [
            (StakeChange::Added { amount_atoms }, position(110, 30, 50, 7)),
            (StakeChange::UnstakeCancelled { amount_atoms: 30 }, position(130, 0, 50, 7)),
            (StakeChange::Unstaked { amount_atoms: 30 }, position(100, 0, 50, 7)),
            (StakeChange::Bonded, position(100, 30, 80, 7)),
            (StakeChange::Released, position(100, 30, 0, 7)),
            (StakeChange::Slashed { amount_atoms: 40 }, position(60, 30, 50, 47)),
            (StakeChange::Slashed { amount_atoms: 120 }, position(0, 10, 50, 127)),
        ];
        for (kind, after) in tables {
            let mut row = stake();
            row.change(&event(kind.clone(), after), &moment()).unwrap();
            assert_eq!(row.amounts().staked, after.staked_atoms as i64, "{kind:?}");
            for wrong in [
                Position { staked_atoms: after.staked_atoms + 1, ..after },
                Position { slashed_atoms: after.slashed_atoms + 1, ..after },
                Position { unlocking: Some(Unlocking { amount_atoms: 31, unlocks_at: 9 }), ..after },
            ] {
                assert!(stake().change(&event(kind.clone(), wrong), &moment()).is_err(), "{kind:?} {wrong:?}");
            }
        }
    }

    #[test]
    fn what_does_not_follow_is_refused() {
        let tables = [
            ("opened twice", StakeChange::Opened, Position::default()),
            ("unlocking twice", StakeChange::UnstakeRequested { amount_atoms: 5 }, position(95, 35, 50, 7)),
            ("more taken than there is", StakeChange::Slashed { amount_atoms: 131 }, position(0, 0, 50, 138)),
            ("more paid than unlocks", StakeChange::Unstaked { amount_atoms: 31 }, position(99, 0, 50, 7)),
            ("a bond that nobody changed", StakeChange::Added { amount_atoms: 10 }, position(110, 30, 0, 7)),
            ("closed with something in it", StakeChange::Closed, before()),
            ("weight kept for another", StakeChange::BeneficiaryChanged, Position { weight_atoms: 1, ..before() }),
        ];
        for (name, kind, after) in tables {
            assert!(stake().change(&event(kind, after), &moment()).is_err(), "{name}");
        }
        assert!(Stake::open(&event(StakeChange::Opened, before()), &moment()).is_err(), "opened with something in it");
    }
}
