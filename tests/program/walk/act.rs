//! What a walk can do: every instruction, with arguments that are right about as often as they are just wrong.

mod config;
mod registry;
mod stake;
mod vault;

use permitpipe_tests::random::Random;

use super::ground::{Attempt, Ground, PEOPLE};

/// One instruction with random arguments.
pub type Act = fn(&Ground, &mut Random) -> Attempt;

/// Every instruction of the program.
pub fn all() -> Vec<(&'static str, Act)> {
    [config::ACTS, vault::ACTS, stake::ACTS, registry::ACTS].concat()
}

/// Somebody.
fn somebody(random: &mut Random) -> usize {
    usize::try_from(random.below(PEOPLE.len() as u64)).unwrap()
}

/// An amount at, beside or well within one of the bounds; now and then absurd.
fn amount(random: &mut Random, bounds: &[i128]) -> u64 {
    let bound = u64::try_from((*random.pick(bounds)).clamp(0, u64::MAX.into())).unwrap();
    match random.below(10) {
        0 => 0,
        1 => bound.saturating_sub(1),
        2 => bound,
        3 => bound.saturating_add(1),
        4 if random.once_in(10) => u64::MAX,
        _ => 1 + random.below(bound.max(1)),
    }
}

/// Mostly who has the office, sometimes another.
fn mostly(random: &mut Random, right: u8, others: &[u8]) -> u8 {
    if random.once_in(5) { *random.pick(others) } else { right }
}
