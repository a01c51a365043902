//! Plans and subscriptions: sold from the wallet, extended by hand, closed when they are over.

use permitpipe_sdk::chain::{
    self, CreatePlanArgs, Event, PermitPipeError as Error, PlanChange, SubscriptionChange, instruction as build,
};
use solana_sdk::signer::Signer;

use crate::{
    ground::{
        market::{MONTH_SECONDS, PLAN},
        *,
    },
    world::*,
};

#[test]
fn a_plan_is_created_retired_and_closed_and_its_rent_goes_back() {
    let mut world = World::configured();
    let admin = world.admin.pubkey();
    let before = world.svm.get_balance(&admin).unwrap();
    let mut life = vec![event(world.create_plan(PLAN))];
    let plan = world.plan(1);
    assert_eq!((plan.price_atoms, plan.period_seconds, plan.request_limit), (5 * USDC, MONTH_SECONDS, 1_000));
    life.push(event(world.retire_plan(1)));
    world.wait(RETENTION_SECONDS - 1);
    refused(world.close_plan(1), Error::StillRetained);
    world.wait(1);
    life.push(event(world.close_plan(1)));
    let kinds = life.iter().map(|event| match event {
        Event::PlanChanged(event) => (event.number, event.event_seq, event.kind.clone()),
        other => panic!("no event of a plan: {other:?}"),
    });
    let (price_atoms, period_seconds, request_limit) = (5 * USDC, MONTH_SECONDS, 1_000);
    let expected = [
        (1, 1, PlanChange::Created { price_atoms, period_seconds, request_limit }),
        (1, 2, PlanChange::Retired { retired_at: START }),
        (1, 3, PlanChange::Closed),
    ];
    assert!(kinds.eq(expected));
    assert_eq!(world.svm.get_balance(&admin), Some(before));
    assert!(world.data(&chain::plan_address(1)).is_empty());
}

#[test]
fn plans_are_numbered_in_order_and_a_number_is_never_used_again() {
    let mut world = World::configured();
    for number in 1..=3 {
        world.create_plan(CreatePlanArgs { number, ..PLAN }).unwrap();
    }
    world.retire_plan(3).unwrap();
    world.wait(RETENTION_SECONDS);
    world.close_plan(3).unwrap();
    refused(world.create_plan(CreatePlanArgs { number: 3, ..PLAN }), Error::WrongPlan);
    world.create_plan(CreatePlanArgs { number: 4, ..PLAN }).unwrap();
    assert_eq!(world.config().plan_count, 4);
}

#[test]
fn a_subscription_is_bought_extended_by_hand_and_closed_when_it_is_over() {
    let mut world = World::selling();
    let (owner, before) = (world.owner.pubkey(), world.svm.get_balance(&world.owner.pubkey()).unwrap());
    let mut life = vec![event(world.subscribe(2))];
    assert_eq!(world.subscription().expires_at, START + 2 * MONTH_SECONDS);
    world.wait(MONTH_SECONDS);
    life.push(event(world.extend(3)));
    world.wait(4 * MONTH_SECONDS - 1);
    world.next_slot();
    refused(world.close_subscription(), Error::SubscriptionRunning);
    world.wait(1);
    life.push(event(world.close_subscription()));
    let kinds = life.iter().map(|event| match event {
        Event::SubscriptionChanged(event) => event.kind.clone(),
        other => panic!("no event of a subscription: {other:?}"),
    });
    let expected = [
        SubscriptionChange::Bought { plan: 1, paid_atoms: 10 * USDC, expires_at: START + 2 * MONTH_SECONDS },
        SubscriptionChange::Extended { paid_atoms: 15 * USDC, expires_at: START + 5 * MONTH_SECONDS },
        SubscriptionChange::Closed,
    ];
    assert!(kinds.eq(expected));
    assert_eq!(numbered(&life, &chain::subscription_address(&owner), 1), 3);
    assert_eq!(world.tokens(&world.treasury), 25 * USDC);
    assert_eq!(world.svm.get_balance(&owner), Some(before));
    // Bought again, numbers go on from above.
    assert_eq!(event(world.subscribe(1)).event_seq(), 65_536 + 1);
}

#[test]
fn plans_are_paid_from_the_wallet_and_never_from_a_vault() {
    let mut world = World::funded();
    world.create_plan(PLAN).unwrap();
    let vault = world.data(&world.vault_address());
    world.subscribe(1).unwrap();
    world.extend(1).unwrap();
    assert_eq!(world.tokens(&world.owner_usdc), WALLET_ATOMS - 100 * USDC - 10 * USDC);
    assert_eq!((world.tokens(&world.vault_usdc()), world.data(&world.vault_address())), (100 * USDC, vault));
    // Nor when the vault's own token account is named: its authority is the vault.
    let mut from_vault = world.subscribe_instruction(1, 1);
    for account in &mut from_vault.accounts {
        if account.pubkey == world.owner_usdc {
            account.pubkey = world.vault_usdc();
        }
    }
    let mut fresh = World::funded();
    fresh.create_plan(PLAN).unwrap();
    assert_eq!(code(fresh.send(&[from_vault], &[6])), 2_015);
}

#[test]
fn an_expired_subscription_is_extended_from_now_at_the_price_it_always_had() {
    let mut world = World::subscribed();
    world.create_plan(CreatePlanArgs { number: 2, price_atoms: 500 * USDC, ..PLAN }).unwrap();
    world.wait(3 * MONTH_SECONDS);
    world.extend(1).unwrap();
    assert_eq!(world.subscription().expires_at, START + 4 * MONTH_SECONDS);
    assert_eq!(world.tokens(&world.treasury), 10 * USDC);
    assert_eq!(world.subscription().paid_atoms, 10 * USDC);
    // Naming the other plan does not help: the subscription knows its own.
    let owner = world.owner.pubkey();
    let other = build::extend_subscription(&world.config(), &owner, &world.owner_usdc, 2, 1);
    assert_eq!(code(world.send(&[other], &[6])), 2_006);
}

#[test]
fn a_retired_plan_is_kept_until_it_expires_and_sold_to_nobody() {
    let mut world = World::subscribed();
    world.retire_plan(1).unwrap();
    refused(world.extend(1), Error::PlanRetired);
    let mallory = world.mallory.pubkey();
    let buy = build::subscribe(&world.config(), &mallory, &world.mallory_usdc, 1, 1);
    refused(world.send(&[buy], &[7]), Error::PlanRetired);
    assert_eq!(world.subscription().expires_at, START + MONTH_SECONDS);
    // Also when its record is gone.
    world.wait(RETENTION_SECONDS);
    world.close_plan(1).unwrap();
    assert!(world.extend(1).is_err());
    world.wait(MONTH_SECONDS - RETENTION_SECONDS);
    world.next_slot();
    world.close_subscription().unwrap();
}

#[test]
fn one_subscription_at_a_time_and_nobody_pays_more_than_366_days_ahead() {
    let mut world = World::subscribed();
    assert_eq!(code(world.subscribe(1)), 0, "the account is in use");
    world.extend(11).unwrap();
    refused(world.extend(1), Error::BadPeriods);
    world.wait(MONTH_SECONDS - 6 * 86_400);
    world.extend(1).unwrap();
    assert_eq!(world.subscription().expires_at, START + 13 * MONTH_SECONDS);
}

#[test]
fn an_owner_leaves_a_subscription_during_a_pause() {
    let mut world = World::subscribed().paused();
    world.retire_plan(1).unwrap();
    world.wait(MONTH_SECONDS);
    world.next_slot();
    world.close_subscription().unwrap();
}

#[test]
fn the_rent_of_a_plan_goes_to_nobody_but_its_payer() {
    let mut world = World::selling();
    world.retire_plan(1).unwrap();
    world.wait(RETENTION_SECONDS);
    let (admin, mallory) = (world.admin.pubkey(), world.mallory.pubkey());
    let close = build::close_plan(1, &admin);
    assert_eq!(code(world.with_another(close, (admin, mallory), 7)), NOT_THE_NAMED_ONE);
    world.close_plan(1).unwrap();
}
