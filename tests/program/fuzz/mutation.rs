//! What can be wrong with an instruction: its bytes, and its accounts.

use permitpipe_tests::random::Random;
use solana_sdk::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
    signer::Signer,
};

use super::KEYS;
use crate::{
    catalog::{cases, furnished},
    world::*,
};

/// What an account or a discriminator can be replaced with.
pub struct Pool {
    accounts: Vec<Pubkey>,
    discriminators: Vec<Vec<u8>>,
}

impl Pool {
    /// Every account of the world, some of the runtime's, and one of nobody; every instruction that can be built there.
    pub fn of(world: &World) -> Self {
        let mut accounts: Vec<Pubkey> = world.snapshot().into_keys().collect();
        accounts.extend([
            permitpipe_sdk::chain::PROGRAM_ID,
            spl_token::ID,
            Pubkey::default(),
            solana_sdk::sysvar::clock::ID,
            solana_sdk::sysvar::instructions::ID,
            address(123),
        ]);
        let furnished = furnished();
        let others = cases().filter(|case| !case.is_first).map(|case| (case.build)(&furnished));
        Self { accounts, discriminators: others.map(|instruction| instruction.data[..8].to_vec()).collect() }
    }
}

fn below(random: &mut Random, end: usize) -> usize {
    usize::try_from(random.number() % u64::try_from(end.max(1)).unwrap()).unwrap()
}

fn bytes(random: &mut Random, count: usize) -> Vec<u8> {
    (0..count).map(|_| random.number().to_le_bytes()[7]).collect()
}

/// The instruction with one to three things wrong.
pub fn mutate(random: &mut Random, valid: &Instruction, pool: &Pool) -> Instruction {
    let mut spoilt = valid.clone();
    for _ in 0..=below(random, 3) {
        if random.number().is_multiple_of(2) {
            mutate_data(random, &mut spoilt.data, pool);
        } else {
            mutate_accounts(random, &mut spoilt.accounts, pool);
        }
    }
    // Nobody can make a key sign that it does not have.
    for meta in &mut spoilt.accounts {
        meta.is_signer &= KEYS.into_iter().any(|byte| keypair(byte).pubkey() == meta.pubkey);
    }
    spoilt
}

fn mutate_data(random: &mut Random, data: &mut Vec<u8>, pool: &Pool) {
    let edges: [u64; 8] = [0, 1, u64::MAX, 1 << 63, (1 << 63) - 1, 1 << 32, 0xffff_ffff, 1 << 16];
    let args = data.len().min(8);
    let place = args + below(random, data.len() - args);
    match below(random, 9) {
        0 => data.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << below(random, 8)),
        1 => data.iter_mut().skip(place).take(1).for_each(|byte| *byte = [0, 1, 0x7f, 0x80, 0xff][below(random, 5)]),
        2 => data.truncate(below(random, data.len())),
        3 => {
            let count = 1 + below(random, 300);
            data.extend(bytes(random, count));
        }
        4 => {
            let edge = edges[below(random, edges.len())].to_le_bytes();
            data.iter_mut().skip(place).zip(edge).for_each(|(byte, edge)| *byte = edge);
        }
        5 => data.splice(..args, bytes(random, 8)).for_each(drop),
        6 => {
            let other = pool.discriminators[below(random, pool.discriminators.len())].clone();
            data.splice(..args, other).for_each(drop);
        }
        7 => {
            let length = data.len() - args;
            data.truncate(args);
            data.extend(bytes(random, length));
        }
        _ => data.iter_mut().skip(args).for_each(|byte| *byte = byte.wrapping_add(1)),
    }
}

fn mutate_accounts(random: &mut Random, accounts: &mut Vec<AccountMeta>, pool: &Pool) {
    let count = accounts.len();
    if count == 0 {
        return;
    }
    let (place, other) = (below(random, count), below(random, count));
    match below(random, 8) {
        0 => accounts.swap(place, other),
        1 => drop(accounts.remove(place)),
        2 => accounts.insert(place, accounts[other].clone()),
        3 => accounts[place].pubkey = pool.accounts[below(random, pool.accounts.len())],
        4 => accounts[place].pubkey = Pubkey::try_from(bytes(random, 32)).unwrap(),
        5 => accounts[place].is_signer ^= true,
        6 => accounts[place].is_writable ^= true,
        _ => accounts[place].pubkey = accounts[other].pubkey,
    }
}
