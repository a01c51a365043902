//! Each instruction's success, with the event it emits and the money it moves.

use permitpipe_sdk::chain::{self, Change, ConfigChange, Event, instruction as build};
use solana_sdk::signer::Signer;

use crate::world::*;

/// The kind of a config event, with its place in the sequence.
fn config_event(event: Event) -> (u64, ConfigChange) {
    match event {
        Event::ConfigChanged(event) => (event.event_seq, event.kind),
        other => panic!("no event of the config: {other:?}"),
    }
}

#[test]
fn the_upgrade_authority_creates_the_config_and_its_fields_are_what_was_asked() {
    let mut world = World::bare();
    let event = event(world.initialize(world.initial()));
    assert_eq!(config_event(event), (1, ConfigChange::Initialized));
    let config = world.config();
    assert_eq!((config.admin, config.guardian), (world.admin.pubkey(), world.guardian.pubkey()));
    assert_eq!((config.usdc_mint, config.permit_mint, config.treasury), (world.usdc, world.permit, world.treasury));
    assert_eq!(
        (config.limits.settle_cap_atoms, config.timing.withdrawal_delay_seconds),
        (SETTLE_CAP_ATOMS, WITHDRAWAL_DELAY_SECONDS)
    );
    assert!(!config.is_paused && config.pending_change.is_none());
}

#[test]
fn a_change_is_proposed_waits_and_comes_into_force() {
    let mut world = World::configured();
    let new_key = keypair(8).pubkey();
    world.svm.airdrop(&new_key, 1_000_000_000).unwrap();
    let changes = [
        (Change::Guardian(new_key), 2),
        (Change::SettleAuthority(new_key), 2),
        (Change::Limits(Limits { settle_cap_atoms: 90 * USDC, ..LIMITS }), 2),
        (Change::Admin(new_key), 8),
    ];
    for (change, accepter) in changes {
        let proposed = event(world.send(&[build::propose_change(&world.admin.pubkey(), change)], &[2]));
        let eta = world.config().pending_change.unwrap().eta;
        assert_eq!(config_event(proposed).1, ConfigChange::Proposed { change, eta });
        world.wait(CHANGE_DELAY_SECONDS);
        let accepted = event(world.send(&[build::accept_change(&keypair(accepter).pubkey())], &[accepter]));
        assert_eq!(config_event(accepted).1, ConfigChange::Accepted { change });
    }
    let config = world.config();
    assert_eq!((config.admin, config.guardian, config.settle_authority), (new_key, new_key, new_key));
    assert_eq!((config.limits.settle_cap_atoms, config.pending_change, config.event_seq), (90 * USDC, None, 9));
}

#[test]
fn guardian_and_admin_can_veto_a_change() {
    let mut world = World::configured();
    for by in [2, 3] {
        let change = Change::Limits(Limits { settle_cap_atoms: u64::MAX, ..LIMITS });
        world.send(&[build::propose_change(&world.admin.pubkey(), change)], &[2]).unwrap();
        let cancelled = event(world.send(&[build::cancel_change(&keypair(by).pubkey())], &[by]));
        assert_eq!(config_event(cancelled).1, ConfigChange::Cancelled { change });
    }
    assert_eq!((world.config().limits.settle_cap_atoms, world.config().pending_change), (SETTLE_CAP_ATOMS, None));
}

#[test]
fn guardian_and_admin_pause_and_only_the_admin_unpauses() {
    let mut world = World::configured();
    for by in [2, 3] {
        let paused = event(world.send(&[build::pause(&keypair(by).pubkey())], &[by]));
        assert_eq!(config_event(paused).1, ConfigChange::Paused);
        assert!(world.config().is_paused);
        let unpaused = event(world.send(&[build::unpause(&world.admin.pubkey())], &[2]));
        assert_eq!(config_event(unpaused).1, ConfigChange::Unpaused);
    }
    assert!(!world.config().is_paused);
}

#[test]
fn guardian_and_admin_lower_the_settle_cap_down_to_nothing() {
    let mut world = World::configured();
    for (by, settle_cap_atoms) in [(2, USDC), (3, 0)] {
        let lowered =
            event(world.send(&[build::lower_settle_cap(&keypair(by).pubkey(), Asset::Usdc, settle_cap_atoms)], &[by]));
        assert_eq!(config_event(lowered).1, ConfigChange::SettleCapLowered { asset: Asset::Usdc, settle_cap_atoms });
    }
    assert_eq!(world.config().limits.settle_cap_atoms, 0);
}

#[test]
fn a_vault_is_funded_settled_and_emptied_and_every_sum_agrees() {
    let mut world = World::configured();
    let (vault, owner) = (world.vault_address(), world.owner.pubkey());
    let mut events = vec![event(world.open(CAP_ATOMS)), event(world.deposit(100 * USDC))];
    assert_eq!((world.tokens(&world.vault_usdc()), world.tokens(&world.owner_usdc)), (100 * USDC, 900 * USDC));

    events.push(event(world.settle(1, 12 * USDC)));
    events.push(event(world.settle(2, 8 * USDC)));
    let record = chain::decode_settlement(&world.data(&chain::settlement_address(&vault, 2))).unwrap();
    assert_eq!((record.vault, record.sequence, record.amount_atoms), (vault, 2, 8 * USDC));
    assert_eq!((record.receipt_count, record.receipts_root, record.payer), (3, [9; 32], world.payer.pubkey()));

    events.push(event(world.request(80 * USDC)));
    world.wait(WINDOW_SECONDS);
    events.push(event(world.settle(3, 5 * USDC)));
    world.wait(WITHDRAWAL_DELAY_SECONDS - WINDOW_SECONDS);
    events.push(event(world.execute()));
    // 80 were asked for, 75 were left.
    assert_eq!((world.tokens(&world.vault_usdc()), world.tokens(&world.owner_usdc)), (0, 975 * USDC));
    assert_eq!(world.tokens(&world.treasury), 25 * USDC);

    let names: Vec<_> = events.iter().map(Event::name).collect();
    let expected = ["VaultOpened", "Deposited", "Settled", "Settled", "WithdrawalRequested", "Settled", "Withdrawn"];
    assert_eq!(names, expected);
    for (place, event) in (1..).zip(&events) {
        assert_eq!((event.account(), event.wallet(), event.event_seq()), (vault, Some(owner), place));
    }
    let books = world.vault();
    assert_eq!(
        (books.usdc.credited_atoms, books.usdc.settled_atoms, books.usdc.withdrawn_atoms),
        (100 * USDC, 25 * USDC, 75 * USDC)
    );
    assert_eq!((books.settle_sequence, books.event_seq, books.usdc.withdrawal), (3, 7, None));
    match &events[5] {
        Event::Settled(settled) => assert_eq!((settled.sequence, settled.settled_atoms), (3, 25 * USDC)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_raise_of_the_cap_is_effective_at_once_and_a_cut_after_the_delay() {
    let mut world = World::funded();
    world.settle(1, 20 * USDC).unwrap();
    world.set_cap(30 * USDC).unwrap();
    world.settle(2, 10 * USDC).unwrap();
    match event(world.set_cap(0)) {
        Event::CapChanged(cut) => assert_eq!((cut.cap_atoms, cut.effective_at), (0, START + WITHDRAWAL_DELAY_SECONDS)),
        other => panic!("{other:?}"),
    }
    // A full window still fits before the cut: what was spent can be settled.
    world.wait(WITHDRAWAL_DELAY_SECONDS - 1);
    world.settle(3, 30 * USDC).unwrap();
    world.wait(1);
    refused(world.settle(4, 1), chain::PermitPipeError::SettlementAboveOwnerCap);
}

#[test]
fn a_raise_drops_a_cut_that_waits() {
    let mut world = World::funded();
    world.set_cap(0).unwrap();
    assert!(world.vault().usdc.pending_cap.is_some());
    world.set_cap(CAP_ATOMS).unwrap();
    assert_eq!(world.vault().usdc.pending_cap, None);
    world.wait(2 * WITHDRAWAL_DELAY_SECONDS);
    world.settle(1, CAP_ATOMS).unwrap();
}

#[test]
fn a_cancelled_withdrawal_waits_its_whole_delay_again() {
    let mut world = World::funded();
    world.request(10 * USDC).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS - 1);
    match event(world.cancel()) {
        Event::WithdrawalCancelled(cancelled) => assert_eq!(cancelled.amount_atoms, 10 * USDC),
        other => panic!("{other:?}"),
    }
    world.request(10 * USDC).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS - 1);
    refused(world.execute(), chain::PermitPipeError::WithdrawalNotReady);
    world.wait(1);
    world.execute().unwrap();
}

#[test]
fn a_pause_stops_neither_an_exit_nor_a_settlement() {
    let mut world = World::funded();
    world.send(&[build::pause(&world.guardian.pubkey())], &[3]).unwrap();
    world.settle(1, USDC).unwrap();
    world.set_cap(USDC).unwrap();
    world.request(USDC).unwrap();
    world.cancel().unwrap();
    world.request(99 * USDC).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    world.execute().unwrap();
    assert_eq!(world.tokens(&world.owner_usdc), 999 * USDC);
}

#[test]
fn a_window_rolls_and_quiet_time_is_not_saved_up() {
    let mut world = World::funded();
    world.wait(10 * WINDOW_SECONDS);
    world.settle(1, CAP_ATOMS).unwrap();
    world.wait(WINDOW_SECONDS - 1);
    refused(world.settle(2, 1), chain::PermitPipeError::SettlementAboveOwnerCap);
    world.wait(1);
    world.settle(2, CAP_ATOMS).unwrap();
    assert_eq!(world.tokens(&world.treasury), 2 * CAP_ATOMS);
}
