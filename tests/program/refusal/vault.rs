//! Refusals of the owner's instructions.

use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{PermitPipeError as Error, instruction as build, vault_address};
use solana_sdk::{instruction::Instruction, pubkey::Pubkey, signer::Signer};

use super::Refusal;
use crate::world::*;

/// Mallory signs, but names the vault of the owner.
fn by_mallory(world: &mut World, instruction: fn(&World, &Pubkey) -> Instruction) -> TransactionResult {
    let (mallory, owners) = (world.mallory.pubkey(), world.vault_address());
    let mut instruction = instruction(world, &mallory);
    for account in &mut instruction.accounts {
        if account.pubkey == vault_address(&mallory) {
            account.pubkey = owners;
        }
    }
    world.send(&[instruction], &[7])
}

fn requested() -> World {
    let mut world = World::funded();
    world.request(USDC).unwrap();
    world
}

pub const REFUSALS: &[Refusal] = &[
    Refusal {
        error: Error::Overflow,
        what: "a deposit that takes the total beyond signed 64 bits",
        given: || {
            let mut world = World::opened();
            world.forge_vault(|vault| {
                vault.usdc.credited_atoms = i64::MAX.unsigned_abs() - USDC;
                vault.usdc.withdrawn_atoms = vault.usdc.credited_atoms;
            });
            world
        },
        when: |world| world.deposit(USDC + 1),
    },
    Refusal {
        error: Error::Overflow,
        what: "a deposit of everything 64 bits can say",
        given: World::funded,
        when: |world| world.deposit(u64::MAX),
    },
    Refusal {
        error: Error::ZeroAmount,
        what: "a deposit of nothing",
        given: World::opened,
        when: |world| world.deposit(0),
    },
    Refusal {
        error: Error::ZeroAmount,
        what: "a withdrawal of nothing",
        given: World::funded,
        when: |world| world.request(0),
    },
    Refusal {
        error: Error::UnknownVersion,
        what: "a vault of a later program",
        given: || {
            let mut world = World::opened();
            world.forge_vault(|vault| vault.version += 1);
            world
        },
        when: |world| world.set_cap(1),
    },
    Refusal {
        error: Error::InvariantViolated,
        what: "a vault that paid more than came in",
        given: || {
            let mut world = World::funded();
            world.forge_vault(|vault| vault.usdc.settled_atoms = vault.usdc.credited_atoms + 1);
            world
        },
        when: |world| world.set_cap(1),
    },
    Refusal {
        error: Error::InvariantViolated,
        what: "a window with more in it than was ever settled",
        given: || {
            let mut world = World::funded();
            world.forge_vault(|vault| vault.usdc.window_settled_atoms = 1);
            world
        },
        when: |world| world.set_cap(1),
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner sets the cap",
        given: World::funded,
        when: |world| by_mallory(world, |_, mallory| build::set_cap(mallory, Asset::Usdc, u64::MAX >> 1)),
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner deposits",
        given: World::funded,
        when: |world| {
            by_mallory(world, |world, mallory| {
                let mut instruction = build::deposit_usdc(&world.config(), mallory, &world.mallory_usdc, USDC);
                instruction.accounts[3].pubkey = world.vault_usdc();
                instruction
            })
        },
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner asks for a withdrawal",
        given: World::funded,
        when: |world| by_mallory(world, |_, mallory| build::request_withdrawal(mallory, Asset::Usdc, USDC)),
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner cancels a withdrawal",
        given: requested,
        when: |world| by_mallory(world, |_, mallory| build::cancel_withdrawal(mallory, Asset::Usdc)),
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner takes the withdrawal",
        given: requested,
        when: |world| {
            world.wait(WITHDRAWAL_DELAY_SECONDS);
            by_mallory(world, |world, mallory| {
                let mut instruction = build::execute_withdrawal(&world.config(), mallory, &world.mallory_usdc);
                instruction.accounts[3].pubkey = world.vault_usdc();
                instruction
            })
        },
    },
    Refusal {
        error: Error::DepositTooSmall,
        what: "an atom less than the smallest deposit",
        given: World::opened,
        when: |world| world.deposit(MIN_DEPOSIT_ATOMS - 1),
    },
    Refusal {
        error: Error::InsufficientBalance,
        what: "an atom more than the balance",
        given: World::funded,
        when: |world| world.request(100 * USDC + 1),
    },
    Refusal {
        error: Error::InsufficientBalance,
        what: "a withdrawal of everything 64 bits can say",
        given: World::funded,
        when: |world| world.request(u64::MAX),
    },
    Refusal {
        error: Error::InsufficientBalance,
        what: "tokens sent to the vault by somebody are withdrawn",
        given: || {
            let mut world = World::opened();
            world.put_tokens(world.vault_usdc(), world.usdc, world.vault_address(), 50 * USDC);
            world
        },
        when: |world| world.request(1),
    },
    Refusal {
        error: Error::WithdrawalPending,
        what: "a second withdrawal beside the first",
        given: requested,
        when: |world| world.request(1),
    },
    Refusal {
        error: Error::NoWithdrawal,
        what: "a payment nobody asked for",
        given: World::funded,
        when: World::execute,
    },
    Refusal {
        error: Error::NoWithdrawal,
        what: "a cancellation of nothing",
        given: World::funded,
        when: World::cancel,
    },
    Refusal {
        error: Error::NoWithdrawal,
        what: "a payment after the cancellation",
        given: || {
            let mut world = requested();
            world.cancel().unwrap();
            world
        },
        when: |world| {
            world.wait(WITHDRAWAL_DELAY_SECONDS);
            world.execute()
        },
    },
    Refusal {
        error: Error::NoWithdrawal,
        what: "a second payment of one request",
        given: || {
            let mut world = requested();
            world.wait(WITHDRAWAL_DELAY_SECONDS);
            world.execute().unwrap();
            world
        },
        when: World::execute,
    },
    Refusal {
        error: Error::WithdrawalNotReady,
        what: "a payment a second early",
        given: requested,
        when: |world| {
            world.wait(WITHDRAWAL_DELAY_SECONDS - 1);
            world.execute()
        },
    },
    Refusal {
        error: Error::HoldingsBelowBooks,
        what: "a deposit into a vault whose tokens are gone",
        given: || {
            let mut world = World::funded();
            world.put_tokens(world.vault_usdc(), world.usdc, world.vault_address(), 99 * USDC);
            world
        },
        when: |world| world.deposit(USDC),
    },
    Refusal {
        error: Error::CapTooLarge,
        what: "a cap that no ledger can hold, from the start",
        given: World::configured,
        when: |world| world.open(u64::MAX),
    },
    Refusal {
        error: Error::CapTooLarge,
        what: "a cap that no ledger can hold, later",
        given: World::opened,
        when: |world| world.set_cap(1 << 63),
    },
    Refusal {
        error: Error::CapTooLarge,
        what: "a cap in SOL that no ledger can hold",
        given: World::opened,
        when: |world| world.send(&[build::set_cap(&world.owner.pubkey(), Asset::Sol, u64::MAX)], &[6]),
    },
    Refusal {
        error: Error::CapTooLarge,
        what: "a cap in SOL that no ledger can hold, from the start",
        given: World::configured,
        when: |world| {
            let open = build::open_vault(&world.config(), &world.owner.pubkey(), 1, 1 << 63);
            world.send(&[open], &[6])
        },
    },
    Refusal {
        error: Error::VaultNotEmpty,
        what: "a vault with USDC closes",
        given: || later(World::funded()),
        when: World::close,
    },
    Refusal {
        error: Error::VaultNotEmpty,
        what: "a vault with SOL closes",
        given: || {
            let mut world = World::opened();
            world.deposit_sol(SOL).unwrap();
            later(world)
        },
        when: World::close,
    },
    Refusal {
        error: Error::VaultNotEmpty,
        what: "a vault closes whose last atom was settled while a withdrawal waits",
        given: || {
            let mut world = World::opened();
            world.deposit(USDC).unwrap();
            world.request(USDC).unwrap();
            world.settle(1, USDC).unwrap();
            later(world)
        },
        when: World::close,
    },
    Refusal {
        error: Error::ClosedTooSoon,
        what: "a vault closes in the slot it was opened in",
        given: World::opened,
        when: World::close,
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner closes the vault",
        given: || later(World::opened()),
        when: |world| {
            by_mallory(world, |world, mallory| {
                let mut instruction = build::close_vault(&world.config(), mallory, &world.mallory_usdc);
                instruction.accounts[3].pubkey = world.vault_usdc();
                instruction
            })
        },
    },
];

/// The same a slot later, when accounts can be closed.
fn later(mut world: World) -> World {
    world.next_slot();
    world
}
