//! One seed, one walk: a part is killed at a random moment of a running workload and started again, many times.
//!
//! `PERMITPIPE_SEED` repeats a walk, `PERMITPIPE_WALKS` takes more than one. What the seed repeats is the order and the
//! timing of kills and calls; how threads interleave it cannot.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use permitpipe_tests::{random::Random, system::program};

use crate::{
    invariant::{check_always, check_at_rest},
    workload::under_load,
    world::{Part, World},
};

/// The broker has the most to lose.
const VICTIMS: [&[Part]; 8] = [
    &[Part::Broker],
    &[Part::Broker],
    &[Part::Broker],
    &[Part::Indexer],
    &[Part::Postmaster],
    &[Part::Postgres],
    &[Part::Postgres],
    &[Part::Broker, Part::Postgres],
];
const KILLS_OF_PARTS: u32 = 10;
const KILLS_OF_THE_WHOLE: u32 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn no_credit_is_lost_or_doubled_and_every_call_ends_once_whatever_is_killed() {
    let missing = [program::permitpipe(), program::localchain(), program::on_chain()].into_iter().find_map(Result::err);
    if let Some(missing) = missing {
        println!("not run: {missing}");
        assert!(std::env::var_os("PERMITPIPE_REQUIRE_BUILT").is_none(), "{missing}");
        return;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let clock = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let seed = number("PERMITPIPE_SEED").unwrap_or(clock);
    for seed in seed..seed + number("PERMITPIPE_WALKS").unwrap_or(1) {
        println!("PERMITPIPE_SEED={seed}");
        walk(Random::new(seed)).await;
    }
}

async fn walk(mut random: Random) {
    let mut world = World::start().await;
    world.wait_until_serving().await;
    let tally = Arc::default();
    under_load(&mut world, &mut random, &tally, kill_parts).await;
    world.wait_until_serving().await;
    check_at_rest(&world, &tally).await;
    world.become_whole().await;
    under_load(&mut world, &mut random, &tally, kill_the_whole).await;
    check_at_rest(&world, &tally).await;
    world.stop().await;
}

async fn kill_parts(world: &mut World, random: &mut Random) {
    for _ in 0..KILLS_OF_PARTS {
        let victims = *random.pick(&VICTIMS);
        let (before, after) = (Duration::from_millis(300) + random.millis(2_500), random.millis(800));
        println!("    in {before:?} kill {victims:?}, start again after {after:?}");
        // The walk's own pace: the moment is what the seed decides.
        tokio::time::sleep(before).await;
        for part in victims {
            world.kill(*part).await;
        }
        tokio::time::sleep(after).await;
        for part in victims {
            world.start_part(*part);
        }
        // Sometimes the next one is killed before this one is back.
        if random.once_in(2) {
            check_always(&world.database().await).await;
        }
        if random.once_in(2) {
            world.wait_until_serving().await;
        }
    }
}

async fn kill_the_whole(world: &mut World, random: &mut Random) {
    for _ in 0..KILLS_OF_THE_WHOLE {
        let before = Duration::from_millis(1_000) + random.millis(3_000);
        println!("    in {before:?} kill everything");
        tokio::time::sleep(before).await;
        world.kill_whole().await;
        world.start_whole().await;
        check_always(&world.database().await).await;
    }
}
