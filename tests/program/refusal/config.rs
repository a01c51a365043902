//! Refusals of the config's instructions.

use anchor_lang::solana_program::system_instruction;
use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{Change, InitializeConfigArgs, PermitPipeError as Error, instruction as build};
use solana_sdk::{pubkey::Pubkey, signer::Signer};

use super::Refusal;
use crate::world::*;

const CHANGE: Change = Change::Limits(Limits { settle_cap_atoms: 1, ..LIMITS });
const DAY_SECONDS: i64 = 86_400;

fn proposed(change: Change) -> World {
    let mut world = World::configured();
    world.send(&[build::propose_change(&world.admin.pubkey(), change)], &[2]).unwrap();
    world
}

fn paused() -> World {
    let mut world = World::opened();
    world.send(&[build::pause(&world.guardian.pubkey())], &[3]).unwrap();
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
        error: Error::ZeroAmount,
        what: "a smallest deposit of nothing",
        given: World::bare,
        when: |world| initialize(world, |args| args.limits.min_deposit_atoms = 0),
    },
    Refusal {
        error: Error::BadUsdcMint,
        what: "a USDC mint with 9 decimals",
        given: || {
            let mut world = World::bare();
            (world.usdc, world.treasury) = (address(30), address(31));
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
            world.initialize(world.initial())
        },
    },
    Refusal {
        error: Error::NotAdmin,
        what: "the guardian proposes",
        given: World::configured,
        when: |world| world.send(&[build::propose_change(&world.guardian.pubkey(), CHANGE)], &[3]),
    },
    Refusal {
        error: Error::NotAdmin,
        what: "the guardian gives power back",
        given: paused,
        when: |world| world.send(&[build::unpause(&world.guardian.pubkey())], &[3]),
    },
    Refusal {
        error: Error::NotGuardianOrAdmin,
        what: "a stranger pauses",
        given: World::configured,
        when: |world| world.send(&[build::pause(&world.mallory.pubkey())], &[7]),
    },
    Refusal {
        error: Error::NotGuardianOrAdmin,
        what: "the settle key lowers its own cap",
        given: World::configured,
        when: |world| world.send(&[build::lower_settle_cap(&world.settler.pubkey(), Asset::Usdc, 0)], &[4]),
    },
    Refusal {
        error: Error::NotGuardianOrAdmin,
        what: "a stranger vetoes",
        given: || proposed(CHANGE),
        when: |world| world.send(&[build::cancel_change(&world.mallory.pubkey())], &[7]),
    },
    Refusal {
        error: Error::NotAccepter,
        what: "the old admin accepts for the new one",
        given: || proposed(Change::Admin(keypair(8).pubkey())),
        when: |world| {
            world.wait(CHANGE_DELAY_SECONDS);
            world.send(&[build::accept_change(&world.admin.pubkey())], &[2])
        },
    },
    Refusal {
        error: Error::NotAccepter,
        what: "the new settle key accepts itself",
        given: || proposed(Change::SettleAuthority(keypair(7).pubkey())),
        when: |world| {
            world.wait(CHANGE_DELAY_SECONDS);
            world.send(&[build::accept_change(&world.mallory.pubkey())], &[7])
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
        error: Error::ChangePending,
        what: "a second proposal replaces the first under its delay",
        given: || proposed(CHANGE),
        when: |world| {
            world.send(
                &[build::propose_change(
                    &world.admin.pubkey(),
                    Change::Limits(Limits { settle_cap_atoms: 2, ..LIMITS }),
                )],
                &[2],
            )
        },
    },
    Refusal {
        error: Error::NoPendingChange,
        what: "acceptance of nothing",
        given: World::configured,
        when: |world| world.send(&[build::accept_change(&world.admin.pubkey())], &[2]),
    },
    Refusal {
        error: Error::NoPendingChange,
        what: "a veto of nothing",
        given: World::configured,
        when: |world| world.send(&[build::cancel_change(&world.admin.pubkey())], &[2]),
    },
    Refusal {
        error: Error::ChangeNotReady,
        what: "acceptance a second early",
        given: || proposed(CHANGE),
        when: |world| {
            world.wait(CHANGE_DELAY_SECONDS - 1);
            world.send(&[build::accept_change(&world.admin.pubkey())], &[2])
        },
    },
    Refusal {
        error: Error::ChangeExpired,
        what: "acceptance of a forgotten proposal",
        given: || proposed(CHANGE),
        when: |world| {
            world.wait(CHANGE_DELAY_SECONDS + 14 * DAY_SECONDS);
            world.send(&[build::accept_change(&world.admin.pubkey())], &[2])
        },
    },
    Refusal {
        error: Error::DurableNonce,
        what: "an admin instruction behind the advance of a durable nonce",
        given: World::configured,
        when: |world| {
            let (admin, nonce) = (world.admin.pubkey(), keypair(9).pubkey());
            let lamports = world.svm.minimum_balance_for_rent_exemption(80);
            let create = system_instruction::create_nonce_account(&admin, &nonce, &admin, lamports);
            world.send(&create, &[2, 9]).unwrap();
            let advance = system_instruction::advance_nonce_account(&nonce, &admin);
            world.send(&[advance, build::propose_change(&admin, CHANGE)], &[2])
        },
    },
    Refusal {
        error: Error::Paused,
        what: "a new vault during a pause",
        given: paused,
        when: |world| {
            let instruction = build::open_vault(&world.config(), &world.mallory.pubkey(), 1, CAP_LAMPORTS);
            world.send(&[instruction], &[7])
        },
    },
    Refusal {
        error: Error::Paused,
        what: "a deposit during a pause",
        given: paused,
        when: |world| world.deposit(USDC),
    },
    Refusal {
        error: Error::AlreadyPaused,
        what: "a second pause",
        given: paused,
        when: |world| world.send(&[build::pause(&world.admin.pubkey())], &[2]),
    },
    Refusal {
        error: Error::NotPaused,
        what: "an end of no pause",
        given: World::configured,
        when: |world| world.send(&[build::unpause(&world.admin.pubkey())], &[2]),
    },
    Refusal {
        error: Error::CapNotLower,
        what: "a raise of the settle cap without a proposal",
        given: World::configured,
        when: |world| {
            world.send(&[build::lower_settle_cap(&world.guardian.pubkey(), Asset::Usdc, SETTLE_CAP_ATOMS)], &[3])
        },
    },
];
