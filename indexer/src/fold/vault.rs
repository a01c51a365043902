//! An owner's vault: one book per asset, one sequence of settlements.

use permitpipe_sdk::chain::{Asset, Event, decode_vault};
use serde::{Deserialize, Serialize};

use super::{
    FoldError, Moment, Noun, Table,
    book::{Book, sol},
    expect, integer, positive,
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vault {
    pub wallet: String,
    pub settle_sequence: i64,
    #[serde(flatten)]
    pub usdc: Book,
    #[serde(flatten, with = "sol")]
    pub sol: Book,
}

impl Noun for Vault {
    const TABLE: Table = Table { name: "vaults", key: "vault" };

    fn open(event: &Event, _at: &Moment) -> Result<Self, FoldError> {
        let Event::VaultOpened(opened) = event else { return Err(FoldError::NotOpened) };
        Ok(Self {
            wallet: opened.owner.to_string(),
            settle_sequence: integer(opened.event_seq, "event_seq")?.saturating_sub(1),
            usdc: Book::open(opened.cap_atoms)?,
            sol: Book::open(opened.cap_lamports)?,
        })
    }

    fn change(&mut self, event: &Event, at: &Moment) -> Result<(), FoldError> {
        match event {
            Event::CapChanged(one) => self.book(one.asset).set_cap(one.cap_atoms, one.effective_at, at.time),
            Event::Deposited(one) => self.book(one.asset).deposit(one.amount_atoms, one.credited_atoms),
            Event::WithdrawalRequested(one) => {
                self.book(one.asset).request_withdrawal(one.amount_atoms, one.executable_at)
            }
            Event::WithdrawalCancelled(one) => self.book(one.asset).cancel_withdrawal(one.amount_atoms),
            Event::Withdrawn(one) => self.book(one.asset).withdraw(one.amount_atoms, one.withdrawn_atoms),
            Event::Settled(one) => {
                positive("receipt_count", i64::from(one.receipt_count))?;
                let sequence = integer(one.sequence, "sequence")?;
                expect("sequence", sequence, self.settle_sequence.saturating_add(1))?;
                self.settle_sequence = sequence;
                self.book(one.asset).settle(one.amount_atoms, one.settled_atoms)
            }
            // That it is empty of USDC is a rule of the table; SOL may leave a rest that rent took.
            Event::VaultClosed(_) => Ok(()),
            _ => Err(FoldError::OfAnotherKind),
        }
    }

    fn read(&self, data: &[u8]) -> Result<(u64, Self), FoldError> {
        let account = decode_vault(data)?;
        let read = Self {
            wallet: account.owner.to_string(),
            settle_sequence: integer(account.settle_sequence, "settle_sequence")?,
            usdc: Book::read(&account.usdc)?,
            sol: Book::read(&account.sol)?,
        };
        Ok((account.event_seq, read))
    }

    fn agrees(&self, account: &Self) -> bool {
        let head = |vault: &Self| (vault.wallet.clone(), vault.settle_sequence);
        head(self) == head(account) && self.usdc.agrees(&account.usdc) && self.sol.agrees(&account.sol)
    }
}

impl Vault {
    const fn book(&mut self, asset: Asset) -> &mut Book {
        match asset {
            Asset::Usdc => &mut self.usdc,
            Asset::Sol => &mut self.sol,
        }
    }
}

#[cfg(test)]
mod tests {
    use permitpipe_sdk::chain::{
        CapChanged, Deposited, Settled, VaultClosed, VaultOpened, WithdrawalCancelled, WithdrawalRequested, Withdrawn,
    };
    use solana_sdk::pubkey::Pubkey;
    use time::OffsetDateTime;

    use super::*;
    use crate::fold::Row;

    const VAULT: Pubkey = Pubkey::new_from_array([1; 32]);
    const OWNER: Pubkey = Pubkey::new_from_array([2; 32]);

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    fn moment(seconds: i64) -> Moment {
        Moment { signature: "s".into(), slot: 1, time: Some(at(seconds)) }
    }

    fn opened(event_seq: u64) -> Event {
        let (vault, owner, cap_atoms, cap_lamports) = (VAULT, OWNER, 100, 9);
        Event::VaultOpened(VaultOpened { vault, owner, event_seq, cap_atoms, cap_lamports })
    }

    fn deposited(event_seq: u64, amount_atoms: u64, credited_atoms: u64) -> Event {
        let (vault, owner, asset) = (VAULT, OWNER, Asset::Usdc);
        Event::Deposited(Deposited { vault, owner, event_seq, asset, amount_atoms, credited_atoms })
    }

    fn cap(event_seq: u64, cap_atoms: u64, effective_at: i64) -> Event {
        let (vault, owner, asset) = (VAULT, OWNER, Asset::Usdc);
        Event::CapChanged(CapChanged { vault, owner, event_seq, asset, cap_atoms, effective_at })
    }

    fn settled(event_seq: u64, sequence: u64, amount_atoms: u64, settled_atoms: u64) -> Event {
        Event::Settled(Settled {
            vault: VAULT,
            owner: OWNER,
            event_seq,
            asset: Asset::Usdc,
            sequence,
            amount_atoms,
            charge_credits: amount_atoms,
            receipt_count: 1,
            receipts_root: [0; 32],
            settled_atoms,
        })
    }

    fn asked(event_seq: u64, amount_atoms: u64) -> Event {
        let (vault, owner, asset, executable_at) = (VAULT, OWNER, Asset::Usdc, 60);
        Event::WithdrawalRequested(WithdrawalRequested { vault, owner, event_seq, asset, amount_atoms, executable_at })
    }

    fn cancelled(event_seq: u64, amount_atoms: u64) -> Event {
        let (vault, owner, asset) = (VAULT, OWNER, Asset::Usdc);
        Event::WithdrawalCancelled(WithdrawalCancelled { vault, owner, event_seq, asset, amount_atoms })
    }

    fn paid(event_seq: u64, amount_atoms: u64) -> Event {
        let (vault, owner, asset, withdrawn_atoms) = (VAULT, OWNER, Asset::Usdc, amount_atoms);
        Event::Withdrawn(Withdrawn { vault, owner, event_seq, asset, amount_atoms, withdrawn_atoms })
    }

    fn closed(event_seq: u64) -> Event {
        Event::VaultClosed(VaultClosed { vault: VAULT, owner: OWNER, event_seq })
    }

    fn fold_all(events: &[Event]) -> Result<Row<Vault>, FoldError> {
        let first = Row::fold(None, &events[0], &moment(0))?;
        events[1..].iter().try_fold(first, |row, event| Row::fold(Some(&row), event, &moment(0)))
    }

    #[test]
    fn what_contradicts_the_events_before_is_refused() {
        let tables = [
            ("not opened", vec![deposited(1, 5, 5)]),
            ("opened twice", vec![opened(1), opened(2)]),
            ("a number left out", vec![opened(1), deposited(3, 5, 5)]),
            ("a number again", vec![opened(1), deposited(2, 5, 5), deposited(2, 5, 10)]),
            ("a total that is no sum", vec![opened(1), deposited(2, 5, 6)]),
            ("more than fits", vec![opened(1), deposited(2, u64::MAX, u64::MAX)]),
            ("settled more than came in", vec![opened(1), deposited(2, 5, 5), settled(3, 1, 6, 6)]),
            ("a settlement left out", vec![opened(1), deposited(2, 5, 5), settled(3, 2, 1, 1)]),
            ("nothing settled", vec![opened(1), deposited(2, 5, 5), settled(3, 1, 0, 0)]),
            ("nothing asked for", vec![opened(1), asked(2, 0)]),
            ("asked for twice", vec![opened(1), deposited(2, 5, 5), asked(3, 1), asked(4, 1)]),
            ("paid without having asked", vec![opened(1), deposited(2, 5, 5), paid(3, 1)]),
            ("paid more than asked", vec![opened(1), deposited(2, 5, 5), asked(3, 1), paid(4, 2)]),
            ("another request taken back", vec![opened(1), deposited(2, 5, 5), asked(3, 1), cancelled(4, 2)]),
            ("used after it was closed", vec![opened(1), closed(2), deposited(3, 5, 5)]),
            ("opened again at a former number", vec![opened(1), closed(2), opened(2)]),
        ];
        for (name, events) in tables {
            assert!(fold_all(&events).is_err(), "{name}");
        }
        let all = [opened(1), deposited(2, 5, 5), asked(3, 2), settled(4, 1, 3, 3), paid(5, 1)];
        let usdc = fold_all(&all).unwrap().body.usdc;
        assert_eq!(
            (usdc.credited_atoms, usdc.settled_atoms, usdc.withdrawn_atoms, usdc.withdrawal_atoms),
            (5, 3, 1, None)
        );
    }

    #[test]
    fn a_vault_opened_again_starts_at_nothing_and_numbers_its_settlements_from_there() {
        let events = [opened(65_537), deposited(65_538, 5, 5), settled(65_539, 65_537, 5, 5), closed(65_540)];
        let row = fold_all(&events).unwrap();
        assert_eq!((row.is_open, row.body.settle_sequence, row.body.usdc.settled_atoms), (false, 65_537, 5));
        let again = Row::fold(Some(&row), &opened(131_073), &moment(0)).unwrap();
        assert_eq!(again, fold_all(&[opened(131_073)]).unwrap());
        assert_eq!((again.is_open, again.body.settle_sequence), (true, 131_072));
    }

    #[test]
    fn a_raise_of_the_cap_is_effective_at_once_and_a_cut_waits_for_its_time() {
        let row = fold_all(&[opened(1), cap(2, 200, 0)]).unwrap();
        assert_eq!((row.body.usdc.cap_atoms, row.body.usdc.pending_cap_atoms), (200, None));
        let row = Row::fold(Some(&row), &cap(3, 50, 60), &moment(0)).unwrap();
        let usdc = &row.body.usdc;
        assert_eq!((usdc.cap_atoms, usdc.pending_cap_atoms, usdc.pending_cap_at), (200, Some(50), Some(at(60))));
        assert_eq!(row.body.sol.cap_atoms, 9, "the other asset has its own");
        let raised_late = Row::fold(Some(&row), &cap(4, 70, 61), &moment(61)).unwrap().body.usdc;
        assert_eq!((raised_late.cap_atoms, raised_late.pending_cap_atoms), (70, None), "the cut was in force by then");
        let cut_again = Row::fold(Some(&row), &cap(4, 70, 119), &moment(59)).unwrap().body.usdc;
        assert_eq!((cut_again.cap_atoms, cut_again.pending_cap_atoms), (200, Some(70)));
    }

    #[test]
    fn a_cut_that_is_due_is_the_same_cap_in_force_or_not() {
        let waiting = fold_all(&[opened(1), cap(2, 50, 60)]).unwrap().body;
        let mut in_force = waiting.clone();
        (in_force.usdc.cap_atoms, in_force.usdc.pending_cap_atoms, in_force.usdc.pending_cap_at) = (50, None, None);
        assert!(waiting.agrees(&in_force) && in_force.agrees(&waiting) && waiting.agrees(&waiting));
        let mut never_cut = in_force.clone();
        never_cut.usdc.cap_atoms = 100;
        assert!(!waiting.agrees(&never_cut) && !in_force.agrees(&never_cut));
        in_force.usdc.settled_atoms = 1;
        assert!(!waiting.agrees(&in_force), "all else must be the same");
    }

    #[test]
    fn a_row_comes_back_from_its_columns_as_it_was() {
        let row = fold_all(&[opened(1), deposited(2, 5, 5), cap(3, 50, 60), asked(4, 2)]).unwrap();
        let columns = serde_json::to_value(&row).unwrap();
        assert_eq!((&columns["withdrawal_atoms"], &columns["sol_cap_atoms"]), (&2.into(), &9.into()));
        assert_eq!(serde_json::from_value::<Row<Vault>>(columns).unwrap(), row);
    }
}
