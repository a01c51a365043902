//! A relay's life: registered against a bond, moved, retired, closed, and registered again.

use permitpipe_sdk::chain::{
    Bonds, Change, Event, PermitPipeError as Error, RelayChange, StakeChange, instruction as build,
};
use solana_sdk::{instruction::Instruction, signer::Signer};

use crate::{ground::*, world::*};

/// What happened to the relay, in order.
fn kinds(events: &[Event]) -> Vec<RelayChange> {
    let kind = |event: &Event| match event {
        Event::RelayChanged(event) => Some(event.kind.clone()),
        _ => None,
    };
    events.iter().filter_map(kind).collect()
}

/// The same without the signature of the second account, the key.
fn without_the_keys_signature(mut instruction: Instruction) -> Instruction {
    instruction.accounts[1].is_signer = false;
    instruction
}

/// Anchor's "the account must sign".
const NOT_SIGNER: u32 = 3_010;

#[test]
fn a_relay_lives_from_registration_to_closing_and_bond_and_relay_tell_it_in_numbered_events() {
    let mut world = World::staked();
    let mut life = events(world.register());
    let position = world.stake().position;
    assert_eq!((position.bonded_atoms, position.staked_atoms), (RELAY_BOND_ATOMS, STAKED_ATOMS));
    let relay = world.relay();
    assert_eq!((relay.operator, relay.stake), (world.owner.pubkey(), world.stake_address()));
    assert_eq!((relay.key, relay.key_changed_at), (keypair(RELAY_KEY).pubkey(), START));
    life.extend(events(world.update_relay("wss://a.example/relay?x=1")));
    world.wait(COOL_DOWN_SECONDS);
    life.extend(events(world.rotate(NEXT_KEY)));
    assert_eq!(world.relay().previous_key, keypair(RELAY_KEY).pubkey());
    life.extend(events(world.retire_relay()));
    assert_eq!(world.stake().position.bonded_atoms, 0);
    let retired_at = START + COOL_DOWN_SECONDS;
    world.wait(COOL_DOWN_SECONDS);
    world.next_slot();
    life.extend(events(world.close_relay()));
    let expected = [
        RelayChange::Registered { key: keypair(RELAY_KEY).pubkey(), endpoint: ENDPOINT.into() },
        RelayChange::EndpointChanged { endpoint: "wss://a.example/relay?x=1".into() },
        RelayChange::KeyChanged { key: keypair(NEXT_KEY).pubkey() },
        RelayChange::Retired { retired_at },
        RelayChange::Closed,
    ];
    assert_eq!(kinds(&life), expected);
    assert_eq!(numbered(&life, &world.relay_address(), 1), expected.len());
    // The stake opened and grew before.
    assert_eq!(numbered(&life, &world.stake_address(), 3), 2);
    let names: Vec<_> = life.iter().map(Event::name).collect();
    let (stake, relay) = ("StakeChanged", "RelayChanged");
    assert_eq!(names, [stake, relay, relay, relay, stake, relay, relay]);
    let bonds = life.iter().filter_map(|event| match event {
        Event::StakeChanged(event) => Some((event.kind.clone(), event.position.bonded_atoms)),
        _ => None,
    });
    assert!(bonds.eq([(StakeChange::Bonded, RELAY_BOND_ATOMS), (StakeChange::Released, 0)]));
}

#[test]
fn closing_gives_back_the_rent_and_a_new_registration_numbers_on_from_above() {
    let mut world = World::staked();
    let owner = world.owner.pubkey();
    let before = world.svm.get_balance(&owner).unwrap();
    let mut last = 0;
    for slot in 0..2 {
        let registered = events(world.register());
        let first = registered.iter().find(|event| event.account() == world.relay_address()).unwrap().event_seq();
        assert_eq!(first, slot * 65_536 + 1);
        assert!(first > last);
        world.retire_relay().unwrap();
        world.wait(COOL_DOWN_SECONDS);
        world.next_slot();
        last = event(world.close_relay()).event_seq();
    }
    // Two registrations with two signatures, two retirements and two closings.
    assert_eq!(world.svm.get_balance(&owner), Some(before));
    assert!(world.data(&world.relay_address()).is_empty());
}

#[test]
fn nobody_registers_a_key_it_does_not_hold() {
    let mut world = World::staked();
    let register = without_the_keys_signature(world.register_instruction(ENDPOINT));
    assert_eq!(code(world.send(&[register], &[6])), NOT_SIGNER);
    world.register().unwrap();
    world.wait(COOL_DOWN_SECONDS);
    let rotate = build::rotate_relay_key(&world.owner.pubkey(), &keypair(NEXT_KEY).pubkey());
    assert_eq!(code(world.send(&[without_the_keys_signature(rotate)], &[6])), NOT_SIGNER);
    assert_eq!(world.relay().key, keypair(RELAY_KEY).pubkey());
}

#[test]
fn a_key_changes_once_per_cool_down_to_the_second() {
    let mut world = World::relayed();
    for (round, key) in [NEXT_KEY, THIRD_KEY, RELAY_KEY].into_iter().enumerate() {
        world.wait(COOL_DOWN_SECONDS - 1);
        refused(world.rotate(key), Error::RelayCoolingDown);
        world.wait(1);
        world.rotate(key).unwrap();
        let changed_at = START + COOL_DOWN_SECONDS * i64::try_from(round + 1).unwrap();
        assert_eq!((world.relay().key, world.relay().key_changed_at), (keypair(key).pubkey(), changed_at));
    }
}

#[test]
fn the_bond_is_free_after_retirement_but_only_through_the_cool_down() {
    let mut world = World::relayed();
    refused(world.request_unstake(STAKED_ATOMS), Error::StakeBonded);
    world.retire_relay().unwrap();
    world.request_unstake(STAKED_ATOMS).unwrap();
    refused(world.unstake(), Error::UnstakeNotReady);
    world.wait(COOL_DOWN_SECONDS);
    world.unstake().unwrap();
    assert_eq!(world.tokens(&world.owner_permit), WALLET_PERMIT_ATOMS);
}

#[test]
fn a_registered_relay_keeps_the_bond_it_began_with() {
    let mut world = World::relayed();
    let dearer = Bonds { relay_atoms: 2 * RELAY_BOND_ATOMS, ..BONDS };
    let change = Change::Bonds(dearer);
    world.send(&[build::propose_change(&world.admin.pubkey(), change)], &[2]).unwrap();
    world.wait(CHANGE_DELAY_SECONDS);
    world.send(&[build::accept_change(&world.admin.pubkey())], &[2]).unwrap();
    assert_eq!(world.stake().position.bonded_atoms, RELAY_BOND_ATOMS);
    world.request_unstake(STAKED_ATOMS - RELAY_BOND_ATOMS).unwrap();
}

#[test]
fn a_pause_stops_no_exit_of_a_relay() {
    let mut world = World::relayed().paused();
    world.update_relay("https://b.example").unwrap();
    world.wait(COOL_DOWN_SECONDS);
    world.rotate(NEXT_KEY).unwrap();
    world.retire_relay().unwrap();
    world.wait(COOL_DOWN_SECONDS);
    world.next_slot();
    world.close_relay().unwrap();
}
