//! Refusals of the registry of templates.

use permitpipe_sdk::chain::{self, Config, PermitPipeError as Error, Template, TemplateStatus, instruction as build};
use solana_sdk::signer::Signer;

use super::Refusal;
use crate::{ground::market::HASH, world::*};

fn verified() -> World {
    let mut world = World::published();
    world.verify().unwrap();
    world
}

fn retiring() -> World {
    let mut world = World::published();
    world.retire_template().unwrap();
    world
}

fn revoked() -> World {
    let mut world = World::accused();
    world.wait(CHANGE_DELAY_SECONDS);
    world.revoke().unwrap();
    world
}

fn forged(change: fn(&mut Template)) -> World {
    let mut world = World::published();
    world.forge(chain::template_address(&HASH), change);
    world
}

pub const REFUSALS: &[Refusal] = &[
    Refusal {
        error: Error::Paused,
        what: "a new template during a pause",
        given: || World::configured().paused(),
        when: World::publish_template,
    },
    Refusal {
        error: Error::DurableNonce,
        what: "a verification over a durable nonce",
        given: || World::published().with_nonce(9),
        when: |world| world.over_nonce(build::verify_template(&world.verifier.pubkey(), &HASH), 9),
    },
    Refusal {
        error: Error::DurableNonce,
        what: "an accusation over a durable nonce",
        given: || World::published().with_nonce(9),
        when: |world| world.over_nonce(build::accuse_template(&world.verifier.pubkey(), &HASH), 9),
    },
    Refusal {
        error: Error::DurableNonce,
        what: "an acquittal over a durable nonce",
        given: || World::accused().with_nonce(2),
        when: |world| world.over_nonce(build::acquit_template(&world.admin.pubkey(), &HASH), 2),
    },
    Refusal {
        error: Error::DurableNonce,
        what: "a revocation over a durable nonce",
        given: || World::accused().with_nonce(9),
        when: |world| {
            world.wait(CHANGE_DELAY_SECONDS);
            let revoke = build::revoke_template(&world.config(), &HASH, &world.owner.pubkey());
            world.over_nonce(revoke, 9)
        },
    },
    Refusal {
        error: Error::NotVerifier,
        what: "the publisher vouches for itself",
        given: World::published,
        when: |world| world.send(&[build::verify_template(&world.owner.pubkey(), &HASH)], &[6]),
    },
    Refusal {
        error: Error::NotVerifier,
        what: "the admin vouches",
        given: World::published,
        when: |world| world.send(&[build::verify_template(&world.admin.pubkey(), &HASH)], &[2]),
    },
    Refusal {
        error: Error::NotVerifier,
        what: "a competitor accuses",
        given: World::published,
        when: |world| world.send(&[build::accuse_template(&world.mallory.pubkey(), &HASH)], &[7]),
    },
    Refusal {
        error: Error::NotVerifier,
        what: "the admin accuses",
        given: World::published,
        when: |world| world.send(&[build::accuse_template(&world.admin.pubkey(), &HASH)], &[2]),
    },
    Refusal {
        error: Error::NotVerifier,
        what: "the publisher acquits itself",
        given: World::accused,
        when: |world| world.acquit(6),
    },
    Refusal {
        error: Error::NotVerifier,
        what: "the guardian acquits",
        given: World::accused,
        when: |world| world.acquit(3),
    },
    Refusal {
        error: Error::NotVerifier,
        what: "the admin revokes",
        given: World::accused,
        when: |world| {
            world.wait(CHANGE_DELAY_SECONDS);
            let config = Config { verifier: world.admin.pubkey(), ..world.config() };
            world.send(&[build::revoke_template(&config, &HASH, &world.owner.pubkey())], &[2])
        },
    },
    Refusal {
        error: Error::NotPublisher,
        what: "somebody else retires the template",
        given: World::published,
        when: |world| world.send(&[build::retire_template(&world.mallory.pubkey(), &HASH)], &[7]),
    },
    Refusal {
        error: Error::NotPublisher,
        what: "somebody else takes the bond",
        given: retiring,
        when: |world| {
            world.wait(COOL_DOWN_SECONDS);
            world.next_slot();
            let (config, mallory) = (world.config(), world.mallory.pubkey());
            world.send(&[build::reclaim_template(&config, &mallory, &world.mallory_permit, &HASH)], &[7])
        },
    },
    Refusal {
        error: Error::NotPublisher,
        what: "the rent of a revoked template's bond goes to somebody else",
        given: World::accused,
        when: |world| {
            world.wait(CHANGE_DELAY_SECONDS);
            world.send(&[build::revoke_template(&world.config(), &HASH, &world.mallory.pubkey())], &[9])
        },
    },
    Refusal { error: Error::WrongTemplateStatus, what: "a second verification", given: verified, when: World::verify },
    Refusal {
        error: Error::WrongTemplateStatus,
        what: "the verification of a template on its way out",
        given: retiring,
        when: World::verify,
    },
    Refusal {
        error: Error::WrongTemplateStatus,
        what: "the verification of a revoked template",
        given: revoked,
        when: World::verify,
    },
    Refusal {
        error: Error::WrongTemplateStatus,
        what: "the accusation of a revoked template",
        given: revoked,
        when: World::accuse,
    },
    Refusal {
        error: Error::WrongTemplateStatus,
        what: "a second retirement, which would start the delay anew",
        given: retiring,
        when: World::retire_template,
    },
    Refusal {
        error: Error::WrongTemplateStatus,
        what: "the retirement of a revoked template",
        given: revoked,
        when: World::retire_template,
    },
    Refusal {
        error: Error::WrongTemplateStatus,
        what: "the bond of a template in the registry",
        given: verified,
        when: |world| {
            world.next_slot();
            world.reclaim()
        },
    },
    Refusal {
        error: Error::AlreadyAccused,
        what: "a second accusation, which would put the first off",
        given: World::accused,
        when: World::accuse,
    },
    Refusal {
        error: Error::AlreadyAccused,
        what: "the verification of an accused template",
        given: World::accused,
        when: World::verify,
    },
    Refusal {
        error: Error::AlreadyAccused,
        what: "the bond of an accused template on its way out",
        given: || {
            let mut world = retiring();
            world.accuse().unwrap();
            world.next_slot();
            world
        },
        when: |world| {
            world.wait(COOL_DOWN_SECONDS);
            world.reclaim()
        },
    },
    Refusal {
        error: Error::NotAccused,
        what: "an acquittal of nothing",
        given: World::published,
        when: |world| world.acquit(9),
    },
    Refusal { error: Error::NotAccused, what: "a revocation out of the blue", given: verified, when: World::revoke },
    Refusal {
        error: Error::NotAccused,
        what: "a revocation 14 days after its time",
        given: World::accused,
        when: |world| {
            world.wait(CHANGE_DELAY_SECONDS + Config::CHANGE_LIFETIME_SECONDS);
            world.revoke()
        },
    },
    Refusal {
        error: Error::TemplateNotReady,
        what: "a revocation a second early",
        given: World::accused,
        when: |world| {
            world.wait(CHANGE_DELAY_SECONDS - 1);
            world.revoke()
        },
    },
    Refusal {
        error: Error::TemplateNotReady,
        what: "the bond a second early",
        given: retiring,
        when: |world| {
            world.wait(COOL_DOWN_SECONDS - 1);
            world.next_slot();
            world.reclaim()
        },
    },
    Refusal {
        error: Error::ClosedTooSoon,
        what: "the end of a template in the slot of its beginning",
        given: retiring,
        when: |world| {
            world.wait(COOL_DOWN_SECONDS);
            world.reclaim()
        },
    },
    Refusal {
        error: Error::UnknownVersion,
        what: "a template of a later program",
        given: || forged(|template| template.version = 2),
        when: World::verify,
    },
    Refusal {
        error: Error::InvariantViolated,
        what: "a template without a bond",
        given: || forged(|template| template.bond_atoms = 0),
        when: World::verify,
    },
    Refusal {
        error: Error::InvariantViolated,
        what: "a revoked template that still has its bond",
        given: || {
            forged(|template| {
                template.status = TemplateStatus::Revoked;
                template.accused_until = Some(START);
            })
        },
        when: |world| world.acquit(2),
    },
];
