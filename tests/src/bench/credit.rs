//! Row 6: hold and capture through the commit train, beside one transaction each, on the same tables and accounts.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use permitpipe_broker::{
    audit::{Entry, EntryKind, Subject},
    config::Terms,
    db,
    plan::{Ask, Close, Ending, Held, Verdict},
    train::{self, Counters, Train},
};
use permitpipe_sdk::{
    id::{HoldId, NodeId, RequestId},
    money::Credits,
};
use serde_json::{Map, Value, json};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::task::JoinSet;

use super::{
    books,
    figure::{Ratio, median, per, round},
    ground::{self, Seat},
    naive, process, report,
};
use crate::postgres::Postgres;

const SLICE: Duration = Duration::from_secs(2);
/// A leg: its name, how many accounts, how many pairs under way.
const LEGS: [(&str, usize, usize); 3] =
    [("one hot account", 1, 256), ("one hot account", 1, 1_024), ("10,000 accounts", 10_000, 256)];
/// T N, N T, and again; 0 is the train.
const ORDER: [[usize; 2]; 2] = [[0, 1], [1, 0]];
const NAMES: [&str; 2] = ["train", "naive"];
/// What one pair leaves: hold, receipt, three transfers and two entries inserted, the hold updated.
const ROWS: u64 = 8;

const CREDIT: i64 = 1_000_000_000_000;
const AMOUNT: Credits = Credits::whole(25);
const USED: Credits = Credits::whole(20);
const BUDGET: Credits = Credits::whole(2_600);
const USED_BUDGET: Credits = Credits::whole(90);

/// Connections of the naive path; more of them only queue for the same rows and cores.
const NAIVE_CONNECTIONS: u32 = 32;

/// A way to hold and capture.
#[derive(Clone)]
enum Way {
    Train(Train),
    Naive(PgPool),
}

struct Scene {
    ways: [Way; 2],
    node_id: NodeId,
    counters: Arc<Counters>,
    pool: PgPool,
    postgres: u32,
}

/// One way on one leg, slice by slice.
#[derive(Default)]
struct Series {
    rates: Vec<f64>,
    pairs: u64,
    elapsed: Duration,
    commits: u64,
    holds: u64,
    database_cpu: Vec<f64>,
    own_cpu: Vec<f64>,
}

/// Runs the row.
pub async fn run(postgres: &Postgres) -> Result<Value> {
    let scene = Scene::set(postgres).await?;
    let mut legs = Vec::new();
    for (name, accounts, tasks) in LEGS {
        let seats: Arc<[Seat]> = ground::seats(&scene.pool, accounts, CREDIT).await?.into();
        let series = scene.measure(&seats, tasks).await?;
        print(name, tasks, &series);
        legs.push(summary(name, tasks, &series));
    }
    let scarce = scene.scarce().await?;
    let books = books::check(&scene.pool).await?;
    Ok(json!({
        "what": "hold and capture with all rows written, fsync and synchronous_commit on",
        "slice_ms": u64::try_from(SLICE.as_millis())?,
        "rows_per_pair": ROWS,
        "naive_connections": NAIVE_CONNECTIONS,
        "legs": legs,
        "scarce": scarce,
        "faults": books,
        "kill -9": "not part of this row's run: the crash test covers it",
    }))
}

impl Scene {
    async fn set(postgres: &Postgres) -> Result<Self> {
        let url = postgres.create_database("credit");
        let broker = db::connect(&url, 2).await?;
        let pool = PgPool::connect(&url).await?;
        let naive = PgPoolOptions::new()
            .max_connections(NAIVE_CONNECTIONS)
            .min_connections(NAIVE_CONNECTIONS)
            .acquire_timeout(Duration::from_secs(60))
            .connect(&url)
            .await?;
        let node_id = NodeId::generate();
        db::node::join(&broker, node_id, "bench").await?;
        let counters = Arc::new(Counters::default());
        let (train, track) = train::train();
        let terms = Terms { settle_interval: Duration::from_secs(5), longest_hold: Duration::from_secs(300) };
        tokio::spawn(train::run(track, db::connect_train(&url).await?, terms, Arc::clone(&counters)));
        let ways = [Way::Train(train), Way::Naive(naive)];
        Ok(Self { ways, node_id, counters, pool, postgres: postgres.process_id() })
    }

    async fn measure(&self, seats: &Arc<[Seat]>, tasks: usize) -> Result<[Series; 2]> {
        let mut series: [Series; 2] = Default::default();
        for order in ORDER {
            for at in order {
                self.slice(at, seats, tasks, &mut series[at]).await?;
            }
        }
        Ok(series)
    }

    async fn slice(&self, at: usize, seats: &Arc<[Seat]>, tasks: usize, series: &mut Series) -> Result<()> {
        let counted = || (self.counters.commits.load(Ordering::Relaxed), self.counters.holds.load(Ordering::Relaxed));
        let (commits, holds) = counted();
        let cpu = (process::cpu(self.postgres), process::own_cpu(std::process::id()));
        let began = Instant::now();
        let mut running = JoinSet::new();
        for task in 0..tasks {
            let (way, seats, node_id) = (self.ways[at].clone(), Arc::clone(seats), self.node_id);
            running.spawn(async move {
                let mut pairs = 0_usize;
                while began.elapsed() < SLICE {
                    // Steps that are coprime to the number of accounts visit all of them.
                    let seat = seats[(task * 7_919 + pairs * 3_331) % seats.len()];
                    ensure!(way.pair(&seat, node_id).await?, "a hold was refused though there is credit");
                    pairs += 1;
                }
                Ok(pairs)
            });
        }
        let mut pairs = 0_u64;
        while let Some(done) = running.join_next().await {
            pairs += u64::try_from(done??)?;
        }
        let elapsed = began.elapsed();
        let each = |span: Duration| per(span.as_secs_f64() * 1e6, pairs as f64);
        series.database_cpu.push(each(process::cpu(self.postgres) - cpu.0));
        series.own_cpu.push(each(process::own_cpu(std::process::id()) - cpu.1));
        series.rates.push(pairs as f64 / elapsed.as_secs_f64());
        series.pairs += pairs;
        series.elapsed += elapsed;
        let is_train = matches!(self.ways[at], Way::Train(_));
        series.commits += if is_train { counted().0 - commits } else { 2 * pairs };
        series.holds += if is_train { counted().1 - holds } else { pairs };
        Ok(())
    }

    /// 4,000 holds at once on an account that can pay 1,000: exactly those are granted.
    async fn scarce(&self) -> Result<Value> {
        const ASKED: i64 = 4_000;
        const COVERED: i64 = 1_000;
        let seat = ground::seats(&self.pool, 1, AMOUNT.get() * COVERED).await?[0];
        let Way::Train(train) = &self.ways[0] else { bail!("the first way is the train") };
        let mut running = JoinSet::new();
        for _ in 0..ASKED {
            let (train, ask) = (train.clone(), ask(&seat, self.node_id));
            let subject = ask.intent.subject;
            running.spawn(async move { (train.reserve(ask).await, subject) });
        }
        let mut granted = Vec::new();
        while let Some(answer) = running.join_next().await {
            if let (Some(Verdict::Granted(grant)), subject) = answer? {
                granted.push((grant.accept(), subject));
            }
        }
        let count = i64::try_from(granted.len())?;
        ensure!(count == COVERED, "{count} of {ASKED} holds were granted where credit covers {COVERED}");
        for (held, subject) in granted {
            train.close(close(held, subject)).await;
        }
        println!("  scarce credit: {ASKED} holds asked at once, credit for {COVERED}: exactly {count} granted");
        Ok(json!({ "asked": ASKED, "covered": COVERED, "granted": count }))
    }
}

impl Way {
    /// A hold and its capture. False where the hold is refused.
    async fn pair(&self, seat: &Seat, node_id: NodeId) -> Result<bool> {
        let ask = ask(seat, node_id);
        match self {
            Self::Train(train) => {
                let subject = ask.intent.subject;
                let Some(Verdict::Granted(grant)) = train.reserve(ask).await else { return Ok(false) };
                match train.close(close(grant.accept(), subject)).await {
                    Some(Verdict::Done) => Ok(true),
                    other => bail!("a capture came back as {other:?}"),
                }
            }
            Self::Naive(pool) => {
                if !naive::hold(pool, &ask).await? {
                    return Ok(false);
                }
                let end = naive::End { used: USED, used_budget: USED_BUDGET, outcome: outcome(ask.intent.subject) };
                naive::capture(pool, &ask, &end).await?;
                Ok(true)
            }
        }
    }
}

/// What a call to a chat model asks for; the facts are as long as a real one's.
fn ask(seat: &Seat, node_id: NodeId) -> Ask {
    let request_id = RequestId::generate();
    let subject = Subject { owner_id: seat.owner_id, request_id, lease_id: Some(seat.lease_id) };
    let facts = json!({
        "agent": "bench", "service": "openai", "operation": "chat", "method": "POST", "path": "/v1/chat/completions",
        "model": "gpt-4o-mini", "lease_hash": "0".repeat(64), "policy_version": 1, "rule": "agents.bench.openai",
        "held": AMOUNT, "counted": BUDGET, "price_version": "openai-2025-10",
    });
    Ask {
        owner_id: seat.owner_id,
        lease_id: seat.lease_id,
        request_id,
        hold_id: HoldId::generate(),
        node_id,
        amount: AMOUNT,
        budget: BUDGET,
        minimum: USED,
        minimum_budget: USED,
        operation: "openai:chat".into(),
        price_version: "openai-2025-10".into(),
        intent: Entry::new(subject, EntryKind::Intent, &facts),
    }
}

fn outcome(subject: Subject) -> Entry {
    let facts = json!({
        "end": "completed", "status": 200, "charged": USED, "counted": USED_BUDGET, "upstream": 70, "fee": USED,
        "is_estimated": false, "price_version": "openai-2025-10", "input_tokens": 200, "output_tokens": 60,
        "request_bytes": 1024, "response_bytes": 1024, "redactions": 0,
    });
    Entry::new(subject, EntryKind::Outcome, &facts)
}

fn close(held: Held, subject: Subject) -> Close {
    let outcome = outcome(subject);
    let (used, used_budget) = (USED, USED_BUDGET);
    Close { held, ending: Ending::Captured, used, used_budget, is_estimated: false, outcome }
}

fn summary(name: &str, tasks: usize, series: &[Series; 2]) -> Value {
    let mut value = Map::new();
    for (name, one) in NAMES.iter().zip(series) {
        let seconds = one.elapsed.as_secs_f64();
        let figures = json!({
            "pairs": one.pairs, "pairs_per_second": median(&one.rates).round(),
            "rows_per_second": (median(&one.rates) * ROWS as f64).round(),
            "commits_per_second": per(one.commits as f64, seconds).round(),
            "holds_per_commit": round(per(one.holds as f64, one.commits as f64)),
            "postgres_cpu_us_per_pair": round(median(&one.database_cpu)),
            "own_cpu_us_per_pair": round(median(&one.own_cpu)),
        });
        value.insert((*name).to_owned(), figures);
    }
    let ratio = Ratio::of(&series[0].rates, &series[1].rates).json();
    json!({ "name": name, "under_way": tasks, "ways": value, "train_against_naive": ratio })
}

fn print(name: &str, tasks: usize, series: &[Series; 2]) {
    let head = ["", "pairs/s", "rows/s", "commits/s", "holds/commit", "CPU µs/pair: Postgres", "own", "train / naive"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (at, (name, one)) in NAMES.iter().zip(series).enumerate() {
        let rate = median(&one.rates);
        rows.push(vec![
            (*name).to_owned(),
            format!("{rate:.0}"),
            format!("{:.0}", rate * ROWS as f64),
            format!("{:.0}", per(one.commits as f64, one.elapsed.as_secs_f64())),
            format!("{:.2}", per(one.holds as f64, one.commits as f64)),
            format!("{:.0}", median(&one.database_cpu)),
            format!("{:.0}", median(&one.own_cpu)),
            if at == 0 { String::new() } else { Ratio::of(&series[0].rates, &one.rates).text() },
        ]);
    }
    let slices = ORDER.len();
    report::print(&format!("Row 6, credit, {name}, {tasks} pairs under way (median of {slices} slices)"), &rows);
}
