//! Double entry, as pure functions. One [`Balances`] is one owner's credit in one asset; its columns always sum to zero.
//!
//! Nothing here reads a clock or a database: the commit train locks a row, calls this, writes the row back.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use permitpipe_sdk::money::Credits;

/// One side of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(type_name = "ledger.account_kind", rename_all = "lowercase")]
pub enum Account {
    /// The clearing account: negative by what came in and has not gone out again.
    Chain,
    /// Free to be held.
    Available,
    /// Promised to requests under way.
    Held,
    /// Captured, not yet settled on chain.
    Spent,
    /// Settled on chain.
    Settled,
    /// On its way back to the owner.
    Withdrawing,
    /// What an owner took out before it could be settled; zero or negative, repaid by the next deposit.
    Writeoff,
}

/// Balances of one owner in one asset, in credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "one column per account, see `Account`")]
pub struct Balances {
    pub chain: i64,
    pub available: i64,
    pub held: i64,
    pub spent: i64,
    pub settled: i64,
    pub withdrawing: i64,
    pub writeoff: i64,
    /// No account: what a requested withdrawal keeps from new holds.
    pub frozen: i64,
}

/// Money moving from one account to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Goes down.
    pub debit: Account,
    /// Goes up.
    pub credit: Account,
    /// By this much; never zero.
    pub amount: Credits,
}

/// A transfer that may not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// An account that may not go below zero would.
    #[error("{0:?} would go below zero")]
    Below(Account),
    /// `writeoff` would go above zero.
    #[error("more would be written off than was lost")]
    Above,
    /// Beyond 64 bits.
    #[error("a balance would leave 64 bits")]
    Overflow,
    /// The columns do not sum to zero.
    #[error("the accounts do not sum to zero")]
    Unbalanced,
}

impl Balances {
    /// What a new hold may take: what is available, less what a withdrawal waits for.
    pub fn spendable(&self) -> i64 {
        self.available.saturating_sub(self.frozen).max(0)
    }

    /// What the chain must still be able to pay the operator if everything held is captured.
    pub fn exposure(&self) -> i64 {
        self.held.saturating_add(self.spent)
    }

    /// Makes all transfers, or none.
    pub fn apply(&mut self, transfers: &[Transfer]) -> Result<(), LedgerError> {
        let mut next = *self;
        for transfer in transfers {
            let amount = transfer.amount.get();
            let debit = next.account(transfer.debit);
            *debit = debit.checked_sub(amount).ok_or(LedgerError::Overflow)?;
            let credit = next.account(transfer.credit);
            *credit = credit.checked_add(amount).ok_or(LedgerError::Overflow)?;
        }
        next.invariant()?;
        *self = next;
        Ok(())
    }

    /// I2 and I4: conservation, and no account below zero that must not be.
    pub fn invariant(&self) -> Result<(), LedgerError> {
        let columns = [
            (Account::Available, self.available),
            (Account::Held, self.held),
            (Account::Spent, self.spent),
            (Account::Settled, self.settled),
            (Account::Withdrawing, self.withdrawing),
        ];
        if let Some((account, _)) = columns.iter().find(|(_, balance)| *balance < 0) {
            return Err(LedgerError::Below(*account));
        }
        if self.writeoff > 0 {
            return Err(LedgerError::Above);
        }
        let sum: i128 = columns.iter().map(|(_, balance)| i128::from(*balance)).sum();
        if sum.checked_add(i128::from(self.chain)).and_then(|s| s.checked_add(i128::from(self.writeoff))) == Some(0) {
            Ok(())
        } else {
            Err(LedgerError::Unbalanced)
        }
    }

    fn account(&mut self, account: Account) -> &mut i64 {
        match account {
            Account::Chain => &mut self.chain,
            Account::Available => &mut self.available,
            Account::Held => &mut self.held,
            Account::Spent => &mut self.spent,
            Account::Settled => &mut self.settled,
            Account::Withdrawing => &mut self.withdrawing,
            Account::Writeoff => &mut self.writeoff,
        }
    }
}

/// A request's worst case: `available → held`.
pub fn hold(amount: Credits) -> Vec<Transfer> {
    moves([(Account::Available, Account::Held, amount)])
}

/// The end of a hold: what was used becomes spent, the rest is free again. `used` is never above `held`.
pub fn capture(held: Credits, used: Credits) -> Vec<Transfer> {
    let used = used.min(held);
    moves([(Account::Held, Account::Spent, used), (Account::Held, Account::Available, held.saturating_sub(used))])
}

/// A finalized deposit. What an earlier exit left unpaid is repaid first.
pub fn deposit(before: &Balances, amount: Credits) -> Vec<Transfer> {
    let owed = Credits::parse(before.writeoff.saturating_neg()).unwrap_or(Credits::ZERO).min(amount);
    moves([
        (Account::Chain, Account::Writeoff, owed),
        (Account::Chain, Account::Available, amount.saturating_sub(owed)),
    ])
}

/// A finalized settlement.
pub fn settle(amount: Credits) -> Vec<Transfer> {
    moves([(Account::Spent, Account::Settled, amount)])
}

/// Moves what is free towards an open withdrawal request of `requested` in all.
pub fn fill_withdrawal(before: &Balances, requested: Credits) -> Vec<Transfer> {
    let at = |balance: i64| Credits::parse(balance).unwrap_or(Credits::ZERO);
    let missing = requested.saturating_sub(at(before.withdrawing));
    moves([(Account::Available, Account::Withdrawing, missing.min(at(before.available)))])
}

/// A withdrawal that ended without being paid.
pub fn cancel_withdrawal(before: &Balances) -> Vec<Transfer> {
    moves([(Account::Withdrawing, Account::Available, Credits::parse(before.withdrawing).unwrap_or(Credits::ZERO))])
}

/// A finalized payment to the owner. What exceeds its claims was promised or spent, and is written off, visibly.
pub fn withdraw(before: &Balances, paid: Credits) -> Vec<Transfer> {
    let at = |balance: i64| Credits::parse(balance).unwrap_or(Credits::ZERO);
    let from_withdrawing = at(before.withdrawing).min(paid);
    let from_available = at(before.available).min(paid.saturating_sub(from_withdrawing));
    let lost = paid.saturating_sub(from_withdrawing).saturating_sub(from_available);
    moves([
        (Account::Withdrawing, Account::Chain, from_withdrawing),
        (Account::Available, Account::Chain, from_available),
        (Account::Writeoff, Account::Chain, lost),
        (Account::Withdrawing, Account::Available, at(before.withdrawing).saturating_sub(from_withdrawing)),
    ])
}

/// Leaves out transfers of nothing: the journal holds movements only.
fn moves<const N: usize>(moves: [(Account, Account, Credits); N]) -> Vec<Transfer> {
    moves
        .into_iter()
        .filter(|(_, _, amount)| *amount > Credits::ZERO)
        .map(|(debit, credit, amount)| Transfer { debit, credit, amount })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn credits(amount: i64) -> Credits {
        Credits::parse(amount).unwrap()
    }

    #[test]
    fn an_exit_that_beats_settlement_is_written_off_and_repaid_by_the_next_deposit() {
        let mut balances = Balances::default();
        balances.apply(&deposit(&balances, credits(100))).unwrap();
        balances.apply(&hold(credits(30))).unwrap();
        balances.apply(&capture(credits(30), credits(25))).unwrap();
        balances.apply(&withdraw(&balances, credits(100))).unwrap();
        assert_eq!((balances.available, balances.spent, balances.writeoff, balances.chain), (0, 25, -25, 0));
        balances.apply(&deposit(&balances, credits(40))).unwrap();
        assert_eq!((balances.available, balances.spent, balances.writeoff), (15, 25, 0));
        balances.apply(&settle(credits(25))).unwrap();
        assert_eq!((balances.settled, balances.chain), (25, -40));
    }

    #[test]
    fn a_refused_transfer_changes_nothing() {
        let mut balances = Balances::default();
        balances.apply(&deposit(&balances, credits(10))).unwrap();
        let before = balances;
        assert_eq!(balances.apply(&hold(credits(11))), Err(LedgerError::Below(Account::Available)));
        assert_eq!(balances, before);
    }

    proptest! {
        /// I2 and I4 over random walks: whatever is accepted keeps the sum at zero and every account in its range.
        #[test]
        fn conservation_over_random_walks(steps in prop::collection::vec((0..7u8, 0..1_000i64, 0..1_000i64), 1..60)) {
            let mut balances = Balances::default();
            for (verb, a, b) in steps {
                let (a, b) = (credits(a), credits(b));
                let transfers = match verb {
                    0 => deposit(&balances, a),
                    1 => hold(a),
                    2 => capture(a, b),
                    3 => settle(a),
                    4 => fill_withdrawal(&balances, a),
                    5 => cancel_withdrawal(&balances),
                    _ => withdraw(&balances, a.min(credits(-balances.chain))),
                };
                let _ = balances.apply(&transfers);
                prop_assert_eq!(balances.invariant(), Ok(()));
            }
        }
    }
}
