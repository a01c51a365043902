//! Refusals of anchors of the audit log.

use permitpipe_sdk::chain::{self, Anchor, Config, OpenAnchorArgs, PermitPipeError as Error, instruction as build};
use solana_sdk::signer::Signer;

use super::Refusal;
use crate::{ground::market::LOG, world::*};

pub const REFUSALS: &[Refusal] = &[
    Refusal {
        error: Error::NotSettleAuthority,
        what: "somebody else occupies a log's place",
        given: World::configured,
        when: |world| {
            let mallory = world.mallory.pubkey();
            let config = Config { settle_authority: mallory, ..world.config() };
            let args = OpenAnchorArgs { log: LOG, size: 1, root: [1; 32] };
            world.send(&[build::open_anchor(&config, &mallory, args)], &[7])
        },
    },
    Refusal {
        error: Error::NotSettleAuthority,
        what: "somebody else moves the anchor",
        given: World::anchored,
        when: |world| {
            let config = Config { settle_authority: world.mallory.pubkey(), ..world.config() };
            world.send(&[build::advance_anchor(&config, &LOG, 6, [6; 32])], &[7])
        },
    },
    Refusal {
        error: Error::LogShrank,
        what: "a log with an entry less",
        given: World::anchored,
        when: |world| world.advance(4, [4; 32]),
    },
    Refusal {
        error: Error::LogShrank,
        what: "a log with nothing in it any more",
        given: World::anchored,
        when: |world| world.advance(0, [5; 32]),
    },
    Refusal {
        error: Error::LogForked,
        what: "another log of the same size",
        given: World::anchored,
        when: |world| world.advance(5, [6; 32]),
    },
    Refusal {
        error: Error::Overflow,
        what: "a log of more entries than signed 64 bits can count",
        given: World::anchored,
        when: |world| world.advance(1 << 63, [6; 32]),
    },
    Refusal {
        error: Error::UnknownVersion,
        what: "an anchor of a later program",
        given: || {
            let mut world = World::anchored();
            world.forge(chain::anchor_address(&LOG), |anchor: &mut Anchor| anchor.version = 2);
            world
        },
        when: |world| world.advance(6, [6; 32]),
    },
];
