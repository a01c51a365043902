//! The newest checkpoint of an audit log, as a public witness: the log can neither shrink nor fork behind it.

use anchor_lang::prelude::*;

use crate::{error::PermitPipeError, math};

/// One log's newest anchored checkpoint.
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Layout of this account; see [`Anchor::VERSION`].
    pub version: u8,
    /// Canonical bump of this address.
    pub bump: u8,
    /// The log's id: SHA-256 of its origin.
    pub log: [u8; 32],
    /// Number of the last event about this account; the first is 1.
    pub event_seq: u64,
    /// Entries in the log.
    pub size: u64,
    /// Root of its Merkle tree.
    pub root: [u8; 32],
    /// When it was anchored.
    pub slot: u64,
    /// Room for later fields, zero until then.
    pub reserved: [u8; 30],
}

impl Anchor {
    /// Layout number this program writes.
    pub const VERSION: u8 = 1;
    /// Bytes of the account, discriminator included.
    pub const SIZE: usize = 128;

    /// Moves the anchor forward.
    pub fn advance(&mut self, size: u64, root: [u8; 32], slot: u64) -> Result<()> {
        require!(size <= math::MAX_ATOMS, PermitPipeError::Overflow);
        require!(size >= self.size, PermitPipeError::LogShrank);
        require!(size > self.size || root == self.root, PermitPipeError::LogForked);
        (self.size, self.root, self.slot) = (size, root, slot);
        Ok(())
    }

    /// The number of the next event about this account.
    pub fn next_event(&mut self) -> Result<u64> {
        self.event_seq = math::next_event(self.event_seq).ok_or(PermitPipeError::Overflow)?;
        Ok(self.event_seq)
    }

    /// Checks what must hold whenever an instruction ends.
    pub fn invariant(&self) -> Result<()> {
        require!(self.version == Self::VERSION, PermitPipeError::UnknownVersion);
        Ok(())
    }
}

const _: () = assert!(Anchor::DISCRIMINATOR.len() + Anchor::INIT_SPACE == Anchor::SIZE);
