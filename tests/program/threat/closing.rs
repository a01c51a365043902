//! Rows 4 and 9: accounts at their beginning and after their end.

use std::collections::BTreeMap;

use anchor_lang::{error::ErrorCode, solana_program::system_instruction};
use permitpipe_sdk::chain::{self, PROGRAM_ID, PermitPipeError, instruction as build};
use solana_sdk::{instruction::Instruction, pubkey::Pubkey, signer::Signer};

use super::{refusal, refused_with, sweep, with};
use crate::{
    catalog::{Case, ENDPOINT, HASH, RELAY_KEY, cases, furnished},
    world::*,
};

/// What opens an account, and the refusal of doing it again: by the system program (the address is in use), or by the
/// number that is no longer the next one.
const OPENERS: [(&str, u32); 13] = [
    ("initialize_config", 0),
    ("open_vault", 0),
    ("settle", PermitPipeError::WrongSequence as u32),
    ("settle_sol", PermitPipeError::WrongSequence as u32),
    ("open_stake", 0),
    ("register_relay", 0),
    ("slash_relay", 0),
    ("publish_epoch", PermitPipeError::WrongEpoch as u32),
    ("publish_template", 0),
    ("create_plan", PermitPipeError::WrongPlan as u32),
    ("subscribe", 0),
    ("open_anchor", 0),
    ("propose_change", PermitPipeError::ChangePending as u32),
];

/// What closes an account.
const CLOSERS: [&str; 8] = [
    "close_vault",
    "close_settlement",
    "close_stake",
    "close_relay",
    "close_epoch",
    "reclaim_template",
    "close_plan",
    "close_subscription",
];

/// Runs `check` on everything that closes an account, with the addresses that are gone afterwards.
fn each_closer(mut check: impl FnMut(&Case, &mut World, &Instruction, &[Pubkey])) {
    let mut closers = 0;
    sweep(|case, world, instruction| {
        let mut after = world.clone();
        case.send(&mut after, instruction.clone()).unwrap();
        let there = |meta: &&solana_sdk::instruction::AccountMeta| world.lamports(&meta.pubkey) > 0;
        let gone = instruction.accounts.iter().filter(there).map(|meta| meta.pubkey);
        let gone: Vec<Pubkey> = gone.filter(|address| after.lamports(address) == 0).collect();
        let is_closer = gone.iter().any(|address| world.svm.get_account(address).unwrap().owner == PROGRAM_ID);
        assert_eq!(is_closer, CLOSERS.contains(&case.name), "{}", case.name);
        if is_closer {
            closers += 1;
            check(case, world, instruction, &gone);
        }
    });
    assert_eq!(closers, CLOSERS.len());
}

#[test]
fn d2_04_initialization() {
    // Nothing is initialized twice, at once or in the same transaction; and nobody else gets to the config first.
    let openers = BTreeMap::from(OPENERS);
    let mut tried = 0;
    sweep(|case, world, instruction| {
        let Some(&error) = openers.get(case.name) else { return };
        let mut instructions = (case.preceded)(world);
        instructions.extend([instruction.clone(), instruction.clone()]);
        let result = world.send(&instructions, case.signers);
        refused_with(world, result, &[error], &format!("{} twice in a transaction", case.name));
        case.send(world, instruction.clone()).unwrap();
        let result = case.send(world, instruction.clone());
        refused_with(world, result, &[error], &format!("{} again", case.name));
        tried += 1;
    });
    assert_eq!(tried, OPENERS.len());
}

#[test]
fn d2_04_initialization_only_by_the_upgrade_authority() {
    // A forged loader record that names mallory does not make her the upgrade authority.
    let mut world = World::bare();
    let forged = address(46);
    let mut data = world.data(&chain::program_data_address());
    data[13..45].copy_from_slice(world.mallory.pubkey().as_ref());
    world.put(forged, anchor_lang::solana_program::bpf_loader_upgradeable::ID, &data[..45]);
    let instruction = build::initialize_config(&world.mallory.pubkey(), &world.mints(), world.initial());
    let place = instruction.accounts.iter().position(|meta| meta.pubkey == chain::program_data_address()).unwrap();
    let result = world.send(&[with(&instruction, place, forged)], &[7]);
    refused_with(&world, result, &[ErrorCode::ConstraintSeeds.into()], "a forged loader record");
    let result = world.send(&[instruction], &[7]);
    refused_with(&world, result, &[PermitPipeError::NotUpgradeAuthority.into()], "somebody else");
}

#[test]
fn d2_09_closing_accounts_1_what_is_closed_is_gone() {
    // No data, no owner, no lamport is left, and every lamport and token went somewhere.
    each_closer(|case, world, instruction, gone| {
        let total = |world: &World| world.snapshot().values().map(|account| u128::from(account.lamports)).sum::<u128>();
        let before = total(world);
        case.send(world, instruction.clone()).unwrap();
        assert_eq!(total(world), before, "{}: lamports", case.name);
        for address in gone {
            assert!(world.data(address).is_empty(), "{}", case.name);
        }
    });
}

#[test]
fn d2_09_closing_accounts_2_revival_with_lamports() {
    // Lamports sent back in the same transaction revive an address, not an account.
    each_closer(|case, world, instruction, gone| {
        let payer = keypair(case.signers[0]).pubkey();
        let mut instructions = vec![instruction.clone()];
        instructions.extend(gone.iter().map(|address| system_instruction::transfer(&payer, address, SOL / 10)));
        world.send(&instructions, case.signers).unwrap();
        for address in gone {
            let account = world.svm.get_account(address).unwrap();
            assert!(account.data.is_empty() && account.owner == Pubkey::default(), "{}", case.name);
        }
        let result = case.send(world, instruction.clone());
        refused_with(world, result, &[ErrorCode::AccountOwnedByWrongProgram.into()], case.name);
    });
}

#[test]
fn d2_09_closing_accounts_3_use_after_close() {
    // Nothing in the same transaction can use what was closed in it: neither closing again nor anything else.
    each_closer(|case, world, instruction, gone| {
        let result = world.send(&[instruction.clone(), instruction.clone()], case.signers);
        refusal(world, result, &format!("{} twice", case.name));
        let (furnished, mut tried) = (furnished(), 0);
        for other in cases().filter(|other| !other.is_first && other.name != case.name) {
            let use_after = (other.build)(&furnished);
            if !use_after.accounts.iter().any(|meta| gone.contains(&meta.pubkey)) {
                continue;
            }
            let mut signers = case.signers.to_vec();
            signers.extend(other.signers.iter().filter(|byte| !case.signers.contains(byte)));
            signers.retain(|byte| {
                let key = keypair(*byte).pubkey();
                let signs = |instruction: &Instruction| {
                    instruction.accounts.iter().any(|meta| meta.is_signer && meta.pubkey == key)
                };
                *byte == case.signers[0] || signs(instruction) || signs(&use_after)
            });
            let result = world.send(&[instruction.clone(), use_after], &signers);
            refusal(world, result, &format!("{} after {}", other.name, case.name));
            tried += 1;
        }
        assert!(tried > 0 || case.name == "close_settlement", "{}: nothing uses it", case.name);
    });
}

#[test]
fn d2_09_closing_accounts_4_reopening_at_once() {
    // Closed and opened again in one transaction, an account goes on above all numbers it used; closed once more in that
    // slot it is refused, so that no number comes twice.
    let (owner, key) = (keypair(6).pubkey(), keypair(RELAY_KEY).pubkey());
    let mut reopened = 0;
    each_closer(|case, world, instruction, gone| {
        let config = world.config();
        let open = match case.name {
            "close_vault" => build::open_vault(&config, &owner, CAP_ATOMS, CAP_LAMPORTS),
            "close_stake" => build::open_stake(&config, &owner, &owner),
            "close_relay" => build::register_relay(&owner, &key, ENDPOINT),
            "reclaim_template" => build::publish_template(&config, &owner, &world.owner_permit, HASH),
            "close_subscription" => build::subscribe(&config, &owner, &world.owner_usdc, 1, 1),
            // Settlements, epochs and plans have numbers, and those only go up: see `d2_04_initialization`.
            _ => return,
        };
        let signers: &[u8] = if case.name == "close_relay" { &[6, RELAY_KEY] } else { &[6] };
        let last = event_seq(world, &gone[0]);
        world.send(&[instruction.clone(), open], signers).unwrap();
        let first = event_seq(world, &gone[0]);
        assert!(first > last + 1, "{}: {first} follows {last}", case.name);
        let again = case.send(&mut world.clone(), instruction.clone());
        // What may be closed at once is refused for its slot; a relay, template and subscription have more to wait for.
        if ["close_vault", "close_stake"].contains(&case.name) {
            assert_eq!(code(again), u32::from(PermitPipeError::ClosedTooSoon), "{}", case.name);
            world.next_slot();
            case.send(world, instruction.clone()).unwrap();
        } else {
            assert!(again.is_err(), "{}", case.name);
        }
        reopened += 1;
    });
    assert_eq!(reopened, 5);
}

/// The number of the last event of an account that can be reopened.
fn event_seq(world: &World, address: &Pubkey) -> u64 {
    let data = world.data(address);
    let vault = chain::decode_vault(&data).map(|vault| vault.event_seq);
    vault
        .or_else(|_| chain::decode_stake(&data).map(|stake| stake.event_seq))
        .or_else(|_| chain::decode_relay(&data).map(|relay| relay.event_seq))
        .or_else(|_| chain::decode_template(&data).map(|template| template.event_seq))
        .or_else(|_| chain::decode_subscription(&data).map(|subscription| subscription.event_seq))
        .unwrap()
}

#[test]
fn d2_09_closing_accounts_5_drained_accounts() {
    // An account that lost its content but not its address (lamports drained, data wiped or marked as closed) is none.
    let mut tried = 0;
    sweep(|case, world, instruction| {
        for meta in &instruction.accounts {
            let Some(account) = world.svm.get_account(&meta.pubkey) else { continue };
            if account.owner != PROGRAM_ID || account.executable {
                continue;
            }
            let length = account.data.len();
            let mut marked = account.data.clone();
            marked[..8].fill(0xff);
            for (data, error) in [
                (vec![0; length], ErrorCode::AccountDiscriminatorMismatch),
                (marked, ErrorCode::AccountDiscriminatorMismatch),
                (vec![], ErrorCode::AccountDiscriminatorNotFound),
            ] {
                let mut drained = account.clone();
                drained.data = data;
                world.svm.set_account(meta.pubkey, drained).unwrap();
                let result = case.send(world, instruction.clone());
                refused_with(world, result, &[error.into()], case.name);
                tried += 1;
            }
            world.svm.set_account(meta.pubkey, account).unwrap();
        }
    });
    assert!(tried > 250, "only {tried} drained");
}
