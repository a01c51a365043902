//! Refusals of plans and subscriptions.

use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{
    self, Config, CreatePlanArgs, PermitPipeError as Error, Plan, Subscription, instruction as build,
};
use solana_sdk::signer::Signer;

use super::Refusal;
use crate::{ground::market::*, world::*};

/// Creates with one thing wrong.
fn create(world: &mut World, spoil: fn(&mut CreatePlanArgs)) -> TransactionResult {
    let mut terms = PLAN;
    spoil(&mut terms);
    world.create_plan(terms)
}

fn retired() -> World {
    let mut world = World::subscribed();
    world.retire_plan(1).unwrap();
    world
}

fn forged(change: fn(&mut Subscription)) -> World {
    let mut world = World::subscribed();
    world.forge(chain::subscription_address(&world.owner.pubkey()), change);
    world
}

pub const REFUSALS: &[Refusal] = &[
    Refusal {
        error: Error::NotAdmin,
        what: "the guardian puts a plan on sale",
        given: World::configured,
        when: |world| world.send(&[build::create_plan(&world.guardian.pubkey(), PLAN)], &[3]),
    },
    Refusal {
        error: Error::NotAdmin,
        what: "a competitor takes the plan off sale",
        given: World::selling,
        when: |world| world.send(&[build::retire_plan(&world.mallory.pubkey(), 1)], &[7]),
    },
    Refusal {
        error: Error::DurableNonce,
        what: "a plan created over a durable nonce",
        given: || World::selling().with_nonce(2),
        when: |world| {
            world.over_nonce(build::create_plan(&world.admin.pubkey(), CreatePlanArgs { number: 2, ..PLAN }), 2)
        },
    },
    Refusal {
        error: Error::DurableNonce,
        what: "a plan retired over a durable nonce",
        given: || World::selling().with_nonce(2),
        when: |world| world.over_nonce(build::retire_plan(&world.admin.pubkey(), 1), 2),
    },
    Refusal {
        error: Error::Paused,
        what: "a new plan during a pause",
        given: || World::configured().paused(),
        when: |world| world.create_plan(PLAN),
    },
    Refusal {
        error: Error::Paused,
        what: "a sale during a pause",
        given: || World::selling().paused(),
        when: |world| world.subscribe(1),
    },
    Refusal {
        error: Error::Paused,
        what: "an extension during a pause",
        given: || World::subscribed().paused(),
        when: |world| world.extend(1),
    },
    Refusal {
        error: Error::BadPlan,
        what: "a plan for nothing",
        given: World::configured,
        when: |world| create(world, |plan| plan.price_atoms = 0),
    },
    Refusal {
        error: Error::BadPlan,
        what: "a price beyond signed 64 bits",
        given: World::configured,
        when: |world| create(world, |plan| plan.price_atoms = 1 << 63),
    },
    Refusal {
        error: Error::BadPlan,
        what: "a period of 59 seconds",
        given: World::configured,
        when: |world| create(world, |plan| plan.period_seconds = 59),
    },
    Refusal {
        error: Error::BadPlan,
        what: "a period that runs backwards",
        given: World::configured,
        when: |world| create(world, |plan| plan.period_seconds = -MONTH_SECONDS),
    },
    Refusal {
        error: Error::BadPlan,
        what: "a period of a second more than 366 days",
        given: World::configured,
        when: |world| create(world, |plan| plan.period_seconds = Plan::MAX_PERIOD_SECONDS + 1),
    },
    Refusal {
        error: Error::BadPlan,
        what: "more requests than signed 64 bits can count",
        given: World::configured,
        when: |world| create(world, |plan| plan.request_limit = u64::MAX),
    },
    Refusal {
        error: Error::WrongPlan,
        what: "a plan too far ahead",
        given: World::configured,
        when: |world| create(world, |plan| plan.number = 2),
    },
    Refusal {
        error: Error::WrongPlan,
        what: "the same plan again",
        given: World::selling,
        when: |world| create(world, |plan| plan.price_atoms = 1),
    },
    Refusal {
        error: Error::PlanRetired,
        what: "a second retirement, which would start the retention anew",
        given: retired,
        when: |world| world.retire_plan(1),
    },
    Refusal {
        error: Error::PlanRetired,
        what: "the sale of a retired plan",
        given: retired,
        when: |world| {
            let (config, mallory) = (world.config(), world.mallory.pubkey());
            world.send(&[build::subscribe(&config, &mallory, &world.mallory_usdc, 1, 1)], &[7])
        },
    },
    Refusal {
        error: Error::PlanRetired,
        what: "an extension of a retired plan",
        given: retired,
        when: |world| world.extend(1),
    },
    Refusal {
        error: Error::PlanNotRetired,
        what: "the end of a plan on sale",
        given: World::selling,
        when: |world| {
            world.wait(RETENTION_SECONDS);
            world.close_plan(1)
        },
    },
    Refusal {
        error: Error::StillRetained,
        what: "the end of a retired plan a second early",
        given: retired,
        when: |world| {
            world.wait(RETENTION_SECONDS - 1);
            world.close_plan(1)
        },
    },
    Refusal {
        error: Error::BadPeriods,
        what: "a sale of no period",
        given: World::selling,
        when: |world| world.subscribe(0),
    },
    Refusal {
        error: Error::BadPeriods,
        what: "a sale beyond 366 days",
        given: World::selling,
        when: |world| world.subscribe(13),
    },
    Refusal {
        error: Error::BadPeriods,
        what: "a sale of everything 32 bits can say",
        given: World::selling,
        when: |world| world.subscribe(u32::MAX),
    },
    Refusal {
        error: Error::BadPeriods,
        what: "an extension beyond 366 days",
        given: World::subscribed,
        when: |world| world.extend(12),
    },
    Refusal {
        error: Error::WrongTreasury,
        what: "a sale that pays somebody else",
        given: World::selling,
        when: |world| {
            let config = Config { treasury: world.mallory_usdc, ..world.config() };
            world.send(&[build::subscribe(&config, &world.owner.pubkey(), &world.owner_usdc, 1, 1)], &[6])
        },
    },
    Refusal {
        error: Error::WrongTreasury,
        what: "an extension that pays somebody else",
        given: World::subscribed,
        when: |world| {
            let config = Config { treasury: world.mallory_usdc, ..world.config() };
            let owner = world.owner.pubkey();
            world.send(&[build::extend_subscription(&config, &owner, &world.owner_usdc, 1, 1)], &[6])
        },
    },
    Refusal {
        error: Error::NotOwner,
        what: "somebody else extends",
        given: World::subscribed,
        when: |world| {
            world.by_mallory(|world, mallory| {
                build::extend_subscription(&world.config(), mallory, &world.mallory_usdc, 1, 1)
            })
        },
    },
    Refusal {
        error: Error::NotOwner,
        what: "somebody else closes an expired subscription",
        given: World::subscribed,
        when: |world| {
            world.wait(MONTH_SECONDS);
            world.next_slot();
            world.by_mallory(|_, mallory| build::close_subscription(mallory))
        },
    },
    Refusal {
        error: Error::SubscriptionRunning,
        what: "the end of a subscription a second early",
        given: World::subscribed,
        when: |world| {
            world.wait(MONTH_SECONDS - 1);
            world.next_slot();
            world.close_subscription()
        },
    },
    Refusal {
        error: Error::ClosedTooSoon,
        what: "the end of a subscription in the slot of its beginning",
        given: World::subscribed,
        when: |world| {
            world.wait(MONTH_SECONDS);
            world.close_subscription()
        },
    },
    Refusal {
        error: Error::Overflow,
        what: "more paid than signed 64 bits can count",
        given: || forged(|subscription| subscription.paid_atoms = i64::MAX.unsigned_abs()),
        when: |world| world.extend(1),
    },
    Refusal {
        error: Error::UnknownVersion,
        what: "a subscription of a later program",
        given: || forged(|subscription| subscription.version = 2),
        when: |world| world.extend(1),
    },
    Refusal {
        error: Error::InvariantViolated,
        what: "a subscription nobody paid for",
        given: || forged(|subscription| subscription.paid_atoms = 0),
        when: |world| {
            world.wait(MONTH_SECONDS);
            world.next_slot();
            world.close_subscription()
        },
    },
    Refusal {
        error: Error::UnknownVersion,
        what: "a plan of a later program",
        given: || {
            let mut world = World::selling();
            world.forge(chain::plan_address(1), |plan: &mut Plan| plan.version = 2);
            world
        },
        when: |world| world.retire_plan(1),
    },
];
