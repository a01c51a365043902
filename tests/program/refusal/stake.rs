//! Refusals of a staker's instructions.

use permitpipe_sdk::chain::{Bonds, InitializeConfigArgs, PermitPipeError as Error, Stake, instruction as build};
use solana_sdk::signer::Signer;

use super::Refusal;
use crate::{ground::*, world::*};

fn requested() -> World {
    let mut world = World::staked();
    world.request_unstake(PERMIT).unwrap();
    world
}

fn forged(change: fn(&mut Stake)) -> World {
    let mut world = World::staked();
    world.forge(world.stake_address(), change);
    world
}

/// All of the stake was slashed, and the relay it bonds is still registered.
fn slashed_to_nothing() -> World {
    let mut world = World::bare();
    let args = world.initial();
    let bonds = Bonds { slash_basis_points: 10_000, ..args.bonds };
    world.initialize(InitializeConfigArgs { bonds, ..args }).unwrap();
    world.open_stake().unwrap();
    world.add_stake(STAKED_ATOMS).unwrap();
    world.register().unwrap();
    world.slash_once(1).unwrap();
    world.next_slot();
    world
}

pub const REFUSALS: &[Refusal] = &[
    Refusal {
        error: Error::Paused,
        what: "a new stake during a pause",
        given: || World::configured().paused(),
        when: World::open_stake,
    },
    Refusal {
        error: Error::Paused,
        what: "more stake during a pause",
        given: || World::staked().paused(),
        when: |world| world.add_stake(PERMIT),
    },
    Refusal {
        error: Error::ZeroAmount,
        what: "a stake of nothing",
        given: World::staked,
        when: |world| world.add_stake(0),
    },
    Refusal {
        error: Error::ZeroAmount,
        what: "a request to unstake nothing",
        given: World::staked,
        when: |world| world.request_unstake(0),
    },
    Refusal {
        error: Error::Overflow,
        what: "a stake of everything 64 bits can say",
        given: World::staked,
        when: |world| world.add_stake(u64::MAX),
    },
    Refusal {
        error: Error::Overflow,
        what: "active and unlocking stake that do not fit signed 64 bits together",
        given: || {
            let mut world = requested();
            world.forge(world.stake_address(), |stake: &mut Stake| {
                stake.position.staked_atoms = i64::MAX.unsigned_abs() - PERMIT;
            });
            world
        },
        when: |world| world.add_stake(1),
    },
    Refusal {
        error: Error::UnknownVersion,
        what: "a stake of a later program",
        given: || forged(|stake| stake.version = 2),
        when: |world| world.request_unstake(1),
    },
    Refusal {
        error: Error::InvariantViolated,
        what: "a stake of which more counts than there is",
        given: || forged(|stake| stake.position.weight_atoms = 2 * STAKED_ATOMS),
        when: |world| world.request_unstake(1),
    },
    Refusal {
        error: Error::HoldingsBelowBooks,
        what: "a stake whose tokens are gone",
        given: || {
            let mut world = World::staked();
            world.put_tokens(world.stake_permit(), world.permit, world.stake_address(), STAKED_ATOMS - 1);
            world
        },
        when: |world| world.request_unstake(1),
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner adds to the stake",
        given: World::staked,
        when: |world| {
            world.by_mallory(|world, mallory| build::add_stake(&world.config(), mallory, &world.mallory_permit, PERMIT))
        },
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner takes the discount",
        given: World::staked,
        when: |world| world.by_mallory(|_, mallory| build::set_beneficiary(mallory, mallory)),
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner asks to unstake",
        given: World::staked,
        when: |world| world.by_mallory(|_, mallory| build::request_unstake(mallory, PERMIT)),
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner cancels the request",
        given: requested,
        when: |world| world.by_mallory(|_, mallory| build::cancel_unstake(mallory)),
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner takes what has cooled down",
        given: requested,
        when: |world| {
            world.wait(COOL_DOWN_SECONDS);
            world.by_mallory(|world, mallory| build::unstake(&world.config(), mallory, &world.mallory_permit))
        },
    },
    Refusal {
        error: Error::NotOwner,
        what: "another owner closes the stake",
        given: || {
            let mut world = World::configured();
            world.open_stake().unwrap();
            world.next_slot();
            world
        },
        when: |world| {
            world.by_mallory(|world, mallory| build::close_stake(&world.config(), mallory, &world.mallory_permit))
        },
    },
    Refusal {
        error: Error::UnstakePending,
        what: "a second request beside the first",
        given: requested,
        when: |world| world.request_unstake(PERMIT),
    },
    Refusal { error: Error::NoUnstake, what: "a payment nobody asked for", given: World::staked, when: World::unstake },
    Refusal {
        error: Error::NoUnstake,
        what: "a cancellation of nothing",
        given: World::staked,
        when: World::cancel_unstake,
    },
    Refusal {
        error: Error::NoUnstake,
        what: "a second payment of one request",
        given: || {
            let mut world = requested();
            world.wait(COOL_DOWN_SECONDS);
            world.unstake().unwrap();
            world
        },
        when: World::unstake,
    },
    Refusal {
        error: Error::NoUnstake,
        what: "a payment after the cancellation",
        given: || {
            let mut world = requested();
            world.cancel_unstake().unwrap();
            world.wait(COOL_DOWN_SECONDS);
            world
        },
        when: World::unstake,
    },
    Refusal {
        error: Error::UnstakeNotReady,
        what: "a payment a second early",
        given: requested,
        when: |world| {
            world.wait(COOL_DOWN_SECONDS - 1);
            world.unstake()
        },
    },
    Refusal {
        error: Error::InsufficientStake,
        what: "an atom more than is staked",
        given: World::staked,
        when: |world| world.request_unstake(STAKED_ATOMS + 1),
    },
    Refusal {
        error: Error::InsufficientStake,
        what: "everything 64 bits can say",
        given: World::staked,
        when: |world| world.request_unstake(u64::MAX),
    },
    Refusal {
        error: Error::StakeBonded,
        what: "an atom of the bond of a registered relay",
        given: World::relayed,
        when: |world| world.request_unstake(STAKED_ATOMS - RELAY_BOND_ATOMS + 1),
    },
    Refusal {
        error: Error::StakeBonded,
        what: "the end of an empty stake that still bonds a relay",
        given: slashed_to_nothing,
        when: World::close_stake,
    },
    Refusal {
        error: Error::StakeNotEmpty,
        what: "the end of a stake with an atom in it",
        given: || {
            let mut world = World::configured();
            world.open_stake().unwrap();
            world.add_stake(1).unwrap();
            world.next_slot();
            world
        },
        when: World::close_stake,
    },
    Refusal {
        error: Error::StakeNotEmpty,
        what: "the end of a stake of which all cools down",
        given: || {
            let mut world = World::staked();
            world.request_unstake(STAKED_ATOMS).unwrap();
            world.wait(COOL_DOWN_SECONDS);
            world.next_slot();
            world
        },
        when: World::close_stake,
    },
    Refusal {
        error: Error::ClosedTooSoon,
        what: "the end of a stake in the slot of its beginning",
        given: || {
            let mut world = World::configured();
            world.next_slot();
            world.open_stake().unwrap();
            world
        },
        when: World::close_stake,
    },
    Refusal {
        error: Error::SameBeneficiary,
        what: "the beneficiary it has",
        given: World::staked,
        when: |world| world.set_beneficiary(&world.owner.pubkey()),
    },
    Refusal {
        error: Error::NothingToSlash,
        what: "a second contradiction of a relay without stake",
        given: slashed_to_nothing,
        when: |world| world.slash_once(2),
    },
];
