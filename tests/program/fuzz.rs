//! Every instruction with its data and its accounts spoilt at random: what fails fails cleanly and changes nothing, and
//! what succeeds all the same neither makes nor loses money, nor takes it from anybody who did not sign.
//!
//! One seed, one run: `PERMITPIPE_SEED=n` repeats it, `PERMITPIPE_FUZZ_CASES=n` makes it longer.

mod mutation;

use std::env;

use permitpipe_sdk::chain;
use permitpipe_tests::random::Random;
use solana_sdk::{
    instruction::{Instruction, InstructionError},
    pubkey::Pubkey,
    signer::Signer,
    transaction::TransactionError,
};

use crate::{
    catalog::{Case, cases, furnished},
    world::*,
};
use mutation::{Pool, mutate};

const SEED: u64 = 20_261_121;
/// In all; each instruction gets its share.
const CASES: u64 = 3_000;
/// The keys there are.
const KEYS: std::ops::RangeInclusive<u8> = 1..=14;

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).ok().map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn spoilt_instructions_fail_cleanly_or_leave_the_money_right() {
    let seed = number("PERMITPIPE_SEED", SEED);
    let each = number("PERMITPIPE_FUZZ_CASES", CASES).div_ceil(cases().count() as u64);
    println!("PERMITPIPE_SEED={seed}");
    let (mut random, furnished) = (Random::new(seed), furnished());
    let (mut refused, mut survived) = (0, 0);
    for case in cases() {
        let ready = case.world(&furnished);
        let pool = Pool::of(&ready);
        let valid = (case.build)(&ready);
        let mut world = ready.clone();
        for round in 0..each {
            let spoilt = mutate(&mut random, &valid, &pool);
            let what = format!("seed {seed}, {}, round {round}: {spoilt:?}", case.name);
            if attempt(case, &mut world, spoilt, &what) {
                survived += 1;
                world = ready.clone();
            } else {
                refused += 1;
            }
        }
    }
    println!("{refused} refused, {survived} went through all the same");
    assert!(refused > survived, "mutations that change nothing show nothing");
}

/// Sends it; true if it went through.
fn attempt(case: &Case, world: &mut World, spoilt: Instruction, what: &str) -> bool {
    let mut instructions = (case.preceded)(world);
    instructions.push(spoilt);
    let signers = signers(case.signers[0], &instructions);
    match world.send(&instructions, &signers) {
        Err(failure) => {
            require_clean(&failure.err, what);
            assert!(world.is_unchanged(), "{what}: refused, yet something changed");
            false
        }
        Ok(_) => {
            require_conserved(world, what);
            require_backed(world, what);
            require_consent(world, &signers, what);
            true
        }
    }
}

/// Who must sign: who pays the fee, and whoever is said to.
fn signers(payer: u8, instructions: &[Instruction]) -> Vec<u8> {
    let signs = |byte: &u8| {
        let key = keypair(*byte).pubkey();
        let mut metas = instructions.iter().flat_map(|instruction| &instruction.accounts);
        *byte != payer && metas.any(|meta| meta.is_signer && meta.pubkey == key)
    };
    std::iter::once(payer).chain(KEYS.filter(signs)).collect()
}

/// A number of ours or Anchor's, or the runtime's word for what is wrong; never a crash, never out of compute.
fn require_clean(error: &TransactionError, what: &str) {
    use InstructionError as Error;
    let is_clean = match error {
        TransactionError::InstructionError(_, error) => matches!(
            error,
            Error::Custom(_)
                | Error::MissingAccount
                | Error::PrivilegeEscalation
                | Error::MissingRequiredSignature
                | Error::InvalidArgument
                | Error::InvalidAccountData
                | Error::InvalidAccountOwner
                | Error::IncorrectProgramId
                | Error::ReadonlyLamportChange
                | Error::ReadonlyDataModified
                | Error::InvalidSeeds
        ),
        TransactionError::InsufficientFundsForRent { .. } | TransactionError::TooManyAccountLocks => true,
        _ => false,
    };
    assert!(is_clean, "{what}: {error:?}");
}

/// Sums over everything there is: lamports, USDC, PERMIT.
fn totals(accounts: &Snapshot, mints: [Pubkey; 2]) -> [u128; 3] {
    let lamports = accounts.values().map(|account| u128::from(account.lamports)).sum();
    let [usdc, permit] = mints.map(|mint| {
        let held = accounts.values().filter_map(Holding::of).filter(|holding| holding.mint == mint);
        held.map(|holding| u128::from(holding.atoms)).sum()
    });
    [lamports, usdc, permit]
}

/// What a token account holds, and for whom.
struct Holding {
    mint: Pubkey,
    authority: Pubkey,
    atoms: u64,
}

impl Holding {
    fn of(account: &solana_sdk::account::Account) -> Option<Self> {
        let key = |at: usize| Pubkey::try_from(&account.data[at..at + 32]).unwrap();
        let is_token_account = account.owner == spl_token::ID && account.data.len() == 165;
        is_token_account.then(|| Self {
            mint: key(0),
            authority: key(32),
            atoms: u64::from_le_bytes(account.data[64..72].try_into().unwrap()),
        })
    }
}

/// No lamport and no token came out of nothing or went there.
fn require_conserved(world: &World, what: &str) {
    let mints = [world.usdc, world.permit];
    assert_eq!(totals(&world.before, mints), totals(&world.snapshot(), mints), "{what}: money made or lost");
}

/// Whatever the books of any account promise is there.
fn require_backed(world: &World, what: &str) {
    let rent = |bytes: usize| world.svm.minimum_balance_for_rent_exemption(bytes);
    for (address, account) in world.snapshot() {
        if account.owner != chain::PROGRAM_ID {
            continue;
        }
        if let Ok(vault) = chain::decode_vault(&account.data) {
            let held = world.tokens(&chain::vault_usdc_address(&address));
            assert!(held >= vault.usdc.balance_atoms().unwrap(), "{what}: a vault without its USDC");
            let held = account.lamports - rent(account.data.len());
            assert!(held >= vault.sol.balance_atoms().unwrap(), "{what}: a vault without its SOL");
        } else if let Ok(stake) = chain::decode_stake(&account.data) {
            let held = world.tokens(&chain::stake_permit_address(&address));
            assert!(held >= stake.position.total_atoms().unwrap(), "{what}: a stake without its PERMIT");
        } else if let Ok(template) = chain::decode_template(&account.data) {
            // A revoked template has no bond and no account for it.
            let held = Some(chain::template_permit_address(&address)).filter(|_| template.bond_atoms > 0);
            let held = held.map_or(0, |held| world.tokens(&held));
            assert!(held >= template.bond_atoms, "{what}: a bond gone");
        } else if let Ok(epoch) = chain::decode_epoch(&account.data) {
            let held = world.tokens(&chain::epoch_usdc_address(&address));
            assert!(held >= epoch.total_atoms - epoch.claimed_atoms, "{what}: rewards gone");
        }
    }
}

/// Who has less than before has signed for it.
fn require_consent(world: &World, signers: &[u8], what: &str) {
    let after = world.snapshot();
    for byte in KEYS.filter(|byte| !signers.contains(byte)) {
        let wallet = keypair(byte).pubkey();
        let lamports = |accounts: &Snapshot| accounts.get(&wallet).map_or(0, |account| account.lamports);
        assert!(lamports(&after) >= lamports(&world.before), "{what}: key {byte} lost lamports without signing");
        for (address, account) in &world.before {
            let Some(held) = Holding::of(account).filter(|held| held.authority == wallet) else { continue };
            let left = after.get(address).and_then(Holding::of).map_or(0, |left| left.atoms);
            assert!(left >= held.atoms, "{what}: key {byte} lost tokens without signing");
        }
    }
}
