//! The price of SOL: which updates are refused, and what is paid to the lamport by those that are not.

use permitpipe_sdk::chain::{Oracle, PRICE_PROGRAM, PermitPipeError as Error};
use solana_sdk::pubkey::Pubkey;

use crate::world::*;

/// A dollar, in credits.
const DOLLAR: u64 = 1_000_000;

/// An update that no settlement goes by.
struct Bad {
    what: &'static str,
    error: Error,
    spoil: fn(&mut PriceUpdate),
}

const BAD: [Bad; 21] = [
    Bad {
        what: "an update that somebody may move back",
        error: Error::WrongOracle,
        spoil: |update| update.write_authority = address(7),
    },
    Bad { what: "another feed", error: Error::WrongFeed, spoil: |update| update.feed_id[31] ^= 1 },
    Bad { what: "no guardian", error: Error::PartialVerification, spoil: |update| update.partial = Some(0) },
    Bad { what: "five guardians", error: Error::PartialVerification, spoil: |update| update.partial = Some(5) },
    Bad {
        what: "all guardians, but partial",
        error: Error::PartialVerification,
        spoil: |update| update.partial = Some(255),
    },
    Bad { what: "11 seconds ahead", error: Error::FuturePrice, spoil: |update| update.published_at = START + 11 },
    Bad { what: "a day ahead", error: Error::FuturePrice, spoil: |update| update.published_at = START + 86_400 },
    Bad { what: "the end of time", error: Error::FuturePrice, spoil: |update| update.published_at = i64::MAX },
    Bad { what: "before time", error: Error::FuturePrice, spoil: |update| update.published_at = i64::MIN + 1 },
    Bad { what: "zero", error: Error::BadPrice, spoil: |update| update.price = 0 },
    Bad { what: "minus one", error: Error::BadPrice, spoil: |update| update.price = -1 },
    Bad { what: "the most negative", error: Error::BadPrice, spoil: |update| update.price = i64::MIN },
    Bad { what: "exponent 1", error: Error::BadPrice, spoil: |update| update.exponent = 1 },
    Bad { what: "exponent -13", error: Error::BadPrice, spoil: |update| update.exponent = -13 },
    Bad { what: "the largest exponent", error: Error::BadPrice, spoil: |update| update.exponent = i32::MAX },
    Bad { what: "the smallest exponent", error: Error::BadPrice, spoil: |update| update.exponent = i32::MIN },
    Bad {
        what: "stale and zero",
        error: Error::BadPrice,
        spoil: |update| (update.price, update.published_at) = (0, START - MAX_AGE_SECONDS),
    },
    Bad {
        what: "one wider than a hundredth",
        error: Error::WideConfidence,
        spoil: |update| update.confidence = PRICE.unsigned_abs() / 100 + 1,
    },
    Bad {
        what: "half its own width",
        error: Error::WideConfidence,
        spoil: |update| update.confidence = PRICE.unsigned_abs() / 2,
    },
    Bad { what: "the widest", error: Error::WideConfidence, spoil: |update| update.confidence = u64::MAX },
    Bad {
        what: "a price too small to have a hundredth",
        error: Error::WideConfidence,
        spoil: |update| (update.price, update.confidence) = (99, 1),
    },
];

/// Settles a dollar with a SOL held, once the price account says this.
fn settled(world: &mut World, update: &PriceUpdate, charge_credits: u64, held_lamports: u64) -> u64 {
    world.put_price(update);
    let before = world.lamports(&world.sol_treasury);
    world.settle_sol(1, charge_credits, held_lamports).unwrap();
    world.lamports(&world.sol_treasury) - before
}

/// Each bad update is refused with its number, and nothing changes.
pub fn each_bad_price_is_refused() {
    let mut world = World::funded_twice();
    for Bad { what, error, spoil } in BAD {
        let mut update = PriceUpdate::default();
        spoil(&mut update);
        world.put_price(&update);
        println!("{what}");
        refused(world.settle_sol(1, DOLLAR, SOL), error);
        assert!(world.is_unchanged(), "{what}");
    }
}

#[test]
fn data_that_is_no_price_update_is_refused() {
    let mut world = World::funded_twice();
    let whole = PriceUpdate::default().to_bytes();
    let needed = 8 + 32 + 1 + 32 + 8 + 8 + 4 + 8;
    for length in 0..needed {
        world.put(world.price, PRICE_PROGRAM, &whole[..length]);
        refused(world.settle_sol(1, DOLLAR, SOL), Error::WrongFeed);
    }
    for byte in 0..8 {
        let mut other = whole.clone();
        other[byte] ^= 1;
        world.put(world.price, PRICE_PROGRAM, &other);
        refused(world.settle_sol(1, DOLLAR, SOL), Error::WrongFeed);
    }
    for level in [2, 0xff] {
        let mut other = whole.clone();
        other[40] = level; // no such level of verification
        world.put(world.price, PRICE_PROGRAM, &other);
        refused(world.settle_sol(1, DOLLAR, SOL), Error::WrongFeed);
    }
    world.put(world.price, PRICE_PROGRAM, &whole[..needed]);
    world.settle_sol(1, DOLLAR, SOL).unwrap();
}

#[test]
fn another_account_or_another_owner_is_no_price() {
    let mut world = World::funded_twice();
    let good = PriceUpdate::default().to_bytes();
    let other = address(48);
    world.put(other, PRICE_PROGRAM, &good);
    let mut settle = world.settle_sol_instruction(1, DOLLAR, SOL);
    settle.accounts[5].pubkey = other;
    refused(world.send(&[settle], &[5, 4]), Error::WrongOracle);
    for owner in [Pubkey::default(), address(49), spl_token::ID] {
        world.put(world.price, owner, &good);
        refused(world.settle_sol(1, DOLLAR, SOL), Error::WrongOracle);
    }
}

#[test]
fn a_stale_price_leaves_the_lamports_held_as_the_bound() {
    // Younger than the bound: priced. From the bound on: whatever was held is paid, however wrong the price or its width.
    let mut world = World::funded_twice();
    let at = |age: i64| PriceUpdate { published_at: START - age, ..PriceUpdate::default() };
    for (age, paid) in [(-10, 6_666_666), (0, 6_666_666), (MAX_AGE_SECONDS - 1, 6_666_666)] {
        assert_eq!(settled(&mut world.clone(), &at(age), DOLLAR, SOL), paid, "{age}");
    }
    for age in [MAX_AGE_SECONDS, MAX_AGE_SECONDS + 1, START, START + 86_400] {
        assert_eq!(settled(&mut world.clone(), &at(age), DOLLAR, SOL), SOL, "{age}");
    }
    let wide = PriceUpdate { confidence: u64::MAX, ..at(MAX_AGE_SECONDS) };
    assert_eq!(settled(&mut world.clone(), &wide, DOLLAR, 7), 7);
    // The lamports are still within every cap.
    world.put_price(&at(MAX_AGE_SECONDS));
    refused(world.settle_sol(1, DOLLAR, CAP_LAMPORTS + 1), Error::SettlementAboveOwnerCap);
    refused(world.settle_sol(1, DOLLAR, SETTLE_CAP_LAMPORTS + 1), Error::SettlementAboveSettleCap);
}

#[test]
fn lamports_are_exact_rounded_down_and_at_the_price_that_favours_the_owner() {
    // Charge in credits, price, confidence, exponent: lamports. A dollar at 150 a SOL is 6,666,666.67 lamports.
    let rows: [(u64, i64, u64, i32, u64); 14] = [
        (DOLLAR, PRICE, 0, -8, 6_666_666),
        (150 * DOLLAR, PRICE, 0, -8, SOL),
        (150 * DOLLAR + 1, PRICE, 0, -8, SOL + 6),
        (1, PRICE, 0, -8, 6),
        // Priced at 151.5: a hundredth more.
        (DOLLAR, PRICE, PRICE.unsigned_abs() / 100, -8, 6_600_660),
        (151_500_000, PRICE, PRICE.unsigned_abs() / 100, -8, SOL),
        (151_499_999, PRICE, PRICE.unsigned_abs() / 100, -8, SOL - 7),
        (DOLLAR, PRICE, 1, -8, 6_666_666),
        // The same price in other exponents.
        (DOLLAR, 150, 0, 0, 6_666_666),
        (DOLLAR, 1_500, 0, -1, 6_666_666),
        (DOLLAR, 150_000_000_000_000, 0, -12, 6_666_666),
        // The dearest SOL that a lamport of can be charged, and the dearest there is.
        (1, 1_000, 0, 0, 1),
        (10_000_000, i64::MAX, 0, -12, 1_084),
        (DOLLAR, 1, 0, -3, SOL),
    ];
    let world = World::funded_twice();
    for (charge, price, confidence, exponent, lamports) in rows {
        let update = PriceUpdate { price, confidence, exponent, ..PriceUpdate::default() };
        let held = 2 * SOL;
        let paid = settled(&mut world.clone(), &update, charge, held);
        let expected = if (charge, price, exponent) == (DOLLAR, 1, -3) { held } else { lamports };
        assert_eq!(paid, expected, "{charge} at ({price} ± {confidence}) × 10^{exponent}");
        // Never more than the exact charge at the lowest price the update allows for.
        let worth = u128::from(charge) * 10u128.pow(exponent.unsigned_abs() + 3);
        let highest = u128::try_from(price).unwrap() + u128::from(confidence);
        assert!(u128::from(paid) * highest <= worth, "rounded against the owner");
    }
}

#[test]
fn the_lesser_of_what_is_held_and_what_is_allowed_is_paid() {
    let world = World::funded_twice();
    for (held, paid) in
        [(1, 1), (6_666_665, 6_666_665), (6_666_666, 6_666_666), (6_666_667, 6_666_666), (SOL, 6_666_666)]
    {
        let mut world = world.clone();
        assert_eq!(settled(&mut world, &PriceUpdate::default(), DOLLAR, held), paid);
        assert_eq!(world.vault().sol.settled_atoms, paid, "the books say what was paid");
    }
    let mut world = world.clone();
    world.put_price(&PriceUpdate::default());
    refused(world.settle_sol(1, DOLLAR, 0), Error::ZeroAmount);
    refused(world.settle_sol(1, 0, SOL), Error::ZeroAmount);
    world.put_price(&PriceUpdate { price: 1_001, exponent: 0, ..PriceUpdate::default() });
    refused(world.settle_sol(1, 1, SOL), Error::NothingToSettle);
}

#[test]
fn the_extremes_of_price_and_charge_neither_wrap_nor_panic() {
    let mut world = World::funded_twice();
    world.put_price(&PriceUpdate { price: 1, exponent: -12, ..PriceUpdate::default() });
    refused(world.settle_sol(1, u64::MAX, SOL), Error::Overflow);
    world.put_price(&PriceUpdate {
        price: i64::MAX,
        confidence: i64::MAX.unsigned_abs() / 100,
        ..PriceUpdate::default()
    });
    refused(world.settle_sol(1, 1, SOL), Error::NothingToSettle);
    assert_eq!(settled(&mut world, &PriceUpdate { price: i64::MAX, ..PriceUpdate::default() }, u64::MAX / 2, SOL), SOL);
}

#[test]
fn the_widest_and_oldest_a_config_may_allow_are_what_is_applied() {
    // A config with other bounds: a tenth of width and a second of age, at their edges.
    let mut world = World::bare();
    let mut args = world.initial();
    args.oracle = Some(Oracle { max_age_seconds: 1, max_confidence_basis_points: 1_000, ..world.oracle() });
    world.initialize(args).unwrap();
    world.open(CAP_ATOMS).unwrap();
    world.deposit_sol(10 * SOL).unwrap();
    let tenth = PRICE.unsigned_abs() / 10;
    let wide = PriceUpdate { confidence: tenth, ..PriceUpdate::default() };
    assert_eq!(settled(&mut world.clone(), &wide, 165 * DOLLAR, 2 * SOL), SOL);
    assert_eq!(settled(&mut world.clone(), &PriceUpdate { published_at: START - 1, ..wide }, DOLLAR, SOL), SOL);
    world.put_price(&PriceUpdate { confidence: tenth + 1, ..PriceUpdate::default() });
    refused(world.settle_sol(1, DOLLAR, SOL), Error::WideConfidence);
}
