//! A plan that is sold for a period, and who has bought it until when.

use anchor_lang::prelude::*;

use crate::{error::PermitPipeError, math};

/// One plan. Its terms never change: another price is another plan.
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Layout of this account; see [`Plan::VERSION`].
    pub version: u8,
    /// Canonical bump of this address.
    pub bump: u8,
    /// From 1 on without gaps.
    pub number: u64,
    /// Number of the last event about this account; the first is 1.
    pub event_seq: u64,
    /// Price of one period in USDC.
    pub price_atoms: u64,
    /// Length of one period.
    pub period_seconds: i64,
    /// Requests that one period includes; 0 for no limit.
    pub request_limit: u64,
    /// When it was retired, if it was, in Unix seconds.
    pub retired_at: Option<i64>,
    /// Who paid the rent of this account, and gets it back.
    pub payer: Pubkey,
    /// Room for later fields, zero until then.
    pub reserved: [u8; 37],
}

/// Until when an owner has paid for a plan.
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Layout of this account; see [`Subscription::VERSION`].
    pub version: u8,
    /// Canonical bump of this address.
    pub bump: u8,
    /// Who paid.
    pub owner: Pubkey,
    /// The plan's number.
    pub plan: u64,
    /// Number of the last event about this account; the first follows `math::event_base` of its slot.
    pub event_seq: u64,
    /// Unix seconds.
    pub expires_at: i64,
    /// All that was paid, in atoms of USDC.
    pub paid_atoms: u64,
    /// Room for later fields, zero until then.
    pub reserved: [u8; 30],
}

impl Plan {
    /// Layout number this program writes.
    pub const VERSION: u8 = 1;
    /// Bytes of the account, discriminator included.
    pub const SIZE: usize = 128;
    /// The shortest period.
    pub const MIN_PERIOD_SECONDS: i64 = 60;
    /// The longest period, and the longest time anybody can pay ahead.
    pub const MAX_PERIOD_SECONDS: i64 = 366 * 24 * 60 * 60;

    /// Ends its sale.
    pub fn retire(&mut self, now: i64) -> Result<()> {
        require!(self.retired_at.is_none(), PermitPipeError::PlanRetired);
        self.retired_at = Some(now);
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
        let is_sound = (1..=math::MAX_ATOMS).contains(&self.price_atoms)
            && (Self::MIN_PERIOD_SECONDS..=Self::MAX_PERIOD_SECONDS).contains(&self.period_seconds)
            && self.request_limit <= math::MAX_ATOMS;
        require!(is_sound, PermitPipeError::BadPlan);
        Ok(())
    }
}

impl Subscription {
    /// Layout number this program writes.
    pub const VERSION: u8 = 1;
    /// Bytes of the account, discriminator included.
    pub const SIZE: usize = 104;

    /// Nothing bought yet.
    pub fn open(owner: Pubkey, plan: u64, clock: &Clock, bump: u8) -> Result<Self> {
        let event_seq = math::event_base(clock.slot).ok_or(PermitPipeError::Overflow)?;
        let (version, expires_at) = (Self::VERSION, clock.unix_timestamp);
        Ok(Self { version, bump, owner, plan, event_seq, expires_at, paid_atoms: 0, reserved: [0; 30] })
    }

    /// Adds `periods` of `plan` from the expiry, or from now where that is past. Returns what they cost.
    pub fn extend(&mut self, plan: &Plan, periods: u32, now: i64) -> Result<u64> {
        require!(plan.retired_at.is_none(), PermitPipeError::PlanRetired);
        require!(periods > 0, PermitPipeError::BadPeriods);
        let seconds = plan.period_seconds.checked_mul(periods.into()).ok_or(PermitPipeError::BadPeriods)?;
        let expires_at = math::deadline(self.expires_at.max(now), seconds).ok_or(PermitPipeError::BadPeriods)?;
        let horizon = math::deadline(now, Plan::MAX_PERIOD_SECONDS).ok_or(PermitPipeError::Overflow)?;
        require!(expires_at <= horizon, PermitPipeError::BadPeriods);
        let cost = plan.price_atoms.checked_mul(periods.into()).ok_or(PermitPipeError::Overflow)?;
        self.paid_atoms = math::sum(self.paid_atoms, cost).ok_or(PermitPipeError::Overflow)?;
        self.expires_at = expires_at;
        Ok(cost)
    }

    /// Ends an expired subscription and numbers its last event.
    pub fn end(&mut self, clock: &Clock) -> Result<u64> {
        require!(math::is_due(clock.unix_timestamp, self.expires_at), PermitPipeError::SubscriptionRunning);
        let event_seq = self.next_event()?;
        require!(math::is_closable(event_seq, clock.slot), PermitPipeError::ClosedTooSoon);
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
        require!(self.paid_atoms > 0 && self.plan > 0, PermitPipeError::InvariantViolated);
        Ok(())
    }
}

const _: () = assert!(Plan::DISCRIMINATOR.len() + Plan::INIT_SPACE == Plan::SIZE);
const _: () = assert!(Subscription::DISCRIMINATOR.len() + Subscription::INIT_SPACE == Subscription::SIZE);
