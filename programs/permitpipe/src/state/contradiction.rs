//! The record that a relay was slashed for contradicting itself about one place of one stream. Kept for ever, so that
//! each contradiction is punished once.

use anchor_lang::prelude::*;

use crate::error::PermitPipeError;

/// One proven contradiction.
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// Layout of this account; see [`Contradiction::VERSION`].
    pub version: u8,
    /// Canonical bump of this address.
    pub bump: u8,
    /// Who contradicted itself.
    pub relay: Pubkey,
    /// In which stream.
    pub stream: [u8; 32],
    /// At which place of it.
    pub sequence: u64,
    /// Who reported it.
    pub reporter: Pubkey,
    /// What was slashed, in atoms of PERMIT.
    pub slashed_atoms: u64,
    /// Unix seconds.
    pub slashed_at: i64,
    /// Room for later fields, zero until then.
    pub reserved: [u8; 14],
}

impl Contradiction {
    /// Layout number this program writes.
    pub const VERSION: u8 = 1;
    /// Bytes of the account, discriminator included.
    pub const SIZE: usize = 144;

    /// Checks what must hold whenever an instruction ends.
    pub fn invariant(&self) -> Result<()> {
        require!(self.version == Self::VERSION, PermitPipeError::UnknownVersion);
        require!(self.slashed_atoms > 0, PermitPipeError::InvariantViolated);
        Ok(())
    }
}

const _: () = assert!(Contradiction::DISCRIMINATOR.len() + Contradiction::INIT_SPACE == Contradiction::SIZE);
