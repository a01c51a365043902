//! USDC and SOL in one vault: two books, one sequence of settlements.

use permitpipe_sdk::chain::{self, Event, PermitPipeError, instruction as build};
use solana_sdk::signer::Signer;

use crate::world::*;

#[test]
fn sol_is_deposited_settled_and_withdrawn_to_the_lamport() {
    let mut world = World::opened();
    let (vault, owner) = (world.vault_address(), world.owner.pubkey());
    let rent = world.svm.minimum_balance_for_rent_exemption(chain::Vault::SIZE);
    let (wallet, treasury) = (world.lamports(&owner), world.lamports(&world.sol_treasury));
    assert_eq!(world.lamports(&vault), rent);

    match event(world.deposit_sol(3 * SOL + 1)) {
        Event::Deposited(deposited) => {
            assert_eq!(
                (deposited.asset, deposited.amount_atoms, deposited.credited_atoms),
                (Asset::Sol, 3 * SOL + 1, 3 * SOL + 1)
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((world.lamports(&vault), world.lamports(&owner)), (rent + 3 * SOL + 1, wallet - 3 * SOL - 1));

    // 15 dollars at 150 a SOL: a tenth of one.
    match event(world.settle_sol(1, 15 * USDC, SOL)) {
        Event::Settled(settled) => {
            assert_eq!((settled.asset, settled.sequence, settled.amount_atoms), (Asset::Sol, 1, SOL / 10));
            assert_eq!((settled.charge_credits, settled.settled_atoms), (15 * USDC, SOL / 10));
        }
        other => panic!("{other:?}"),
    }
    let record = chain::decode_settlement(&world.data(&chain::settlement_address(&vault, 1))).unwrap();
    assert_eq!((record.asset, record.amount_atoms, record.charge_credits), (Asset::Sol, SOL / 10, 15 * USDC));
    assert_eq!((record.receipt_count, record.payer, record.settled_at), (3, world.payer.pubkey(), START));

    match event(world.request_sol(3 * SOL + 1 - SOL / 10)) {
        Event::WithdrawalRequested(requested) => {
            assert_eq!((requested.asset, requested.executable_at), (Asset::Sol, START + WITHDRAWAL_DELAY_SECONDS));
        }
        other => panic!("{other:?}"),
    }
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    match event(world.execute_sol()) {
        Event::Withdrawn(withdrawn) => {
            assert_eq!((withdrawn.asset, withdrawn.amount_atoms), (Asset::Sol, 3 * SOL + 1 - SOL / 10));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.lamports(&vault), rent);
    assert_eq!(world.lamports(&owner), wallet - SOL / 10);
    assert_eq!(world.lamports(&world.sol_treasury), treasury + SOL / 10);
}

#[test]
fn both_assets_live_in_one_vault_with_one_sequence_and_two_books() {
    let mut world = World::configured();
    let mut events = vec![event(world.open(CAP_ATOMS)), event(world.deposit(100 * USDC))];
    events.push(event(world.deposit_sol(10 * SOL)));
    events.push(event(world.settle(1, 5 * USDC)));
    events.push(event(world.settle_sol(2, 30 * USDC, SOL)));
    events.push(event(world.settle(3, 6 * USDC)));
    events.push(event(world.settle_sol(4, 1_000 * USDC, SOL)));
    // Withdrawals of both wait side by side.
    events.push(event(world.request(89 * USDC)));
    events.push(event(world.request_sol(10 * SOL - SOL - SOL / 5)));
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    events.push(event(world.execute_sol()));
    events.push(event(world.execute()));
    for (place, event) in (1..).zip(&events) {
        assert_eq!((event.account(), event.event_seq()), (world.vault_address(), place), "one sequence of events");
    }
    let vault = world.vault();
    assert_eq!(vault.settle_sequence, 4);
    let usdc = (vault.usdc.credited_atoms, vault.usdc.settled_atoms, vault.usdc.withdrawn_atoms);
    let sol = (vault.sol.credited_atoms, vault.sol.settled_atoms, vault.sol.withdrawn_atoms);
    assert_eq!(usdc, (100 * USDC, 11 * USDC, 89 * USDC));
    assert_eq!(sol, (10 * SOL, SOL + SOL / 5, 10 * SOL - SOL - SOL / 5));
    let kinds: Vec<Asset> = (1..=4)
        .map(|sequence| chain::settlement_address(&world.vault_address(), sequence))
        .map(|address| chain::decode_settlement(&world.data(&address)).unwrap().asset)
        .collect();
    assert_eq!(kinds, [Asset::Usdc, Asset::Sol, Asset::Usdc, Asset::Sol]);
}

#[test]
fn a_withdrawal_of_which_settlements_left_less_pays_what_is_left_and_nothing_that_others_sent() {
    let mut world = World::funded_twice();
    world.give(&world.vault_address(), SOL);
    world.put_tokens(world.vault_usdc(), world.usdc, world.vault_address(), 110 * USDC);
    world.request(100 * USDC).unwrap();
    world.request_sol(10 * SOL).unwrap();
    world.settle(1, 7 * USDC).unwrap();
    world.settle_sol(2, 1_000_000 * USDC, SOL).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    for (result, left) in [(event(world.execute()), 93 * USDC), (event(world.execute_sol()), 9 * SOL)] {
        match result {
            Event::Withdrawn(withdrawn) => assert_eq!(withdrawn.amount_atoms, left),
            other => panic!("{other:?}"),
        }
    }
    assert!(world.vault().usdc.is_empty().unwrap() && world.vault().sol.is_empty().unwrap());
}

#[test]
fn a_withdrawal_of_which_nothing_is_left_pays_nothing_and_is_done() {
    let mut world = World::opened();
    world.deposit(USDC).unwrap();
    world.request(USDC).unwrap();
    world.settle(1, USDC).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    world.execute().unwrap();
    assert_eq!((world.vault().usdc.withdrawn_atoms, world.vault().usdc.withdrawal), (0, None));
}

#[test]
fn the_cap_of_one_asset_is_not_the_cap_of_the_other() {
    let mut world = World::funded_twice();
    let cut = build::set_cap(&world.owner.pubkey(), Asset::Sol, 0);
    match event(world.send(&[cut], &[6])) {
        Event::CapChanged(changed) => {
            assert_eq!((changed.asset, changed.effective_at), (Asset::Sol, START + WITHDRAWAL_DELAY_SECONDS));
        }
        other => panic!("{other:?}"),
    }
    world.settle_sol(1, 1_000_000 * USDC, CAP_LAMPORTS).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    world.put_price(&PriceUpdate { published_at: world.now(), ..PriceUpdate::default() });
    refused(world.settle_sol(2, USDC, SOL), PermitPipeError::SettlementAboveOwnerCap);
    world.settle(2, CAP_ATOMS).unwrap();
}

#[test]
fn the_smallest_amounts_work() {
    let mut world = World::opened();
    world.deposit(MIN_DEPOSIT_ATOMS).unwrap();
    world.deposit_sol(MIN_DEPOSIT_LAMPORTS).unwrap();
    world.settle(1, 1).unwrap();
    world.settle_sol(2, 1, 1).unwrap();
    world.request(1).unwrap();
    world.request_sol(1).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    world.execute().unwrap();
    world.execute_sol().unwrap();
    assert_eq!(world.tokens(&world.vault_usdc()), MIN_DEPOSIT_ATOMS - 2);
    assert_eq!(world.vault().sol.balance_atoms().unwrap(), MIN_DEPOSIT_LAMPORTS - 2);
}
