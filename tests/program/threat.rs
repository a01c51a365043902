//! THREATS.md, section (d2): one test for each row of bad input, named after it.
//!
//! Rows 0 to 10 are the classes of coral-xyz/sealevel-attacks. Most rows are tried on every instruction of the program:
//! the catalog says what each needs to succeed, and a sweep spoils one thing at a time.
//!
//! | module | rows |
//! |---|---|
//! | `account` | 0 to 3: who signs, which account, who owns it, of what kind |
//! | `address` | 5 to 8 and 10: programs, the same account twice, bumps, authorities, sysvars |
//! | `closing` | 4 and 9: accounts at their beginning and after their end |
//! | `token` | 11 and 13: mints, token accounts, donations |
//! | `amount` | 12 and 14 to 16: amounts, withdrawals, settlements, stakes |
//! | `admin` | 17: the config's keys |
//! | `data` | 18 and 20: malformed input, compute |
//! | `caller` | 19: calls from other programs |
//! | `time` | 21 to 23: clock, rent, price |

mod account;
mod address;
mod admin;
mod amount;
mod caller;
mod closing;
mod data;
mod time;
mod token;

use litesvm::types::TransactionResult;
use solana_sdk::{
    instruction::{Instruction, InstructionError},
    pubkey::Pubkey,
    transaction::TransactionError,
};

use crate::{
    catalog::{Case, cases, furnished},
    world::*,
};

/// Runs `attack` on each instruction, in the world in which it would succeed.
fn sweep(mut attack: impl FnMut(&Case, &mut World, &Instruction)) {
    let furnished = furnished();
    for case in cases() {
        let mut world = case.world(&furnished);
        let instruction = (case.build)(&world);
        attack(case, &mut world, &instruction);
    }
}

/// The same instruction with another account in one place.
fn with(instruction: &Instruction, place: usize, account: Pubkey) -> Instruction {
    let mut instruction = instruction.clone();
    instruction.accounts[place].pubkey = account;
    instruction
}

/// Asserts a refusal that changed nothing, and says with which error.
fn refusal(world: &World, result: TransactionResult, what: &str) -> InstructionError {
    let Err(failure) = result else { panic!("{what}: must be refused") };
    assert!(world.is_unchanged(), "{what}: refused, yet something changed");
    match failure.err {
        TransactionError::InstructionError(_, InstructionError::ProgramFailedToComplete) => {
            panic!("{what}: a panic is no refusal\n{:#?}", failure.meta.logs)
        }
        TransactionError::InstructionError(_, error) => error,
        other => panic!("{what}: refused by the runtime: {other:?}"),
    }
}

/// Asserts a refusal that changed nothing, with one of these numbers.
fn refused_with(world: &World, result: TransactionResult, errors: &[u32], what: &str) {
    let error = refusal(world, result, what);
    let is_expected = matches!(error, InstructionError::Custom(code) if errors.contains(&code));
    assert!(is_expected, "{what}: {error:?} is none of {errors:?}");
}
