//! Clocks, extremes and malformed data: clean errors, no panic, no wrap.

use anchor_lang::error::ErrorCode;
use permitpipe_sdk::chain::{PROGRAM_ID, PermitPipeError, instruction as build};
use solana_sdk::{
    instruction::{AccountMeta, InstructionError},
    signer::Signer,
    transaction::TransactionError,
};

use crate::world::*;

#[test]
fn data_cut_anywhere_is_a_clean_error() {
    let mut world = World::funded();
    for whole in [world.settle_instruction(1, USDC), world.deposit_instruction(USDC)] {
        for length in 0..whole.data.len() {
            let mut cut = whole.clone();
            cut.data.truncate(length);
            let signers: &[u8] = if whole.accounts[0].pubkey == world.owner.pubkey() { &[6] } else { &[5, 4] };
            let expected = if length < 8 {
                ErrorCode::InstructionFallbackNotFound
            } else {
                ErrorCode::InstructionDidNotDeserialize
            };
            assert_eq!(code(world.send(&[cut], signers)), u32::from(expected), "{length} bytes");
        }
    }
}

#[test]
fn bytes_behind_the_data_and_accounts_behind_the_accounts_change_nothing() {
    let mut world = World::funded();
    let mut settle = world.settle_instruction(1, USDC);
    settle.data.extend([0xff; 64]);
    settle.accounts.extend((100..110).map(|byte| AccountMeta::new(address(byte), false)));
    world.send(&[settle], &[5, 4]).unwrap();
    assert_eq!(world.tokens(&world.treasury), USDC);
    assert_eq!(world.vault().usdc.settled_atoms, USDC);
}

#[test]
fn unknown_instructions_and_changes_are_a_clean_error() {
    let mut world = World::configured();
    let mut unknown = build::pause(&world.guardian.pubkey());
    unknown.data = vec![0xab; 40];
    assert_eq!(code(world.send(&[unknown], &[3])), u32::from(ErrorCode::InstructionFallbackNotFound));
    let mut change = build::propose_change(
        &world.admin.pubkey(),
        permitpipe_sdk::chain::Change::Limits(Limits { settle_cap_atoms: 1, ..LIMITS }),
    );
    change.data[8] = 4; // one past the last variant
    assert_eq!(code(world.send(&[change], &[2])), u32::from(ErrorCode::InstructionDidNotDeserialize));
}

#[test]
fn a_clock_at_its_ends_neither_wraps_nor_opens_a_window() {
    let mut world = World::funded();
    world.settle(1, CAP_ATOMS).unwrap();
    for now in [i64::MIN, -1, 0, 1] {
        world.set_time(now);
        refused(world.settle(2, 1), PermitPipeError::SettlementAboveOwnerCap);
    }
    world.set_time(i64::MAX);
    refused(world.request(USDC), PermitPipeError::Overflow);
    refused(world.set_cap(1), PermitPipeError::Overflow);
    // Settling opens a window that can never end, yet loses nothing: the owner can still leave.
    world.set_time(i64::MAX - WITHDRAWAL_DELAY_SECONDS);
    world.settle(2, CAP_ATOMS).unwrap();
    world.request(60 * USDC).unwrap();
    world.set_time(i64::MAX);
    world.execute().unwrap();
}

#[test]
fn a_vault_opened_before_the_epoch_works() {
    let mut world = World::configured();
    world.set_time(-100_000);
    world.open(CAP_ATOMS).unwrap();
    world.deposit(USDC).unwrap();
    world.settle(1, USDC).unwrap();
    assert_eq!(world.vault().usdc.window_started_at, -100_000);
}

#[test]
fn the_smallest_amounts_work() {
    let mut world = World::opened();
    world.deposit(MIN_DEPOSIT_ATOMS).unwrap();
    world.settle(1, 1).unwrap();
    world.request(1).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    world.execute().unwrap();
    assert_eq!(world.tokens(&world.vault_usdc()), MIN_DEPOSIT_ATOMS - 2);
}

#[test]
fn a_withdrawal_of_which_nothing_is_left_pays_nothing_and_is_done() {
    let mut world = World::opened();
    world.deposit(USDC).unwrap();
    world.request(USDC).unwrap();
    world.settle(1, USDC).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    world.execute().unwrap();
    assert_eq!((world.vault().usdc.withdrawn_atoms, world.vault().usdc.withdrawal), (0, None));
}

#[test]
fn a_deposit_without_the_tokens_is_refused_by_the_token_program() {
    let mut world = World::opened();
    let before = world.snapshot();
    assert_eq!(code(world.deposit(WALLET_ATOMS + 1)), 1);
    assert!(before == world.snapshot());
}

#[test]
fn what_the_program_writes_stays_as_long_as_it_was() {
    let mut world = World::funded();
    let length = world.data(&world.vault_address()).len();
    world.request(USDC).unwrap();
    world.set_cap(0).unwrap();
    assert_eq!(world.data(&world.vault_address()).len(), length);
    let account = world.svm.get_account(&world.vault_address()).unwrap();
    assert_eq!(account.owner, PROGRAM_ID);
    assert!(account.lamports >= world.svm.minimum_balance_for_rent_exemption(length));
}

#[test]
fn a_payer_without_lamports_gets_an_error_and_no_settlement() {
    let mut world = World::funded();
    let poor = keypair(11);
    world.svm.airdrop(&poor.pubkey(), 900_000).unwrap();
    let mut settle = world.settle_instruction(1, USDC);
    settle.accounts[0].pubkey = poor.pubkey();
    let failure = world.send(&[settle], &[5, 11, 4]).expect_err("cannot pay the rent");
    let is_clean = matches!(
        failure.err,
        TransactionError::InstructionError(_, InstructionError::Custom(1))
            | TransactionError::InsufficientFundsForRent { .. }
    );
    assert!(is_clean, "{:?}", failure.err);
    assert_eq!(world.vault().settle_sequence, 0);
}
