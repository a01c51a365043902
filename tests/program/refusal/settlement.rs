//! Refusals of settlements.

use permitpipe_sdk::chain::{
    PROGRAM_ID, PermitPipeError as Error, SettleArgs, instruction as build, settlement_address,
};
use solana_sdk::signer::Signer;

use super::Refusal;
use crate::world::*;

pub const REFUSALS: &[Refusal] = &[
    Refusal {
        error: Error::NotSettleAuthority,
        what: "a stranger settles",
        given: World::funded,
        when: |world| {
            let mut instruction = world.settle_instruction(1, USDC);
            instruction.accounts[1].pubkey = world.mallory.pubkey();
            world.send(&[instruction], &[5, 7])
        },
    },
    Refusal {
        error: Error::NotSettleAuthority,
        what: "the settle key that was replaced settles",
        given: || {
            let mut world = World::funded();
            let (admin, new) = (world.admin.pubkey(), keypair(7).pubkey());
            let change = permitpipe_sdk::chain::Change::SettleAuthority(new);
            world.send(&[build::propose_change(&admin, change)], &[2]).unwrap();
            world.wait(CHANGE_DELAY_SECONDS);
            world.send(&[build::accept_change(&admin)], &[2]).unwrap();
            world
        },
        when: |world| {
            let mut instruction = world.settle_instruction(1, USDC);
            instruction.accounts[1].pubkey = world.settler.pubkey();
            world.send(&[instruction], &[5, 4])
        },
    },
    Refusal {
        error: Error::WrongTreasury,
        what: "a settlement to somebody's own wallet",
        given: World::funded,
        when: |world| {
            let mut instruction = world.settle_instruction(1, USDC);
            instruction.accounts[5].pubkey = world.mallory_usdc;
            world.send(&[instruction], &[5, 4])
        },
    },
    Refusal {
        error: Error::WrongSequence,
        what: "a replay",
        given: || {
            let mut world = World::funded();
            world.settle(1, USDC).unwrap();
            world
        },
        when: |world| world.settle(1, USDC),
    },
    Refusal {
        error: Error::WrongSequence,
        what: "a settlement out of turn",
        given: World::funded,
        when: |world| world.settle(2, USDC),
    },
    Refusal {
        error: Error::WrongSequence,
        what: "settlement number 0",
        given: World::funded,
        when: |world| world.settle(0, USDC),
    },
    Refusal {
        error: Error::WrongSequence,
        what: "the last number 64 bits can say",
        given: World::funded,
        when: |world| world.settle(u64::MAX, USDC),
    },
    Refusal {
        error: Error::ZeroAmount,
        what: "a settlement of nothing",
        given: World::funded,
        when: |world| world.settle(1, 0),
    },
    Refusal {
        error: Error::NoReceipts,
        what: "a settlement that no receipt proves",
        given: World::funded,
        when: |world| {
            let args = SettleArgs { sequence: 1, amount_atoms: USDC, receipt_count: 0, receipts_root: [0; 32] };
            let (owner, payer) = (world.owner.pubkey(), world.payer.pubkey());
            world.send(&[build::settle(&world.config(), &owner, &payer, args)], &[5, 4])
        },
    },
    Refusal {
        error: Error::SettlementAboveBalance,
        what: "more than the vault holds",
        given: || {
            let mut world = World::opened();
            world.deposit(USDC).unwrap();
            world
        },
        when: |world| world.settle(1, USDC + 1),
    },
    Refusal {
        error: Error::SettlementAboveBalance,
        what: "tokens sent to the vault by somebody are settled",
        given: || {
            let mut world = World::opened();
            world.put_tokens(world.vault_usdc(), world.usdc, world.vault_address(), 50 * USDC);
            world
        },
        when: |world| world.settle(1, 1),
    },
    Refusal {
        error: Error::SettlementAboveSettleCap,
        what: "everything 64 bits can say",
        given: World::funded,
        when: |world| world.settle(1, u64::MAX),
    },
    Refusal {
        error: Error::SettlementAboveSettleCap,
        what: "an atom after the guardian stopped settling",
        given: || {
            let mut world = World::funded();
            world.send(&[build::lower_settle_cap(&world.guardian.pubkey(), Asset::Usdc, 0)], &[3]).unwrap();
            world
        },
        when: |world| world.settle(1, 1),
    },
    Refusal {
        error: Error::SettlementAboveOwnerCap,
        what: "an atom more than the owner allows in a window, in two steps",
        given: || {
            let mut world = World::funded();
            world.settle(1, CAP_ATOMS).unwrap();
            world
        },
        when: |world| world.settle(2, 1),
    },
    Refusal {
        error: Error::StillRetained,
        what: "a settlement's record is closed while receipts can be checked against it",
        given: || {
            let mut world = World::funded();
            world.settle(1, USDC).unwrap();
            world.wait(RETENTION_SECONDS - 1);
            world
        },
        when: |world| {
            let close = build::close_settlement(&world.vault_address(), 1, &world.payer.pubkey());
            world.send(&[close], &[5])
        },
    },
    Refusal {
        error: Error::UnknownVersion,
        what: "a settlement's record of a later program is closed",
        given: || {
            let mut world = World::funded();
            world.settle(1, USDC).unwrap();
            let address = settlement_address(&world.vault_address(), 1);
            let mut data = world.data(&address);
            data[8] = 3;
            world.put(address, PROGRAM_ID, &data);
            world.wait(RETENTION_SECONDS);
            world
        },
        when: |world| {
            let close = build::close_settlement(&world.vault_address(), 1, &world.payer.pubkey());
            world.send(&[close], &[5])
        },
    },
];
