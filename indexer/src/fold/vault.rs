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
            // That it is empty is a rule of the table.
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
