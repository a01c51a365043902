//! The instructions of config, vaults and settlements.

use permitpipe_sdk::chain::{Change, instruction as build};
use solana_sdk::signer::Signer;

use super::{Case, furnished::NEWCOMER};
use crate::world::*;

const CHANGE: Change = Change::Limits(Limits { settle_cap_atoms: 90 * USDC, ..LIMITS });

fn propose(world: &mut World) {
    world.send(&[build::propose_change(&world.admin.pubkey(), CHANGE)], &[2]).unwrap();
}

fn empty(world: &mut World) {
    world.withdraw_all();
    world.next_slot();
}

/// The number of the vault's next settlement.
fn next(world: &World) -> u64 {
    world.vault().settle_sequence + 1
}

pub const CASES: &[Case] = &[
    Case {
        is_first: true,
        ..Case::new("initialize_config", &[1], |world| {
            build::initialize_config(&world.deployer.pubkey(), &world.mints(), world.initial())
        })
    },
    Case::new("propose_change", &[2], |world| build::propose_change(&world.admin.pubkey(), CHANGE)),
    Case::new("accept_change", &[2], |world| build::accept_change(&world.admin.pubkey())).given(|world| {
        propose(world);
        world.wait(CHANGE_DELAY_SECONDS);
    }),
    Case::new("cancel_change", &[3], |world| build::cancel_change(&world.guardian.pubkey())).given(propose),
    Case::new("pause", &[3], |world| build::pause(&world.guardian.pubkey())),
    Case::new("unpause", &[2], |world| build::unpause(&world.admin.pubkey())).given(|world| {
        world.send(&[build::pause(&world.guardian.pubkey())], &[3]).unwrap();
    }),
    Case::new("lower_settle_cap", &[3], |world| {
        build::lower_settle_cap(&world.guardian.pubkey(), Asset::Usdc, SETTLE_CAP_ATOMS - 1)
    }),
    Case::new("open_vault", &[NEWCOMER], |world| {
        build::open_vault(&world.config(), &keypair(NEWCOMER).pubkey(), CAP_ATOMS, CAP_LAMPORTS)
    }),
    Case::new("set_cap", &[6], |world| build::set_cap(&world.owner.pubkey(), Asset::Usdc, CAP_ATOMS + 1)),
    Case::new("deposit_usdc", &[6], |world| world.deposit_instruction(USDC)),
    Case::new("deposit_sol", &[6], |world| build::deposit_sol(&world.owner.pubkey(), SOL)),
    Case::new("request_withdrawal", &[6], |world| build::request_withdrawal(&world.owner.pubkey(), Asset::Sol, SOL)),
    Case::new("cancel_withdrawal", &[6], |world| build::cancel_withdrawal(&world.owner.pubkey(), Asset::Usdc))
        .given(|world| drop(world.request(USDC).unwrap())),
    Case::new("execute_withdrawal", &[6], World::execute_instruction).given(|world| {
        world.request(USDC).unwrap();
        world.wait(WITHDRAWAL_DELAY_SECONDS);
    }),
    Case::new("execute_sol_withdrawal", &[6], |world| build::execute_sol_withdrawal(&world.owner.pubkey())).given(
        |world| {
            world.request_sol(SOL).unwrap();
            world.wait(WITHDRAWAL_DELAY_SECONDS);
        },
    ),
    Case::new("close_vault", &[6], World::close_instruction).given(empty),
    Case::new("settle", &[5, 4], |world| world.settle_instruction(next(world), USDC)),
    Case::new("settle_sol", &[5, 4], |world| world.settle_sol_instruction(next(world), USDC, SOL)),
    Case::new("close_settlement", &[NEWCOMER], |world| {
        build::close_settlement(&world.vault_address(), 1, &world.payer.pubkey())
    })
    .given(|world| world.wait(RETENTION_SECONDS)),
];
