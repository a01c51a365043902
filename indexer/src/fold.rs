//! Pure: a vault's row and its next event give its next row. The same events in the same order always give the same
//! row, whatever the clock says: the only time used is the block's.

use permitpipe_sdk::chain::Event;
use time::OffsetDateTime;

/// A row of `chain.vaults` without its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vault {
    pub wallet: String,
    pub event_seq: i64,
    pub settle_sequence: i64,
    pub credited_atoms: i64,
    pub settled_atoms: i64,
    pub withdrawn_atoms: i64,
    pub cap_atoms: i64,
    pub pending_cap: Option<Waiting>,
    pub withdrawal: Option<Waiting>,
}

/// An amount that becomes effective later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub atoms: i64,
    pub at: OffsetDateTime,
}

/// The events do not tell one story: what we were given is not what the program did.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    #[error("number does not fit: {0}")]
    TooLarge(&'static str),
    #[error("{what}: the event says {event}, the events before it say {row}")]
    Contradiction { what: &'static str, event: i64, row: i64 },
    #[error("{0} is zero")]
    Zero(&'static str),
    #[error("a vault's first event opens it and no later one does")]
    NotOpened,
    #[error("{0} without a withdrawal that waits")]
    NoWithdrawal(&'static str),
    #[error("not an event of a vault")]
    NotOfVault,
}

impl Vault {
    /// The row after `event`, in a block of time `now`.
    pub fn fold(before: Option<&Self>, event: &Event, now: Option<OffsetDateTime>) -> Result<Self, FoldError> {
        let mut vault = match (before, event) {
            (None, Event::VaultOpened(_)) => Self::empty(event)?,
            (Some(_), Event::VaultOpened(_)) | (None, _) => return Err(FoldError::NotOpened),
            (Some(before), _) => before.clone(),
        };
        let seq = integer(event.event_seq(), "event_seq")?;
        expect("event_seq", seq, vault.event_seq.saturating_add(1))?;
        vault.event_seq = seq;
        vault.change(event, now)?;
        let spent = vault.settled_atoms.saturating_add(vault.withdrawn_atoms);
        if spent > vault.credited_atoms {
            return Err(FoldError::Contradiction { what: "spent", event: spent, row: vault.credited_atoms });
        }
        Ok(vault)
    }

    /// The cap and what waits to replace it are told apart by a clock, and the program looks at it only when it acts:
    /// a cut whose time has come may or may not be in force yet on either side.
    pub fn has_same_cap(&self, cap_atoms: i64, pending: Option<Waiting>) -> bool {
        let ours = (self.cap_atoms, self.pending_cap);
        let promoted = |(cap, pending): (i64, Option<Waiting>)| (pending.map_or(cap, |cut| cut.atoms), None);
        let theirs = (cap_atoms, pending);
        ours == theirs || promoted(ours) == theirs || ours == promoted(theirs)
    }

    fn empty(event: &Event) -> Result<Self, FoldError> {
        let wallet = event.wallet().ok_or(FoldError::NotOfVault)?.to_string();
        Ok(Self {
            wallet,
            event_seq: 0,
            settle_sequence: 0,
            credited_atoms: 0,
            settled_atoms: 0,
            withdrawn_atoms: 0,
            cap_atoms: 0,
            pending_cap: None,
            withdrawal: None,
        })
    }

    fn change(&mut self, event: &Event, now: Option<OffsetDateTime>) -> Result<(), FoldError> {
        match event {
            Event::VaultOpened(opened) => self.cap_atoms = integer(opened.cap_atoms, "cap_atoms")?,
            Event::CapChanged(changed) => {
                self.set_cap(waiting(changed.cap_atoms, changed.effective_at)?, now);
            }
            Event::Deposited(deposited) => {
                self.credited_atoms =
                    total("credited_atoms", self.credited_atoms, deposited.amount_atoms, deposited.credited_atoms)?;
            }
            Event::WithdrawalRequested(requested) => {
                let asked = waiting(requested.amount_atoms, requested.executable_at)?;
                self.withdrawal = Some(positive("withdrawal", asked.atoms).map(|_| asked)?);
            }
            Event::WithdrawalCancelled(_) => {
                self.withdrawal.take().ok_or(FoldError::NoWithdrawal("cancelled"))?;
            }
            Event::Withdrawn(paid) => {
                self.withdrawal.take().ok_or(FoldError::NoWithdrawal("paid"))?;
                self.withdrawn_atoms =
                    total("withdrawn_atoms", self.withdrawn_atoms, paid.amount_atoms, paid.withdrawn_atoms)?;
            }
            Event::Settled(settled) => {
                positive("receipt_count", i64::from(settled.receipt_count))?;
                positive("settlement", integer(settled.amount_atoms, "amount_atoms")?)?;
                let sequence = integer(settled.sequence, "sequence")?;
                expect("sequence", sequence, self.settle_sequence.saturating_add(1))?;
                self.settle_sequence = sequence;
                self.settled_atoms =
                    total("settled_atoms", self.settled_atoms, settled.amount_atoms, settled.settled_atoms)?;
            }
            _ => return Err(FoldError::NotOfVault),
        }
        Ok(())
    }

    /// As the program does it: a cut that is due counts first; then a raise is effective at once, a cut waits.
    fn set_cap(&mut self, wish: Waiting, now: Option<OffsetDateTime>) {
        if let Some(due) = self.pending_cap.filter(|cut| now.is_some_and(|now| now >= cut.at)) {
            self.cap_atoms = due.atoms;
        }
        let is_cut = wish.atoms < self.cap_atoms;
        self.pending_cap = is_cut.then_some(wish);
        if !is_cut {
            self.cap_atoms = wish.atoms;
        }
    }
}

/// Atoms and sequence numbers as the database holds them.
pub fn integer(value: u64, what: &'static str) -> Result<i64, FoldError> {
    i64::try_from(value).map_err(|_| FoldError::TooLarge(what))
}

pub fn waiting(atoms: u64, at: i64) -> Result<Waiting, FoldError> {
    let at = OffsetDateTime::from_unix_timestamp(at).map_err(|_| FoldError::TooLarge("time"))?;
    Ok(Waiting { atoms: integer(atoms, "atoms")?, at })
}

fn positive(what: &'static str, value: i64) -> Result<i64, FoldError> {
    if value > 0 { Ok(value) } else { Err(FoldError::Zero(what)) }
}

fn expect(what: &'static str, event: i64, row: i64) -> Result<(), FoldError> {
    if event == row { Ok(()) } else { Err(FoldError::Contradiction { what, event, row }) }
}

/// The new total: what the event says, provided that it is the old one plus the amount.
fn total(what: &'static str, before: i64, amount: u64, after: u64) -> Result<i64, FoldError> {
    let after = integer(after, what)?;
    let sum = before.checked_add(integer(amount, "amount_atoms")?).ok_or(FoldError::TooLarge(what))?;
    expect(what, after, sum).map(|()| after)
}

#[cfg(test)]
mod tests {
    use permitpipe_sdk::chain::{CapChanged, Deposited, Settled, VaultOpened, WithdrawalRequested, Withdrawn};
    use solana_sdk::pubkey::Pubkey;

    use super::*;

    const VAULT: Pubkey = Pubkey::new_from_array([1; 32]);
    const OWNER: Pubkey = Pubkey::new_from_array([2; 32]);

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    fn opened() -> Event {
        Event::VaultOpened(VaultOpened { vault: VAULT, owner: OWNER, event_seq: 1, cap_atoms: 100 })
    }

    fn deposited(event_seq: u64, amount_atoms: u64, credited_atoms: u64) -> Event {
        Event::Deposited(Deposited { vault: VAULT, owner: OWNER, event_seq, amount_atoms, credited_atoms })
    }

    fn cap(event_seq: u64, cap_atoms: u64, effective_at: i64) -> Event {
        Event::CapChanged(CapChanged { vault: VAULT, owner: OWNER, event_seq, cap_atoms, effective_at })
    }

    fn settled(event_seq: u64, sequence: u64, amount_atoms: u64, settled_atoms: u64) -> Event {
        let (vault, owner, receipt_count, receipts_root) = (VAULT, OWNER, 1, [0; 32]);
        let settled =
            Settled { vault, owner, event_seq, sequence, amount_atoms, receipt_count, receipts_root, settled_atoms };
        Event::Settled(settled)
    }

    fn fold_all(events: &[Event]) -> Result<Vault, FoldError> {
        let first = events.first().map(|event| Vault::fold(None, event, Some(at(0)))).unwrap()?;
        events.iter().skip(1).try_fold(first, |vault, event| Vault::fold(Some(&vault), event, Some(at(0))))
    }

    #[test]
    fn what_contradicts_the_events_before_is_refused() {
        let ask = |event_seq, amount_atoms| {
            let (vault, owner, executable_at) = (VAULT, OWNER, 60);
            Event::WithdrawalRequested(WithdrawalRequested { vault, owner, event_seq, amount_atoms, executable_at })
        };
        let paid = |event_seq| {
            let (vault, owner, amount_atoms, withdrawn_atoms) = (VAULT, OWNER, 1, 1);
            Event::Withdrawn(Withdrawn { vault, owner, event_seq, amount_atoms, withdrawn_atoms })
        };
        let tables = [
            ("not opened", vec![deposited(1, 5, 5)]),
            ("opened twice", vec![opened(), opened()]),
            ("a number left out", vec![opened(), deposited(3, 5, 5)]),
            ("a number again", vec![opened(), deposited(2, 5, 5), deposited(2, 5, 10)]),
            ("a total that is no sum", vec![opened(), deposited(2, 5, 6)]),
            ("more than fits", vec![opened(), deposited(2, u64::MAX, u64::MAX)]),
            ("settled more than came in", vec![opened(), deposited(2, 5, 5), settled(3, 1, 6, 6)]),
            ("a settlement left out", vec![opened(), deposited(2, 5, 5), settled(3, 2, 1, 1)]),
            ("nothing settled", vec![opened(), deposited(2, 5, 5), settled(3, 1, 0, 0)]),
            ("nothing asked for", vec![opened(), ask(2, 0)]),
            ("paid without having asked", vec![opened(), deposited(2, 5, 5), paid(3)]),
        ];
        for (name, events) in tables {
            assert!(fold_all(&events).is_err(), "{name}");
        }
        let all = [opened(), deposited(2, 5, 5), ask(3, 2), settled(4, 1, 3, 3), paid(5)];
        let vault = fold_all(&all).unwrap();
        assert_eq!(
            (vault.credited_atoms, vault.settled_atoms, vault.withdrawn_atoms, vault.withdrawal),
            (5, 3, 1, None)
        );
    }

    #[test]
    fn a_raise_of_the_cap_is_effective_at_once_and_a_cut_waits_for_its_time() {
        let vault = fold_all(&[opened(), cap(2, 200, 0)]).unwrap();
        assert_eq!((vault.cap_atoms, vault.pending_cap), (200, None));
        let vault = Vault::fold(Some(&vault), &cap(3, 50, 60), Some(at(0))).unwrap();
        assert_eq!((vault.cap_atoms, vault.pending_cap), (200, Some(Waiting { atoms: 50, at: at(60) })));
        let raised_late = Vault::fold(Some(&vault), &cap(4, 70, 61), Some(at(61))).unwrap();
        assert_eq!((raised_late.cap_atoms, raised_late.pending_cap), (70, None), "the cut was in force by then");
        let cut_again = Vault::fold(Some(&vault), &cap(4, 70, 119), Some(at(59))).unwrap();
        assert_eq!((cut_again.cap_atoms, cut_again.pending_cap.unwrap().atoms), (200, 70));
    }

    #[test]
    fn a_cut_that_is_due_is_the_same_cap_in_force_or_not() {
        let waiting_cut = fold_all(&[opened(), cap(2, 50, 60)]).unwrap();
        assert!(waiting_cut.has_same_cap(50, None));
        assert!(waiting_cut.has_same_cap(100, waiting_cut.pending_cap));
        assert!(!waiting_cut.has_same_cap(100, None));
        let in_force = Vault { cap_atoms: 50, pending_cap: None, ..waiting_cut.clone() };
        assert!(in_force.has_same_cap(100, waiting_cut.pending_cap));
        assert!(!in_force.has_same_cap(100, None));
    }
}
