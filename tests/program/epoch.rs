//! An epoch of rewards: published and paid in, claimed leaf by leaf, closed after its retention.

use permitpipe_sdk::chain::{
    self, EpochChange, Event, PermitPipeError as Error, Relay, RelayChange, instruction as build,
};
use solana_sdk::signer::Signer;

use crate::{
    ground::{reward::Rewards, *},
    world::*,
};

/// What happened to the epoch, in order.
fn kinds(events: &[Event]) -> Vec<EpochChange> {
    let kind = |event: &Event| match event {
        Event::EpochChanged(event) => Some(event.kind.clone()),
        _ => None,
    };
    events.iter().filter_map(kind).collect()
}

#[test]
fn publishing_pays_in_all_that_the_root_promises() {
    let mut world = World::relayed();
    let rewards = Rewards::of(world.relay_address(), 1, 9);
    let published = event(world.publish(&rewards));
    let terms = rewards.terms();
    let (root, leaf_count, total_atoms) = (terms.root, terms.leaf_count, terms.total_atoms);
    assert_eq!(kinds(std::slice::from_ref(&published)), [EpochChange::Published { root, leaf_count, total_atoms }]);
    assert_eq!((published.account(), published.event_seq()), (chain::epoch_address(1), 1));
    let epoch_usdc = chain::epoch_usdc_address(&chain::epoch_address(1));
    assert_eq!((world.tokens(&epoch_usdc), world.tokens(&world.funding)), (total_atoms, WALLET_ATOMS - total_atoms));
    let epoch = world.epoch(1);
    assert_eq!((epoch.number, epoch.root, epoch.leaf_count, epoch.total_atoms), (1, root, 9, total_atoms));
    assert_eq!((epoch.claimed_atoms, epoch.published_at, epoch.payer), (0, START, world.payer.pubkey()));
    assert_eq!((epoch.claimed, world.config().epoch_count), (vec![0, 0], 1));
}

#[test]
pub fn every_leaf_of_every_tree_is_paid_once_with_its_proof_and_nothing_is_left() {
    let mut world = World::relayed();
    let mut told = Vec::new();
    let mut paid = 0;
    for (number, count) in [(1, 1), (2, 2), (3, 3), (4, 7)] {
        let rewards = Rewards::of(world.relay_address(), number, count);
        let mut life = events(world.publish(&rewards));
        for index in (0..rewards.terms().leaf_count).rev() {
            let claim = rewards.claim(index);
            life.extend(events(world.claim(number, claim.clone())));
            paid += claim.amount_atoms;
            assert_eq!(world.tokens(&world.owner_usdc), WALLET_ATOMS + paid);
            refused(world.claim(number, claim), Error::AlreadyClaimed);
        }
        let epoch = world.epoch(number);
        assert_eq!(epoch.claimed_atoms, epoch.total_atoms);
        assert_eq!(epoch.claimed, [(1u16 << count).wrapping_sub(1).to_le_bytes()[0]]);
        assert_eq!(world.tokens(&chain::epoch_usdc_address(&chain::epoch_address(number))), 0);
        assert_eq!(numbered(&life, &chain::epoch_address(number), 1), usize::try_from(count).unwrap() + 1);
        told.extend(life);
    }
    assert_eq!(numbered(&told, &world.relay_address(), 2), 1 + 2 + 3 + 7);
    let relay = world.relay();
    assert_eq!((relay.rewarded_atoms, relay.paid_receipts), (paid, 8 + (8 + 9) + (8 + 9 + 10) + (8..=14).sum::<u64>()));
}

#[test]
fn a_claim_tells_the_epochs_story_and_the_relays() {
    let (mut world, rewards) = World::rewarding(3);
    let told = events(world.claim(1, rewards.claim(2)));
    let (relay, amount_atoms, receipt_count) = rewards.claims[2];
    let [Event::EpochChanged(claimed), Event::RelayChanged(rewarded)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((claimed.number, claimed.event_seq, rewarded.event_seq), (1, 2, 2));
    assert_eq!(claimed.kind, EpochChange::Claimed { index: 2, relay, amount_atoms, receipt_count });
    assert_eq!(rewarded.kind, RelayChange::Rewarded { epoch: 1, amount_atoms, receipt_count });
}

#[test]
fn two_relays_share_one_epoch_and_neither_takes_the_others_leaf() {
    let mut world = World::relayed();
    let (config, mallory) = (world.config(), world.mallory.pubkey());
    let open = build::open_stake(&config, &mallory, &mallory);
    let add = build::add_stake(&config, &mallory, &world.mallory_permit, STAKED_ATOMS);
    let register = build::register_relay(&mallory, &keypair(THIRD_KEY).pubkey(), ENDPOINT);
    world.send(&[open, add, register], &[7, THIRD_KEY]).unwrap();
    let claims = vec![(world.relay_address(), 5, 1), (chain::relay_address(&mallory), 7, 2)];
    let rewards = Rewards { number: 1, claims };
    world.publish(&rewards).unwrap();
    for (index, fits) in [(0, false), (1, true)] {
        let claim = build::claim_reward(&config, &mallory, &world.mallory_usdc, 1, rewards.claim(index));
        let result = world.send(&[claim], &[7]);
        if fits { result.map(drop).unwrap() } else { refused(result, Error::BadProof) }
    }
    refused(world.claim(1, rewards.claim(1)), Error::BadProof);
    world.claim(1, rewards.claim(0)).unwrap();
    assert_eq!(world.tokens(&world.mallory_usdc), WALLET_ATOMS + 7);
    assert_eq!(world.tokens(&world.owner_usdc), WALLET_ATOMS + 5);
}

#[test]
fn rewards_are_claimed_during_a_pause_and_by_a_retired_relay() {
    let (mut world, rewards) = World::rewarding(2);
    world.claim(1, rewards.claim(0)).unwrap();
    let mut world = world.paused();
    world.retire_relay().unwrap();
    world.claim(1, rewards.claim(1)).unwrap();
    assert_eq!(world.tokens(&world.owner_usdc), WALLET_ATOMS + rewards.total_atoms());
}

#[test]
fn what_nobody_claimed_goes_to_the_treasury_and_the_rent_to_who_paid_it() {
    let mut world = World::relayed();
    let payer = world.payer.pubkey();
    let before = world.svm.get_balance(&payer).unwrap();
    let rewards = Rewards::of(world.relay_address(), 1, 3);
    let mut life = events(world.publish(&rewards));
    life.extend(events(world.claim(1, rewards.claim(1))));
    world.wait(RETENTION_SECONDS - 1);
    refused(world.close_epoch(1), Error::StillRetained);
    world.wait(1);
    // Until it is closed it can be claimed.
    life.extend(events(world.claim(1, rewards.claim(2))));
    life.extend(events(world.close_epoch(1)));
    assert_eq!(kinds(&life).pop(), Some(EpochChange::Closed { unclaimed_atoms: 7 }));
    assert_eq!(numbered(&life, &chain::epoch_address(1), 1), 4);
    assert_eq!(world.tokens(&world.treasury), 7);
    assert_eq!(world.svm.get_balance(&payer), Some(before));
    let epoch = chain::epoch_address(1);
    assert!(world.data(&epoch).is_empty() && world.data(&chain::epoch_usdc_address(&epoch)).is_empty());
    // Its number is used for ever.
    refused(world.publish(&rewards), Error::WrongEpoch);
    assert!(world.claim(1, rewards.claim(0)).is_err());
}

#[test]
fn an_epoch_of_16384_leaves_is_published_and_claimed_at_both_ends() {
    let (mut world, rewards) = World::rewarding(16_384);
    let address = chain::epoch_address(1);
    assert_eq!(world.data(&address).len(), 160 + 16_384 / 8);
    for index in [0, 8_191, 8_192, 16_383] {
        let claim = rewards.claim(index);
        assert_eq!(claim.proof.len(), 14);
        let units = world.claim(1, claim.clone()).unwrap().compute_units_consumed;
        assert!(units < 200_000, "{units} units are more than an instruction gets without asking");
        refused(world.claim(1, claim), Error::AlreadyClaimed);
    }
    let epoch = world.epoch(1);
    let set: u32 = epoch.claimed.iter().map(|byte| byte.count_ones()).sum();
    assert_eq!((set, epoch.claimed[0], epoch.claimed[1_023], epoch.claimed[1_024]), (4, 1, 128, 1));
    assert_eq!(epoch.claimed[2_047], 128);
    world.wait(RETENTION_SECONDS);
    world.close_epoch(1).unwrap();
}

#[test]
fn the_rent_of_an_epoch_goes_to_nobody_but_its_payer() {
    let (mut world, _) = World::rewarding(1);
    world.wait(RETENTION_SECONDS);
    let (payer, mallory) = (world.payer.pubkey(), world.mallory.pubkey());
    let close = build::close_epoch(&world.config(), 1, &payer);
    assert_eq!(code(world.with_another(close, (payer, mallory), 7)), NOT_THE_NAMED_ONE);
    world.close_epoch(1).unwrap();
}

#[test]
fn a_claim_is_paid_out_of_its_own_epoch_and_to_an_account_of_the_operator() {
    let (mut world, rewards) = World::rewarding(2);
    world.publish(&Rewards::of(world.relay_address(), 2, 2)).unwrap();
    let claim = world.claim_instruction(1, rewards.claim(0));
    let usdc = |number| chain::epoch_usdc_address(&chain::epoch_address(number));
    // Anchor's "another address is derived here", and "the token account has another owner".
    assert_eq!(code(world.with_another(claim.clone(), (usdc(1), usdc(2)), 6)), 2_006);
    assert_eq!(code(world.with_another(claim.clone(), (world.owner_usdc, world.mallory_usdc), 6)), 2_015);
    world.send(&[claim], &[6]).unwrap();
}

#[test]
fn a_counter_that_is_full_never_stops_a_payment() {
    let mut world = World::relayed();
    let most = i64::MAX.unsigned_abs();
    world.forge(world.relay_address(), |relay: &mut Relay| relay.paid_receipts = most);
    let rewards = Rewards::of(world.relay_address(), 1, 1);
    world.publish(&rewards).unwrap();
    world.claim(1, rewards.claim(0)).unwrap();
    assert_eq!(world.relay().paid_receipts, most);
}
