//! Each error number of ours, produced; and that a refusal changes nothing.
//!
//! The tables below are the proof that no number is dead: a new error without a row here fails the test.

mod anchor;
mod bound;
mod config;
mod epoch;
mod plan;
mod relay;
mod settlement;
mod sol;
mod stake;
mod template;
mod vault;

use std::collections::BTreeSet;

use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::PermitPipeError;
use solana_sdk::{instruction::InstructionError, transaction::TransactionError};

use crate::world::World;

/// One way to be refused.
pub struct Refusal {
    pub error: PermitPipeError,
    /// What is tried, for the test's output.
    pub what: &'static str,
    /// The chain before.
    pub given: fn() -> World,
    /// The transaction that must be refused.
    pub when: fn(&mut World) -> TransactionResult,
}

fn all() -> impl Iterator<Item = &'static Refusal> {
    let vaults = [bound::REFUSALS, config::REFUSALS, vault::REFUSALS, sol::REFUSALS, settlement::REFUSALS];
    let beside =
        [stake::REFUSALS, relay::REFUSALS, epoch::REFUSALS, template::REFUSALS, plan::REFUSALS, anchor::REFUSALS];
    vaults.into_iter().chain(beside).flatten()
}

#[test]
fn every_refusal_has_its_number_and_changes_nothing() {
    let mut wrong = Vec::new();
    for Refusal { error, what, given, when } in all() {
        let mut world = given();
        match when(&mut world) {
            Ok(_) => wrong.push(format!("{what}: not refused")),
            Err(failure) if number(&failure.err) != Some((*error).into()) => {
                wrong.push(format!("{what}: {:?}", failure.err))
            }
            Err(_) if !world.is_unchanged() => wrong.push(format!("{what}: refused, yet something changed")),
            Err(_) => println!("{error:?}: {what}"),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The number of a refusal of ours or Anchor's.
fn number(error: &TransactionError) -> Option<u32> {
    match error {
        TransactionError::InstructionError(_, InstructionError::Custom(number)) => Some(*number),
        _ => None,
    }
}

#[test]
fn every_error_number_is_produced_by_some_row() {
    let proven: BTreeSet<u32> = all().map(|refusal| refusal.error.into()).collect();
    let missing: Vec<_> = PermitPipeError::ALL.iter().filter(|error| !proven.contains(&u32::from(**error))).collect();
    assert!(missing.is_empty(), "no test produces {missing:?}: add a row to tests/program/refusal/");
}

#[test]
fn the_list_of_errors_is_the_one_in_the_interface_description() {
    let idl: serde_json::Value = serde_json::from_str(include_str!("../../generated/idl.json")).unwrap();
    let described: BTreeSet<u64> =
        idl["errors"].as_array().unwrap().iter().map(|error| error["code"].as_u64().unwrap()).collect();
    let listed: BTreeSet<u64> = PermitPipeError::ALL.iter().map(|&error| u32::from(error).into()).collect();
    assert_eq!(listed, described, "PermitPipeError::ALL, or generated/idl.json, is out of date");
    assert_eq!(listed.len(), PermitPipeError::ALL.len(), "a number is used twice");
}
