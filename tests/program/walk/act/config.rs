//! Instructions on the config.

use permitpipe_sdk::chain::{Bonds, Fee, Oracle, Tier, Timing, instruction as build};
use permitpipe_tests::random::Random;

use super::{
    super::{
        ground::{ADMINS, Attempt, GUARDIANS, Ground, SETTLERS, STRANGER, TIMES, VERIFIERS, WALK_BONDS, key},
        model::Change,
    },
    Act, amount, mostly,
};
use crate::world::{Asset, LIMITS, Limits, USDC};

pub const ACTS: &[(&str, Act)] = &[
    ("initialize_config", initialize),
    ("propose_change", propose),
    ("accept_change", accept),
    ("cancel_change", cancel),
    ("pause", pause),
    ("unpause", unpause),
    ("lower_settle_cap", lower_settle_cap),
];

/// Two tiers that rise about half of the time.
fn tiers(random: &mut Random) -> [Tier; Tier::COUNT] {
    let mut tiers = [Tier::default(); Tier::COUNT];
    for tier in &mut tiers[..2] {
        *tier =
            Tier { min_weight_atoms: random.below(4), discount_basis_points: u16::try_from(random.below(4)).unwrap() };
    }
    tiers
}

/// Refused ever after the walk's beginning.
fn initialize(ground: &Ground, _random: &mut Random) -> Attempt {
    let (deployer, world) = (1, &ground.world);
    let instruction = build::initialize_config(&key(deployer), &world.mints(), world.initial());
    ground.attempt(vec![instruction], &[deployer], |_| Err("initialized already"))
}

fn change(ground: &Ground, random: &mut Random) -> Change {
    match random.below(12) {
        0 => Change::Admin(*random.pick(&ADMINS)),
        1 => Change::Guardian(*random.pick(&GUARDIANS)),
        2 => Change::Settler(*random.pick(&SETTLERS)),
        3 => Change::Verifier(*random.pick(&VERIFIERS)),
        4 => Change::Timing(Timing { window_seconds: 50 + i64::try_from(random.below(200)).unwrap(), ..TIMES }),
        5 => Change::Bonds(Bonds { slash_basis_points: u16::try_from(random.below(10_002)).unwrap(), ..WALK_BONDS }),
        7 => Change::Fee(Fee { request_credits: amount(random, &[100, i64::MAX.into()]), mebibyte_credits: 1 }),
        8 => Change::Tiers(tiers(random)),
        9 => Change::Oracle(Oracle {
            max_age_seconds: i64::try_from(random.below(130)).unwrap(),
            ..ground.model.config.oracle
        }),
        6 => Change::Limits(Limits { min_deposit_atoms: random.below(3) * USDC, ..LIMITS }),
        // The caps are only ever lowered else; give them back.
        _ => Change::Limits(LIMITS),
    }
}

fn propose(ground: &Ground, random: &mut Random) -> Attempt {
    let by = mostly(random, ground.model.config.admin, &[STRANGER, GUARDIANS[0], ADMINS[1], ADMINS[0]]);
    let change = change(ground, random);
    let instruction = build::propose_change(&key(by), change.on_chain(key));
    ground.attempt(vec![instruction], &[by], |model| model.propose(by, change))
}

fn accept(ground: &Ground, random: &mut Random) -> Attempt {
    let right = match ground.model.config.pending {
        Some((Change::Admin(new), _)) => new,
        _ => ground.model.config.admin,
    };
    let by = mostly(random, right, &[STRANGER, GUARDIANS[0], ADMINS[1], ADMINS[0]]);
    ground.attempt(vec![build::accept_change(&key(by))], &[by], |model| model.accept(by))
}

fn cancel(ground: &Ground, random: &mut Random) -> Attempt {
    // Seldom, or nothing would ever be accepted.
    let config = &ground.model.config;
    let by = if random.once_in(4) { config.guardian } else { mostly(random, STRANGER, &[config.admin]) };
    ground.attempt(vec![build::cancel_change(&key(by))], &[by], |model| model.cancel(by))
}

fn pause(ground: &Ground, random: &mut Random) -> Attempt {
    let by = mostly(random, STRANGER, &[ground.model.config.guardian, ground.model.config.admin]);
    ground.attempt(vec![build::pause(&key(by))], &[by], |model| model.pause(by))
}

fn unpause(ground: &Ground, random: &mut Random) -> Attempt {
    let by = mostly(random, ground.model.config.admin, &[STRANGER, GUARDIANS[0], GUARDIANS[1]]);
    ground.attempt(vec![build::unpause(&key(by))], &[by], |model| model.unpause(by))
}

fn lower_settle_cap(ground: &Ground, random: &mut Random) -> Attempt {
    let by = mostly(random, ground.model.config.guardian, &[STRANGER, SETTLERS[0], ADMINS[0]]);
    let asset = *random.pick(&[Asset::Usdc, Asset::Sol]);
    let present = u64::try_from(ground.model.settle_cap(asset)).unwrap();
    // A little at a time, so that settlements go on.
    let cap = (present - (present / 50).min(random.below(1 + present))).saturating_add(random.below(2));
    let instruction = build::lower_settle_cap(&key(by), asset, cap);
    ground.attempt(vec![instruction], &[by], |model| model.lower_settle_cap(by, asset, cap))
}
