//! Refusals of epochs of rewards and of claims.

use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{
    self, ClaimRewardArgs, Config, Epoch, PermitPipeError as Error, PublishEpochArgs, instruction as build,
};
use solana_sdk::signer::Signer;

use super::Refusal;
use crate::{ground::reward::Rewards, world::*};

/// Three claims of the owner's relay, none paid.
fn published() -> World {
    World::rewarding(3).0
}

/// The epoch that `published` published.
fn rewards(world: &World) -> Rewards {
    Rewards::of(world.relay_address(), 1, 3)
}

/// Claims leaf 1 with one thing wrong.
fn claim(world: &mut World, spoil: fn(&mut ClaimRewardArgs)) -> TransactionResult {
    let mut args = rewards(world).claim(1);
    spoil(&mut args);
    world.claim(1, args)
}

/// Publishes with one thing wrong.
fn publish(world: &mut World, spoil: fn(&mut PublishEpochArgs)) -> TransactionResult {
    let mut terms = rewards(world).terms();
    spoil(&mut terms);
    world.publish_terms(terms)
}

fn forged(change: fn(&mut Epoch)) -> World {
    let mut world = published();
    world.forge(chain::epoch_address(1), change);
    world.wait(RETENTION_SECONDS);
    world
}

pub const REFUSALS: &[Refusal] = &[
    Refusal {
        error: Error::NotSettleAuthority,
        what: "somebody else publishes who gets what",
        given: World::relayed,
        when: |world| {
            let mallory = world.mallory.pubkey();
            let config = Config { settle_authority: mallory, ..world.config() };
            let terms = rewards(world).terms();
            world.send(&[build::publish_epoch(&config, &mallory, &world.mallory_usdc, terms)], &[7])
        },
    },
    Refusal {
        error: Error::BadEpoch,
        what: "an epoch for nobody",
        given: World::relayed,
        when: |world| publish(world, |terms| terms.leaf_count = 0),
    },
    Refusal {
        error: Error::BadEpoch,
        what: "an epoch of one leaf more than fits",
        given: World::relayed,
        when: |world| publish(world, |terms| terms.leaf_count = Epoch::MAX_LEAVES + 1),
    },
    Refusal {
        error: Error::BadEpoch,
        what: "an epoch of nothing",
        given: World::relayed,
        when: |world| publish(world, |terms| terms.total_atoms = 0),
    },
    Refusal {
        error: Error::BadEpoch,
        what: "an epoch beyond signed 64 bits",
        given: World::relayed,
        when: |world| publish(world, |terms| terms.total_atoms = 1 << 63),
    },
    Refusal {
        error: Error::WrongEpoch,
        what: "an epoch too far ahead",
        given: World::relayed,
        when: |world| publish(world, |terms| terms.number = 2),
    },
    Refusal {
        error: Error::WrongEpoch,
        what: "epoch 0",
        given: World::relayed,
        when: |world| publish(world, |terms| terms.number = 0),
    },
    Refusal {
        error: Error::WrongEpoch,
        what: "the same epoch again",
        given: published,
        when: |world| publish(world, |_| ()),
    },
    Refusal {
        error: Error::BadProof,
        what: "a claim at another place",
        given: published,
        when: |world| claim(world, |args| args.index = 0),
    },
    Refusal {
        error: Error::BadProof,
        what: "a claim beyond the last place",
        given: published,
        when: |world| claim(world, |args| args.index = 3),
    },
    Refusal {
        error: Error::BadProof,
        what: "a claim of an atom more",
        given: published,
        when: |world| claim(world, |args| args.amount_atoms += 1),
    },
    Refusal {
        error: Error::BadProof,
        what: "a claim for a receipt more",
        given: published,
        when: |world| claim(world, |args| args.receipt_count += 1),
    },
    Refusal {
        error: Error::BadProof,
        what: "a proof without its last step",
        given: published,
        when: |world| claim(world, |args| args.proof.truncate(1)),
    },
    Refusal {
        error: Error::BadProof,
        what: "a proof with a step too many",
        given: published,
        when: |world| claim(world, |args| args.proof.push([0; 32])),
    },
    Refusal {
        error: Error::BadProof,
        what: "a proof with one bit changed",
        given: published,
        when: |world| claim(world, |args| args.proof[0][0] ^= 1),
    },
    Refusal {
        error: Error::BadProof,
        what: "an inner node presented as the only leaf",
        given: published,
        when: |world| claim(world, |args| args.proof.clear()),
    },
    Refusal {
        error: Error::BadProof,
        what: "a claim of one epoch presented to the next, which has the same amounts",
        given: || {
            let mut world = published();
            world.publish(&Rewards::of(world.relay_address(), 2, 3)).unwrap();
            world
        },
        when: |world| world.claim(2, rewards(world).claim(1)),
    },
    Refusal {
        error: Error::BadProof,
        what: "another relay's leaf",
        given: || {
            let mut world = World::relayed();
            world.publish(&Rewards { number: 1, claims: vec![(address(77), 5, 5)] }).unwrap();
            world
        },
        when: |world| {
            let args = ClaimRewardArgs { index: 0, amount_atoms: 5, receipt_count: 5, proof: Vec::new() };
            world.claim(1, args)
        },
    },
    Refusal {
        error: Error::NotOwner,
        what: "somebody else claims for the relay",
        given: published,
        when: |world| {
            world.by_mallory(|world, mallory| {
                let args = rewards(world).claim(1);
                build::claim_reward(&world.config(), mallory, &world.mallory_usdc, 1, args)
            })
        },
    },
    Refusal {
        error: Error::AlreadyClaimed,
        what: "a second payment of one leaf",
        given: || {
            let mut world = published();
            claim(&mut world, |_| ()).unwrap();
            world
        },
        when: |world| claim(world, |_| ()),
    },
    Refusal {
        error: Error::EpochExhausted,
        what: "leaves that promise more than was paid in",
        given: || {
            let mut world = World::relayed();
            publish(&mut world, |terms| terms.total_atoms -= 1).unwrap();
            for index in [0, 1] {
                world.claim(1, rewards(&world).claim(index)).unwrap();
            }
            world
        },
        when: |world| world.claim(1, rewards(world).claim(2)),
    },
    Refusal {
        error: Error::ZeroAmount,
        what: "a leaf of nothing",
        given: || {
            let mut world = World::relayed();
            let claims = vec![(world.relay_address(), 0, 1)];
            world.publish_terms(PublishEpochArgs { total_atoms: 1, ..Rewards { number: 1, claims }.terms() }).unwrap();
            world
        },
        when: |world| {
            let args = ClaimRewardArgs { index: 0, amount_atoms: 0, receipt_count: 1, proof: Vec::new() };
            world.claim(1, args)
        },
    },
    Refusal {
        error: Error::StillRetained,
        what: "the end of an epoch a second early",
        given: published,
        when: |world| {
            world.wait(RETENTION_SECONDS - 1);
            world.close_epoch(1)
        },
    },
    Refusal {
        error: Error::WrongTreasury,
        what: "the rest of an epoch goes to somebody else",
        given: published,
        when: |world| {
            world.wait(RETENTION_SECONDS);
            let config = Config { treasury: world.mallory_usdc, ..world.config() };
            world.send(&[build::close_epoch(&config, 1, &world.payer.pubkey())], &[7])
        },
    },
    Refusal {
        error: Error::UnknownVersion,
        what: "an epoch of a later program",
        given: || forged(|epoch| epoch.version = 2),
        when: |world| world.close_epoch(1),
    },
    Refusal {
        error: Error::InvariantViolated,
        what: "an epoch that paid more than came in",
        given: || forged(|epoch| epoch.claimed_atoms = epoch.total_atoms + 1),
        when: |world| world.close_epoch(1),
    },
];
