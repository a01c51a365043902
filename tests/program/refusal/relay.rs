//! Refusals of relay operators' instructions, and of reports that prove nothing.

use permitpipe_sdk::chain::{PermitPipeError as Error, Relay, Statement, instruction as build};
use solana_sdk::{pubkey::Pubkey, signer::Signer};

use super::Refusal;
use crate::{ground::*, world::*};

fn retired() -> World {
    let mut world = World::relayed();
    world.retire_relay().unwrap();
    world
}

fn forged(change: fn(&mut Relay)) -> World {
    let mut world = World::relayed();
    world.forge(world.relay_address(), change);
    world
}

/// With the relay's second key, and time for a third.
fn rotated() -> World {
    let mut world = World::relayed();
    world.wait(COOL_DOWN_SECONDS);
    world.rotate(NEXT_KEY).unwrap();
    world
}

pub const REFUSALS: &[Refusal] = &[
    Refusal {
        error: Error::Paused,
        what: "a new relay during a pause",
        given: || World::staked().paused(),
        when: World::register,
    },
    Refusal {
        error: Error::BondTooSmall,
        what: "a relay on an atom less than the bond",
        given: || {
            let mut world = World::configured();
            world.open_stake().unwrap();
            world.add_stake(RELAY_BOND_ATOMS - 1).unwrap();
            world
        },
        when: World::register,
    },
    Refusal {
        error: Error::BondTooSmall,
        what: "a relay on stake that cools down",
        given: || {
            let mut world = World::staked();
            world.request_unstake(STAKED_ATOMS - RELAY_BOND_ATOMS + 1).unwrap();
            world
        },
        when: World::register,
    },
    Refusal {
        error: Error::BadEndpoint,
        what: "an endpoint in the clear",
        given: World::relayed,
        when: |world| world.update_relay("http://relay.example"),
    },
    Refusal {
        error: Error::BadEndpoint,
        what: "an endpoint without a host",
        given: World::relayed,
        when: |world| world.update_relay("wss://"),
    },
    Refusal {
        error: Error::BadEndpoint,
        what: "an endpoint with a space",
        given: World::relayed,
        when: |world| world.update_relay("https://relay.example/ x"),
    },
    Refusal {
        error: Error::BadEndpoint,
        what: "an endpoint beyond ASCII",
        given: World::relayed,
        when: |world| world.update_relay("https://rélay.example"),
    },
    Refusal {
        error: Error::BadEndpoint,
        what: "an endpoint of 121 bytes",
        given: World::relayed,
        when: |world| world.update_relay(&format!("https://{}", "a".repeat(113))),
    },
    Refusal {
        error: Error::BadEndpoint,
        what: "no endpoint, from the start",
        given: World::staked,
        when: |world| world.send(&[world.register_instruction("")], &[6, RELAY_KEY]),
    },
    Refusal {
        error: Error::RelayRetired,
        what: "another endpoint of a retired relay",
        given: retired,
        when: |world| world.update_relay("https://b.example"),
    },
    Refusal {
        error: Error::RelayRetired,
        what: "another key of a retired relay",
        given: retired,
        when: |world| {
            world.wait(COOL_DOWN_SECONDS);
            world.rotate(NEXT_KEY)
        },
    },
    Refusal { error: Error::RelayRetired, what: "a second retirement", given: retired, when: World::retire_relay },
    Refusal {
        error: Error::RelayNotRetired,
        what: "the end of a relay in service",
        given: || {
            let mut world = World::relayed();
            world.next_slot();
            world
        },
        when: World::close_relay,
    },
    Refusal {
        error: Error::RelayCoolingDown,
        what: "another key a second early",
        given: World::relayed,
        when: |world| {
            world.wait(COOL_DOWN_SECONDS - 1);
            world.rotate(NEXT_KEY)
        },
    },
    Refusal {
        error: Error::RelayCoolingDown,
        what: "a third key within the cool-down of the second",
        given: rotated,
        when: |world| {
            world.wait(COOL_DOWN_SECONDS - 1);
            world.rotate(THIRD_KEY)
        },
    },
    Refusal {
        error: Error::RelayCoolingDown,
        what: "the end of a retired relay a second early",
        given: retired,
        when: |world| {
            world.wait(COOL_DOWN_SECONDS - 1);
            world.next_slot();
            world.close_relay()
        },
    },
    Refusal {
        error: Error::RelaySlashed,
        what: "a slashed relay begins anew with a clean record",
        given: || {
            let mut world = World::relayed();
            world.slash_once(1).unwrap();
            world.retire_relay().unwrap();
            world
        },
        when: |world| {
            world.wait(COOL_DOWN_SECONDS);
            world.next_slot();
            world.close_relay()
        },
    },
    Refusal {
        error: Error::SameKey,
        what: "the key it has",
        given: World::relayed,
        when: |world| {
            world.wait(COOL_DOWN_SECONDS);
            world.rotate(RELAY_KEY)
        },
    },
    Refusal {
        error: Error::ClosedTooSoon,
        what: "the end of a relay in the slot of its beginning",
        given: retired,
        when: |world| {
            world.wait(COOL_DOWN_SECONDS);
            world.close_relay()
        },
    },
    Refusal {
        error: Error::NotOwner,
        what: "another operator moves the relay",
        given: World::relayed,
        when: |world| world.by_mallory(|_, mallory| build::update_relay(mallory, "https://mallory.example")),
    },
    Refusal {
        error: Error::NotOwner,
        what: "another operator closes the relay",
        given: retired,
        when: |world| {
            world.wait(COOL_DOWN_SECONDS);
            world.next_slot();
            world.by_mallory(|_, mallory| build::close_relay(mallory))
        },
    },
    Refusal {
        error: Error::NotOwner,
        what: "another operator names its own key",
        given: World::relayed,
        when: |world| {
            world.wait(COOL_DOWN_SECONDS);
            let (mallory, owners) = (world.mallory.pubkey(), world.relay_address());
            let mut rotate = build::rotate_relay_key(&mallory, &keypair(NEXT_KEY).pubkey());
            rotate.accounts[3].pubkey = owners;
            world.send(&[rotate], &[7, NEXT_KEY])
        },
    },
    Refusal {
        error: Error::NotOwner,
        what: "another operator, with a stake of its own, retires the relay",
        given: || {
            let mut world = World::relayed();
            let mallory = world.mallory.pubkey();
            world.send(&[build::open_stake(&world.config(), &mallory, &mallory)], &[7]).unwrap();
            world
        },
        when: |world| {
            let mut retire = build::retire_relay(&world.mallory.pubkey());
            retire.accounts[3].pubkey = world.relay_address();
            world.send(&[retire], &[7])
        },
    },
    Refusal {
        error: Error::UnknownVersion,
        what: "a relay of a later program",
        given: || forged(|relay| relay.version = 2),
        when: |world| world.update_relay("https://b.example"),
    },
    Refusal {
        error: Error::InvariantViolated,
        what: "a relay whose keys are the same",
        given: || forged(|relay| relay.previous_key = relay.key),
        when: |world| world.update_relay("https://b.example"),
    },
    Refusal {
        error: Error::Overflow,
        what: "one contradiction more than 32 bits can count",
        given: || forged(|relay| relay.slash_count = u32::MAX),
        when: |world| world.slash_once(1),
    },
    Refusal {
        error: Error::NotEd25519,
        what: "a check that is not in the transaction",
        given: World::relayed,
        when: |world| {
            let report = world.slash_instruction(1, (0, 2));
            world.send(&[said(RELAY_KEY, 1, 1), report], &[7])
        },
    },
    Refusal {
        error: Error::NotEd25519,
        what: "the report itself as a check",
        given: World::relayed,
        when: |world| {
            let report = world.slash_instruction(1, (0, 1));
            world.send(&[said(RELAY_KEY, 1, 1), report], &[7])
        },
    },
    Refusal {
        error: Error::NotEd25519,
        what: "a check of no signature, too short to hold one",
        given: World::relayed,
        when: |world| {
            let mut empty = said(RELAY_KEY, 1, 2);
            empty.data = vec![0, 0];
            world.slash(1, [said(RELAY_KEY, 1, 1), empty])
        },
    },
    Refusal {
        error: Error::NotRelayKey,
        what: "statements of a key that is not the relay's",
        given: World::relayed,
        when: |world| world.slash(1, [said(RELAY_KEY, 1, 1), said(THIRD_KEY, 1, 2)]),
    },
    Refusal {
        error: Error::NotRelayKey,
        what: "statements of the operator's wallet",
        given: World::relayed,
        when: |world| world.slash(1, [said(6, 1, 1), said(6, 1, 2)]),
    },
    Refusal {
        error: Error::NotRelayKey,
        what: "statements of a key from before the last two",
        given: || {
            let mut world = rotated();
            world.wait(COOL_DOWN_SECONDS);
            world.rotate(THIRD_KEY).unwrap();
            world
        },
        when: |world| world.slash_once(1),
    },
    Refusal {
        error: Error::NotStatement,
        what: "a signed message with another prefix",
        given: World::relayed,
        when: |world| {
            let mut message = statement(1, 2).to_bytes();
            message[0] ^= 1;
            world.slash(1, [said(RELAY_KEY, 1, 1), check(RELAY_KEY, &message)])
        },
    },
    Refusal {
        error: Error::NotStatement,
        what: "a signed message a byte too short",
        given: World::relayed,
        when: |world| {
            let message = statement(1, 2).to_bytes();
            world.slash(1, [said(RELAY_KEY, 1, 1), check(RELAY_KEY, &message[..Statement::BYTES - 1])])
        },
    },
    Refusal {
        error: Error::NotStatement,
        what: "a signed message a byte too long",
        given: World::relayed,
        when: |world| {
            let message = [statement(1, 2).to_bytes(), vec![0]].concat();
            world.slash(1, [said(RELAY_KEY, 1, 1), check(RELAY_KEY, &message)])
        },
    },
    Refusal {
        error: Error::NoContradiction,
        what: "the same statement twice",
        given: World::relayed,
        when: |world| world.slash(1, [said(RELAY_KEY, 1, 1), said(RELAY_KEY, 1, 1)]),
    },
    Refusal {
        error: Error::NoContradiction,
        what: "one check named twice",
        given: World::relayed,
        when: |world| {
            let report = world.slash_instruction(1, (0, 0));
            world.send(&[said(RELAY_KEY, 1, 1), report], &[7])
        },
    },
    Refusal {
        error: Error::NoContradiction,
        what: "statements about two places: a relay that went on, or paused between them",
        given: World::relayed,
        when: |world| world.slash(1, [said(RELAY_KEY, 1, 1), said(RELAY_KEY, 2, 2)]),
    },
    Refusal {
        error: Error::NoContradiction,
        what: "statements about two streams",
        given: World::relayed,
        when: |world| {
            let other = Statement { stream: [0; 32], ..statement(1, 2) };
            world.slash(1, [said(RELAY_KEY, 1, 1), check(RELAY_KEY, &other.to_bytes())])
        },
    },
    Refusal {
        error: Error::NoContradiction,
        what: "a contradiction recorded under another place, to be punished again",
        given: || {
            let mut world = World::relayed();
            world.slash_once(1).unwrap();
            world
        },
        when: |world| world.slash(2, [said(RELAY_KEY, 1, 1), said(RELAY_KEY, 1, 2)]),
    },
    Refusal {
        error: Error::NotRelayKey,
        what: "the default key, which is what a relay without a key before has there",
        given: World::relayed,
        when: |world| {
            // Its signatures can be made by anybody where the check is not strict; the data alone must not do.
            let mut nobody = said(RELAY_KEY, 1, 2);
            nobody.data[16..48].copy_from_slice(Pubkey::default().as_ref());
            let report = world.slash_instruction(1, (1, 1));
            world.send(&[report, nobody], &[7])
        },
    },
];
