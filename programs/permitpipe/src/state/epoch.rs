//! Rewards of relays for one epoch: a Merkle root of who gets what, the USDC for it, and which leaves are paid.

use anchor_lang::prelude::*;

use crate::{error::PermitPipeError, math};

/// One epoch of rewards. Its USDC sits in a token account of its own.
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Layout of this account; see [`Epoch::VERSION`].
    pub version: u8,
    /// Canonical bump of this address.
    pub bump: u8,
    /// Canonical bump of the epoch's USDC token account.
    pub reward_bump: u8,
    /// From 1 on without gaps.
    pub number: u64,
    /// Number of the last event about this account; the first is 1.
    pub event_seq: u64,
    /// Merkle root of the claims.
    pub root: [u8; 32],
    /// How many claims the root covers.
    pub leaf_count: u32,
    /// What all claims together may take.
    pub total_atoms: u64,
    /// What claims took.
    pub claimed_atoms: u64,
    /// Unix seconds.
    pub published_at: i64,
    /// Who paid the rent of both accounts, and gets it back.
    pub payer: Pubkey,
    /// Room for later fields, zero until then.
    pub reserved: [u8; 37],
    /// One bit per leaf, lowest bit of the first byte first: set when it is paid.
    #[max_len(0)]
    pub claimed: Vec<u8>,
}

impl Epoch {
    /// Layout number this program writes.
    pub const VERSION: u8 = 1;
    /// Bytes of the account without its bitmap, discriminator included.
    pub const BASE_SIZE: usize = 160;
    /// The most leaves.
    pub const MAX_LEAVES: u32 = 16_384;

    /// Bytes of the account, discriminator included.
    pub fn size(leaf_count: u32) -> Result<usize> {
        require!((1..=Self::MAX_LEAVES).contains(&leaf_count), PermitPipeError::BadEpoch);
        let bitmap = usize::try_from(leaf_count.div_ceil(8)).ok();
        Ok(bitmap.and_then(|bytes| bytes.checked_add(Self::BASE_SIZE)).ok_or(PermitPipeError::Overflow)?)
    }

    /// Marks the leaf as paid and counts what it takes.
    pub fn claim(&mut self, index: u32, amount_atoms: u64) -> Result<()> {
        require!(amount_atoms > 0, PermitPipeError::ZeroAmount);
        let byte = usize::try_from(index >> 3).map_err(|_| PermitPipeError::BadProof)?;
        let byte = self.claimed.get_mut(byte).ok_or(PermitPipeError::BadProof)?;
        let bit = 1u8.checked_shl(index & 7).ok_or(PermitPipeError::Overflow)?;
        require!(*byte & bit == 0, PermitPipeError::AlreadyClaimed);
        *byte |= bit;
        let claimed = math::sum(self.claimed_atoms, amount_atoms).ok_or(PermitPipeError::Overflow)?;
        require!(claimed <= self.total_atoms, PermitPipeError::EpochExhausted);
        self.claimed_atoms = claimed;
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
        let bits = usize::try_from(self.leaf_count.div_ceil(8)).ok();
        let is_sound =
            self.claimed_atoms <= self.total_atoms && self.total_atoms > 0 && bits == Some(self.claimed.len());
        require!(is_sound, PermitPipeError::InvariantViolated);
        Ok(())
    }
}

const _: () = assert!(Epoch::DISCRIMINATOR.len() + Epoch::INIT_SPACE == Epoch::BASE_SIZE);
