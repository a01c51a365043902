//! The rules about money and access are plain functions: no clock, no I/O, no `async`.

use crate::{
    Finding,
    reference::{references, words},
    repository::Repository,
    source::Source,
};

const PURE: &[&str] = &[
    "programs/permitpipe/src/math",
    "sdk/src/money",
    "sdk/src/scope",
    "sdk/src/receipt",
    "sdk/src/proof",
    "broker/src/path",
    "broker/src/action",
    "broker/src/estimate",
    "broker/src/ledger",
    "broker/src/meter",
    "broker/src/policy",
];
const KEYWORDS: &[&str] = &["async", "await"];
const IMPURE: &[&str] = &[
    "tokio",
    // Not all of sqlx: a derived `sqlx::Type` says how a value is stored, and does nothing.
    "sqlx::query*",
    "sqlx::raw_sql",
    "sqlx::Pg*",
    "sqlx::Postgres",
    "sqlx::Pool",
    "sqlx::Transaction",
    "sqlx::Executor",
    "sqlx::Connection",
    "reqwest",
    "hyper",
    "hyper_util",
    "axum",
    "solana_client",
    "getrandom",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::SystemTime",
    "std::time::Instant",
    "time::OffsetDateTime::now_utc",
    "crate::db",
    "crate::clock",
];

pub fn findings(repository: &Repository) -> Vec<Finding> {
    let pure = repository.sources.iter().filter(|source| PURE.iter().any(|module| source.is_in(module)));
    pure.flat_map(file).collect()
}

fn file(source: &Source) -> Vec<Finding> {
    let impure = references(source).into_iter().filter(|reference| IMPURE.iter().any(|path| reference.reaches(path)));
    let named = impure.map(|reference| finding(source, reference.line, &reference.path.join("::")));
    // Also where the type came in by a way that the paths do not show.
    let clocks = references(source).into_iter().filter(|reference| {
        let end = reference.path.iter().rev().take(2).rev().map(String::as_str).collect::<Vec<_>>();
        [["Instant", "now"], ["SystemTime", "now"]].iter().any(|clock| end == clock) && reference.path.len() == 2
    });
    let clocks = clocks.map(|reference| finding(source, reference.line, &reference.path.join("::")));
    let keywords = words(source).into_iter().filter(|(_, word)| KEYWORDS.contains(&word.as_str()));
    named.chain(clocks).chain(keywords.map(|(line, word)| finding(source, line, &word))).collect()
}

fn finding(source: &Source, line: usize, what: &str) -> Finding {
    let message = format!("{what}: this module is pure; take the value as an argument");
    Finding { rule: "pure", path: source.path.clone(), line, message }
}

#[test]
fn the_repository_obeys() {
    crate::obey(findings);
}

#[test]
fn clocks_io_and_async_are_found_in_pure_modules_only() {
    for bad in [
        "async fn f() {}",
        "fn f() { std::time::Instant::now(); }",
        "fn f() { Instant::now(); }",
        "fn f() -> std::time::SystemTime { x }",
        "fn f(r: tokio::sync::oneshot::Sender<u8>) {}",
        "use std::fs;",
        "use std::{env::var, fmt};",
        "use crate::db::lease;",
        "fn f(pool: &sqlx::PgPool) {}",
        "fn f() { time::OffsetDateTime::now_utc(); }",
    ] {
        for path in ["sdk/src/money.rs", "broker/src/policy/compile.rs", "programs/permitpipe/src/math.rs"] {
            assert!(!findings(&Repository::sample(&[(path, bad)])).is_empty(), "{path}: {bad}");
        }
        assert_eq!(findings(&Repository::sample(&[("broker/src/task/expire.rs", bad)])), []);
    }
    let good =
        "use std::{fmt, time::Duration}; fn f(now: time::OffsetDateTime) {} #[cfg(test)] mod t { use tokio::x; }";
    assert_eq!(findings(&Repository::sample(&[("sdk/src/money.rs", good)])), []);
}
