//! The instructions of stakes, relays, epochs, templates, plans and anchors.

use permitpipe_sdk::chain::{OpenAnchorArgs, SlashRelayArgs, instruction as build};
use solana_sdk::{pubkey::Pubkey, signer::Signer};

use super::{
    Case,
    furnished::{
        ENDPOINT, HASH, LOG, NEWCOMER, NEWCOMER_PERMIT, NEWCOMER_USDC, NEXT_KEY, PERIOD_SECONDS, RELAY_KEY, STREAM,
        claim, epoch, plan, statement,
    },
};
use crate::world::*;

fn owner(world: &World) -> Pubkey {
    world.owner.pubkey()
}

fn newcomer() -> Pubkey {
    keypair(NEWCOMER).pubkey()
}

fn retire_relay(world: &mut World) {
    world.send(&[build::retire_relay(&owner(world))], &[6]).unwrap();
    world.wait(COOL_DOWN_SECONDS);
}

fn request_unstake(world: &mut World) {
    world.send(&[build::request_unstake(&owner(world), PERMIT)], &[6]).unwrap();
    world.wait(COOL_DOWN_SECONDS);
}

fn empty_stake(world: &mut World) {
    retire_relay(world);
    world.send(&[build::request_unstake(&owner(world), 2 * RELAY_BOND_ATOMS)], &[6]).unwrap();
    world.wait(COOL_DOWN_SECONDS);
    world.send(&[build::unstake(&world.config(), &owner(world), &world.owner_permit)], &[6]).unwrap();
}

fn accuse(world: &mut World) {
    world.send(&[build::accuse_template(&world.verifier.pubkey(), &HASH)], &[9]).unwrap();
    world.wait(CHANGE_DELAY_SECONDS);
}

fn retire_plan(world: &mut World) {
    world.send(&[build::retire_plan(&world.admin.pubkey(), 1)], &[2]).unwrap();
    world.wait(RETENTION_SECONDS);
}

pub const CASES: &[Case] = &[
    Case::new("open_stake", &[NEWCOMER], |world| build::open_stake(&world.config(), &newcomer(), &newcomer())),
    Case::new("add_stake", &[6], |world| build::add_stake(&world.config(), &owner(world), &world.owner_permit, PERMIT)),
    Case::new("set_beneficiary", &[6], |world| build::set_beneficiary(&owner(world), &address(90))),
    Case::new("request_unstake", &[6], |world| build::request_unstake(&owner(world), PERMIT)),
    Case::new("cancel_unstake", &[6], |world| build::cancel_unstake(&owner(world))).given(request_unstake),
    Case::new("unstake", &[6], |world| build::unstake(&world.config(), &owner(world), &world.owner_permit))
        .given(request_unstake),
    Case::new("close_stake", &[6], |world| build::close_stake(&world.config(), &owner(world), &world.owner_permit))
        .given(empty_stake),
    Case::new("register_relay", &[NEWCOMER, NEXT_KEY], |_| {
        build::register_relay(&newcomer(), &keypair(NEXT_KEY).pubkey(), ENDPOINT)
    })
    .given(|world| {
        let open = build::open_stake(&world.config(), &newcomer(), &newcomer());
        let add = build::add_stake(&world.config(), &newcomer(), &address(NEWCOMER_PERMIT), RELAY_BOND_ATOMS);
        world.send(&[open, add], &[NEWCOMER]).unwrap();
    }),
    Case::new("update_relay", &[6], |world| build::update_relay(&owner(world), "wss://relay.example")),
    Case::new("rotate_relay_key", &[6, NEXT_KEY], |world| {
        build::rotate_relay_key(&owner(world), &keypair(NEXT_KEY).pubkey())
    })
    .given(|world| world.wait(COOL_DOWN_SECONDS)),
    Case::new("retire_relay", &[6], |world| build::retire_relay(&owner(world))),
    Case::new("close_relay", &[6], |world| build::close_relay(&owner(world))).given(retire_relay),
    Case {
        preceded: |_| vec![statement(RELAY_KEY, 1), statement(RELAY_KEY, 2)],
        ..Case::new("slash_relay", &[7], |world| {
            let (reporter, operator, reporter_permit) = (world.mallory.pubkey(), owner(world), world.mallory_permit);
            let report = build::Report { reporter, operator, reporter_permit };
            let args = SlashRelayArgs { stream: STREAM, sequence: 1, first_instruction: 0, second_instruction: 1 };
            build::slash_relay(&world.config(), &report, args)
        })
    },
    Case::new("publish_epoch", &[5, 4], |world| epoch(world, 3, &owner(world))),
    Case::new("claim_reward", &[6], |world| {
        build::claim_reward(&world.config(), &owner(world), &world.owner_usdc, 1, claim())
    }),
    Case::new("close_epoch", &[NEWCOMER], |world| build::close_epoch(&world.config(), 1, &world.payer.pubkey()))
        .given(|world| world.wait(RETENTION_SECONDS)),
    Case::new("publish_template", &[6], |world| {
        build::publish_template(&world.config(), &owner(world), &world.owner_permit, [53; 32])
    }),
    Case::new("verify_template", &[9], |world| build::verify_template(&world.verifier.pubkey(), &HASH)),
    Case::new("accuse_template", &[9], |world| build::accuse_template(&world.verifier.pubkey(), &HASH)),
    Case::new("acquit_template", &[9], |world| build::acquit_template(&world.verifier.pubkey(), &HASH)).given(accuse),
    Case::new("revoke_template", &[9], |world| build::revoke_template(&world.config(), &HASH, &owner(world)))
        .given(accuse),
    Case::new("retire_template", &[6], |world| build::retire_template(&owner(world), &HASH)),
    Case::new("reclaim_template", &[6], |world| {
        build::reclaim_template(&world.config(), &owner(world), &world.owner_permit, &HASH)
    })
    .given(|world| {
        world.send(&[build::retire_template(&owner(world), &HASH)], &[6]).unwrap();
        world.wait(COOL_DOWN_SECONDS);
        world.next_slot();
    }),
    Case::new("create_plan", &[2], |world| plan(world, 3)),
    Case::new("retire_plan", &[2], |world| build::retire_plan(&world.admin.pubkey(), 1)),
    Case::new("close_plan", &[NEWCOMER], |world| build::close_plan(1, &world.admin.pubkey())).given(retire_plan),
    Case::new("subscribe", &[NEWCOMER], |world| {
        build::subscribe(&world.config(), &newcomer(), &address(NEWCOMER_USDC), 1, 2)
    }),
    Case::new("extend_subscription", &[6], |world| {
        build::extend_subscription(&world.config(), &owner(world), &world.owner_usdc, 1, 2)
    }),
    Case::new("close_subscription", &[6], |world| build::close_subscription(&owner(world)))
        .given(|world| world.wait(PERIOD_SECONDS)),
    Case::new("open_anchor", &[5, 4], |world| {
        let args = OpenAnchorArgs { log: [63; 32], size: 1, root: [1; 32] };
        build::open_anchor(&world.config(), &world.payer.pubkey(), args)
    }),
    Case::new("advance_anchor", &[4], |world| build::advance_anchor(&world.config(), &LOG, 6, [6; 32])),
];
