//! Rows 0 to 3: who signs, which account, who owns it, of what kind.

use std::collections::BTreeSet;

use anchor_lang::{AccountSerialize, error::ErrorCode};
use permitpipe_sdk::chain::{
    self, Config, PRICE_PROGRAM, PROGRAM_ID, PermitPipeError, SettleArgs, instruction as build,
};
use solana_sdk::{instruction::Instruction, pubkey::Pubkey, signer::Signer};

use super::{refusal, refused_with, sweep, with};
use crate::{
    catalog::{Kind, furnished, twins},
    world::*,
};

/// Signers that may be anybody: who pays a rent, and the keys a relay takes on.
const FREE_SIGNERS: [(&str, usize); 6] = [
    ("settle", 0),
    ("settle_sol", 0),
    ("publish_epoch", 0),
    ("open_anchor", 0),
    ("register_relay", 1),
    ("rotate_relay_key", 1),
];

/// Accounts whose choice is what the instruction is about: any template can be judged, any plan bought or retired, any
/// log's anchor advanced, any old settlement closed.
const FREE_ACCOUNTS: [(&str, usize); 6] = [
    ("close_settlement", 1),
    ("verify_template", 2),
    ("accuse_template", 2),
    ("retire_plan", 2),
    ("subscribe", 2),
    ("advance_anchor", 2),
];

/// Who of the keys has this address.
fn signer_of(signers: &[u8], address: &Pubkey) -> u8 {
    *signers.iter().find(|&&byte| keypair(byte).pubkey() == *address).unwrap()
}

#[test]
fn d2_00_signer_authorization() {
    // No instruction works without each of its signatures, nor with somebody else's in their place.
    let mut free = BTreeSet::new();
    sweep(|case, world, instruction| {
        let stranger = if case.is_first { 7 } else { 1 };
        for place in (0..instruction.accounts.len()).filter(|&place| instruction.accounts[place].is_signer) {
            let what = format!("{} without signer {place}", case.name);
            let absent = signer_of(case.signers, &instruction.accounts[place].pubkey);
            let others = case.signers.iter().copied().filter(|&byte| byte != absent);
            let signers: Vec<u8> = std::iter::once(stranger).chain(others).collect();
            let mut unsigned = instruction.clone();
            unsigned.accounts[place].is_signer = false;
            let result = case.send_signed(world, unsigned, &signers);
            refused_with(world, result, &[ErrorCode::AccountNotSigner.into()], &what);

            let usurped = with(instruction, place, keypair(stranger).pubkey());
            if FREE_SIGNERS.contains(&(case.name, place)) {
                case.send_signed(&mut world.clone(), usurped, &signers).unwrap();
                free.insert((case.name, place));
            } else {
                let result = case.send_signed(world, usurped, &signers);
                refusal(world, result, &what);
            }
        }
    });
    assert_eq!(free, BTreeSet::from(FREE_SIGNERS));
}

#[test]
fn d2_01_account_data_matching() {
    // Nothing of one party is taken for another's: each account of the owner is replaced by mallory's of the same kind.
    let mut free = BTreeSet::new();
    let mut tried = 0;
    sweep(|case, world, instruction| {
        let other_price = address(48);
        world.put(other_price, PRICE_PROGRAM, &PriceUpdate::default().to_bytes());
        let mut pairs = twins(world);
        pairs.extend(twins(world).into_iter().map(|(ours, theirs)| (theirs, ours)));
        pairs.extend([(world.treasury, world.mallory_usdc), (world.sol_treasury, world.mallory.pubkey())]);
        pairs.extend([(world.insurance, world.mallory_permit), (world.funding, world.mallory_usdc)]);
        pairs.push((world.price, other_price));
        for (place, meta) in instruction.accounts.iter().enumerate().filter(|(_, meta)| !meta.is_signer) {
            let twin = pairs.iter().find(|(ours, _)| *ours == meta.pubkey && !case.is_first);
            let Some((_, twin)) = twin else { continue };
            let swapped = with(instruction, place, *twin);
            tried += 1;
            if FREE_ACCOUNTS.contains(&(case.name, place)) {
                case.send(&mut world.clone(), swapped).unwrap();
                free.insert((case.name, place));
            } else {
                let result = case.send(world, swapped);
                refusal(world, result, &format!("{} with another's account {place}", case.name));
            }
        }
    });
    assert_eq!(free, BTreeSet::from(FREE_ACCOUNTS));
    assert!(tried > 75, "only {tried} substitutions");
}

#[test]
fn d2_01_account_data_matching_of_who_gets_what() {
    // No payment, no rent and no record goes to whom the sender names: a thief's wallet is refused in every place but
    // that of the config's SOL treasury, which is chosen once.
    sweep(|case, world, instruction| {
        let thief = keypair(14).pubkey();
        world.svm.airdrop(&thief, SOL).unwrap();
        for (place, meta) in instruction.accounts.iter().enumerate().filter(|(_, meta)| !meta.is_signer) {
            if meta.pubkey != world.sol_treasury || !case.is_first {
                let result = case.send(world, with(instruction, place, thief));
                refusal(world, result, &format!("{} with a thief's wallet at {place}", case.name));
            }
        }
    });
}

#[test]
fn d2_01_account_data_matching_at_the_start() {
    // The config takes no treasury and no insurance of another mint, and no SOL treasury that is not a wallet.
    type Spoil = (&'static str, fn(&mut World), ErrorCode);
    let spoils: [Spoil; 3] = [
        (
            "a treasury of PERMIT",
            |world| world.put_tokens(world.treasury, world.permit, address(25), 0),
            ErrorCode::ConstraintTokenMint,
        ),
        (
            "an insurance of USDC",
            |world| world.put_tokens(world.insurance, world.usdc, address(25), 0),
            ErrorCode::ConstraintTokenMint,
        ),
        (
            "a SOL treasury that a program owns",
            |world| world.put(world.sol_treasury, PROGRAM_ID, &[0; 8]),
            ErrorCode::AccountNotSystemOwned,
        ),
    ];
    for (what, spoil, error) in spoils {
        let mut world = World::bare();
        spoil(&mut world);
        let result = world.initialize(world.initial());
        refused_with(&world, result, &[error.into()], what);
    }
}

#[test]
fn d2_02_owner_checks() {
    // Perfect data at the right address is worth nothing if another program owns it.
    let mut tried = 0;
    sweep(|case, world, instruction| {
        for meta in &instruction.accounts {
            let Some(account) = world.svm.get_account(&meta.pubkey) else { continue };
            let error = match account.owner {
                PROGRAM_ID | spl_token::ID if !account.executable => ErrorCode::AccountOwnedByWrongProgram.into(),
                PRICE_PROGRAM => PermitPipeError::WrongOracle.into(),
                _ => continue,
            };
            let mut forged = account.clone();
            forged.owner = address(42);
            world.svm.set_account(meta.pubkey, forged).unwrap();
            let result = case.send(world, instruction.clone());
            refused_with(world, result, &[error], &format!("{} with a forged {}", case.name, meta.pubkey));
            world.svm.set_account(meta.pubkey, account).unwrap();
            tried += 1;
        }
    });
    assert!(tried > 140, "only {tried} forgeries");
}

#[test]
fn d2_02_owner_checks_of_the_config() {
    // A config that gives mallory everything is refused wherever it stands and whoever owns it.
    let mut world = World::funded();
    let mut forged: Config = world.config();
    forged.settle_authority = world.mallory.pubkey();
    forged.treasury = world.mallory_usdc;
    forged.limits.settle_cap_atoms = u64::MAX;
    let mut data = Vec::new();
    forged.try_serialize(&mut data).unwrap();
    data.resize(Config::SIZE, 0);
    let (owner, mallory) = (world.owner.pubkey(), world.mallory.pubkey());
    let args = SettleArgs { sequence: 1, amount_atoms: USDC, receipt_count: 1, receipts_root: [0; 32] };
    let settle = build::settle(&forged, &owner, &mallory, args);
    let (ours, theirs) = (address(40), address(41));
    world.put(ours, PROGRAM_ID, &data);
    world.put(theirs, address(42), &data);
    for (place, error) in [(ours, ErrorCode::ConstraintSeeds), (theirs, ErrorCode::AccountOwnedByWrongProgram)] {
        let result = world.send(&[with(&settle, 2, place)], &[7]);
        refused_with(&world, result, &[error.into()], "a forged config");
    }
}

/// The kind that the account is of, if it is one of ours.
fn kind_of(world: &World, address: &Pubkey) -> Option<&'static str> {
    let account =
        world.svm.get_account(address).filter(|account| account.owner == PROGRAM_ID && !account.executable)?;
    Kind::ALL.iter().find(|kind| account.data.starts_with(kind.discriminator)).map(|kind| kind.name)
}

#[test]
fn d2_03_type_cosplay() {
    // In place: the right address and the right content, but with the name of each other kind of account.
    let mut tried = 0;
    sweep(|case, world, instruction| {
        for meta in &instruction.accounts {
            let Some(kind) = kind_of(world, &meta.pubkey) else { continue };
            let account = world.svm.get_account(&meta.pubkey).unwrap();
            for other in Kind::ALL.iter().filter(|other| other.name != kind) {
                let mut costume = account.clone();
                costume.data[..8].copy_from_slice(other.discriminator);
                world.svm.set_account(meta.pubkey, costume).unwrap();
                let result = case.send(world, instruction.clone());
                let what = format!("{}: {} as {kind}", case.name, other.name);
                refused_with(world, result, &[ErrorCode::AccountDiscriminatorMismatch.into()], &what);
                tried += 1;
            }
            world.svm.set_account(meta.pubkey, account).unwrap();
        }
    });
    assert!(tried > 800, "only {tried} costumes");
}

#[test]
fn d2_03_type_cosplay_with_real_accounts() {
    // By address: a real account of each other kind in the place of each account.
    let world = furnished();
    let actors: Vec<(Pubkey, &str)> = twins(&world)
        .into_iter()
        .map(|(ours, _)| ours)
        .chain([chain::config_address()])
        .filter_map(|address| kind_of(&world, &address).map(|kind| (address, kind)))
        .collect();
    assert_eq!(actors.len(), Kind::ALL.len() - 1, "all but contradictions");
    sweep(|case, world, instruction| {
        for (place, meta) in instruction.accounts.iter().enumerate() {
            let Some(kind) = kind_of(world, &meta.pubkey) else { continue };
            for (actor, other) in actors.iter().filter(|(_, other)| *other != kind) {
                let cast: Instruction = with(instruction, place, *actor);
                let result = case.send(world, cast);
                refusal(world, result, &format!("{}: {other} as {kind}", case.name));
            }
        }
    });
}
