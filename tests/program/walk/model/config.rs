//! Changes of the config.

use permitpipe_sdk::chain::{self, Bonds, Fee, Limits, Oracle, Tier, Timing};

use super::{Model, Number, Verdict, rule};
use crate::world::Asset;

/// Signers are numbers of keys.
#[derive(Clone)]
pub struct Config {
    pub is_paused: bool,
    pub admin: u8,
    pub guardian: u8,
    pub settler: u8,
    pub verifier: u8,
    pub limits: Limits,
    pub timing: Timing,
    pub bonds: Bonds,
    pub fee: Fee,
    pub tiers: [Tier; Tier::COUNT],
    pub oracle: Oracle,
    pub pending: Option<(Change, i64)>,
    pub event_seq: u64,
    pub epoch_count: u64,
    pub plan_count: u64,
}

/// Who or what changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    Admin(u8),
    Guardian(u8),
    Settler(u8),
    Verifier(u8),
    Limits(Limits),
    Timing(Timing),
    Bonds(Bonds),
    Fee(Fee),
    Tiers([Tier; Tier::COUNT]),
    Oracle(Oracle),
}

const FORTNIGHT: i64 = 14 * 24 * 60 * 60;

impl Model {
    pub fn propose(&mut self, by: u8, change: Change) -> Verdict {
        rule(by == self.config.admin, "not the admin")?;
        rule(self.config.pending.is_none(), "another change waits")?;
        let is_sound = match change {
            Change::Limits(limits) => limits.min_deposit_atoms > 0 && limits.min_deposit_lamports > 0,
            Change::Timing(timing) => is_sound(&timing),
            Change::Bonds(bonds) => bonds.slash_basis_points > 0 && bonds.slash_basis_points <= 10_000,
            Change::Fee(fee) => {
                i64::try_from(fee.request_credits).is_ok() && i64::try_from(fee.mebibyte_credits).is_ok()
            }
            Change::Tiers(tiers) => rises(&tiers),
            Change::Oracle(oracle) => {
                (1..=120).contains(&oracle.max_age_seconds) && (1..=1_000).contains(&oracle.max_confidence_basis_points)
            }
            _ => true,
        };
        rule(is_sound, "out of bounds")?;
        self.config.pending = Some((change, self.now + self.config.timing.change_delay_seconds));
        self.config.event_seq += 1;
        Ok(())
    }

    pub fn accept(&mut self, by: u8) -> Verdict {
        let Some((change, eta)) = self.config.pending else { return Err("nothing waits") };
        let accepter = if let Change::Admin(new) = change { new } else { self.config.admin };
        rule(by == accepter, "not who accepts")?;
        rule((eta..eta + FORTNIGHT).contains(&self.now), "too early or too late")?;
        let config = &mut self.config;
        match change {
            Change::Admin(key) => config.admin = key,
            Change::Guardian(key) => config.guardian = key,
            Change::Settler(key) => config.settler = key,
            Change::Verifier(key) => config.verifier = key,
            Change::Limits(limits) => config.limits = limits,
            Change::Timing(timing) => config.timing = timing,
            Change::Bonds(bonds) => config.bonds = bonds,
            Change::Fee(fee) => config.fee = fee,
            Change::Tiers(tiers) => config.tiers = tiers,
            Change::Oracle(oracle) => config.oracle = oracle,
        }
        config.pending = None;
        config.event_seq += 1;
        Ok(())
    }

    pub fn cancel(&mut self, by: u8) -> Verdict {
        self.powerful(by)?;
        let Some((change, _)) = self.config.pending else { return Err("nothing waits") };
        let is_own = matches!(change, Change::Guardian(_)) && by != self.config.admin;
        rule(!is_own, "vetoes its own replacement")?;
        self.config.pending = None;
        self.config.event_seq += 1;
        Ok(())
    }

    pub fn pause(&mut self, by: u8) -> Verdict {
        self.powerful(by)?;
        self.running()?;
        self.config.is_paused = true;
        self.config.event_seq += 1;
        Ok(())
    }

    pub fn unpause(&mut self, by: u8) -> Verdict {
        rule(by == self.config.admin, "not the admin")?;
        rule(self.config.is_paused, "not paused")?;
        self.config.is_paused = false;
        self.config.event_seq += 1;
        Ok(())
    }

    pub fn lower_settle_cap(&mut self, by: u8, asset: Asset, cap: u64) -> Verdict {
        self.powerful(by)?;
        let present = match asset {
            Asset::Usdc => &mut self.config.limits.settle_cap_atoms,
            Asset::Sol => &mut self.config.limits.settle_cap_lamports,
        };
        rule(cap < *present, "not lower")?;
        *present = cap;
        if let Some((Change::Limits(limits), _)) = &mut self.config.pending {
            let waiting = match asset {
                Asset::Usdc => &mut limits.settle_cap_atoms,
                Asset::Sol => &mut limits.settle_cap_lamports,
            };
            *waiting = cap.min(*waiting);
        }
        self.config.event_seq += 1;
        Ok(())
    }

    /// The most one settlement may take.
    pub fn settle_cap(&self, asset: Asset) -> Number {
        match asset {
            Asset::Usdc => self.config.limits.settle_cap_atoms.into(),
            Asset::Sol => self.config.limits.settle_cap_lamports.into(),
        }
    }

    fn powerful(&self, by: u8) -> Verdict {
        rule(by == self.config.admin || by == self.config.guardian, "neither guardian nor admin")
    }
}

/// Those in use come first and rise in both; the others are zero.
fn rises(tiers: &[Tier; Tier::COUNT]) -> bool {
    let used = tiers.iter().take_while(|tier| tier.min_weight_atoms > 0).count();
    let pairs = tiers[..used].windows(2);
    pairs.clone().all(|pair| pair[0].min_weight_atoms < pair[1].min_weight_atoms)
        && pairs.clone().all(|pair| pair[0].discount_basis_points < pair[1].discount_basis_points)
        && tiers[..used].iter().all(|tier| (1..=10_000).contains(&tier.discount_basis_points))
        && tiers[used..].iter().all(|tier| *tier == Tier::default())
}

fn is_sound(timing: &Timing) -> bool {
    let month = 30 * 24 * 60 * 60;
    let delays =
        [timing.window_seconds, timing.withdrawal_delay_seconds, timing.change_delay_seconds, timing.cool_down_seconds];
    delays.iter().all(|delay| *delay > 0 && *delay <= month)
        && timing.window_seconds <= timing.withdrawal_delay_seconds
        && timing.withdrawal_delay_seconds <= timing.change_delay_seconds
}

impl Change {
    /// As the chain takes it.
    pub fn on_chain(self, key: impl Fn(u8) -> solana_sdk::pubkey::Pubkey) -> chain::Change {
        match self {
            Self::Admin(byte) => chain::Change::Admin(key(byte)),
            Self::Guardian(byte) => chain::Change::Guardian(key(byte)),
            Self::Settler(byte) => chain::Change::SettleAuthority(key(byte)),
            Self::Verifier(byte) => chain::Change::Verifier(key(byte)),
            Self::Limits(limits) => chain::Change::Limits(limits),
            Self::Timing(timing) => chain::Change::Timing(timing),
            Self::Bonds(bonds) => chain::Change::Bonds(bonds),
            Self::Fee(fee) => chain::Change::Fee(fee),
            Self::Tiers(tiers) => chain::Change::Tiers(tiers),
            Self::Oracle(oracle) => chain::Change::Oracle(oracle),
        }
    }
}
