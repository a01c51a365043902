//! The writer's loop: gather, run, deliver, again.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;

use super::{Car, Counters, Delivery, LONGEST, Track};
use crate::{
    config::Terms,
    db,
    plan::{Intent, Verdict},
};

/// How long to wait before asking a database again that did not answer.
const RETRY: Duration = Duration::from_millis(100);

/// What a batch came to.
enum Trip {
    /// Committed: what became of each car, in order; `None` waits for the next batch.
    Committed(Vec<Option<Verdict>>),
    /// Nothing was written, and trying again may help.
    Away,
    /// Nothing was written, and some car is to blame.
    Bad(String),
}

/// Runs until every handle is gone and everything has been written.
pub async fn run(mut track: Track, pool: PgPool, terms: Terms, counters: Arc<Counters>) {
    let mut waiting = Vec::new();
    loop {
        if waiting.is_empty() {
            match track.cars.recv().await {
                Some(car) => waiting.push(car),
                None => return,
            }
        }
        while waiting.len() < LONGEST {
            match track.cars.try_recv() {
                Ok(car) => waiting.push(car),
                Err(_) => break,
            }
        }
        // Who gave up before anything was written needs nothing; a close is wanted whoever still listens.
        waiting.retain(|car| !(matches!(car.intent, Intent::Reserve(_)) && car.reply.is_closed()));
        let batch = std::mem::take(&mut waiting);
        waiting = haul(&pool, &terms, &counters, &track, batch).await;
    }
}

/// Takes one batch to its end, halving it as long as it fails. Returns the cars that must wait.
async fn haul(pool: &PgPool, terms: &Terms, counters: &Counters, track: &Track, batch: Vec<Car>) -> Vec<Car> {
    let mut left = Vec::new();
    let mut stack = vec![batch];
    while let Some(mut cars) = stack.pop() {
        if cars.is_empty() {
            continue;
        }
        match trip(pool, terms, &cars).await {
            Trip::Committed(verdicts) => {
                let holds = verdicts.iter().flatten().filter(|v| matches!(v, Verdict::Granted(_))).count();
                counters.count(verdicts.iter().flatten().count(), holds);
                left.extend(deliver(track, cars, verdicts));
            }
            Trip::Away => {
                tokio::time::sleep(RETRY).await;
                left.extend(cars);
            }
            Trip::Bad(cause) if cars.len() == 1 => {
                tracing::error!(cause, "an intent was refused by the database");
                let verdicts = vec![Some(Verdict::Broken)];
                left.extend(deliver(track, cars, verdicts));
            }
            Trip::Bad(_) => {
                let second = cars.split_off(cars.len() >> 1);
                stack.push(second);
                stack.push(cars);
            }
        }
    }
    left
}

/// One transaction.
async fn trip(pool: &PgPool, terms: &Terms, cars: &[Car]) -> Trip {
    let intents: Vec<&Intent> = cars.iter().map(|car| &car.intent).collect();
    match db::train::commit(pool, terms, &intents).await {
        Ok(verdicts) => Trip::Committed(verdicts),
        Err(db::train::Failure::Away) => Trip::Away,
        Err(db::train::Failure::Bad(cause)) => Trip::Bad(cause),
    }
}

/// Answers each car, and returns those that wait.
fn deliver(track: &Track, cars: Vec<Car>, verdicts: Vec<Option<Verdict>>) -> Vec<Car> {
    let mut waiting = Vec::new();
    for (car, verdict) in cars.into_iter().zip(verdicts) {
        let Some(verdict) = verdict else {
            waiting.push(car);
            continue;
        };
        // What nobody takes any more finds its own way back: see `Delivery`.
        drop(car.reply.send(Delivery { verdict: Some(verdict), own: track.own.clone() }));
    }
    waiting
}
