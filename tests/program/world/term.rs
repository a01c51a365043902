//! The terms every test's config starts with, and how much everybody has.

use permitpipe_sdk::chain::{Bonds, Limits, Tier, Timing};

pub const USDC: u64 = 1_000_000;
/// When every test begins, in Unix seconds.
pub const START: i64 = 1_800_000_000;
pub const WINDOW_SECONDS: i64 = 3_600;
pub const WITHDRAWAL_DELAY_SECONDS: i64 = 7_200;
pub const CHANGE_DELAY_SECONDS: i64 = 86_400;
pub const COOL_DOWN_SECONDS: i64 = 10_800;
pub const WARM_UP_SECONDS: i64 = 100_000;
pub const RETENTION_SECONDS: i64 = 604_800;
pub const MIN_DEPOSIT_ATOMS: u64 = 1_000;
pub const MIN_DEPOSIT_LAMPORTS: u64 = 10_000;
pub const SETTLE_CAP_ATOMS: u64 = 50 * USDC;
/// The owner's cap per window.
pub const CAP_ATOMS: u64 = 20 * USDC;
pub const WALLET_ATOMS: u64 = 1_000 * USDC;
pub const SOL: u64 = 1_000_000_000;
pub const SETTLE_CAP_LAMPORTS: u64 = 5 * SOL;
/// The owner's cap per window in SOL.
pub const CAP_LAMPORTS: u64 = 2 * SOL;
/// One PERMIT, and what everybody has of it.
pub const PERMIT: u64 = 1_000_000_000;
pub const WALLET_PERMIT_ATOMS: u64 = 1_000 * PERMIT;
pub const RELAY_BOND_ATOMS: u64 = 100 * PERMIT;
pub const TEMPLATE_BOND_ATOMS: u64 = 10 * PERMIT;
pub const SLASH_BASIS_POINTS: u16 = 4_000;
pub const REPORTER_BASIS_POINTS: u16 = 2_500;
pub const MAX_AGE_SECONDS: i64 = 60;
pub const MAX_CONFIDENCE_BASIS_POINTS: u16 = 100;
pub const FEED_ID: [u8; 32] = [0xef; 32];
/// 150 dollars for a SOL, in 10^-8 dollars.
pub const PRICE: i64 = 15_000_000_000;
pub const TIERS: [Tier; 5] = [
    Tier { min_weight_atoms: 10 * PERMIT, discount_basis_points: 500 },
    Tier { min_weight_atoms: 100 * PERMIT, discount_basis_points: 1_000 },
    Tier { min_weight_atoms: 0, discount_basis_points: 0 },
    Tier { min_weight_atoms: 0, discount_basis_points: 0 },
    Tier { min_weight_atoms: 0, discount_basis_points: 0 },
];

pub const LIMITS: Limits = Limits {
    settle_cap_atoms: SETTLE_CAP_ATOMS,
    settle_cap_lamports: SETTLE_CAP_LAMPORTS,
    min_deposit_atoms: MIN_DEPOSIT_ATOMS,
    min_deposit_lamports: MIN_DEPOSIT_LAMPORTS,
};
pub const TIMING: Timing = Timing {
    window_seconds: WINDOW_SECONDS,
    withdrawal_delay_seconds: WITHDRAWAL_DELAY_SECONDS,
    change_delay_seconds: CHANGE_DELAY_SECONDS,
    cool_down_seconds: COOL_DOWN_SECONDS,
    warm_up_seconds: WARM_UP_SECONDS,
    retention_seconds: RETENTION_SECONDS,
};
pub const BONDS: Bonds = Bonds {
    relay_atoms: RELAY_BOND_ATOMS,
    template_atoms: TEMPLATE_BOND_ATOMS,
    slash_basis_points: SLASH_BASIS_POINTS,
    reporter_basis_points: REPORTER_BASIS_POINTS,
};
