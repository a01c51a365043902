//! Row 1: 1 KB of JSON through us, nginx and a bare axum proxy, all in front of one mock upstream.
//!
//! Ours does the whole path: bearer, lease, policy, hold on record, forward with the key, usage, capture, receipt, audit.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use super::{
    broker::{self, Broker, Counts},
    figure::{Ratio, median, per, percentile, round},
    load::{Crew, Sample, Target},
    peer, process, report,
};
use crate::postgres::Postgres;

const KEY: &str = "sk-bench-0123456789abcdef0123456789abcdef";
const CONNECTIONS: [usize; 3] = [1, 32, 256];
const SLICE: Duration = Duration::from_millis(1_500);
/// A B C, C B A, and again.
const ORDER: [[usize; 3]; 4] = [[0, 1, 2], [2, 1, 0], [0, 1, 2], [2, 1, 0]];
const OURS: usize = 0;
const NAMES: [&str; 3] = ["permitpipe", "nginx", "axum"];

/// Everything that runs.
struct Scene {
    targets: [Target; 3],
    processes: [u32; 3],
    broker: Broker,
    postgres: u32,
}

/// One proxy at one number of connections, slice by slice.
#[derive(Default)]
struct Series {
    rates: Vec<f64>,
    latencies: Vec<Duration>,
    requests: u64,
    failures: u64,
    elapsed: Duration,
    /// CPU time of the proxy's own process, and of Postgres, in microseconds a request, slice by slice.
    cpu: Vec<f64>,
    database_cpu: Vec<f64>,
    counts: Counts,
}

/// Runs the row.
pub async fn run(postgres: &Postgres) -> Result<Value> {
    let folder = tempfile::tempdir()?;
    let (_mock, upstream) = peer::start_mock(KEY)?;
    let (nginx, nginx_at) = peer::start_nginx(folder.path(), upstream, KEY).await?;
    let (axum, axum_at) = peer::start_axum(upstream, KEY)?;
    let broker = broker::start(postgres, folder.path(), upstream, KEY).await?;
    let direct =
        |address: SocketAddr| Target { address, path: "/v1/chat/completions", bearer: "pp_lease_ignored".into() };
    let ours = Target { address: broker.address, path: "/v1/openai/chat/completions", bearer: broker.bearer.clone() };
    let scene = Scene {
        targets: [ours, direct(nginx_at), direct(axum_at)],
        processes: [broker.server.id(), nginx.id(), axum.id()],
        broker,
        postgres: postgres.process_id(),
    };
    let mut row = Map::new();
    for connections in CONNECTIONS {
        let series = scene.measure(connections).await?;
        print(connections, &series);
        row.insert(format!("c={connections}"), summary(&series));
    }
    Ok(json!({
        "what": "1 KB JSON POST, 1 KB JSON answer, 0 ms mock upstream, one worker each; ours with lease, policy, hold, \
                 key, capture, receipt and audit, durable",
        "slice_ms": u64::try_from(SLICE.as_millis())?,
        "slices": ORDER.len(),
        "at": row,
    }))
}

impl Scene {
    async fn measure(&self, connections: usize) -> Result<[Series; 3]> {
        let mut series: [Series; 3] = Default::default();
        for order in ORDER {
            for at in order {
                self.slice(at, connections, &mut series[at]).await?;
            }
        }
        Ok(series)
    }

    async fn slice(&self, at: usize, connections: usize, series: &mut Series) -> Result<()> {
        let mut crew = Crew::connect(&self.targets[at], connections).await?;
        let before = self.broker.counts().await?;
        let cpu = (process::cpu(self.processes[at]), process::cpu(self.postgres));
        let sample = crew.run(SLICE).await?;
        let after = (process::cpu(self.processes[at]), process::cpu(self.postgres));
        ensure!(sample.failures == 0, "{} calls through {} failed", sample.failures, NAMES[at]);
        let each = |span: Duration| per(span.as_secs_f64() * 1e6, sample.requests as f64);
        series.cpu.push(each(after.0 - cpu.0));
        series.database_cpu.push(each(after.1 - cpu.1));
        if at == OURS {
            series.counts = series.counts.plus(self.broker.counts().await?.since(before));
        }
        series.add(sample);
        Ok(())
    }
}

impl Series {
    fn add(&mut self, sample: Sample) {
        self.rates.push(sample.rate());
        self.requests += sample.requests;
        self.failures += sample.failures;
        self.elapsed += sample.elapsed;
        self.latencies.extend(sample.latencies);
        self.latencies.sort();
    }

    fn micros(&self, share: f64) -> u128 {
        percentile(&self.latencies, share).as_micros()
    }

    fn json(&self) -> Value {
        json!({
            "requests": self.requests, "failures": self.failures, "rps": median(&self.rates).round(),
            "p50_us": u64::try_from(self.micros(0.5)).unwrap_or(u64::MAX),
            "p99_us": u64::try_from(self.micros(0.99)).unwrap_or(u64::MAX),
            "cpu_us_per_request": round(median(&self.cpu)),
        })
    }
}

fn summary(series: &[Series; 3]) -> Value {
    let mut value: BTreeMap<&str, Value> = NAMES.into_iter().zip(series.iter().map(Series::json)).collect();
    let ours = &series[OURS];
    let counts = ours.counts;
    let ratios = |theirs: &Series| {
        json!({
            "rps": Ratio::of(&ours.rates, &theirs.rates).json(), "cpu": Ratio::of(&ours.cpu, &theirs.cpu).json(),
        })
    };
    value.insert("against nginx", ratios(&series[1]));
    value.insert("against axum", ratios(&series[2]));
    value.insert("postgres_cpu_us_per_request", json!(round(median(&ours.database_cpu))));
    let requests = ours.requests as f64;
    value.insert(
        "train",
        json!({
            "commits_per_second": round(per(counts.commits as f64, ours.elapsed.as_secs_f64())),
            "holds_per_commit": round(per(counts.holds as f64, counts.commits as f64)),
            "intents_per_commit": round(per(counts.intents as f64, counts.commits as f64)),
            "commits_per_request": round(per(counts.commits as f64, requests)),
            "wal_syncs_per_request": round(per(counts.fsyncs as f64, requests)),
        }),
    );
    json!(value)
}

fn print(connections: usize, series: &[Series; 3]) {
    let head = ["", "rps", "p50 µs", "p99 µs", "CPU µs/req", "+ Postgres", "rps: ours / theirs", "CPU: ours / theirs"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let ours = &series[OURS];
    for (at, (name, one)) in NAMES.iter().zip(series).enumerate() {
        let own = at == OURS;
        let ratio = |a: &[f64], b: &[f64]| if own { String::new() } else { Ratio::of(a, b).text() };
        let database = median(&one.database_cpu);
        rows.push(vec![
            (*name).to_owned(),
            format!("{:.0}", median(&one.rates)),
            one.micros(0.5).to_string(),
            one.micros(0.99).to_string(),
            format!("{:.1}", median(&one.cpu)),
            if own { format!("{database:.1}") } else { String::new() },
            ratio(&ours.rates, &one.rates),
            ratio(&ours.cpu, &one.cpu),
        ]);
    }
    report::print(&format!("Row 1, proxied JSON, {connections} connections (median of {} slices)", ORDER.len()), &rows);
    let counts = ours.counts;
    println!(
        "  train: {:.0} commits/s, {:.1} holds and {:.1} intents a commit, {:.3} commits and {:.3} log flushes a request",
        per(counts.commits as f64, ours.elapsed.as_secs_f64()),
        per(counts.holds as f64, counts.commits as f64),
        per(counts.intents as f64, counts.commits as f64),
        per(counts.commits as f64, ours.requests as f64),
        per(counts.fsyncs as f64, ours.requests as f64),
    );
}
