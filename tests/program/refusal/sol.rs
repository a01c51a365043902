//! Refusals of instructions that move SOL.

use permitpipe_sdk::chain::{PermitPipeError as Error, instruction as build, vault_address};
use solana_sdk::signer::Signer;

use super::Refusal;
use crate::world::*;

/// Ten times what the owner allows in a window, so that the price is not what limits it.
const DEAR_CREDITS: u64 = 1_000_000 * USDC;

fn requested() -> World {
    let mut world = World::funded_twice();
    world.request_sol(SOL).unwrap();
    world
}

/// A config that names no oracle.
fn blind() -> World {
    let mut world = World::bare();
    let mut args = world.initial();
    args.oracle = None;
    world.initialize(args).unwrap();
    world.open(CAP_ATOMS).unwrap();
    world
}

/// The price account says this.
fn priced(spoil: fn(&mut PriceUpdate)) -> World {
    let mut world = World::funded_twice();
    let mut update = PriceUpdate::default();
    spoil(&mut update);
    world.put_price(&update);
    world
}

pub const REFUSALS: &[Refusal] = &[
    Refusal {
        error: Error::ZeroAmount,
        what: "a deposit of no lamport",
        given: World::opened,
        when: |world| world.deposit_sol(0),
    },
    Refusal {
        error: Error::DepositTooSmall,
        what: "a lamport less than the smallest deposit",
        given: World::opened,
        when: |world| world.deposit_sol(MIN_DEPOSIT_LAMPORTS - 1),
    },
    Refusal {
        error: Error::Overflow,
        what: "a deposit that takes the total of SOL beyond signed 64 bits",
        given: || {
            let mut world = World::opened();
            world.forge_vault(|vault| {
                vault.sol.credited_atoms = i64::MAX.unsigned_abs() - SOL;
                vault.sol.withdrawn_atoms = vault.sol.credited_atoms;
            });
            world
        },
        when: |world| world.deposit_sol(SOL + 1),
    },
    Refusal {
        error: Error::NoOracle,
        what: "a deposit of SOL that nobody could price",
        given: blind,
        when: |world| world.deposit_sol(SOL),
    },
    Refusal {
        error: Error::NoOracle,
        what: "a settlement of SOL that nobody can price",
        given: blind,
        when: |world| world.settle_sol(1, USDC, SOL),
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner deposits SOL",
        given: World::funded_twice,
        when: |world| {
            let mut deposit = build::deposit_sol(&world.mallory.pubkey(), SOL);
            deposit.accounts[2].pubkey = world.vault_address();
            world.send(&[deposit], &[7])
        },
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner takes the withdrawal of SOL",
        given: requested,
        when: |world| {
            world.wait(WITHDRAWAL_DELAY_SECONDS);
            let mut execute = build::execute_sol_withdrawal(&world.mallory.pubkey());
            assert_eq!(execute.accounts[2].pubkey, vault_address(&world.mallory.pubkey()));
            execute.accounts[2].pubkey = world.vault_address();
            world.send(&[execute], &[7])
        },
    },
    Refusal {
        error: Error::InsufficientBalance,
        what: "a lamport more than the balance",
        given: World::funded_twice,
        when: |world| world.request_sol(10 * SOL + 1),
    },
    Refusal {
        error: Error::WithdrawalPending,
        what: "a second withdrawal of SOL beside the first",
        given: requested,
        when: |world| world.request_sol(1),
    },
    Refusal {
        error: Error::NoWithdrawal,
        what: "a withdrawal of USDC is paid in SOL",
        given: || {
            let mut world = World::funded_twice();
            world.request(USDC).unwrap();
            world.wait(WITHDRAWAL_DELAY_SECONDS);
            world
        },
        when: World::execute_sol,
    },
    Refusal {
        error: Error::WithdrawalNotReady,
        what: "a payment of SOL a second early",
        given: requested,
        when: |world| {
            world.wait(WITHDRAWAL_DELAY_SECONDS - 1);
            world.execute_sol()
        },
    },
    Refusal {
        error: Error::HoldingsBelowBooks,
        what: "a settlement out of a vault whose lamports are gone",
        given: || {
            let mut world = World::opened();
            world.forge_vault(|vault| vault.sol.credited_atoms = SOL);
            world
        },
        when: |world| world.settle_sol(1, USDC, 1),
    },
    Refusal {
        error: Error::NotSettleAuthority,
        what: "a stranger settles SOL",
        given: World::funded_twice,
        when: |world| {
            let mut settle = world.settle_sol_instruction(1, USDC, SOL);
            settle.accounts[1].pubkey = world.mallory.pubkey();
            world.send(&[settle], &[5, 7])
        },
    },
    Refusal {
        error: Error::WrongTreasury,
        what: "SOL is settled to the settler's own wallet",
        given: World::funded_twice,
        when: |world| {
            let mut settle = world.settle_sol_instruction(1, USDC, SOL);
            settle.accounts[4].pubkey = world.settler.pubkey();
            settle.accounts[4].is_writable = true;
            world.send(&[settle], &[5, 4])
        },
    },
    Refusal {
        error: Error::WrongSequence,
        what: "the number of a settlement of USDC is used again for SOL",
        given: || {
            let mut world = World::funded_twice();
            world.settle(1, USDC).unwrap();
            world
        },
        when: |world| world.settle_sol(1, USDC, SOL),
    },
    Refusal {
        error: Error::NoReceipts,
        what: "a settlement of SOL that no receipt proves",
        given: World::funded_twice,
        when: |world| {
            let mut settle = world.settle_sol_instruction(1, USDC, SOL);
            settle.data[32..36].fill(0); // after 8 bytes of discriminator and three numbers
            world.send(&[settle], &[5, 4])
        },
    },
    Refusal {
        error: Error::ZeroAmount,
        what: "a settlement of SOL for a charge of nothing",
        given: World::funded_twice,
        when: |world| world.settle_sol(1, 0, SOL),
    },
    Refusal {
        error: Error::ZeroAmount,
        what: "a settlement for which no SOL was held",
        given: World::funded_twice,
        when: |world| world.settle_sol(1, USDC, 0),
    },
    Refusal {
        error: Error::SettlementAboveBalance,
        what: "more SOL than the vault holds",
        given: || {
            let mut world = World::opened();
            world.deposit_sol(SOL).unwrap();
            world.give(&world.vault_address(), 1);
            world
        },
        when: |world| world.settle_sol(1, DEAR_CREDITS, SOL + 1),
    },
    Refusal {
        error: Error::SettlementAboveBalance,
        what: "lamports sent to the vault by somebody, or its rent, are settled",
        given: || {
            let mut world = World::opened();
            world.give(&world.vault_address(), SOL);
            world
        },
        when: |world| world.settle_sol(1, DEAR_CREDITS, 1),
    },
    Refusal {
        error: Error::SettlementAboveSettleCap,
        what: "a lamport more than any settlement may take",
        given: World::funded_twice,
        when: |world| world.settle_sol(1, DEAR_CREDITS, SETTLE_CAP_LAMPORTS + 1),
    },
    Refusal {
        error: Error::SettlementAboveSettleCap,
        what: "a lamport after the guardian stopped settling SOL",
        given: || {
            let mut world = World::funded_twice();
            world.send(&[build::lower_settle_cap(&world.guardian.pubkey(), Asset::Sol, 0)], &[3]).unwrap();
            world
        },
        when: |world| world.settle_sol(1, USDC, 1),
    },
    Refusal {
        error: Error::SettlementAboveOwnerCap,
        what: "a lamport more than the owner allows in a window, in two steps",
        given: || {
            let mut world = World::funded_twice();
            world.settle_sol(1, DEAR_CREDITS, CAP_LAMPORTS).unwrap();
            world
        },
        when: |world| world.settle_sol(2, DEAR_CREDITS, 1),
    },
    Refusal {
        error: Error::WrongOracle,
        what: "the settler chooses another price account",
        given: World::funded_twice,
        when: |world| {
            let mut settle = world.settle_sol_instruction(1, USDC, SOL);
            settle.accounts[5].pubkey = world.treasury;
            world.send(&[settle], &[5, 4])
        },
    },
    Refusal {
        error: Error::WrongFeed,
        what: "the price of something else",
        given: || priced(|update| update.feed_id = [0; 32]),
        when: |world| world.settle_sol(1, USDC, SOL),
    },
    Refusal {
        error: Error::PartialVerification,
        what: "a price that some guardians signed",
        given: || priced(|update| update.partial = Some(12)),
        when: |world| world.settle_sol(1, USDC, SOL),
    },
    Refusal {
        error: Error::FuturePrice,
        what: "a price of tomorrow",
        given: || priced(|update| update.published_at += 86_400),
        when: |world| world.settle_sol(1, USDC, SOL),
    },
    Refusal {
        error: Error::BadPrice,
        what: "SOL for nothing",
        given: || priced(|update| update.price = 0),
        when: |world| world.settle_sol(1, USDC, SOL),
    },
    Refusal {
        error: Error::WideConfidence,
        what: "a price give or take half of it",
        given: || priced(|update| update.confidence = update.price.unsigned_abs() / 2),
        when: |world| world.settle_sol(1, USDC, SOL),
    },
    Refusal {
        error: Error::NothingToSettle,
        what: "a charge worth less than a lamport",
        given: || priced(|update| (update.price, update.exponent) = (1_001, 0)),
        when: |world| world.settle_sol(1, 1, SOL),
    },
    Refusal {
        error: Error::Overflow,
        what: "a charge worth more lamports than 64 bits can say",
        given: || priced(|update| (update.price, update.exponent) = (1, -12)),
        when: |world| world.settle_sol(1, u64::MAX, SOL),
    },
];
