//! Rows 21 to 23: clock, rent, price.

use anchor_lang::error::ErrorCode;
use permitpipe_sdk::chain::{self, PermitPipeError as Error, instruction as build};
use solana_sdk::{clock::Clock, rent::Rent, signer::Signer};

use super::{refusal, refused_with, sweep};
use crate::{oracle, world::*};

#[test]
fn d2_21_clock_at_its_ends() {
    // At the first and last second 64 bits can say, every instruction works or is refused cleanly: nothing wraps.
    for now in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX] {
        sweep(|case, world, instruction| {
            world.set_time(now);
            if let Err(failure) = case.send(world, instruction.clone()) {
                refusal(world, Err(failure), &format!("{} at {now}", case.name));
            }
        });
    }
}

#[test]
fn d2_21_clock_neither_wraps_nor_opens_a_window() {
    let mut world = World::funded();
    world.settle(1, CAP_ATOMS).unwrap();
    for now in [i64::MIN, -1, 0, 1] {
        world.set_time(now);
        let result = world.settle(2, 1);
        refused_with(&world, result, &[Error::SettlementAboveOwnerCap.into()], "a clock that went back");
    }
    world.set_time(i64::MAX);
    let result = world.request(USDC);
    refused_with(&world, result, &[Error::Overflow.into()], "a delay beyond the end of time");
    let result = world.set_cap(1);
    refused_with(&world, result, &[Error::Overflow.into()], "a delay beyond the end of time");
    // Settling opens a window that can never end, yet loses nothing: the owner can still leave.
    world.set_time(i64::MAX - WITHDRAWAL_DELAY_SECONDS);
    world.settle(2, CAP_ATOMS).unwrap();
    world.request(60 * USDC).unwrap();
    world.set_time(i64::MAX);
    world.execute().unwrap();
}

#[test]
fn d2_21_clock_before_1970_and_after_years() {
    let mut world = World::configured();
    world.set_time(-100_000);
    world.open(CAP_ATOMS).unwrap();
    world.deposit(USDC).unwrap();
    world.settle(1, USDC / 2).unwrap();
    assert_eq!(world.vault().usdc.window_started_at, -100_000);
    // A century and 2^40 slots later the same vault settles, and numbers still fit.
    let clock: Clock = world.svm.get_sysvar();
    world.svm.set_sysvar(&Clock { slot: 1 << 40, unix_timestamp: 4_000_000_000, ..clock });
    world.settle(2, USDC / 2).unwrap();
    world.close().unwrap();
    world.open(CAP_ATOMS).unwrap();
    assert_eq!(world.vault().event_seq, (1 << 56) + 1);
    // The last slot whose numbers fit into signed 64 bits is in 44,000 years; after it nothing is opened.
    world.svm.set_sysvar(&Clock { slot: 1 << 47, ..clock });
    let open = build::open_vault(&world.config(), &world.mallory.pubkey(), 1, 1);
    let result = world.send(&[open], &[7]);
    refused_with(&world, result, &[Error::Overflow.into()], "a slot beyond the end of numbers");
}

#[test]
fn d2_22_rent_what_is_written_stays_as_long_as_it_was() {
    // No instruction changes an account's size, and whatever it leaves behind is exempt from rent.
    sweep(|case, world, instruction| {
        let before = world.snapshot();
        case.send(world, instruction.clone()).unwrap();
        for (address, account) in world.snapshot() {
            let is_same = before.get(&address).is_none_or(|old| old.data.len() == account.data.len());
            assert!(is_same, "{} resized {address}", case.name);
            let rent = world.svm.minimum_balance_for_rent_exemption(account.data.len());
            assert!(account.data.is_empty() || account.lamports >= rent, "{} underpaid {address}", case.name);
        }
    });
}

#[test]
fn d2_22_rent_of_half_an_account_is_no_account() {
    // Data cut to half its size, with lamports to match, is refused wherever the account stands.
    sweep(|case, world, instruction| {
        for meta in &instruction.accounts {
            let Some(account) = world.svm.get_account(&meta.pubkey) else { continue };
            if account.owner != chain::PROGRAM_ID || account.executable {
                continue;
            }
            world.put(meta.pubkey, account.owner, &account.data[..account.data.len() / 2]);
            let result = case.send(world, instruction.clone());
            refused_with(world, result, &[ErrorCode::AccountDidNotDeserialize.into()], case.name);
            world.svm.set_account(meta.pubkey, account).unwrap();
        }
    });
}

#[test]
fn d2_22_rent_that_rises_locks_nobody_in() {
    // Rent doubles while a vault holds SOL: what the rent now takes is missing, the rest is paid, and USDC is untouched.
    let mut world = World::funded_twice();
    let (vault, owner) = (world.vault_address(), world.owner.pubkey());
    let old = world.svm.minimum_balance_for_rent_exemption(chain::Vault::SIZE);
    let rent: Rent = world.svm.get_sysvar();
    world.svm.set_sysvar(&Rent { lamports_per_byte: 2 * rent.lamports_per_byte, ..rent });
    assert_eq!(world.svm.minimum_balance_for_rent_exemption(chain::Vault::SIZE), 2 * old);
    let before = world.lamports(&owner);
    world.withdraw_all();
    assert_eq!(world.lamports(&owner), before + 10 * SOL - old);
    assert_eq!(world.tokens(&world.owner_usdc), WALLET_ATOMS);
    assert_eq!(world.lamports(&vault), 2 * old);
    // The missing lamports are still in the books, and come back when rent falls or somebody fills the gap.
    let left = world.vault().sol.balance_atoms().unwrap();
    assert_eq!(left, old);
    world.give(&vault, left);
    world.request_sol(left).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    world.execute_sol().unwrap();
    assert_eq!(world.lamports(&owner), before + 10 * SOL);
}

#[test]
fn d2_22_rent_that_falls_is_nobodys_credit() {
    // What is freed belongs to the vault, not to its books: it comes back when the vault closes.
    let mut world = World::funded_twice();
    let (vault, owner) = (world.vault_address(), world.owner.pubkey());
    let old = world.svm.minimum_balance_for_rent_exemption(chain::Vault::SIZE);
    let rent: Rent = world.svm.get_sysvar();
    world.svm.set_sysvar(&Rent { lamports_per_byte: rent.lamports_per_byte / 2, ..rent });
    let result = world.request_sol(10 * SOL + 1);
    refused_with(&world, result, &[Error::InsufficientBalance.into()], "a lamport of the old rent");
    world.withdraw_all();
    assert_eq!(world.lamports(&vault), old);
    world.next_slot();
    let before = world.lamports(&owner) + world.lamports(&world.vault_usdc());
    world.close().unwrap();
    assert_eq!(world.lamports(&owner), before + old);
}

#[test]
fn d2_22_rent_is_paid_or_nothing_happens() {
    // A payer without the lamports gets an error and no settlement.
    let mut world = World::funded();
    let poor = keypair(13);
    world.svm.airdrop(&poor.pubkey(), 900_000).unwrap();
    let mut settle = world.settle_instruction(1, USDC);
    settle.accounts[0].pubkey = poor.pubkey();
    let result = world.send(&[settle], &[5, 13, 4]);
    refused_with(&world, result, &[1], "a payer without the rent");
}

#[test]
fn d2_23_oracle() {
    // Stale, future, wrong feed, partly verified, zero, negative, odd exponents, half its own width: see `oracle`.
    oracle::each_bad_price_is_refused();
}
