//! PERMIT an owner has staked: its weight over time, what is unlocking, what bonds a relay, what was slashed.

use anchor_lang::prelude::*;

use crate::{error::PermitPipeError, math, seed};

/// One owner's stake. Its PERMIT sits in a token account of its own.
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Stake {
    /// Layout of this account; see [`Stake::VERSION`].
    pub version: u8,
    /// Canonical bump of this address.
    pub bump: u8,
    /// Canonical bump of the stake's PERMIT token account.
    pub permit_bump: u8,
    /// Who staked and may unstake.
    pub owner: Pubkey,
    /// The one account whose fee is discounted: the owner of a vault.
    pub beneficiary: Pubkey,
    /// Number of the last event about this account; the first follows `math::event_base` of its slot.
    pub event_seq: u64,
    /// The amounts.
    pub position: Position,
    /// Room for later fields, zero until then.
    pub reserved: [u8; 84],
}

/// What a stake holds, in atoms of PERMIT.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Active stake.
    pub staked_atoms: u64,
    /// How much of it counted at `weighed_at`; the rest grows linearly over one warm-up from then.
    pub weight_atoms: u64,
    /// Unix seconds.
    pub weighed_at: i64,
    /// How much of it bonds a relay and cannot be unstaked.
    pub bonded_atoms: u64,
    /// What is cooling down, if anything. Counts for no discount; slashing reaches it.
    pub unlocking: Option<Unlocking>,
    /// Total ever slashed.
    pub slashed_atoms: u64,
}

/// Stake on its way out.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unlocking {
    /// What will be paid out.
    pub amount_atoms: u64,
    /// Unix seconds.
    pub unlocks_at: i64,
}

impl Stake {
    /// Layout number this program writes.
    pub const VERSION: u8 = 1;
    /// Bytes of the account, discriminator included.
    pub const SIZE: usize = 224;

    /// An empty stake.
    pub fn open(owner: Pubkey, beneficiary: Pubkey, slot: u64, bumps: (u8, u8)) -> Result<Self> {
        let event_seq = math::event_base(slot).ok_or(PermitPipeError::Overflow)?;
        let (bump, permit_bump) = bumps;
        Ok(Self {
            version: Self::VERSION,
            bump,
            permit_bump,
            owner,
            beneficiary,
            event_seq,
            position: Position::default(),
            reserved: [0; 84],
        })
    }

    /// What signs for the stake's address.
    pub fn signer_seeds<'a>(&'a self, bump: &'a [u8; 1]) -> [&'a [u8]; 3] {
        [seed::STAKE, self.owner.as_ref(), bump]
    }

    /// Names another beneficiary. The weight starts anew, so that one stake cannot serve several in turn.
    pub fn set_beneficiary(&mut self, beneficiary: Pubkey, now: i64) -> Result<()> {
        require!(beneficiary != self.beneficiary, PermitPipeError::SameBeneficiary);
        self.beneficiary = beneficiary;
        self.position.weight_atoms = 0;
        self.position.weighed_at = now;
        Ok(())
    }

    /// Ends the stake, if it is empty, and numbers its last event.
    pub fn end(&mut self, slot: u64) -> Result<u64> {
        require!(self.position.total_atoms()? == 0, PermitPipeError::StakeNotEmpty);
        require!(self.position.bonded_atoms == 0, PermitPipeError::StakeBonded);
        let event_seq = self.next_event()?;
        require!(math::is_closable(event_seq, slot), PermitPipeError::ClosedTooSoon);
        Ok(event_seq)
    }

    /// The number of the next event about this account.
    pub fn next_event(&mut self) -> Result<u64> {
        self.event_seq = math::next_event(self.event_seq).ok_or(PermitPipeError::Overflow)?;
        Ok(self.event_seq)
    }

    /// Checks what must hold whenever an instruction ends; `holdings_atoms` is what the token account holds.
    pub fn invariant(&self, holdings_atoms: u64) -> Result<()> {
        require!(self.version == Self::VERSION, PermitPipeError::UnknownVersion);
        require!(holdings_atoms >= self.position.total_atoms()?, PermitPipeError::HoldingsBelowBooks);
        let is_sound = self.position.weight_atoms <= self.position.staked_atoms
            && self.position.unlocking.is_none_or(|unlocking| unlocking.amount_atoms > 0);
        require!(is_sound, PermitPipeError::InvariantViolated);
        Ok(())
    }
}

impl Position {
    /// Active and unlocking stake together.
    pub fn total_atoms(&self) -> Result<u64> {
        let unlocking = self.unlocking.map_or(0, |unlocking| unlocking.amount_atoms);
        Ok(self.staked_atoms.checked_add(unlocking).ok_or(PermitPipeError::InvariantViolated)?)
    }

    /// What counts for the discount at `now`.
    pub fn weight_at(&self, now: i64, warm_up_seconds: i64) -> Result<u64> {
        let weight = math::weight(self.staked_atoms, self.weight_atoms, self.weighed_at, now, warm_up_seconds);
        Ok(weight.ok_or(PermitPipeError::Overflow)?)
    }

    /// Adds stake; what already counts keeps counting, the rest warms up anew.
    pub fn add(&mut self, amount_atoms: u64, now: i64, warm_up_seconds: i64) -> Result<()> {
        require!(amount_atoms > 0, PermitPipeError::ZeroAmount);
        self.weight_atoms = self.weight_at(now, warm_up_seconds)?;
        self.weighed_at = now;
        self.staked_atoms = math::sum(self.staked_atoms, amount_atoms).ok_or(PermitPipeError::Overflow)?;
        // Active and unlocking together must fit too.
        math::sum(self.total_atoms()?, 0).ok_or(PermitPipeError::Overflow)?;
        Ok(())
    }

    /// Starts the cool-down of `amount_atoms`. Returns when it is over.
    pub fn request_unstake(&mut self, amount_atoms: u64, now: i64, cool_down_seconds: i64) -> Result<i64> {
        require!(self.unlocking.is_none(), PermitPipeError::UnstakePending);
        require!(amount_atoms > 0, PermitPipeError::ZeroAmount);
        let left = self.staked_atoms.checked_sub(amount_atoms).ok_or(PermitPipeError::InsufficientStake)?;
        require!(left >= self.bonded_atoms, PermitPipeError::StakeBonded);
        let unlocks_at = math::deadline(now, cool_down_seconds).ok_or(PermitPipeError::Overflow)?;
        self.shrink(left)?;
        self.unlocking = Some(Unlocking { amount_atoms, unlocks_at });
        Ok(unlocks_at)
    }

    /// Takes the request back: the amount is active again and warms up like new stake. Returns the amount.
    pub fn cancel_unstake(&mut self, now: i64, warm_up_seconds: i64) -> Result<u64> {
        let Unlocking { amount_atoms, .. } = self.unlocking.take().ok_or(PermitPipeError::NoUnstake)?;
        self.add(amount_atoms, now, warm_up_seconds)?;
        Ok(amount_atoms)
    }

    /// Ends the cool-down and says what to pay.
    pub fn unstake(&mut self, now: i64) -> Result<u64> {
        let Unlocking { amount_atoms, unlocks_at } = self.unlocking.ok_or(PermitPipeError::NoUnstake)?;
        require!(math::is_due(now, unlocks_at), PermitPipeError::UnstakeNotReady);
        self.unlocking = None;
        Ok(amount_atoms)
    }

    /// Keeps `bond_atoms` of the active stake from being unstaked.
    pub fn bond(&mut self, bond_atoms: u64) -> Result<()> {
        require!(self.staked_atoms >= bond_atoms, PermitPipeError::BondTooSmall);
        self.bonded_atoms = bond_atoms;
        Ok(())
    }

    /// Takes `basis_points` of active and unlocking stake together, what unlocks first: what remains goes on bonding.
    /// Returns what was taken.
    pub fn slash(&mut self, basis_points: u16) -> Result<u64> {
        let total = self.total_atoms()?;
        require!(total > 0, PermitPipeError::NothingToSlash);
        let taken = math::penalty(total, basis_points).ok_or(PermitPipeError::Overflow)?;
        let from_unlocking = taken.min(self.unlocking.map_or(0, |unlocking| unlocking.amount_atoms));
        let from_active = taken.checked_sub(from_unlocking).ok_or(PermitPipeError::InvariantViolated)?;
        let left = self.staked_atoms.checked_sub(from_active).ok_or(PermitPipeError::InvariantViolated)?;
        self.shrink(left)?;
        if let Some(unlocking) = &mut self.unlocking {
            let left = unlocking.amount_atoms.checked_sub(from_unlocking);
            unlocking.amount_atoms = left.ok_or(PermitPipeError::InvariantViolated)?;
        }
        self.unlocking = self.unlocking.filter(|unlocking| unlocking.amount_atoms > 0);
        self.slashed_atoms = math::sum(self.slashed_atoms, taken).ok_or(PermitPipeError::Overflow)?;
        Ok(taken)
    }

    /// Leaves `left` atoms active; what counts shrinks in proportion, rounded down.
    fn shrink(&mut self, left: u64) -> Result<()> {
        if self.staked_atoms > 0 {
            let weight = math::scale(self.weight_atoms, left, self.staked_atoms);
            self.weight_atoms = weight.ok_or(PermitPipeError::Overflow)?;
        }
        self.staked_atoms = left;
        Ok(())
    }
}

const _: () = assert!(Stake::DISCRIMINATOR.len() + Stake::INIT_SPACE == Stake::SIZE);
