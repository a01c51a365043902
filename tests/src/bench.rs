//! `./dev bench`: measures us beside others, interleaved in one run, and says so where a row was not run.
//!
//! | module | holds |
//! |---|---|
//! | [`proxy`], [`credit`] | row 1 and row 6 |
//! | [`peer`] | nginx, a bare axum proxy and the mock upstream, each a process of its own |
//! | [`broker`] | our own process with an owner, a secret, a policy and a lease |
//! | [`load`] | the client that measures |
//! | [`ground`], [`naive`], [`books`] | row 6: accounts, the path without a train, what must hold afterwards |
//! | [`process`], [`figure`], [`report`] | CPU time; medians and ratios; the table and the file |
// Ratios and percentiles are no money.
#![allow(clippy::float_arithmetic)]

pub mod books;
pub mod broker;
pub mod credit;
pub mod figure;
pub mod ground;
pub mod load;
pub mod naive;
pub mod peer;
pub mod process;
pub mod proxy;
pub mod report;

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use crate::postgres::Postgres;

/// The rows of the plan, and what each is about.
const ROWS: [(u32, &str); 12] = [
    (1, "proxied JSON"),
    (2, "server-sent events"),
    (3, "decision"),
    (4, "lease issue"),
    (5, "token check"),
    (6, "credit"),
    (7, "audit"),
    (8, "revocation"),
    (9, "indexer"),
    (10, "compute units"),
    (11, "cold start"),
    (12, "memory"),
];

/// Runs the named rows, or all that there are; prints the tables and writes `results`.
pub async fn run(wanted: &[u32], results: &str) -> Result<()> {
    for number in wanted {
        ensure!(ROWS.iter().any(|(row, _)| row == number), "there is no row {number}: rows are 1 to {}", ROWS.len());
    }
    // Whoever else in this process installed one: there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let postgres = Postgres::start_durable();
    let mut rows = Map::new();
    for (number, title) in ROWS {
        let is_wanted = wanted.is_empty() || wanted.contains(&number);
        let row = match number {
            1 if is_wanted => proxy::run(&postgres).await?,
            6 if is_wanted => credit::run(&postgres).await?,
            1 | 6 => json!({ "not_run": "not asked for" }),
            _ => json!({ "not_run": "not built yet" }),
        };
        if let Some(why) = row.get("not_run").and_then(Value::as_str) {
            println!("row {number:>2} {title}: not run ({why})");
        }
        rows.insert(number.to_string(), row);
    }
    report::write(results, rows)
}
