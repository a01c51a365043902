//! Every instruction of the program once, each ready to succeed: what sweeps and the fuzzer start from.
//!
//! | module | holds |
//! |---|---|
//! | `furnished` | a world in which every kind of account exists, twice where there can be two |
//! | `vault` | the instructions of config, vaults and settlements |
//! | `stake` | all others |

mod furnished;
mod stake;
mod vault;

use std::collections::BTreeSet;

use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::PROGRAM_ID;
use solana_sdk::instruction::Instruction;

pub use furnished::{ENDPOINT, HASH, Kind, RELAY_KEY, furnished, seeds, twins};

use crate::world::*;

/// How many instructions the program has.
const INSTRUCTIONS: usize = 50;

/// One instruction and what must be so for it to succeed.
pub struct Case {
    pub name: &'static str,
    /// Whether it needs a chain without a config.
    pub is_first: bool,
    /// The keys that sign; the first pays the fee.
    pub signers: &'static [u8],
    /// Done to the world before.
    pub given: fn(&mut World),
    /// Instructions that must stand before it in the same transaction.
    pub preceded: fn(&World) -> Vec<Instruction>,
    pub build: fn(&World) -> Instruction,
}

impl Case {
    /// A case that needs nothing but a furnished world.
    const fn new(name: &'static str, signers: &'static [u8], build: fn(&World) -> Instruction) -> Self {
        Self { name, is_first: false, signers, given: |_| (), preceded: |_| Vec::new(), build }
    }

    /// The same after `given`.
    const fn given(self, given: fn(&mut World)) -> Self {
        Self { given, ..self }
    }

    /// The world in which it succeeds, out of a furnished one.
    pub fn world(&self, furnished: &World) -> World {
        let mut world = if self.is_first { World::bare() } else { furnished.clone() };
        (self.given)(&mut world);
        world
    }

    /// Sends `instruction` in the place of this case's own.
    pub fn send(&self, world: &mut World, instruction: Instruction) -> TransactionResult {
        self.send_signed(world, instruction, self.signers)
    }

    /// The same, signed by others.
    pub fn send_signed(&self, world: &mut World, instruction: Instruction, signers: &[u8]) -> TransactionResult {
        let mut instructions = (self.preceded)(world);
        instructions.push(instruction);
        world.send(&instructions, signers)
    }
}

/// One case for each instruction.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    vault::CASES.iter().chain(stake::CASES)
}

#[test]
fn every_instruction_is_in_the_catalog_once_and_succeeds() {
    let furnished = furnished();
    let mut discriminators = BTreeSet::new();
    for case in cases() {
        let mut world = case.world(&furnished);
        let instruction = (case.build)(&world);
        assert_eq!(instruction.program_id, PROGRAM_ID);
        discriminators.insert(instruction.data[..8].to_vec());
        let result = case.send(&mut world, instruction);
        assert!(result.is_ok(), "{}: {:#?}", case.name, result.unwrap_err());
        assert!(!world.is_unchanged(), "{} changes something", case.name);
    }
    assert_eq!((discriminators.len(), cases().count()), (INSTRUCTIONS, INSTRUCTIONS));
}
