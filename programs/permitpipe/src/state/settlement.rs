//! One payment to the treasury and the receipts it stands for. Written once, never changed, closed after its retention.

use anchor_lang::prelude::*;

use super::Asset;
use crate::error::PermitPipeError;

/// Proof of one settlement: who was charged, how much, and the Merkle root of the receipts.
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Layout of this account; see [`Settlement::VERSION`].
    pub version: u8,
    /// Canonical bump of this address.
    pub bump: u8,
    /// In what it was paid.
    pub asset: Asset,
    /// The vault that paid.
    pub vault: Pubkey,
    /// The vault's settlement number, without gaps.
    pub sequence: u64,
    /// What was paid, in atoms of the asset.
    pub amount_atoms: u64,
    /// What the receipts add up to, in credits.
    pub charge_credits: u64,
    /// How many receipts the root covers.
    pub receipt_count: u32,
    /// Merkle root of the receipts.
    pub receipts_root: [u8; 32],
    /// Unix seconds.
    pub settled_at: i64,
    /// Who paid the rent of this account, and gets it back.
    pub payer: Pubkey,
    /// Room for later fields, zero until then.
    pub reserved: [u8; 25],
}

impl Settlement {
    /// Layout number this program writes.
    pub const VERSION: u8 = 2;
    /// Bytes of the account, discriminator included.
    pub const SIZE: usize = 168;

    /// Checks what must hold whenever an instruction ends.
    pub fn invariant(&self) -> Result<()> {
        require!(self.version == Self::VERSION, PermitPipeError::UnknownVersion);
        let is_sound = self.sequence > 0 && self.amount_atoms > 0 && self.receipt_count > 0;
        require!(is_sound, PermitPipeError::InvariantViolated);
        Ok(())
    }
}

const _: () = assert!(Settlement::DISCRIMINATOR.len() + Settlement::INIT_SPACE == Settlement::SIZE);
