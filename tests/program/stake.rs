//! A stake's life: what it weighs when, how it leaves, and how its events are numbered.

use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{Event, PermitPipeError as Error, StakeChange, Unlocking, instruction as build};
use solana_sdk::signer::Signer;

use crate::{ground::*, world::*};

/// What happened to the stake, in order; each event carries the position and the beneficiary that the account then has.
fn kinds(events: &[Event]) -> Vec<StakeChange> {
    let kind = |event: &Event| match event {
        Event::StakeChanged(event) => event.kind.clone(),
        other => panic!("no event of a stake: {other:?}"),
    };
    events.iter().map(kind).collect()
}

/// The one event of `result`, checked against the account it is about.
fn changed(world: &World, result: TransactionResult) -> Event {
    let event = event(result);
    let Event::StakeChanged(change) = &event else { panic!("no event of a stake: {event:?}") };
    let stake = world.stake();
    assert_eq!((change.owner, change.beneficiary), (world.owner.pubkey(), stake.beneficiary));
    assert_eq!((change.position, change.event_seq), (stake.position, stake.event_seq));
    event
}

/// What `staked_atoms` weigh by themselves, `seconds` after they were staked.
fn alone(staked_atoms: u64, seconds: i64) -> u64 {
    let part = u128::try_from(seconds.clamp(0, WARM_UP_SECONDS)).unwrap();
    let warm_up = u128::try_from(WARM_UP_SECONDS).unwrap();
    u64::try_from(u128::from(staked_atoms) * part / warm_up).unwrap()
}

#[test]
fn a_stake_lives_from_opening_to_closing_and_every_step_is_one_numbered_event() {
    let mut world = World::configured();
    let mallory = world.mallory.pubkey();
    let mut life = Vec::new();
    let mut step = |world: &mut World, act: &dyn Fn(&mut World) -> TransactionResult| {
        let result = act(world);
        life.push(changed(world, result));
    };
    step(&mut world, &World::open_stake);
    step(&mut world, &|world| world.add_stake(STAKED_ATOMS));
    assert_eq!((world.tokens(&world.stake_permit()), world.tokens(&world.owner_permit)), (STAKED_ATOMS, 700 * PERMIT));
    step(&mut world, &|world| world.set_beneficiary(&mallory));
    step(&mut world, &|world| world.request_unstake(100 * PERMIT));
    let unlocks_at = START + COOL_DOWN_SECONDS;
    assert_eq!(world.stake().position.unlocking, Some(Unlocking { amount_atoms: 100 * PERMIT, unlocks_at }));
    step(&mut world, &World::cancel_unstake);
    step(&mut world, &|world| world.request_unstake(STAKED_ATOMS));
    world.wait(COOL_DOWN_SECONDS);
    step(&mut world, &World::unstake);
    assert_eq!((world.tokens(&world.stake_permit()), world.tokens(&world.owner_permit)), (0, WALLET_PERMIT_ATOMS));
    world.next_slot();
    life.push(event(world.close_stake()));
    let expected = [
        StakeChange::Opened,
        StakeChange::Added { amount_atoms: STAKED_ATOMS },
        StakeChange::BeneficiaryChanged,
        StakeChange::UnstakeRequested { amount_atoms: 100 * PERMIT },
        StakeChange::UnstakeCancelled { amount_atoms: 100 * PERMIT },
        StakeChange::UnstakeRequested { amount_atoms: STAKED_ATOMS },
        StakeChange::Unstaked { amount_atoms: STAKED_ATOMS },
        StakeChange::Closed,
    ];
    assert_eq!(kinds(&life), expected);
    assert_eq!(numbered(&life, &world.stake_address(), 1), expected.len());
}

#[test]
fn weight_grows_in_a_straight_line_over_one_warm_up_and_no_further() {
    let world = World::staked();
    assert_eq!(world.stake().position.weight_at(START - 1, WARM_UP_SECONDS).unwrap(), 0);
    for seconds in (0..2 * WARM_UP_SECONDS).step_by(997).chain([1, WARM_UP_SECONDS - 1, WARM_UP_SECONDS, i64::MAX / 2])
    {
        assert_eq!(world.weight_after(seconds), alone(STAKED_ATOMS, seconds), "after {seconds} s");
    }
    assert_eq!(world.weight_after(WARM_UP_SECONDS), STAKED_ATOMS);
}

#[test]
fn two_additions_never_weigh_more_than_they_would_apart() {
    for added_at in [1, 777, WARM_UP_SECONDS / 2, WARM_UP_SECONDS - 1, WARM_UP_SECONDS, 3 * WARM_UP_SECONDS] {
        let mut world = World::staked();
        world.wait(added_at);
        world.add_stake(123_456_789_012).unwrap();
        let mut last = 0;
        for later in (0..=WARM_UP_SECONDS).step_by(1_111).chain([WARM_UP_SECONDS]) {
            let apart = alone(STAKED_ATOMS, added_at + later) + alone(123_456_789_012, later);
            let together = world.weight_after(added_at + later);
            // An atom more is the rounding of two numbers against one.
            assert!((last..=apart + 1).contains(&together), "{together} of {apart}, {added_at} + {later} s");
            last = together;
        }
        assert_eq!(last, STAKED_ATOMS + 123_456_789_012);
    }
}

#[test]
pub fn a_tier_begins_at_its_very_weight_and_at_the_very_second_that_weight_is_reached() {
    let config = World::configured().config();
    let weights = [(0, 0), (10 * PERMIT - 1, 0), (10 * PERMIT, 500), (10 * PERMIT + 1, 500)];
    for (weight_atoms, basis_points) in
        weights.into_iter().chain([(100 * PERMIT - 1, 500), (100 * PERMIT, 1_000), (u64::MAX, 1_000)])
    {
        assert_eq!(config.discount_basis_points(weight_atoms), basis_points, "{weight_atoms}");
    }
    let mut world = World::configured();
    world.open_stake().unwrap();
    world.add_stake(200 * PERMIT).unwrap();
    let discount_after = |seconds| config.discount_basis_points(world.weight_after(seconds));
    let twentieth = WARM_UP_SECONDS / 20;
    assert_eq!([twentieth - 1, twentieth, twentieth + 1].map(discount_after), [0, 500, 500]);
    let half = WARM_UP_SECONDS / 2;
    assert_eq!([half - 1, half].map(discount_after), [500, 1_000]);
}

#[test]
fn another_beneficiary_starts_with_no_weight_at_all() {
    let mut world = World::staked();
    world.wait(WARM_UP_SECONDS);
    assert_eq!(world.weight_after(WARM_UP_SECONDS), STAKED_ATOMS);
    let mallory = world.mallory.pubkey();
    world.set_beneficiary(&mallory).unwrap();
    for seconds in (0..=WARM_UP_SECONDS).step_by(9_999) {
        assert_eq!(world.weight_after(WARM_UP_SECONDS + seconds), alone(STAKED_ATOMS, seconds));
    }
}

#[test]
fn what_unlocks_weighs_nothing_and_warms_up_anew_when_it_is_taken_back() {
    let mut world = World::staked();
    world.wait(WARM_UP_SECONDS / 2);
    world.request_unstake(STAKED_ATOMS / 3).unwrap();
    let (half, rest) = (WARM_UP_SECONDS / 2, STAKED_ATOMS / 3 * 2);
    assert_eq!(world.weight_after(half), rest / 2, "the rest keeps the part that counted");
    world.cancel_unstake().unwrap();
    assert_eq!(world.weight_after(half), rest / 2, "what came back counts for nothing yet");
    assert_eq!(world.weight_after(half + WARM_UP_SECONDS), STAKED_ATOMS);
}

#[test]
fn stake_of_one_transaction_has_no_weight_and_cannot_leave_again() {
    let mut world = World::configured();
    world.open_stake().unwrap();
    let (config, owner, permit) = (world.config(), world.owner.pubkey(), world.owner_permit);
    let add = build::add_stake(&config, &owner, &permit, STAKED_ATOMS);
    let request = build::request_unstake(&owner, STAKED_ATOMS);
    let leave = build::unstake(&config, &owner, &permit);
    let before = world.everything();
    refused(world.send(&[add.clone(), request.clone(), leave], &[6]), Error::UnstakeNotReady);
    assert!(before == world.everything());
    world.send(&[add, request, build::cancel_unstake(&owner)], &[6]).unwrap();
    assert_eq!((world.weight_after(0), world.stake().position.staked_atoms), (0, STAKED_ATOMS));
    assert_eq!(world.tokens(&world.owner_permit), 700 * PERMIT);
}

#[test]
fn a_pause_stops_no_exit() {
    let mut world = World::staked().paused();
    world.request_unstake(PERMIT).unwrap();
    world.cancel_unstake().unwrap();
    world.request_unstake(STAKED_ATOMS).unwrap();
    world.wait(COOL_DOWN_SECONDS);
    world.unstake().unwrap();
    world.next_slot();
    world.close_stake().unwrap();
    assert_eq!(world.tokens(&world.owner_permit), WALLET_PERMIT_ATOMS);
}

#[test]
fn everything_above_the_bond_can_leave_while_the_relay_is_registered() {
    let mut world = World::relayed();
    assert_eq!(world.stake().position.bonded_atoms, RELAY_BOND_ATOMS);
    world.request_unstake(STAKED_ATOMS - RELAY_BOND_ATOMS).unwrap();
    world.wait(COOL_DOWN_SECONDS);
    world.unstake().unwrap();
    assert_eq!(world.tokens(&world.stake_permit()), RELAY_BOND_ATOMS);
}

#[test]
fn closing_gives_back_the_rent_and_whatever_others_sent() {
    let mut world = World::configured();
    let (owner, before) = (world.owner.pubkey(), world.svm.get_balance(&world.owner.pubkey()).unwrap());
    world.open_stake().unwrap();
    world.put_tokens(world.stake_permit(), world.permit, world.stake_address(), 7);
    let (stake, stake_permit) = (world.stake_address(), world.stake_permit());
    world.svm.airdrop(&stake, 12_345).unwrap();
    world.svm.airdrop(&stake_permit, 678).unwrap();
    world.next_slot();
    world.close_stake().unwrap();
    assert_eq!(world.svm.get_balance(&owner), Some(before + 12_345 + 678));
    assert_eq!(world.tokens(&world.owner_permit), WALLET_PERMIT_ATOMS + 7);
    assert!(world.data(&stake).is_empty() && world.data(&stake_permit).is_empty());
}

#[test]
fn tokens_somebody_sent_to_the_stake_count_for_nothing() {
    let mut world = World::staked();
    world.put_tokens(world.stake_permit(), world.permit, world.stake_address(), STAKED_ATOMS + PERMIT);
    assert_eq!(world.weight_after(WARM_UP_SECONDS), STAKED_ATOMS);
    refused(world.request_unstake(STAKED_ATOMS + 1), Error::InsufficientStake);
}

#[test]
fn a_stake_opened_again_numbers_its_events_above_all_former_ones() {
    let mut world = World::configured();
    let mut last = 0;
    for slot in 0..3 {
        let first = event(world.open_stake()).event_seq();
        assert_eq!(first, slot * 65_536 + 1);
        assert!(first > last, "{first} comes after {last}");
        // Closed in the very slot in which it is opened again.
        world.next_slot();
        last = event(world.close_stake()).event_seq();
        assert_eq!(last, first + 1);
    }
}
