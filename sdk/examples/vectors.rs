//! Prints what this SDK builds and writes from fixed keys, as JSON. It is committed as `generated/vectors.json`, and
//! clients in other languages are compared with it.
//!
//! An account of an instruction is its address, then `writable` and `signer` where it is that. Data is in hex.

use std::{collections::BTreeMap, error::Error};

use anchor_lang::{AccountSerialize, event::EVENT_IX_TAG_LE};
use permitpipe_sdk::chain::{
    Asset, Bonds, Book, Change, ClaimRewardArgs, Config, ConfigChange, ConfigChanged, CreatePlanArgs, Fee,
    InitializeConfigArgs, Limits, OpenAnchorArgs, Oracle, PendingCap, PendingChange, Position, PublishEpochArgs,
    SettleArgs, SettleSolArgs, Settled, SlashRelayArgs, Stake, StakeChange, StakeChanged, Tier, Timing, Unlocking,
    Vault, Withdrawal, anchor_address, config_address, contradiction_address, epoch_address, epoch_usdc_address,
    instruction::{self, Mints, Report},
    plan_address, program_data_address, relay_address, settlement_address, stake_address, stake_permit_address,
    subscription_address, template_address, template_permit_address, vault_address, vault_usdc_address,
};
use serde_json::{Value, json};
use solana_sdk::{instruction::Instruction, pubkey::Pubkey};

const ADMIN: Pubkey = key(1);
const GUARDIAN: Pubkey = key(2);
const SETTLE_AUTHORITY: Pubkey = key(3);
const VERIFIER: Pubkey = key(4);
const USDC_MINT: Pubkey = key(5);
const PERMIT_MINT: Pubkey = key(6);
const TREASURY: Pubkey = key(7);
const SOL_TREASURY: Pubkey = key(8);
const INSURANCE: Pubkey = key(9);
const PRICE: Pubkey = key(10);
const OWNER: Pubkey = key(11);
const OWNER_USDC: Pubkey = key(12);
const OWNER_PERMIT: Pubkey = key(13);
const PAYER: Pubkey = key(14);
const OTHER: Pubkey = key(15);
/// A content hash, a log's id, a stream, a Merkle root.
const HASH: [u8; 32] = [16; 32];

type Named<T> = BTreeMap<&'static str, T>;

fn main() -> Result<(), Box<dyn Error>> {
    let vectors = BTreeMap::from([
        ("accounts", json!(accounts()?)),
        ("addresses", json!(addresses())),
        ("events", json!(events())),
        ("instructions", json!(instructions())),
        ("keys", json!(keys())),
    ]);
    println!("{}", serde_json::to_string_pretty(&vectors)?);
    Ok(())
}

const fn key(byte: u8) -> Pubkey {
    Pubkey::new_from_array([byte; 32])
}

fn keys() -> Named<String> {
    let keys = [
        ("admin", ADMIN),
        ("guardian", GUARDIAN),
        ("insurance", INSURANCE),
        ("other", OTHER),
        ("owner", OWNER),
        ("ownerPermit", OWNER_PERMIT),
        ("ownerUsdc", OWNER_USDC),
        ("payer", PAYER),
        ("permitMint", PERMIT_MINT),
        ("price", PRICE),
        ("settleAuthority", SETTLE_AUTHORITY),
        ("solTreasury", SOL_TREASURY),
        ("treasury", TREASURY),
        ("usdcMint", USDC_MINT),
        ("verifier", VERIFIER),
    ];
    keys.map(|(name, key)| (name, key.to_string())).into()
}

fn addresses() -> Named<String> {
    let (vault, stake, relay) = (vault_address(&OWNER), stake_address(&OWNER), relay_address(&OWNER));
    let (epoch, template) = (epoch_address(21), template_address(&HASH));
    let addresses = [
        ("anchor", anchor_address(&HASH)),
        ("config", config_address()),
        ("contradiction", contradiction_address(&relay, &HASH, 22)),
        ("epoch", epoch),
        ("epochUsdc", epoch_usdc_address(&epoch)),
        ("plan", plan_address(23)),
        ("programData", program_data_address()),
        ("relay", relay),
        ("settlement", settlement_address(&vault, 20)),
        ("stake", stake),
        ("stakePermit", stake_permit_address(&stake)),
        ("subscription", subscription_address(&OWNER)),
        ("template", template),
        ("templatePermit", template_permit_address(&template)),
        ("vault", vault),
        ("vaultUsdc", vault_usdc_address(&vault)),
    ];
    addresses.map(|(name, address)| (name, address.to_string())).into()
}

fn instructions() -> Named<Value> {
    let all = govern().into_iter().chain(vault()).chain(settlement()).chain(stake()).chain(relay());
    all.chain(epoch())
        .chain(template())
        .chain(plan())
        .chain(anchor())
        .map(|(name, built)| (name, show(&built)))
        .collect()
}

fn show(built: &Instruction) -> Value {
    let accounts = built.accounts.iter().map(|meta| {
        let writable = if meta.is_writable { " writable" } else { "" };
        let signer = if meta.is_signer { " signer" } else { "" };
        format!("{}{writable}{signer}", meta.pubkey)
    });
    let accounts: Vec<String> = accounts.collect();
    json!({ "accounts": accounts, "data": hex::encode(&built.data), "program": built.program_id.to_string() })
}

type Built = Vec<(&'static str, Instruction)>;

fn govern() -> Built {
    let Config { limits, timing, bonds, fee, tiers, oracle, .. } = config();
    let mints = Mints {
        usdc: USDC_MINT,
        permit: PERMIT_MINT,
        treasury: TREASURY,
        sol_treasury: SOL_TREASURY,
        insurance: INSURANCE,
    };
    let args = InitializeConfigArgs {
        admin: ADMIN,
        guardian: GUARDIAN,
        settle_authority: SETTLE_AUTHORITY,
        verifier: VERIFIER,
        limits,
        timing,
        bonds,
        fee,
        tiers,
        oracle,
    };
    vec![
        ("initializeConfig", instruction::initialize_config(&ADMIN, &mints, args)),
        ("proposeChange", instruction::propose_change(&ADMIN, Change::Tiers(tiers))),
        ("acceptChange", instruction::accept_change(&OTHER)),
        ("cancelChange", instruction::cancel_change(&GUARDIAN)),
        ("pause", instruction::pause(&GUARDIAN)),
        ("unpause", instruction::unpause(&ADMIN)),
        ("lowerSettleCap", instruction::lower_settle_cap(&GUARDIAN, Asset::Sol, 30)),
    ]
}

fn vault() -> Built {
    let config = config();
    vec![
        ("openVault", instruction::open_vault(&config, &OWNER, 31, 32)),
        ("setCap", instruction::set_cap(&OWNER, Asset::Sol, 33)),
        ("depositUsdc", instruction::deposit_usdc(&config, &OWNER, &OWNER_USDC, u64::MAX)),
        ("depositSol", instruction::deposit_sol(&OWNER, 34)),
        ("requestWithdrawal", instruction::request_withdrawal(&OWNER, Asset::Usdc, 35)),
        ("cancelWithdrawal", instruction::cancel_withdrawal(&OWNER, Asset::Usdc)),
        ("executeWithdrawal", instruction::execute_withdrawal(&config, &OWNER, &OWNER_USDC)),
        ("executeSolWithdrawal", instruction::execute_sol_withdrawal(&OWNER)),
        ("closeVault", instruction::close_vault(&config, &OWNER, &OWNER_USDC)),
    ]
}

fn settlement() -> Built {
    let config = config();
    let usdc = SettleArgs { sequence: 20, amount_atoms: 36, receipt_count: 37, receipts_root: HASH };
    let sol =
        SettleSolArgs { sequence: 20, charge_credits: 38, held_lamports: 39, receipt_count: 40, receipts_root: HASH };
    vec![
        ("settle", instruction::settle(&config, &OWNER, &PAYER, usdc)),
        ("settleSol", instruction::settle_sol(&config, &OWNER, &PAYER, sol)),
        ("closeSettlement", instruction::close_settlement(&vault_address(&OWNER), 20, &PAYER)),
    ]
}

fn stake() -> Built {
    let config = config();
    vec![
        ("openStake", instruction::open_stake(&config, &OWNER, &OTHER)),
        ("addStake", instruction::add_stake(&config, &OWNER, &OWNER_PERMIT, 41)),
        ("setBeneficiary", instruction::set_beneficiary(&OWNER, &OTHER)),
        ("requestUnstake", instruction::request_unstake(&OWNER, 42)),
        ("cancelUnstake", instruction::cancel_unstake(&OWNER)),
        ("unstake", instruction::unstake(&config, &OWNER, &OWNER_PERMIT)),
        ("closeStake", instruction::close_stake(&config, &OWNER, &OWNER_PERMIT)),
    ]
}

fn relay() -> Built {
    let args = SlashRelayArgs { stream: HASH, sequence: 22, first_instruction: 0, second_instruction: 1 };
    let report = Report { reporter: PAYER, reporter_permit: OWNER_PERMIT, operator: OWNER };
    vec![
        ("registerRelay", instruction::register_relay(&OWNER, &OTHER, "https://relay.example")),
        ("updateRelay", instruction::update_relay(&OWNER, "https://é.example")),
        ("rotateRelayKey", instruction::rotate_relay_key(&OWNER, &OTHER)),
        ("retireRelay", instruction::retire_relay(&OWNER)),
        ("closeRelay", instruction::close_relay(&OWNER)),
        ("slashRelay", instruction::slash_relay(&config(), &report, args)),
    ]
}

fn epoch() -> Built {
    let config = config();
    let terms = PublishEpochArgs { number: 21, root: HASH, leaf_count: 43, total_atoms: 44 };
    let claim = ClaimRewardArgs { index: 1, amount_atoms: 45, receipt_count: 46, proof: vec![HASH, [17; 32]] };
    vec![
        ("publishEpoch", instruction::publish_epoch(&config, &PAYER, &OWNER_USDC, terms)),
        ("claimReward", instruction::claim_reward(&config, &OWNER, &OWNER_USDC, 21, claim)),
        ("closeEpoch", instruction::close_epoch(&config, 21, &PAYER)),
    ]
}

fn template() -> Built {
    let config = config();
    vec![
        ("publishTemplate", instruction::publish_template(&config, &OWNER, &OWNER_PERMIT, HASH)),
        ("verifyTemplate", instruction::verify_template(&VERIFIER, &HASH)),
        ("accuseTemplate", instruction::accuse_template(&VERIFIER, &HASH)),
        ("acquitTemplate", instruction::acquit_template(&ADMIN, &HASH)),
        ("revokeTemplate", instruction::revoke_template(&config, &HASH, &OWNER)),
        ("retireTemplate", instruction::retire_template(&OWNER, &HASH)),
        ("reclaimTemplate", instruction::reclaim_template(&config, &OWNER, &OWNER_PERMIT, &HASH)),
    ]
}

fn plan() -> Built {
    let config = config();
    let terms = CreatePlanArgs { number: 23, price_atoms: 47, period_seconds: 48, request_limit: 49 };
    vec![
        ("createPlan", instruction::create_plan(&ADMIN, terms)),
        ("retirePlan", instruction::retire_plan(&ADMIN, 23)),
        ("closePlan", instruction::close_plan(23, &PAYER)),
        ("subscribe", instruction::subscribe(&config, &OWNER, &OWNER_USDC, 23, 50)),
        ("extendSubscription", instruction::extend_subscription(&config, &OWNER, &OWNER_USDC, 23, 51)),
        ("closeSubscription", instruction::close_subscription(&OWNER)),
    ]
}

fn anchor() -> Built {
    let first = OpenAnchorArgs { log: HASH, size: 52, root: [17; 32] };
    vec![
        ("openAnchor", instruction::open_anchor(&config(), &PAYER, first)),
        ("advanceAnchor", instruction::advance_anchor(&config(), &HASH, 53, [18; 32])),
    ]
}

fn accounts() -> Result<Named<String>, Box<dyn Error>> {
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
fn events() -> Named<String> {
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

fn config() -> Config {
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
