//! Who may do what, and within which limits. One per program.
//!
//! Changes are proposed, wait, and are then accepted; only steps that take power away (pause, a lower settle cap, a
//! veto) work at once. What can change, and within which bounds, is in `change.rs`.

use anchor_lang::prelude::*;

use super::change::{Bonds, Change, Fee, Limits, Oracle, PendingChange, Tier, Timing};
use crate::{error::PermitPipeError, math, state::Asset};

/// The program's authorities, mints, limits and delays.
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Config {
    /// Layout of this account; see [`Config::VERSION`].
    pub version: u8,
    /// Canonical bump of this address.
    pub bump: u8,
    /// While set, no new promise is made: no vault, deposit, stake, relay, template or plan. Never stops an exit.
    pub is_paused: bool,
    /// Proposes and accepts changes.
    pub admin: Pubkey,
    /// May pause, lower the settle caps and cancel changes (but not its own replacement); nothing else.
    pub guardian: Pubkey,
    /// Signs settlements, reward epochs and anchors.
    pub settle_authority: Pubkey,
    /// Verifies and accuses templates.
    pub verifier: Pubkey,
    /// The mint of USDC; 1 atom is 1 credit.
    pub usdc_mint: Pubkey,
    /// The mint of PERMIT.
    pub permit_mint: Pubkey,
    /// The USDC token account that settlements and plans pay; fixed for ever.
    pub treasury: Pubkey,
    /// The wallet that settlements in SOL pay; fixed for ever.
    pub sol_treasury: Pubkey,
    /// The PERMIT token account that takes what is slashed and forfeited; fixed for ever.
    pub insurance: Pubkey,
    /// Smallest deposits, largest settlements.
    pub limits: Limits,
    /// Windows, delays and retention.
    pub timing: Timing,
    /// Bonds, and what a contradiction costs.
    pub bonds: Bonds,
    /// What the operator charges; the broker applies it.
    pub fee: Fee,
    /// Discounts on the fee by weighted stake; the broker applies them.
    pub tiers: [Tier; Tier::COUNT],
    /// Where SOL is priced; without it no SOL is taken.
    pub oracle: Option<Oracle>,
    /// The change that waits, if any.
    pub pending_change: Option<PendingChange>,
    /// Number of the last epoch of rewards; the first is 1.
    pub epoch_count: u64,
    /// Number of the last plan; the first is 1.
    pub plan_count: u64,
    /// Number of the last event about this account; the first is 1.
    pub event_seq: u64,
    /// Room for later fields, zero until then.
    pub reserved: [u8; 376],
}

impl Config {
    /// Layout number this program writes.
    pub const VERSION: u8 = 2;
    /// Bytes of the account, discriminator included.
    pub const SIZE: usize = 1_024;
    /// How long after its eta a change, or an accusation, can still be carried out.
    pub const CHANGE_LIFETIME_SECONDS: i64 = 14 * 24 * 60 * 60;

    /// Whether `key` may take power away.
    pub fn is_guardian_or_admin(&self, key: &Pubkey) -> bool {
        *key == self.guardian || *key == self.admin
    }

    /// Refuses new promises while the program is paused.
    pub fn require_running(&self) -> Result<()> {
        require!(!self.is_paused, PermitPipeError::Paused);
        Ok(())
    }

    /// Puts `change` on the shelf and says when it can be accepted.
    pub fn propose(&mut self, change: Change, now: i64) -> Result<i64> {
        require!(self.pending_change.is_none(), PermitPipeError::ChangePending);
        self.check(&change)?;
        let eta = math::deadline(now, self.timing.change_delay_seconds).ok_or(PermitPipeError::Overflow)?;
        self.pending_change = Some(PendingChange { change, eta });
        Ok(eta)
    }

    /// Applies the waiting change if it is due and `by` may accept it.
    pub fn accept(&mut self, by: &Pubkey, now: i64) -> Result<Change> {
        let PendingChange { change, eta } = self.pending_change.ok_or(PermitPipeError::NoPendingChange)?;
        let accepter = if let Change::Admin(new) = change { new } else { self.admin };
        require!(*by == accepter, PermitPipeError::NotAccepter);
        require!(math::is_due(now, eta), PermitPipeError::ChangeNotReady);
        let end = math::deadline(eta, Self::CHANGE_LIFETIME_SECONDS).ok_or(PermitPipeError::Overflow)?;
        require!(!math::is_due(now, end), PermitPipeError::ChangeExpired);
        change.apply(self);
        self.pending_change = None;
        Ok(change)
    }

    /// Drops the waiting change. The guardian cannot drop its own replacement, or it could never be replaced.
    pub fn cancel(&mut self, by: &Pubkey) -> Result<Change> {
        let PendingChange { change, .. } = self.pending_change.ok_or(PermitPipeError::NoPendingChange)?;
        let is_own = matches!(change, Change::Guardian(_)) && *by != self.admin;
        require!(!is_own, PermitPipeError::VetoOfReplacement);
        self.pending_change = None;
        Ok(change)
    }

    /// Stops new promises.
    pub fn pause(&mut self) -> Result<()> {
        require!(!self.is_paused, PermitPipeError::AlreadyPaused);
        self.is_paused = true;
        Ok(())
    }

    /// Allows new promises again.
    pub fn unpause(&mut self) -> Result<()> {
        require!(self.is_paused, PermitPipeError::NotPaused);
        self.is_paused = false;
        Ok(())
    }

    /// The most one settlement may take; 0 stops settling.
    pub fn settle_cap_atoms(&self, asset: Asset) -> u64 {
        match asset {
            Asset::Usdc => self.limits.settle_cap_atoms,
            Asset::Sol => self.limits.settle_cap_lamports,
        }
    }

    /// Lowers what one settlement may take, at once; never raises it. A change that waits cannot raise it either: it was
    /// proposed before there was a reason to lower.
    pub fn lower_settle_cap(&mut self, asset: Asset, settle_cap_atoms: u64) -> Result<()> {
        let cap = self.limits.settle_cap_mut(asset);
        require!(settle_cap_atoms < *cap, PermitPipeError::CapNotLower);
        *cap = settle_cap_atoms;
        if let Some(PendingChange { change: Change::Limits(limits), .. }) = &mut self.pending_change {
            let waiting = limits.settle_cap_mut(asset);
            *waiting = settle_cap_atoms.min(*waiting);
        }
        Ok(())
    }

    /// The number of the next epoch, if `given` is it.
    pub fn expect_epoch(&self, given: u64) -> Result<u64> {
        require!(self.epoch_count.checked_add(1) == Some(given), PermitPipeError::WrongEpoch);
        Ok(given)
    }

    /// The number of the next plan, if `given` is it.
    pub fn expect_plan(&self, given: u64) -> Result<u64> {
        require!(self.plan_count.checked_add(1) == Some(given), PermitPipeError::WrongPlan);
        Ok(given)
    }

    /// The discount on the fee that `weight_atoms` of stake give, in basis points.
    pub fn discount_basis_points(&self, weight_atoms: u64) -> u16 {
        let reached = self.tiers.iter().rev().find(|tier| tier.is_used() && weight_atoms >= tier.min_weight_atoms);
        reached.map_or(0, |tier| tier.discount_basis_points)
    }

    /// Until when a record made at `since` is kept.
    pub fn require_retained(&self, since: i64, now: i64) -> Result<()> {
        let end = math::deadline(since, self.timing.retention_seconds).ok_or(PermitPipeError::Overflow)?;
        require!(math::is_due(now, end), PermitPipeError::StillRetained);
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
        for authority in [self.admin, self.guardian, self.settle_authority, self.verifier] {
            require!(authority != Pubkey::default(), PermitPipeError::DefaultAuthority);
        }
        require!(self.usdc_mint != self.permit_mint, PermitPipeError::SameMint);
        self.limits.check()?;
        self.fee.check()?;
        self.timing.check()?;
        self.bonds.check()?;
        Tier::check(&self.tiers)?;
        self.oracle.as_ref().map_or(Ok(()), Oracle::check)
    }

    /// Refuses a change that could not be accepted.
    fn check(&self, change: &Change) -> Result<()> {
        match change {
            Change::Admin(key) | Change::Guardian(key) | Change::SettleAuthority(key) | Change::Verifier(key) => {
                require!(*key != Pubkey::default(), PermitPipeError::DefaultAuthority);
                Ok(())
            }
            Change::Limits(limits) => limits.check(),
            Change::Timing(timing) => timing.check(),
            Change::Bonds(bonds) => bonds.check(),
            Change::Fee(fee) => fee.check(),
            Change::Tiers(tiers) => Tier::check(tiers),
            Change::Oracle(oracle) => oracle.check(),
        }
    }
}

const _: () = assert!(Config::DISCRIMINATOR.len() + Config::INIT_SPACE == Config::SIZE);
