//! Accounts and events, as the chain carries them.

use std::{collections::BTreeMap, error::Error};

use anchor_lang::{AccountSerialize, event::EVENT_IX_TAG_LE};
use permitpipe_sdk::chain::{
    Asset, Bonds, Book, Change, Config, ConfigChange, ConfigChanged, Fee, Limits, Oracle, PendingCap, PendingChange,
    Position, Settled, Stake, StakeChange, StakeChanged, Tier, Timing, Unlocking, Vault, Withdrawal, config_address,
    stake_address, vault_address,
};

use crate::{
    ADMIN, GUARDIAN, HASH, INSURANCE, Named, OTHER, OWNER, PERMIT_MINT, PRICE, SETTLE_AUTHORITY, SOL_TREASURY,
    TREASURY, USDC_MINT, VERIFIER,
};

pub fn accounts() -> Result<Named<String>, Box<dyn Error>> {
    let book = Book {
        credited_atoms: u64::MAX,
        settled_atoms: 60,
        withdrawn_atoms: 61,
        cap_atoms: 62,
        pending_cap: Some(PendingCap { cap_atoms: 63, effective_at: 64 }),
        window_started_at: 65,
        window_settled_atoms: 66,
        withdrawal: Some(Withdrawal { amount_atoms: 67, executable_at: 68 }),
    };
    let vault = Vault {
        version: Vault::VERSION,
        bump: 254,
        usdc_bump: 253,
        owner: OWNER,
        event_seq: 69,
        settle_sequence: 70,
        usdc: book,
        sol: Book { pending_cap: None, withdrawal: None, ..book },
        reserved: [0; 97],
    };
    let stake = Stake {
        version: Stake::VERSION,
        bump: 252,
        permit_bump: 251,
        owner: OWNER,
        beneficiary: OTHER,
        event_seq: 71,
        position: position(),
        reserved: [0; 84],
    };
    Ok(BTreeMap::from([("config", data(&config())?), ("stake", data(&stake)?), ("vault", data(&vault)?)]))
}

fn data(account: &impl AccountSerialize) -> Result<String, Box<dyn Error>> {
    let mut data = Vec::new();
    account.try_serialize(&mut data)?;
    Ok(hex::encode(data))
}

/// As the program's inner instructions carry them.
pub fn events() -> Named<String> {
    let settled = Settled {
        vault: vault_address(&OWNER),
        owner: OWNER,
        event_seq: 80,
        asset: Asset::Sol,
        sequence: 81,
        amount_atoms: 82,
        charge_credits: 83,
        receipt_count: 84,
        receipts_root: HASH,
        settled_atoms: u64::MAX,
    };
    let change = Change::Limits(config().limits);
    let config_changed = ConfigChanged {
        config: config_address(),
        event_seq: 85,
        by: ADMIN,
        kind: ConfigChange::Proposed { change, eta: -86 },
    };
    let stake_changed = StakeChanged {
        stake: stake_address(&OWNER),
        owner: OWNER,
        event_seq: 87,
        kind: StakeChange::Slashed { amount_atoms: 88 },
        beneficiary: OTHER,
        position: position(),
    };
    BTreeMap::from([
        ("ConfigChanged", emitted(&config_changed)),
        ("Settled", emitted(&settled)),
        ("StakeChanged", emitted(&stake_changed)),
    ])
}

fn emitted(event: &impl anchor_lang::Event) -> String {
    hex::encode([EVENT_IX_TAG_LE, &event.data()].concat())
}

fn position() -> Position {
    Position {
        staked_atoms: 90,
        weight_atoms: 91,
        weighed_at: 92,
        bonded_atoms: 93,
        unlocking: Some(Unlocking { amount_atoms: 94, unlocks_at: 95 }),
        slashed_atoms: 96,
    }
}

pub fn config() -> Config {
    let timing = Timing {
        window_seconds: 100,
        withdrawal_delay_seconds: 101,
        change_delay_seconds: 102,
        cool_down_seconds: 103,
        warm_up_seconds: 104,
        retention_seconds: 105,
    };
    let limits =
        Limits { settle_cap_atoms: 106, settle_cap_lamports: 107, min_deposit_atoms: 108, min_deposit_lamports: 109 };
    let mut tiers = [Tier::default(); Tier::COUNT];
    tiers[0] = Tier { min_weight_atoms: 110, discount_basis_points: 111 };
    let oracle = Oracle { account: PRICE, feed_id: HASH, max_age_seconds: 112, max_confidence_basis_points: 113 };
    Config {
        version: Config::VERSION,
        bump: 255,
        is_paused: true,
        admin: ADMIN,
        guardian: GUARDIAN,
        settle_authority: SETTLE_AUTHORITY,
        verifier: VERIFIER,
        usdc_mint: USDC_MINT,
        permit_mint: PERMIT_MINT,
        treasury: TREASURY,
        sol_treasury: SOL_TREASURY,
        insurance: INSURANCE,
        limits,
        timing,
        bonds: Bonds { relay_atoms: 114, template_atoms: 115, slash_basis_points: 116, reporter_basis_points: 117 },
        fee: Fee { request_credits: 118, mebibyte_credits: 119 },
        tiers,
        oracle: Some(oracle),
        pending_change: Some(PendingChange { change: Change::Guardian(OTHER), eta: 120 }),
        epoch_count: 121,
        plan_count: 122,
        event_seq: 123,
        reserved: [0; 376],
    }
}
