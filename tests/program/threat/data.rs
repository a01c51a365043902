//! Rows 18 and 20: malformed input, compute.

use anchor_lang::error::ErrorCode;
use permitpipe_sdk::chain::{Change, PermitPipeError, instruction as build};
use solana_sdk::{
    instruction::{AccountMeta, InstructionError},
    signer::Signer,
};

use super::{refusal, refused_with, sweep};
use crate::world::*;

/// What no instruction of ours may come near to: the runtime's default is 200,000.
const BUDGET_UNITS: u64 = 120_000;
/// Every transaction may lock this many accounts.
const MOST_ACCOUNTS: usize = 64;

#[test]
fn d2_18_malformed_data_cut_anywhere() {
    // Data cut at any byte is a clean error of every instruction.
    sweep(|case, world, instruction| {
        for length in 0..instruction.data.len() {
            let mut cut = instruction.clone();
            cut.data.truncate(length);
            let result = case.send(world, cut);
            let expected = if length < 8 {
                ErrorCode::InstructionFallbackNotFound
            } else {
                ErrorCode::InstructionDidNotDeserialize
            };
            // What has no account to be derived from its arguments reads accounts first.
            let what = format!("{} cut to {length}", case.name);
            refused_with(world, result, &[expected.into()], &what);
        }
    });
}

#[test]
fn d2_18_malformed_data_junk_behind_everything() {
    // Trailing bytes, junk accounts up to the most a transaction may lock, and extra signers change nothing: what
    // happens is what would have happened without them.
    sweep(|case, world, instruction| {
        let mut plain = world.clone();
        case.send(&mut plain, instruction.clone()).unwrap();
        let mut junk = instruction.clone();
        junk.data.extend([0xff; 64]);
        let extra = if case.signers.contains(&13) { 14 } else { 13 };
        junk.accounts.push(AccountMeta::new(keypair(extra).pubkey(), true));
        let used = junk.accounts.len() + 4;
        junk.accounts.extend((used..MOST_ACCOUNTS).map(|index| {
            let byte = u8::try_from(index).unwrap() + 100;
            AccountMeta::new(address(byte), false)
        }));
        let mut signers = case.signers.to_vec();
        signers.push(extra);
        case.send_signed(world, junk, &signers).unwrap();
        assert!(plain.snapshot() == world.snapshot(), "{}: junk made a difference", case.name);
    });
}

#[test]
fn d2_18_malformed_data_accounts_left_out() {
    // Any number of accounts short of what is needed is a clean error.
    sweep(|case, world, instruction| {
        for count in 0..instruction.accounts.len() - 1 {
            let mut short = instruction.clone();
            short.accounts.truncate(count);
            let signs = |byte: &u8| {
                let key = keypair(*byte).pubkey();
                *byte == case.signers[0] || short.accounts.iter().any(|meta| meta.is_signer && meta.pubkey == key)
            };
            let signers: Vec<u8> = case.signers.iter().copied().filter(signs).collect();
            let result = case.send_signed(world, short, &signers);
            let error = refusal(world, result, case.name);
            let is_clean = matches!(error, InstructionError::Custom(3005) | InstructionError::MissingAccount);
            assert!(is_clean, "{} with {count} accounts: {error:?}", case.name);
        }
    });
}

#[test]
fn d2_18_malformed_data_lengths_that_lie() {
    // A vector or a string that claims to be longer than its data is refused before anything is allocated for it.
    let mut tried = 0;
    sweep(|case, world, instruction| {
        let at = match case.name {
            "claim_reward" => 8 + 4 + 8 + 8,
            "register_relay" | "update_relay" => 8,
            _ => return,
        };
        for length in [1 << 10, 1 << 20, i32::MAX.unsigned_abs(), u32::MAX] {
            let mut lie = instruction.clone();
            lie.data[at..at + 4].copy_from_slice(&length.to_le_bytes());
            let result = case.send(world, lie);
            refused_with(world, result, &[ErrorCode::InstructionDidNotDeserialize.into()], case.name);
            tried += 1;
        }
    });
    assert_eq!(tried, 12);
}

#[test]
fn d2_18_malformed_data_long_but_true() {
    // A proof of as many siblings as fit into a transaction, and a path that leads nowhere, are refused cheaply.
    sweep(|case, world, instruction| {
        if case.name != "claim_reward" {
            return;
        }
        for siblings in [1u32, 14, 20, 200] {
            let mut long = instruction.clone();
            long.data[28..32].copy_from_slice(&siblings.to_le_bytes());
            long.data.extend(vec![7; 32 * usize::try_from(siblings).unwrap()]);
            let result = case.send(world, long);
            refused_with(world, result, &[PermitPipeError::BadProof.into()], "a proof that is too long");
        }
    });
}

#[test]
fn d2_18_malformed_data_unknown_discriminators_and_variants() {
    let mut world = World::configured();
    for discriminator in [[0; 8], [0xff; 8], [0xab; 8], *b"settle\0\0"] {
        let mut unknown = build::pause(&world.guardian.pubkey());
        unknown.data = [discriminator.as_slice(), &[0; 40]].concat();
        let result = world.send(&[unknown], &[3]);
        refused_with(&world, result, &[ErrorCode::InstructionFallbackNotFound.into()], "unknown");
    }
    let limits = Change::Limits(Limits { settle_cap_atoms: 1, ..LIMITS });
    for variant in [10, 11, 0x80, 0xff] {
        let mut change = build::propose_change(&world.admin.pubkey(), limits);
        change.data[8] = variant;
        let result = world.send(&[change], &[2]);
        refused_with(&world, result, &[ErrorCode::InstructionDidNotDeserialize.into()], "an unknown change");
    }
    let mut lower = build::lower_settle_cap(&world.admin.pubkey(), Asset::Usdc, 0);
    lower.data[8] = 2;
    let result = world.send(&[lower], &[2]);
    refused_with(&world, result, &[ErrorCode::InstructionDidNotDeserialize.into()], "an unknown asset");
}

#[test]
fn d2_20_compute_stays_under_the_budget() {
    // Each instruction of the catalog, as it stands there, needs less than the published budget. (The exact figures,
    // and the worst cases of those that grow with their input, are in the snapshot of `units`.)
    sweep(|case, world, instruction| {
        let units = case.send(world, instruction.clone()).unwrap().compute_units_consumed;
        assert!(units < BUDGET_UNITS, "{}: {units}", case.name);
    });
}
