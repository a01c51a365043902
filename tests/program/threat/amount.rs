//! Rows 12 and 14 to 16: amounts, withdrawals, settlements, stakes.

use permitpipe_sdk::chain::{self, Change, PermitPipeError as Error, Position, instruction as build};
use solana_sdk::{instruction::Instruction, signer::Signer};

use super::{refused_with, with};
use crate::{catalog::furnished, epoch, slash, stake, world::*};

/// An instruction that takes an amount, who signs it, its smallest and largest amount that work, and the refusals of
/// zero, of one less than the smallest, of one more than the largest, and of everything 64 bits can say.
struct Amount {
    name: &'static str,
    signers: &'static [u8],
    build: fn(&World, u64) -> Instruction,
    range: (u64, u64),
    errors: [Error; 4],
}

const AMOUNTS: [Amount; 8] = [
    Amount {
        name: "deposit_usdc",
        signers: &[6],
        build: World::deposit_instruction,
        range: (MIN_DEPOSIT_ATOMS, USDC),
        errors: [Error::ZeroAmount, Error::DepositTooSmall, Error::Overflow, Error::Overflow],
    },
    Amount {
        name: "deposit_sol",
        signers: &[6],
        build: |world, amount| build::deposit_sol(&world.owner.pubkey(), amount),
        range: (MIN_DEPOSIT_LAMPORTS, SOL),
        errors: [Error::ZeroAmount, Error::DepositTooSmall, Error::Overflow, Error::Overflow],
    },
    Amount {
        name: "request_withdrawal of USDC",
        signers: &[6],
        build: |world, amount| build::request_withdrawal(&world.owner.pubkey(), Asset::Usdc, amount),
        range: (1, 100 * USDC),
        errors: [Error::ZeroAmount, Error::ZeroAmount, Error::InsufficientBalance, Error::InsufficientBalance],
    },
    Amount {
        name: "request_withdrawal of SOL",
        signers: &[6],
        build: |world, amount| build::request_withdrawal(&world.owner.pubkey(), Asset::Sol, amount),
        range: (1, 10 * SOL),
        errors: [Error::ZeroAmount, Error::ZeroAmount, Error::InsufficientBalance, Error::InsufficientBalance],
    },
    Amount {
        name: "settle",
        signers: &[5, 4],
        build: |world, amount| world.settle_instruction(1, amount),
        range: (1, CAP_ATOMS),
        errors: [Error::ZeroAmount, Error::ZeroAmount, Error::SettlementAboveOwnerCap, Error::SettlementAboveSettleCap],
    },
    Amount {
        name: "settle_sol",
        signers: &[5, 4],
        // The price is out of the way: the charge is worth more than any amount tried.
        build: |world, amount| world.settle_sol_instruction(1, 1_000_000 * USDC, amount),
        range: (1, CAP_LAMPORTS),
        errors: [Error::ZeroAmount, Error::ZeroAmount, Error::SettlementAboveOwnerCap, Error::SettlementAboveSettleCap],
    },
    Amount {
        name: "add_stake",
        signers: &[6],
        build: |world, amount| build::add_stake(&world.config(), &world.owner.pubkey(), &world.owner_permit, amount),
        range: (1, PERMIT),
        errors: [Error::ZeroAmount, Error::ZeroAmount, Error::Overflow, Error::Overflow],
    },
    Amount {
        name: "request_unstake",
        signers: &[6],
        build: |world, amount| build::request_unstake(&world.owner.pubkey(), amount),
        range: (1, 5 * PERMIT),
        errors: [Error::ZeroAmount, Error::ZeroAmount, Error::InsufficientStake, Error::InsufficientStake],
    },
];

/// A vault with both assets and a stake of 5 PERMIT.
fn stocked() -> World {
    let mut world = World::funded_twice();
    let (owner, config) = (world.owner.pubkey(), world.config());
    let open = build::open_stake(&config, &owner, &owner);
    let add = build::add_stake(&config, &owner, &world.owner_permit, 5 * PERMIT);
    world.send(&[open, add], &[6]).unwrap();
    world
}

#[test]
fn d2_12_amounts() {
    // Zero, one below the smallest, one above the largest and 2^64 - 1 are refused; smallest and largest work.
    let stocked = stocked();
    for Amount { name, signers, build, range: (smallest, largest), errors } in AMOUNTS {
        let mut world = stocked.clone();
        let above = if errors[2] == Error::Overflow { i64::MAX.unsigned_abs() + 1 } else { largest + 1 };
        for (amount, error) in [0, smallest - 1, above, u64::MAX].into_iter().zip(errors) {
            let instruction = build(&world, amount);
            let result = world.send(&[instruction], signers);
            refused_with(&world, result, &[error.into()], &format!("{name} of {amount}"));
        }
        for amount in [smallest, largest] {
            let instruction = build(&world, amount);
            world.clone().send(&[instruction], signers).unwrap();
        }
    }
}

#[test]
fn d2_12_amounts_never_leave_a_vault_below_its_rent() {
    // Everything can be taken out, by settlement and by withdrawal, and the vault keeps its rent to the lamport.
    let mut world = World::funded_twice();
    let vault = world.vault_address();
    let rent = world.svm.minimum_balance_for_rent_exemption(chain::Vault::SIZE);
    assert_eq!(world.lamports(&vault), rent + 10 * SOL);
    for number in 1..=5 {
        world.settle_sol(number, 1_000_000 * USDC, CAP_LAMPORTS).unwrap();
        world.wait(WINDOW_SECONDS);
        world.put_price(&PriceUpdate { published_at: world.now(), ..PriceUpdate::default() });
    }
    assert_eq!(world.lamports(&vault), rent);
    let result = world.settle_sol(6, USDC, 1);
    refused_with(&world, result, &[Error::SettlementAboveBalance.into()], "a lamport of the rent, settled");
    let result = world.request_sol(1);
    refused_with(&world, result, &[Error::InsufficientBalance.into()], "a lamport of the rent, withdrawn");
    // Even where the books were wrong, the rent would stay.
    world.forge_vault(|vault| vault.sol.credited_atoms += SOL);
    let result = world.settle_sol(6, USDC, 1);
    refused_with(&world, result, &[Error::HoldingsBelowBooks.into()], "a settlement without holdings");
}

#[test]
fn d2_12_amounts_the_token_program_and_the_system_have_the_last_word() {
    // A deposit of more than the wallet has is refused by who keeps the wallet.
    let mut world = World::opened();
    let result = world.deposit(WALLET_ATOMS + 1);
    refused_with(&world, result, &[1], "more USDC than there is");
    let result = world.deposit_sol(1_000 * SOL);
    refused_with(&world, result, &[1], "more SOL than there is");
}

#[test]
fn d2_14_withdrawals() {
    // Of both assets: too early, twice, after a cancellation, by another, and while paused as ever.
    let mut world = World::funded_twice();
    let owner = world.owner.pubkey();
    for asset in [Asset::Usdc, Asset::Sol] {
        let execute = match asset {
            Asset::Usdc => world.execute_instruction(),
            Asset::Sol => build::execute_sol_withdrawal(&owner),
        };
        let result = world.send(std::slice::from_ref(&execute), &[6]);
        refused_with(&world, result, &[Error::NoWithdrawal.into()], "not requested");
        let request = build::request_withdrawal(&owner, asset, 1_000);
        world.send(std::slice::from_ref(&request), &[6]).unwrap();
        let result = world.send(&[request], &[6]);
        refused_with(&world, result, &[Error::WithdrawalPending.into()], "a second request");
        world.wait(WITHDRAWAL_DELAY_SECONDS - 1);
        let result = world.send(std::slice::from_ref(&execute), &[6]);
        refused_with(&world, result, &[Error::WithdrawalNotReady.into()], "a second early");
        world.wait(1);
        world.send(&[build::cancel_withdrawal(&owner, asset)], &[6]).unwrap();
        let result = world.send(std::slice::from_ref(&execute), &[6]);
        refused_with(&world, result, &[Error::NoWithdrawal.into()], "after the cancellation");
        world.send(&[build::request_withdrawal(&owner, asset, 1_000)], &[6]).unwrap();
        world.wait(WITHDRAWAL_DELAY_SECONDS);
        let result = world.send(&[with(&execute, 0, world.mallory.pubkey())], &[7]);
        refused_with(&world, result, &[Error::NotOwner.into()], "by another owner");
        let by = if asset == Asset::Usdc { 3 } else { 2 };
        world.send(&[build::pause(&keypair(by).pubkey())], &[by]).unwrap();
        let twice = [execute.clone(), execute.clone()];
        let result = world.send(&twice, &[6]);
        refused_with(&world, result, &[Error::NoWithdrawal.into()], "twice in one transaction");
        world.send(std::slice::from_ref(&execute), &[6]).unwrap();
        let result = world.send(&[execute], &[6]);
        refused_with(&world, result, &[Error::NoWithdrawal.into()], "a second time");
        world.send(&[build::unpause(&world.admin.pubkey())], &[2]).unwrap();
    }
    assert_eq!((world.vault().usdc.withdrawn_atoms, world.vault().sol.withdrawn_atoms), (1_000, 1_000));
}

#[test]
fn d2_15_settlements() {
    // Replayed, out of turn, beyond a window, of a closed vault, by a key that was replaced while it was under way.
    let mut world = World::funded_twice();
    let (usdc, sol) = (world.settle_instruction(1, USDC), world.settle_sol_instruction(1, USDC, SOL));
    world.send(std::slice::from_ref(&usdc), &[5, 4]).unwrap();
    for replay in [&usdc, &sol, &world.settle_instruction(3, USDC), &world.settle_instruction(0, USDC)] {
        let result = world.send(std::slice::from_ref(replay), &[5, 4]);
        refused_with(&world, result, &[Error::WrongSequence.into()], "a wrong number");
    }
    // One refused instruction undoes its whole transaction.
    let pair = [world.settle_instruction(2, USDC), world.settle_instruction(2, 2 * USDC)];
    let result = world.send(&pair, &[5, 4]);
    refused_with(&world, result, &[Error::WrongSequence.into()], "a replay behind the original");
    // The two assets have windows of their own.
    world.settle(2, CAP_ATOMS - USDC).unwrap();
    let result = world.settle(3, 1);
    refused_with(&world, result, &[Error::SettlementAboveOwnerCap.into()], "beyond the window in USDC");
    world.settle_sol(3, 1_000_000 * USDC, CAP_LAMPORTS).unwrap();
    let result = world.settle_sol(4, 1_000_000 * USDC, 1);
    refused_with(&world, result, &[Error::SettlementAboveOwnerCap.into()], "beyond the window in SOL");
    world.wait(WINDOW_SECONDS);
    world.settle(4, CAP_ATOMS).unwrap();
    // Signed in time, landed after the key was replaced.
    let late = world.settle_instruction(5, USDC);
    let change = Change::SettleAuthority(world.mallory.pubkey());
    world.send(&[build::propose_change(&world.admin.pubkey(), change)], &[2]).unwrap();
    world.wait(CHANGE_DELAY_SECONDS);
    world.send(&[build::accept_change(&world.admin.pubkey())], &[2]).unwrap();
    let result = world.send(&[late], &[5, 4]);
    refused_with(&world, result, &[Error::NotSettleAuthority.into()], "the key before");
}

#[test]
fn d2_15_settlements_of_a_closed_vault() {
    let mut world = World::funded_twice();
    let settle = world.settle_instruction(1, USDC);
    world.withdraw_all();
    world.next_slot();
    world.close().unwrap();
    let error = anchor_lang::error::ErrorCode::AccountNotInitialized.into();
    let result = world.send(std::slice::from_ref(&settle), &[5, 4]);
    refused_with(&world, result, &[error], "a closed vault");
    // Nor does an old number fit once it is open again.
    world.open(CAP_ATOMS).unwrap();
    world.deposit(USDC).unwrap();
    let result = world.send(&[settle], &[5, 4]);
    refused_with(&world, result, &[Error::WrongSequence.into()], "a number from before");
}

#[test]
fn d2_16_stakes_slashing_tiers_and_epochs() {
    // Slash while unlocking, the boundaries of tiers, and claims across epochs: see `slash`, `stake` and `epoch`.
    slash::slashing_takes_what_unlocks_first_so_that_the_bond_goes_on_standing();
    stake::a_tier_begins_at_its_very_weight_and_at_the_very_second_that_weight_is_reached();
    epoch::every_leaf_of_every_tree_is_paid_once_with_its_proof_and_nothing_is_left();
    // The largest stake there can be has a weight and a tier, and nothing wraps.
    let config = World::configured().config();
    let most = Position { staked_atoms: i64::MAX.unsigned_abs(), ..Position::default() };
    for (now, weight) in [(0, 0), (i64::MAX, i64::MAX.unsigned_abs()), (i64::MIN, 0)] {
        assert_eq!(most.weight_at(now, i64::MAX).unwrap(), weight, "{now}");
        assert_eq!(config.discount_basis_points(weight), if weight == 0 { 0 } else { 1_000 });
    }
}

#[test]
fn d2_16_stakes() {
    // Staked and taken back in one transaction, unlocked early and twice, below the bond.
    let mut world = furnished();
    let (owner, config) = (world.owner.pubkey(), world.config());
    let unstake = build::unstake(&config, &owner, &world.owner_permit);
    let flash = [
        build::add_stake(&config, &owner, &world.owner_permit, PERMIT),
        build::request_unstake(&owner, PERMIT),
        unstake.clone(),
    ];
    let result = world.send(&flash, &[6]);
    refused_with(&world, result, &[Error::UnstakeNotReady.into()], "a flash stake");
    let result = world.send(&[build::request_unstake(&owner, RELAY_BOND_ATOMS + 1)], &[6]);
    refused_with(&world, result, &[Error::StakeBonded.into()], "an atom of the bond");
    world.send(&[build::request_unstake(&owner, RELAY_BOND_ATOMS)], &[6]).unwrap();
    world.wait(COOL_DOWN_SECONDS - 1);
    let result = world.send(std::slice::from_ref(&unstake), &[6]);
    refused_with(&world, result, &[Error::UnstakeNotReady.into()], "a second early");
    world.wait(1);
    let result = world.send(&[unstake.clone(), unstake.clone()], &[6]);
    refused_with(&world, result, &[Error::NoUnstake.into()], "twice");
    let before = world.tokens(&world.owner_permit);
    world.send(&[unstake], &[6]).unwrap();
    assert_eq!(world.tokens(&world.owner_permit), before + RELAY_BOND_ATOMS);
}
