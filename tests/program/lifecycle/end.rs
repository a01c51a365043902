//! What closing gives back, and what opening again goes on with.

use anchor_lang::solana_program::system_instruction;
use permitpipe_sdk::chain::{self, Event, PermitPipeError, instruction as build};
use solana_sdk::{account::Account, signer::Signer};

use crate::world::*;

#[test]
fn closing_a_vault_returns_both_rents_and_sweeps_what_anybody_sent() {
    let mut world = World::configured();
    let (owner, vault, vault_usdc) = (world.owner.pubkey(), world.vault_address(), world.vault_usdc());
    let before = world.lamports(&owner);
    world.open(CAP_ATOMS).unwrap();
    world.deposit(USDC).unwrap();
    world.deposit_sol(SOL).unwrap();
    let (mallory, donated_lamports, donated_atoms) = (world.mallory.pubkey(), 12_345, 678);
    let tokens = token_transfer(&world, donated_atoms);
    let lamports = [vault, vault_usdc].map(|place| system_instruction::transfer(&mallory, &place, donated_lamports));
    world.send(&[&lamports[..], &[tokens]].concat(), &[7]).unwrap();
    world.withdraw_all();
    assert_eq!(world.tokens(&world.owner_usdc), WALLET_ATOMS);

    world.next_slot();
    let closed = event(world.close());
    assert_eq!((closed.name(), closed.account(), closed.wallet()), ("VaultClosed", vault, Some(owner)));
    assert_eq!(world.svm.get_account(&vault).map_or(0, |account| account.lamports), 0);
    assert_eq!(world.svm.get_account(&vault_usdc).map_or(0, |account| account.lamports), 0);
    assert_eq!(world.tokens(&world.owner_usdc), WALLET_ATOMS + donated_atoms);
    assert_eq!(world.lamports(&owner), before + 2 * donated_lamports);
}

/// Mallory sends USDC to the owner's vault.
fn token_transfer(world: &World, atoms: u64) -> solana_sdk::instruction::Instruction {
    #[allow(deprecated, reason = "as everywhere here: one crate for ids, accounts and instructions")]
    let transfer = spl_token::instruction::transfer(
        &spl_token::ID,
        &world.mallory_usdc,
        &world.vault_usdc(),
        &world.mallory.pubkey(),
        &[],
        atoms,
    );
    transfer.unwrap()
}

#[test]
fn a_vault_opened_again_goes_on_above_every_number_it_used() {
    let mut world = World::configured();
    let mut last = 0;
    for opening in 0..3 {
        let base = world.slot() << 16;
        let opened = event(world.open(CAP_ATOMS));
        assert_eq!(opened.event_seq(), base + 1);
        assert!(opened.event_seq() > last, "opening {opening}");
        world.deposit(USDC).unwrap();
        let settled = event(world.settle(base + 1, USDC));
        assert_eq!(settled.event_seq(), base + 3);
        refused(world.settle(base + 1, 1), PermitPipeError::WrongSequence);
        refused(world.close(), PermitPipeError::ClosedTooSoon);
        world.next_slot();
        last = event(world.close()).event_seq();
        assert_eq!(last, base + 4, "gapless to the end");
    }
    // The records of all openings stand side by side.
    for slot in 0..3u64 {
        let address = chain::settlement_address(&world.vault_address(), (slot << 16) + 1);
        assert_eq!(chain::decode_settlement(&world.data(&address)).unwrap().sequence, (slot << 16) + 1);
    }
}

#[test]
fn a_vault_that_used_its_slots_numbers_up_closes_when_the_next_slots_numbers_are_above() {
    // More than 65,536 events in a slot's time cannot happen, yet it would only mean waiting for a later slot.
    let mut world = World::opened();
    world.forge_vault(|vault| vault.event_seq = 5 << 16);
    world.next_slot();
    refused(world.close(), PermitPipeError::ClosedTooSoon);
    for _ in 1..6 {
        world.next_slot();
    }
    world.close().unwrap();
    assert_eq!(event(world.open(CAP_ATOMS)).event_seq(), (6 << 16) + 1);
}

#[test]
fn anybody_closes_a_settlements_record_after_its_retention_and_its_payer_gets_the_rent() {
    let mut world = World::funded_twice();
    world.settle(1, USDC).unwrap();
    world.settle_sol(2, USDC, SOL).unwrap();
    let (vault, payer) = (world.vault_address(), world.payer.pubkey());
    world.wait(RETENTION_SECONDS);
    for sequence in [2, 1] {
        let address = chain::settlement_address(&vault, sequence);
        let (rent, before) = (world.lamports(&address), world.lamports(&payer));
        let close = build::close_settlement(&vault, sequence, &payer);
        match event(world.send(&[close], &[7])) {
            Event::SettlementClosed(closed) => {
                assert_eq!((closed.settlement, closed.event_seq), (address, 1));
                assert_eq!((closed.vault, closed.sequence), (vault, sequence));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!((world.lamports(&address), world.lamports(&payer)), (0, before + rent));
    }
    // The vault goes on as if they were there.
    assert_eq!(world.vault().settle_sequence, 2);
    world.settle(3, USDC).unwrap();
}

#[test]
fn a_settlements_record_outlives_its_vault() {
    let mut world = World::funded_twice();
    world.settle(1, USDC).unwrap();
    world.withdraw_all();
    world.next_slot();
    world.close().unwrap();
    world.set_time(START + RETENTION_SECONDS);
    // Its payer's wallet may be empty by then: the rent opens it again.
    let payer = world.payer.pubkey();
    world.svm.set_account(payer, Account::default()).unwrap();
    world.send(&[build::close_settlement(&world.vault_address(), 1, &payer)], &[7]).unwrap();
    assert!(world.lamports(&payer) > 0);
}
