//! What can be changed in the config, and within which bounds.

use anchor_lang::prelude::*;

use super::{Asset, Config};
use crate::{error::PermitPipeError, math};

/// A change that waits for its time.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingChange {
    /// What will change.
    pub change: Change,
    /// From when on it can be accepted, in Unix seconds.
    pub eta: i64,
}

/// What can be changed, and to what.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Another admin, who must accept it.
    Admin(Pubkey),
    /// Another guardian.
    Guardian(Pubkey),
    /// Another settle authority.
    SettleAuthority(Pubkey),
    /// Another verifier.
    Verifier(Pubkey),
    /// Other limits.
    Limits(Limits),
    /// Other windows and delays. Withdrawals, cap cuts, unstakes, accusations and retirements that wait keep their time;
    /// windows, warm-ups, retentions and the cool-down of relays follow the new ones.
    Timing(Timing),
    /// Other bonds and shares; bonds in place stay as they are.
    Bonds(Bonds),
    /// Another fee.
    Fee(Fee),
    /// Other tiers.
    Tiers([Tier; Tier::COUNT]),
    /// Another price account, or other bounds.
    Oracle(Oracle),
}

impl Change {
    /// Puts the change into force.
    pub(super) fn apply(self, config: &mut Config) {
        match self {
            Self::Admin(key) => config.admin = key,
            Self::Guardian(key) => config.guardian = key,
            Self::SettleAuthority(key) => config.settle_authority = key,
            Self::Verifier(key) => config.verifier = key,
            Self::Limits(limits) => config.limits = limits,
            Self::Timing(timing) => config.timing = timing,
            Self::Bonds(bonds) => config.bonds = bonds,
            Self::Fee(fee) => config.fee = fee,
            Self::Tiers(tiers) => config.tiers = tiers,
            Self::Oracle(oracle) => config.oracle = Some(oracle),
        }
    }
}

/// Smallest deposits, largest settlements.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most USDC one settlement may take; 0 stops settling USDC.
    pub settle_cap_atoms: u64,
    /// The most lamports one settlement may take; 0 stops settling SOL.
    pub settle_cap_lamports: u64,
    /// The smallest deposit of USDC.
    pub min_deposit_atoms: u64,
    /// The smallest deposit of SOL.
    pub min_deposit_lamports: u64,
}

impl Limits {
    pub(super) const fn settle_cap_mut(&mut self, asset: Asset) -> &mut u64 {
        match asset {
            Asset::Usdc => &mut self.settle_cap_atoms,
            Asset::Sol => &mut self.settle_cap_lamports,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        require!(self.min_deposit_atoms > 0 && self.min_deposit_lamports > 0, PermitPipeError::BadLimits);
        Ok(())
    }
}

/// Windows, delays and retention, in seconds.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Length of the window that owners' caps count in.
    pub window_seconds: i64,
    /// From the request of a withdrawal to its payment, and from the request of a cap cut to its effect.
    pub withdrawal_delay_seconds: i64,
    /// From the proposal of a change, or the accusation of a template, to when it can be carried out.
    pub change_delay_seconds: i64,
    /// From the request to unstake (or the retirement of a relay or template) to when the PERMIT is free.
    pub cool_down_seconds: i64,
    /// From staking to full weight.
    pub warm_up_seconds: i64,
    /// How long settlements, epochs and retired plans are kept.
    pub retention_seconds: i64,
}

impl Timing {
    /// The longest delay: nobody's exit may be locked away by a number.
    pub const MAX_DELAY_SECONDS: i64 = 30 * 24 * 60 * 60;
    /// The longest warm-up and retention, which lock nothing away.
    pub const MAX_SPAN_SECONDS: i64 = 366 * 24 * 60 * 60;

    pub(super) fn check(&self) -> Result<()> {
        let delays =
            [self.window_seconds, self.withdrawal_delay_seconds, self.change_delay_seconds, self.cool_down_seconds];
        let is_short = delays.iter().all(|seconds| (1..=Self::MAX_DELAY_SECONDS).contains(seconds));
        let spans = [self.warm_up_seconds, self.retention_seconds];
        let is_sane = spans.iter().all(|seconds| (1..=Self::MAX_SPAN_SECONDS).contains(seconds));
        // One full window must fit before any exit, so that what was spent can be settled first; and an owner who asks
        // when a change is proposed is paid by the time it is accepted.
        let fits = self.window_seconds <= self.withdrawal_delay_seconds
            && self.withdrawal_delay_seconds <= self.change_delay_seconds;
        require!(is_short && is_sane && fits, PermitPipeError::BadDelay);
        Ok(())
    }
}

/// Bonds in PERMIT, and what a contradiction costs.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bonds {
    /// The stake a relay must keep while it is registered.
    pub relay_atoms: u64,
    /// The bond a template's publisher puts up.
    pub template_atoms: u64,
    /// What one contradiction takes of the relay's stake, in basis points.
    pub slash_basis_points: u16,
    /// What the reporter gets of what is slashed, in basis points; at most half, so that reporting oneself never pays.
    pub reporter_basis_points: u16,
}

impl Bonds {
    /// The reporter's largest share.
    pub const MAX_REPORTER_BASIS_POINTS: u16 = 5_000;

    pub(super) fn check(&self) -> Result<()> {
        let amounts = 1..=math::MAX_ATOMS;
        let is_sound = amounts.contains(&self.relay_atoms)
            && amounts.contains(&self.template_atoms)
            && (1..=math::BASIS_POINTS).contains(&self.slash_basis_points)
            && self.reporter_basis_points <= Self::MAX_REPORTER_BASIS_POINTS;
        require!(is_sound, PermitPipeError::BadBonds);
        Ok(())
    }
}

/// What the operator charges for forwarding.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fee {
    /// Credits for each request.
    pub request_credits: u64,
    /// Credits for each mebibyte.
    pub mebibyte_credits: u64,
}

impl Fee {
    pub(super) fn check(&self) -> Result<()> {
        let is_sound = self.request_credits <= math::MAX_ATOMS && self.mebibyte_credits <= math::MAX_ATOMS;
        require!(is_sound, PermitPipeError::BadLimits);
        Ok(())
    }
}

/// One step of the discount on the fee.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// From this weighted stake on; 0 where the tier is not in use.
    pub min_weight_atoms: u64,
    /// Discount in basis points.
    pub discount_basis_points: u16,
}

impl Tier {
    /// How many there can be.
    pub const COUNT: usize = 5;

    /// Whether the tier counts.
    pub const fn is_used(&self) -> bool {
        self.min_weight_atoms > 0
    }

    /// Tiers in use come first and rise; the others are zero.
    pub(super) fn check(tiers: &[Self; Self::COUNT]) -> Result<()> {
        let mut before = Self::default();
        let mut is_sound = true;
        for (index, tier) in tiers.iter().enumerate() {
            let rises = tier.min_weight_atoms > before.min_weight_atoms
                && tier.discount_basis_points > before.discount_basis_points
                && tier.min_weight_atoms <= math::MAX_ATOMS
                && tier.discount_basis_points <= math::BASIS_POINTS
                && (index == 0 || before.is_used());
            is_sound = is_sound && (rises || *tier == Self::default());
            before = *tier;
        }
        require!(is_sound, PermitPipeError::BadTiers);
        Ok(())
    }
}

/// Where SOL is priced in dollars, and how sure the price must be.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oracle {
    /// The price account; no other is read, so that nobody can choose among updates.
    pub account: Pubkey,
    /// The feed it must hold.
    pub feed_id: [u8; 32],
    /// From this age on a price is stale, in seconds.
    pub max_age_seconds: i64,
    /// The widest confidence interval, in basis points of the price.
    pub max_confidence_basis_points: u16,
}

impl Oracle {
    /// The oldest price a config may allow.
    pub const MAX_AGE_SECONDS: i64 = 120;
    /// The widest confidence a config may allow.
    pub const MAX_CONFIDENCE_BASIS_POINTS: u16 = 1_000;

    pub(super) fn check(&self) -> Result<()> {
        let is_sound = self.account != Pubkey::default()
            && (1..=Self::MAX_AGE_SECONDS).contains(&self.max_age_seconds)
            && (1..=Self::MAX_CONFIDENCE_BASIS_POINTS).contains(&self.max_confidence_basis_points);
        require!(is_sound, PermitPipeError::BadOracle);
        Ok(())
    }
}
