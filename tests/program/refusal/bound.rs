//! Refusals of a config out of its bounds, at the start and as a change.

use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{
    Bonds, Change, InitializeConfigArgs, Oracle, PermitPipeError as Error, Tier, instruction as build,
};
use solana_sdk::{account::Account, pubkey::Pubkey, signer::Signer};

use super::Refusal;
use crate::world::*;

const DAY_SECONDS: i64 = 86_400;

fn propose(world: &mut World, change: Change) -> TransactionResult {
    world.send(&[build::propose_change(&world.admin.pubkey(), change)], &[2])
}

fn spoil_oracle(args: &mut InitializeConfigArgs, spoil: fn(&mut Oracle)) {
    args.oracle.iter_mut().for_each(spoil);
}

/// The SOL treasury has this many lamports.
fn with_sol_treasury(lamports: u64) -> World {
    let mut world = World::bare();
    world.svm.set_account(world.sol_treasury, Account { lamports, ..Account::default() }).unwrap();
    world
}

/// Initializes with one thing wrong.
fn initialize(world: &mut World, spoil: fn(&mut InitializeConfigArgs)) -> TransactionResult {
    let mut args = world.initial();
    spoil(&mut args);
    world.initialize(args)
}

pub const REFUSALS: &[Refusal] = &[
    Refusal {
        error: Error::NotUpgradeAuthority,
        what: "somebody else gets in first",
        given: World::bare,
        when: |world| {
            let instruction = build::initialize_config(&world.mallory.pubkey(), &world.mints(), world.initial());
            world.send(&[instruction], &[7])
        },
    },
    Refusal {
        error: Error::DefaultAuthority,
        what: "a config without a guardian",
        given: World::bare,
        when: |world| initialize(world, |args| args.guardian = Pubkey::default()),
    },
    Refusal {
        error: Error::BadDelay,
        what: "a withdrawal delay shorter than the window",
        given: World::bare,
        when: |world| initialize(world, |args| args.timing.withdrawal_delay_seconds = WINDOW_SECONDS - 1),
    },
    Refusal {
        error: Error::BadDelay,
        what: "a window of no time",
        given: World::bare,
        when: |world| initialize(world, |args| args.timing.window_seconds = 0),
    },
    Refusal {
        error: Error::BadDelay,
        what: "a negative change delay",
        given: World::bare,
        when: |world| initialize(world, |args| args.timing.change_delay_seconds = -1),
    },
    Refusal {
        error: Error::BadDelay,
        what: "a withdrawal delay that locks everybody in",
        given: World::bare,
        when: |world| initialize(world, |args| args.timing.withdrawal_delay_seconds = 31 * DAY_SECONDS),
    },
    Refusal {
        error: Error::BadLimits,
        what: "a smallest deposit of nothing",
        given: World::bare,
        when: |world| initialize(world, |args| args.limits.min_deposit_atoms = 0),
    },
    Refusal {
        error: Error::BadUsdcMint,
        what: "a USDC mint with 9 decimals",
        given: || {
            let mut world = World::bare();
            (world.usdc, world.treasury) = (address(93), address(94));
            world.put_mint(world.usdc, 9, spl_token::ID);
            world.put_tokens(world.treasury, world.usdc, address(25), 0);
            world
        },
        when: |world| world.initialize(world.initial()),
    },
    Refusal {
        error: Error::SameMint,
        what: "PERMIT is USDC",
        given: World::bare,
        when: |world| {
            world.permit = world.usdc;
            world.put_tokens(world.insurance, world.usdc, address(25), 0);
            world.initialize(world.initial())
        },
    },
    Refusal {
        error: Error::DefaultAuthority,
        what: "a proposal of nobody as admin",
        given: World::configured,
        when: |world| {
            let change = Change::Admin(Pubkey::default());
            world.send(&[build::propose_change(&world.admin.pubkey(), change)], &[2])
        },
    },
    Refusal {
        error: Error::DefaultAuthority,
        what: "a config without a verifier",
        given: World::bare,
        when: |world| initialize(world, |args| args.verifier = Pubkey::default()),
    },
    Refusal {
        error: Error::BadLimits,
        what: "a smallest deposit of no lamport",
        given: World::bare,
        when: |world| initialize(world, |args| args.limits.min_deposit_lamports = 0),
    },
    Refusal {
        error: Error::BadDelay,
        what: "a change delay shorter than an exit",
        given: World::bare,
        when: |world| initialize(world, |args| args.timing.change_delay_seconds = WITHDRAWAL_DELAY_SECONDS - 1),
    },
    Refusal {
        error: Error::BadDelay,
        what: "a cool-down of no time",
        given: World::bare,
        when: |world| initialize(world, |args| args.timing.cool_down_seconds = 0),
    },
    Refusal {
        error: Error::BadDelay,
        what: "a warm-up of more than a year",
        given: World::bare,
        when: |world| initialize(world, |args| args.timing.warm_up_seconds = 367 * DAY_SECONDS),
    },
    Refusal {
        error: Error::BadDelay,
        what: "no retention",
        given: World::bare,
        when: |world| initialize(world, |args| args.timing.retention_seconds = 0),
    },
    Refusal {
        error: Error::BadTiers,
        what: "a tier behind an unused one",
        given: World::bare,
        when: |world| {
            initialize(world, |args| args.tiers[3] = Tier { min_weight_atoms: 1 << 60, discount_basis_points: 2_000 })
        },
    },
    Refusal {
        error: Error::BadTiers,
        what: "a discount of more than everything",
        given: World::bare,
        when: |world| initialize(world, |args| args.tiers[1].discount_basis_points = 10_001),
    },
    Refusal {
        error: Error::BadTiers,
        what: "a higher tier with the same discount",
        given: World::configured,
        when: |world| {
            let mut tiers = TIERS;
            tiers[1].discount_basis_points = tiers[0].discount_basis_points;
            world.send(&[build::propose_change(&world.admin.pubkey(), Change::Tiers(tiers))], &[2])
        },
    },
    Refusal {
        error: Error::BadBonds,
        what: "a relay without a bond",
        given: World::bare,
        when: |world| initialize(world, |args| args.bonds.relay_atoms = 0),
    },
    Refusal {
        error: Error::BadBonds,
        what: "a template without a bond",
        given: World::bare,
        when: |world| initialize(world, |args| args.bonds.template_atoms = 0),
    },
    Refusal {
        error: Error::BadBonds,
        what: "a slash of nothing",
        given: World::bare,
        when: |world| initialize(world, |args| args.bonds.slash_basis_points = 0),
    },
    Refusal {
        error: Error::BadBonds,
        what: "a slash of more than everything",
        given: World::configured,
        when: |world| propose(world, Change::Bonds(Bonds { slash_basis_points: 10_001, ..BONDS })),
    },
    Refusal {
        error: Error::BadBonds,
        what: "a reporter's share that makes reporting oneself pay",
        given: World::configured,
        when: |world| propose(world, Change::Bonds(Bonds { reporter_basis_points: 5_001, ..BONDS })),
    },
    Refusal {
        error: Error::BadOracle,
        what: "a price of no account",
        given: World::bare,
        when: |world| initialize(world, |args| spoil_oracle(args, |oracle| oracle.account = Pubkey::default())),
    },
    Refusal {
        error: Error::BadOracle,
        what: "a price of any age",
        given: World::bare,
        when: |world| initialize(world, |args| spoil_oracle(args, |oracle| oracle.max_age_seconds = 121)),
    },
    Refusal {
        error: Error::BadOracle,
        what: "a price of no age",
        given: World::bare,
        when: |world| initialize(world, |args| spoil_oracle(args, |oracle| oracle.max_age_seconds = 0)),
    },
    Refusal {
        error: Error::BadOracle,
        what: "a price of any width",
        given: World::bare,
        when: |world| initialize(world, |args| spoil_oracle(args, |oracle| oracle.max_confidence_basis_points = 1_001)),
    },
    Refusal {
        error: Error::BadOracle,
        what: "a price that must be exact",
        given: World::configured,
        when: |world| propose(world, Change::Oracle(Oracle { max_confidence_basis_points: 0, ..world.oracle() })),
    },
    Refusal {
        error: Error::BadSolTreasury,
        what: "a SOL treasury that does not exist",
        given: || with_sol_treasury(0),
        when: |world| world.initialize(world.initial()),
    },
    Refusal {
        error: Error::BadSolTreasury,
        what: "a SOL treasury that is a lamport short of existing",
        given: || with_sol_treasury(World::bare().svm.minimum_balance_for_rent_exemption(0) - 1),
        when: |world| world.initialize(world.initial()),
    },
    Refusal {
        error: Error::BadPermitMint,
        what: "a PERMIT mint that somebody can freeze",
        given: || {
            let mut world = World::bare();
            let mut data = world.data(&world.permit);
            data[46] = 1; // a freeze authority follows
            data[50..82].copy_from_slice(world.mallory.pubkey().as_ref());
            world.put(world.permit, spl_token::ID, &data);
            world
        },
        when: |world| world.initialize(world.initial()),
    },
];
