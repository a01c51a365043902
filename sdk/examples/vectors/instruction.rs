//! Every instruction. An account of one is its address, then `writable` and `signer` where it is that.

use permitpipe_sdk::chain::{
    Asset, Change, ClaimRewardArgs, Config, CreatePlanArgs, InitializeConfigArgs, OpenAnchorArgs, PublishEpochArgs,
    SettleArgs, SettleSolArgs, SlashRelayArgs,
    instruction::{self, Mints, Report},
    vault_address,
};
use serde_json::{Value, json};
use solana_sdk::instruction::Instruction;

use crate::{
    ADMIN, GUARDIAN, HASH, INSURANCE, Named, OTHER, OWNER, OWNER_PERMIT, OWNER_USDC, PAYER, PERMIT_MINT,
    SETTLE_AUTHORITY, SOL_TREASURY, TREASURY, USDC_MINT, VERIFIER, account::config,
};

pub fn instructions() -> Named<Value> {
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
