//! Refusals of the config's instructions.

use anchor_lang::solana_program::system_instruction;
use permitpipe_sdk::chain::{self, Change, PROGRAM_ID, PermitPipeError as Error, instruction as build};
use solana_sdk::signer::Signer;

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

pub const REFUSALS: &[Refusal] = &[
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
            let (admin, nonce) = (world.admin.pubkey(), keypair(14).pubkey());
            let lamports = world.svm.minimum_balance_for_rent_exemption(80);
            let create = system_instruction::create_nonce_account(&admin, &nonce, &admin, lamports);
            world.send(&create, &[2, 14]).unwrap();
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
    Refusal {
        error: Error::VetoOfReplacement,
        what: "the guardian keeps itself in office",
        given: || proposed(Change::Guardian(keypair(7).pubkey())),
        when: |world| world.send(&[build::cancel_change(&world.guardian.pubkey())], &[3]),
    },
    Refusal {
        error: Error::Paused,
        what: "a deposit of SOL during a pause",
        given: paused,
        when: |world| world.deposit_sol(SOL),
    },
    Refusal {
        error: Error::CapNotLower,
        what: "a raise of the settle cap in SOL without a proposal",
        given: World::configured,
        when: |world| {
            let raise = build::lower_settle_cap(&world.guardian.pubkey(), Asset::Sol, SETTLE_CAP_LAMPORTS + 1);
            world.send(&[raise], &[3])
        },
    },
    Refusal {
        error: Error::UnknownVersion,
        what: "a config of a later program",
        given: || {
            let mut world = World::configured();
            let address = chain::config_address();
            let mut data = world.data(&address);
            data[8] = 3;
            world.put(address, PROGRAM_ID, &data);
            world
        },
        when: |world| world.send(&[build::pause(&world.guardian.pubkey())], &[3]),
    },
];
