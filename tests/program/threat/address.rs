//! Rows 5 to 8 and 10: programs, the same account twice, bumps, authorities, sysvars.

use anchor_lang::error::ErrorCode;
use permitpipe_sdk::chain::{self, PROGRAM_ID, instruction as build};
use solana_sdk::{pubkey::Pubkey, signer::Signer};

use super::{refusal, refused_with, sweep, with};
use crate::{
    catalog::{furnished, seeds, twins},
    world::*,
};

const TOKEN_2022: Pubkey = Pubkey::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
const SYSTEM_PROGRAM: Pubkey = anchor_lang::solana_program::system_program::ID;
const INSTRUCTIONS: Pubkey = solana_sdk::sysvar::instructions::ID;

#[test]
fn d2_05_arbitrary_cpi() {
    // No program is called that the caller chose: each program account is replaced by three others. (There is no
    // associated-token program to fake: our token accounts stand at addresses of our own.)
    let mut tried = 0;
    sweep(|case, world, instruction| {
        world.put(address(48), address(42), &[]);
        let ours = instruction.accounts.len() - 1;
        assert_eq!(instruction.accounts[ours].pubkey, PROGRAM_ID, "our own program comes last, for events");
        for (place, meta) in instruction.accounts.iter().enumerate() {
            if ![spl_token::ID, SYSTEM_PROGRAM].contains(&meta.pubkey) {
                continue;
            }
            for fake in [PROGRAM_ID, TOKEN_2022, address(48)] {
                let result = case.send(world, with(instruction, place, fake));
                let what = format!("{} with the program {fake}", case.name);
                refused_with(world, result, &[ErrorCode::InvalidProgramId.into()], &what);
                tried += 1;
            }
        }
        // Events are signed by one address, which nobody can swap.
        let result = case.send(world, with(instruction, ours - 1, address(48)));
        let errors = [ErrorCode::ConstraintSeeds.into(), ErrorCode::ConstraintAddress.into()];
        refused_with(world, result, &errors, case.name);
        let result = case.send(world, with(instruction, ours, TOKEN_2022));
        refusal(world, result, &format!("{} with another program for its events", case.name));
    });
    assert!(tried > 90, "only {tried} fakes");
}

#[test]
fn d2_06_duplicate_mutable_accounts() {
    // No account can stand in two places that are written: each pair of them is tried.
    let mut tried = 0;
    sweep(|case, world, instruction| {
        let written = || instruction.accounts.iter().enumerate().filter(|(_, meta)| meta.is_writable);
        for (place, _) in written() {
            for (other, meta) in written().filter(|(other, _)| *other != place) {
                // Who signs is not what this is about: the copy does not have to.
                let mut doubled = with(instruction, place, meta.pubkey);
                doubled.accounts[place].is_signer = meta.is_signer;
                let result = case.send(world, doubled);
                refusal(world, result, &format!("{} with account {other} also as {place}", case.name));
                tried += 1;
            }
        }
    });
    assert!(tried > 250, "only {tried} pairs");
    // The classic ones, by their error: a deposit from the vault into itself, a settlement that pays itself.
    let mut world = World::funded();
    let duplicate = [ErrorCode::ConstraintDuplicateMutableAccount.into()];
    let (deposit, settle) = (world.deposit_instruction(USDC), world.settle_instruction(1, USDC));
    let result = world.send(&[with(&deposit, 4, world.vault_usdc())], &[6]);
    refused_with(&world, result, &duplicate, "from the vault into itself");
    let result = world.send(&[with(&settle, 5, world.vault_usdc())], &[5, 4]);
    refused_with(&world, result, &duplicate, "a settlement that pays itself");
}

#[test]
fn d2_07_bump_seed_canonicalization() {
    // A copy of each account at the address of a lower bump is refused wherever the account stands.
    let errors = [ErrorCode::ConstraintSeeds.into(), ErrorCode::ConstraintHasOne.into()];
    let mut tried = 0;
    sweep(|case, world, instruction| {
        for (canonical, seeds) in seeds(world) {
            let Some(place) = instruction.accounts.iter().position(|meta| meta.pubkey == canonical) else { continue };
            let Some(account) = world.svm.get_account(&canonical) else { continue };
            let slices: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
            let bump = Pubkey::find_program_address(&slices, &PROGRAM_ID).1;
            assert_eq!(account.data[9], bump, "an account knows its canonical bump");
            let other = (0..bump).rev().find_map(|bump| {
                Pubkey::create_program_address(&[slices.as_slice(), &[&[bump]]].concat(), &PROGRAM_ID).ok()
            });
            let other = other.unwrap();
            world.svm.set_account(other, account).unwrap();
            let result = case.send(world, with(instruction, place, other));
            refused_with(world, result, &errors, &format!("{} at a lower bump", case.name));
            tried += 1;
        }
    });
    assert!(tried > 80, "only {tried} bumps");
}

#[test]
fn d2_07_bump_seed_canonicalization_of_new_accounts() {
    // What is opened stands at its canonical address: no other is taken for it.
    let mut tried = 0;
    sweep(|case, world, instruction| {
        for (place, meta) in instruction.accounts.iter().enumerate() {
            if meta.is_writable && world.lamports(&meta.pubkey) == 0 {
                let result = case.send(world, with(instruction, place, address(49)));
                refused_with(world, result, &[ErrorCode::ConstraintSeeds.into()], case.name);
                tried += 1;
            }
        }
    });
    assert!(tried >= 14, "only {tried} new accounts");
}

#[test]
fn d2_08_pda_sharing() {
    // Each token account of the program's has an authority of its own, so that no signature of ours serves two.
    let mut world = furnished();
    let mut authorities = Vec::new();
    for (ours, theirs) in twins(&world) {
        for address in [ours, theirs] {
            let Some(account) = world.svm.get_account(&address).filter(|account| account.owner == spl_token::ID) else {
                continue;
            };
            let authority = Pubkey::try_from(&account.data[32..64]).unwrap();
            if ![world.owner.pubkey(), world.mallory.pubkey()].contains(&authority) {
                authorities.push(authority);
            }
        }
    }
    let count = authorities.len();
    authorities.sort_unstable();
    authorities.dedup();
    assert_eq!((authorities.len(), count), (8, 8), "vault, stake, template and epoch of two parties");

    // And mallory, with a right of her own, reaches into no account of the owner's.
    let (mallory, config) = (world.mallory.pubkey(), world.config());
    let (usdc, permit) = (world.mallory_usdc, world.mallory_permit);
    world.send(&[build::request_withdrawal(&mallory, Asset::Usdc, USDC)], &[7]).unwrap();
    world.send(&[build::request_unstake(&mallory, PERMIT)], &[7]).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS.max(COOL_DOWN_SECONDS));
    let stake = chain::stake_address(&world.owner.pubkey());
    for (instruction, place, theirs) in [
        (build::execute_withdrawal(&config, &mallory, &usdc), 3, world.vault_usdc()),
        (build::unstake(&config, &mallory, &permit), 3, chain::stake_permit_address(&stake)),
    ] {
        let result = world.send(&[with(&instruction, place, theirs)], &[7]);
        refused_with(&world, result, &[ErrorCode::ConstraintSeeds.into()], "another's holdings");
        world.send(&[instruction], &[7]).unwrap();
    }
}

#[test]
fn d2_10_sysvar_address_checking() {
    // The instructions sysvar is the real one. Clock and rent are no accounts here, so there is nothing to fake.
    let sysvar = Pubkey::from_str_const("Sysvar1111111111111111111111111111111111111");
    let mut tried = 0;
    sweep(|case, world, instruction| {
        let fake = address(47);
        world.put(fake, sysvar, &[0; 64]);
        for (place, meta) in instruction.accounts.iter().enumerate() {
            assert!(![solana_sdk::sysvar::clock::ID, solana_sdk::sysvar::rent::ID].contains(&meta.pubkey));
            if meta.pubkey != INSTRUCTIONS {
                continue;
            }
            for fake in [fake, solana_sdk::sysvar::clock::ID, address(48)] {
                let result = case.send(world, with(instruction, place, fake));
                refused_with(world, result, &[ErrorCode::ConstraintAddress.into()], case.name);
                tried += 1;
            }
        }
    });
    assert!(tried >= 30, "only {tried} fakes");
}
