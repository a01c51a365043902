//! Row 19: calls from other programs, with a program that passes on whatever it is told.
//!
//! Ours calls the system program and the token program alone, both pinned, so nothing can call it back while it runs.
//! What is left is being called: by a wallet's program, which shall work, and by one that means ill, which gets no more
//! rights than its caller has.

use std::env;

use anchor_lang::solana_program::system_instruction;
use permitpipe_sdk::chain::{PROGRAM_ID, PermitPipeError, instruction as build};
use solana_sdk::{
    instruction::{AccountMeta, Instruction, InstructionError},
    pubkey::Pubkey,
    signer::Signer,
    transaction::TransactionError,
};

use super::{refusal, refused_with, sweep};
use crate::{artifact, world::*};

/// Where the caller lives.
const CALLER: Pubkey = Pubkey::new_from_array([80; 32]);
/// "This account signs the call if it signs the transaction."
const AS_IT_IS: u8 = 2;

/// The chain with the caller on it; none where it is not built.
fn with_caller(world: &mut World) -> bool {
    if env::var_os("PERMITPIPE_PLATFORM_TOOLS").is_some() {
        println!("built by platform-tools: there is no caller");
        return false;
    }
    world.svm.add_program(CALLER, &artifact::caller()).unwrap();
    true
}

/// The same instruction, but sent by the caller, so many times.
fn called(instruction: &Instruction, times: u8) -> Instruction {
    let program = AccountMeta::new_readonly(instruction.program_id, false);
    let signs = vec![AS_IT_IS; instruction.accounts.len()];
    Instruction {
        program_id: CALLER,
        accounts: [vec![program], instruction.accounts.clone()].concat(),
        data: [vec![times], signs, instruction.data.clone()].concat(),
    }
}

#[test]
fn d2_19_reentry_a_call_does_what_the_instruction_does() {
    // Every instruction can be called by a program (a multisig, say), with the same effect to the last byte.
    sweep(|case, world, instruction| {
        if !with_caller(world) {
            return;
        }
        let mut direct = world.clone();
        case.send(&mut direct, instruction.clone()).unwrap();
        let result = case.send(world, called(instruction, 1));
        assert!(result.is_ok(), "{}: {:#?}", case.name, result.unwrap_err());
        assert!(direct.snapshot() == world.snapshot(), "{} called does something else", case.name);
    });
}

#[test]
fn d2_19_reentry_a_caller_has_no_rights_but_its_own() {
    // It cannot make anybody sign who did not sign the transaction.
    sweep(|case, world, instruction| {
        if !with_caller(world) {
            return;
        }
        let stranger = if case.is_first { 7 } else { 1 };
        for place in (0..instruction.accounts.len()).filter(|&place| instruction.accounts[place].is_signer) {
            let mut forged = called(instruction, 1);
            forged.accounts[place + 1].is_signer = false;
            forged.data[place + 1] = 1;
            let key = instruction.accounts[place].pubkey;
            let others = case.signers.iter().copied().filter(|&byte| keypair(byte).pubkey() != key);
            let signers: Vec<u8> = std::iter::once(stranger).chain(others).collect();
            let result = case.send_signed(world, forged, &signers);
            let error = refusal(world, result, case.name);
            assert_eq!(error, InstructionError::PrivilegeEscalation, "{}", case.name);
        }
    });
}

#[test]
fn d2_19_reentry_called_twice_is_done_once_or_not_at_all() {
    // What may happen once in a transaction may not happen twice in one call either.
    let once = [
        "open_vault",
        "settle",
        "settle_sol",
        "execute_withdrawal",
        "execute_sol_withdrawal",
        "close_vault",
        "close_settlement",
        "unstake",
        "close_stake",
        "close_relay",
        "claim_reward",
        "close_epoch",
        "publish_epoch",
        "slash_relay",
        "reclaim_template",
        "revoke_template",
        "close_subscription",
    ];
    sweep(|case, world, instruction| {
        if once.contains(&case.name) && with_caller(world) {
            let result = case.send(world, called(instruction, 2));
            refusal(world, result, &format!("{} twice in a call", case.name));
        }
    });
}

#[test]
fn d2_19_reentry_introspection_sees_the_transaction_and_not_the_call() {
    // A nonce in front is seen behind a call too, and a caller's data that looks like an Ed25519 check is none.
    let mut seen = 0;
    sweep(|case, world, instruction| {
        if !with_caller(world) {
            return;
        }
        if case.name == "pause" {
            let (payer, nonce) = (keypair(3).pubkey(), keypair(13).pubkey());
            let lamports = world.svm.minimum_balance_for_rent_exemption(80);
            let create = system_instruction::create_nonce_account(&payer, &nonce, &payer, lamports);
            world.send(&create, &[3, 13]).unwrap();
            let advance = system_instruction::advance_nonce_account(&nonce, &payer);
            let result = world.send(&[advance, called(instruction, 1)], &[3]);
            refused_with(world, result, &[PermitPipeError::DurableNonce.into()], "a call behind a nonce");
            seen += 1;
        }
        if case.name == "slash_relay" {
            // Two calls whose data are the checks, sent to a program that does nothing with them.
            let checks = (case.preceded)(world).into_iter().map(|check| {
                // Called no times: the caller accepts anything behind its first byte.
                let accounts = vec![AccountMeta::new_readonly(PROGRAM_ID, false)];
                Instruction { program_id: CALLER, accounts, data: [vec![0], check.data].concat() }
            });
            let instructions: Vec<Instruction> = checks.chain([called(instruction, 1)]).collect();
            let result = world.send(&instructions, case.signers);
            refused_with(world, result, &[PermitPipeError::NotEd25519.into()], "checks that nobody checked");
            seen += 1;
        }
    });
    assert!(seen == 2 || env::var_os("PERMITPIPE_PLATFORM_TOOLS").is_some());
}

#[test]
fn d2_19_reentry_no_program_emits_our_events() {
    // By a call neither: the authority of events signs for us alone.
    let mut world = World::funded();
    if !with_caller(&mut world) {
        return;
    }
    let result = world.send(&[called(&build::set_cap(&world.owner.pubkey(), Asset::Usdc, USDC), 1)], &[6]).unwrap();
    let inner = result.inner_instructions.iter().flatten();
    let event = inner.map(|inner| inner.instruction.data.clone()).find(|data| data.starts_with(&[0xe4, 0x45])).unwrap();
    let authority = Pubkey::find_program_address(&[b"__event_authority"], &PROGRAM_ID).0;
    for sign in [0, 1] {
        let accounts = vec![AccountMeta::new_readonly(authority, false)];
        let mut forged = called(&Instruction { program_id: PROGRAM_ID, accounts, data: event.clone() }, 1);
        forged.data[1] = sign;
        let result = world.send(&[forged], &[7]);
        refusal(&world, result, "an event out of another program");
    }
}

#[test]
fn d2_19_reentry_nobody_else_emits_our_events() {
    // The event instruction is for the program itself: its authority is an address only the program can sign for.
    let mut world = World::funded();
    let result = world.deposit(USDC).unwrap();
    let inner = result.inner_instructions.iter().flatten();
    let event = inner.map(|inner| inner.instruction.data.clone()).find(|data| data.starts_with(&[0xe4, 0x45])).unwrap();
    let authority = Pubkey::find_program_address(&[b"__event_authority"], &PROGRAM_ID).0;
    for (signs, place) in [(true, world.mallory.pubkey()), (false, authority)] {
        let accounts = vec![AccountMeta::new_readonly(place, signs)];
        let instruction = Instruction { program_id: PROGRAM_ID, accounts, data: event.clone() };
        let result = world.send(&[instruction], &[7]);
        refusal(&world, result, "an event of our own making");
    }
    // Nor can anybody sign for that authority.
    let accounts = vec![AccountMeta::new_readonly(authority, true)];
    let instruction = Instruction { program_id: PROGRAM_ID, accounts, data: event };
    let message = solana_sdk::message::Message::new(&[instruction], Some(&world.mallory.pubkey()));
    let mut forged = solana_sdk::transaction::Transaction::new_unsigned(message);
    forged.partial_sign(&[&world.mallory], world.svm.latest_blockhash());
    let failure = world.svm.send_transaction(forged).unwrap_err();
    assert_eq!(failure.err, TransactionError::SignatureFailure);
}
