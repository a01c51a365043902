//! Each instruction's success, with the event it emits and the money it moves.
//!
//! | module | shows |
//! |---|---|
//! | `asset` | USDC and SOL in one vault, to the lamport |
//! | `end` | what closing gives back, and what opening again goes on with |

mod asset;
mod end;

use permitpipe_sdk::chain::{
    self, Bonds, Change, Config, ConfigChange, Event, Fee, Oracle, PermitPipeError, Tier, Timing, instruction as build,
};
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

/// Every kind of change, who accepts it, and whether the config shows it.
type Row = (Change, u8, fn(&Config, &Change) -> bool);

fn changes(world: &World) -> [Row; 10] {
    let key = keypair(8).pubkey();
    let mut tiers = TIERS;
    tiers[2] = Tier { min_weight_atoms: 1_000 * PERMIT, discount_basis_points: 2_000 };
    [
        (Change::Guardian(key), 2, |config, change| *change == Change::Guardian(config.guardian)),
        (Change::SettleAuthority(key), 2, |config, change| *change == Change::SettleAuthority(config.settle_authority)),
        (Change::Verifier(key), 2, |config, change| *change == Change::Verifier(config.verifier)),
        (Change::Limits(Limits { settle_cap_lamports: 1, ..LIMITS }), 2, |config, change| {
            *change == Change::Limits(config.limits)
        }),
        (Change::Timing(Timing { retention_seconds: 60, ..TIMING }), 2, |config, change| {
            *change == Change::Timing(config.timing)
        }),
        (Change::Bonds(Bonds { slash_basis_points: 10_000, ..BONDS }), 2, |config, change| {
            *change == Change::Bonds(config.bonds)
        }),
        (Change::Fee(Fee { request_credits: 0, mebibyte_credits: 7 }), 2, |config, change| {
            *change == Change::Fee(config.fee)
        }),
        (Change::Tiers(tiers), 2, |config, change| *change == Change::Tiers(config.tiers)),
        (Change::Oracle(Oracle { account: key, ..world.oracle() }), 2, |config, change| {
            Some(*change) == config.oracle.map(Change::Oracle)
        }),
        (Change::Admin(key), 8, |config, change| *change == Change::Admin(config.admin)),
    ]
}

#[test]
fn every_change_is_proposed_waits_and_comes_into_force() {
    let mut world = World::configured();
    world.svm.airdrop(&keypair(8).pubkey(), SOL).unwrap();
    for (change, accepter, is_in_force) in changes(&world) {
        let proposed = event(world.send(&[build::propose_change(&world.admin.pubkey(), change)], &[2]));
        let eta = world.config().pending_change.unwrap().eta;
        assert_eq!(eta, world.now() + CHANGE_DELAY_SECONDS);
        assert_eq!(config_event(proposed).1, ConfigChange::Proposed { change, eta });
        assert!(!is_in_force(&world.config(), &change), "{change:?} waits");
        world.wait(CHANGE_DELAY_SECONDS);
        let accepted = event(world.send(&[build::accept_change(&keypair(accepter).pubkey())], &[accepter]));
        assert_eq!(config_event(accepted).1, ConfigChange::Accepted { change });
        assert!(is_in_force(&world.config(), &change), "{change:?} is in force");
    }
    assert_eq!((world.config().pending_change, world.config().event_seq), (None, 21));
}

#[test]
fn a_config_without_an_oracle_takes_sol_once_it_has_one() {
    let mut world = World::bare();
    let mut args = world.initial();
    args.oracle = None;
    world.initialize(args).unwrap();
    world.open(CAP_ATOMS).unwrap();
    refused(world.deposit_sol(SOL), PermitPipeError::NoOracle);
    let change = Change::Oracle(world.oracle());
    world.send(&[build::propose_change(&world.admin.pubkey(), change)], &[2]).unwrap();
    world.wait(CHANGE_DELAY_SECONDS);
    world.send(&[build::accept_change(&world.admin.pubkey())], &[2]).unwrap();
    world.deposit_sol(SOL).unwrap();
}

#[test]
fn guardian_and_admin_can_veto_every_change_but_the_guardian_not_its_own_replacement() {
    let mut world = World::configured();
    for (change, ..) in changes(&world) {
        for by in [2, 3] {
            world.send(&[build::propose_change(&world.admin.pubkey(), change)], &[2]).unwrap();
            let veto = build::cancel_change(&keypair(by).pubkey());
            if by == 3 && matches!(change, Change::Guardian(_)) {
                refused(world.send(&[veto], &[by]), PermitPipeError::VetoOfReplacement);
                world.send(&[build::cancel_change(&world.admin.pubkey())], &[2]).unwrap();
            } else {
                let cancelled = event(world.send(&[veto], &[by]));
                assert_eq!(config_event(cancelled).1, ConfigChange::Cancelled { change });
            }
        }
    }
    let config = world.config();
    assert_eq!((config.limits, config.guardian, config.pending_change), (LIMITS, world.guardian.pubkey(), None));
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
    for (asset, by, settle_cap_atoms) in
        [(Asset::Usdc, 2, USDC), (Asset::Usdc, 3, 0), (Asset::Sol, 3, SOL), (Asset::Sol, 2, 0)]
    {
        let lower = build::lower_settle_cap(&keypair(by).pubkey(), asset, settle_cap_atoms);
        let lowered = event(world.send(&[lower], &[by]));
        assert_eq!(config_event(lowered).1, ConfigChange::SettleCapLowered { asset, settle_cap_atoms });
    }
    let limits = world.config().limits;
    assert_eq!((limits.settle_cap_atoms, limits.settle_cap_lamports), (0, 0));
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
    refused(world.settle(4, 1), PermitPipeError::SettlementAboveOwnerCap);
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
    refused(world.execute(), PermitPipeError::WithdrawalNotReady);
    world.wait(1);
    world.execute().unwrap();
}

#[test]
fn a_pause_stops_new_promises_and_neither_an_exit_nor_a_settlement() {
    let mut world = World::funded_twice();
    world.send(&[build::pause(&world.guardian.pubkey())], &[3]).unwrap();
    let open = build::open_vault(&world.config(), &world.mallory.pubkey(), CAP_ATOMS, CAP_LAMPORTS);
    refused(world.send(&[open], &[7]), PermitPipeError::Paused);
    refused(world.deposit(USDC), PermitPipeError::Paused);
    refused(world.deposit_sol(SOL), PermitPipeError::Paused);
    world.settle(1, USDC).unwrap();
    world.settle_sol(2, 1_000_000 * USDC, SOL).unwrap();
    world.set_cap(USDC).unwrap();
    world.request(USDC).unwrap();
    world.cancel().unwrap();
    world.withdraw_all();
    world.next_slot();
    world.close().unwrap();
    world.wait(RETENTION_SECONDS);
    for sequence in [1, 2] {
        let close = build::close_settlement(&world.vault_address(), sequence, &world.payer.pubkey());
        world.send(&[close], &[7]).unwrap();
    }
    assert_eq!(world.tokens(&world.owner_usdc), 999 * USDC);
}

#[test]
fn a_window_rolls_and_quiet_time_is_not_saved_up() {
    let mut world = World::funded();
    world.wait(10 * WINDOW_SECONDS);
    world.settle(1, CAP_ATOMS).unwrap();
    world.wait(WINDOW_SECONDS - 1);
    refused(world.settle(2, 1), PermitPipeError::SettlementAboveOwnerCap);
    world.wait(1);
    world.settle(2, CAP_ATOMS).unwrap();
    assert_eq!(world.tokens(&world.treasury), 2 * CAP_ATOMS);
}
