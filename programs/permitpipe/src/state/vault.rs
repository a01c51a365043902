//! An owner's prepaid credit: one book per asset, one sequence of settlements.

use anchor_lang::prelude::*;

use super::{Asset, Book};
use crate::{error::PermitPipeError, math, seed};

/// One owner's vault. Its lamports above the rent are the SOL it holds.
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Vault {
    /// Layout of this account; see [`Vault::VERSION`].
    pub version: u8,
    /// Canonical bump of this address.
    pub bump: u8,
    /// Canonical bump of the vault's USDC token account.
    pub usdc_bump: u8,
    /// Who funds it and may withdraw.
    pub owner: Pubkey,
    /// Number of the last event about this account; the first follows `math::event_base` of its slot.
    pub event_seq: u64,
    /// Number of the last settlement; starts where `event_seq` does.
    pub settle_sequence: u64,
    /// Its USDC.
    pub usdc: Book,
    /// Its SOL.
    pub sol: Book,
    /// Room for later fields, zero until then.
    pub reserved: [u8; 97],
}

impl Vault {
    /// Layout number this program writes.
    pub const VERSION: u8 = 2;
    /// Bytes of the account, discriminator included.
    pub const SIZE: usize = 320;

    /// An empty vault.
    pub fn open(owner: Pubkey, caps: (u64, u64), clock: &Clock, bumps: (u8, u8)) -> Result<Self> {
        let base = math::event_base(clock.slot).ok_or(PermitPipeError::Overflow)?;
        let (bump, usdc_bump) = bumps;
        Ok(Self {
            version: Self::VERSION,
            bump,
            usdc_bump,
            owner,
            event_seq: base,
            settle_sequence: base,
            usdc: Book::open(caps.0, clock.unix_timestamp)?,
            sol: Book::open(caps.1, clock.unix_timestamp)?,
            reserved: [0; 97],
        })
    }

    /// The book of `asset`.
    pub const fn book(&mut self, asset: Asset) -> &mut Book {
        match asset {
            Asset::Usdc => &mut self.usdc,
            Asset::Sol => &mut self.sol,
        }
    }

    /// What signs for the vault's address.
    pub fn signer_seeds<'a>(&'a self, bump: &'a [u8; 1]) -> [&'a [u8]; 3] {
        [seed::VAULT, self.owner.as_ref(), bump]
    }

    /// The next settlement's number, if `given` is it.
    pub fn expect_sequence(&self, given: u64) -> Result<u64> {
        let next = self.settle_sequence.checked_add(1).ok_or(PermitPipeError::Overflow)?;
        require!(given == next, PermitPipeError::WrongSequence);
        Ok(next)
    }

    /// Books the settlement of that number.
    pub fn settle(&mut self, asset: Asset, sequence: u64, amount_atoms: u64, when: (i64, i64)) -> Result<()> {
        require!(amount_atoms > 0, PermitPipeError::ZeroAmount);
        self.settle_sequence = self.expect_sequence(sequence)?;
        let (now, window_seconds) = when;
        self.book(asset).settle(amount_atoms, now, window_seconds)
    }

    /// Ends the vault, if it is empty, and numbers its last event. `lamports` is what it holds above its rent: where
    /// rent has risen over it there is nothing to withdraw, and closing gives the owner everything.
    pub fn end(&mut self, slot: u64, lamports: u64) -> Result<u64> {
        let is_empty =
            self.usdc.is_empty()? && (self.sol.is_empty()? || (lamports == 0 && self.sol.withdrawal.is_none()));
        require!(is_empty, PermitPipeError::VaultNotEmpty);
        let event_seq = self.next_event()?;
        require!(math::is_closable(event_seq, slot), PermitPipeError::ClosedTooSoon);
        Ok(event_seq)
    }

    /// The number of the next event about this account.
    pub fn next_event(&mut self) -> Result<u64> {
        self.event_seq = math::next_event(self.event_seq).ok_or(PermitPipeError::Overflow)?;
        Ok(self.event_seq)
    }

    /// Checks what must hold whenever an instruction ends.
    pub fn invariant(&self) -> Result<()> {
        require!(self.version == Self::VERSION, PermitPipeError::UnknownVersion);
        self.usdc.invariant()?;
        self.sol.invariant()
    }
}

const _: () = assert!(Vault::DISCRIMINATOR.len() + Vault::INIT_SPACE == Vault::SIZE);
