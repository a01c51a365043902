//! Modules import in one direction, and SQL, open secrets and signed transactions each have one place.

use crate::{
    Finding,
    reference::{references, words},
    repository::Repository,
    source::Source,
};

/// A place, and what may not be named there.
struct Arrow {
    /// Modules (`broker/src/db` is `db.rs` and everything below `db/`), or whole folders.
    from: &'static [&'static str],
    /// Modules inside of `from` that may.
    except: &'static [&'static str],
    /// Paths as [`crate::reference::Reference::reaches`] reads them.
    to: &'static [&'static str],
    why: &'static str,
}

const ARROWS: &[Arrow] = &[
    Arrow {
        from: &["sdk", "indexer", "broker", "cli"],
        except: &["sdk/src/chain"],
        to: &["permitpipe_program"],
        why: "only the sdk's chain module knows the program crate: name what you need there",
    },
    Arrow {
        from: &["indexer"],
        except: &[],
        to: &["permitpipe_broker"],
        why: "indexer and broker meet in Postgres and nowhere else",
    },
    Arrow {
        from: &["broker"],
        except: &[],
        to: &["permitpipe_indexer"],
        why: "indexer and broker meet in Postgres and nowhere else",
    },
    Arrow {
        from: &["broker/src/db"],
        except: &[],
        to: &[
            "crate::pipeline",
            "crate::router",
            "crate::api",
            "crate::task",
            "crate::train",
            "crate::authenticate",
            "crate::authorize",
            "crate::estimate",
            "crate::reserve",
            "crate::forward",
            "crate::capture",
        ],
        why: "SQL is below the phases: take plain values",
    },
    Arrow {
        from: &["sdk", "indexer", "broker", "cli", "programs/permitpipe"],
        except: &["broker/src/db", "indexer/src/apply", "indexer/src/cursor"],
        to: &["sqlx::query*", "sqlx::raw_sql", "sqlx::QueryBuilder"],
        why: "SQL stands in broker/src/db and in the indexer's apply and cursor",
    },
    Arrow {
        from: &["broker", "cli", "sdk", "indexer"],
        except: &["broker/src/secret", "broker/src/forward", "broker/src/task/rotate"],
        to: &["crate::secret::open", "permitpipe_broker::secret::open"],
        why: "only forward and task/rotate open a secret",
    },
];

/// The phases in the order of the pipeline: each may know those before it.
const PHASES: &[&str] = &["authenticate", "action", "authorize", "estimate", "reserve", "forward", "capture"];
/// Above the phases: none of them may know these.
const ABOVE_PHASES: &[&str] = &["crate::pipeline", "crate::router", "crate::api", "crate::task"];

/// Where broker and indexer may send a transaction to the chain.
const SUBMITTERS: &[&str] = &["broker/src/task/settle", "broker/src/task/anchor"];

pub fn findings(repository: &Repository) -> Vec<Finding> {
    let sources = || repository.sources.iter();
    let mut found: Vec<_> =
        sources().flat_map(|source| ARROWS.iter().flat_map(|arrow| follow(source, arrow))).collect();
    found.extend(sources().flat_map(later_phases));
    found.extend(sources().flat_map(submissions));
    found
}

fn finding(source: &Source, line: usize, message: String) -> Finding {
    Finding { rule: "arrow", path: source.path.clone(), line, message }
}

fn follow(source: &Source, arrow: &Arrow) -> Vec<Finding> {
    let is_in = |modules: &[&str]| modules.iter().any(|module| source.is_in(module));
    if !is_in(arrow.from) || is_in(arrow.except) { Vec::new() } else { forbid(source, arrow.to, arrow.why) }
}

fn forbid<S: AsRef<str>>(source: &Source, targets: &[S], why: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for reference in references(source) {
        if targets.iter().any(|target| reference.reaches(target.as_ref())) {
            let message = format!("names {}: {why}", reference.path.join("::"));
            found.push(finding(source, reference.line, message));
        }
    }
    found
}

fn later_phases(source: &Source) -> Vec<Finding> {
    let Some(position) = PHASES.iter().position(|phase| source.is_in(&format!("broker/src/{phase}"))) else {
        return Vec::new();
    };
    let later = PHASES[position + 1..].iter().map(|phase| format!("crate::{phase}"));
    let targets: Vec<_> = later.chain(ABOVE_PHASES.iter().map(|path| (*path).to_owned())).collect();
    forbid(source, &targets, "a phase knows the phases before it only")
}

fn submissions(source: &Source) -> Vec<Finding> {
    let is_judged = source.is_in("broker") || source.is_in("indexer");
    if !is_judged || SUBMITTERS.iter().any(|module| source.is_in(module)) {
        return Vec::new();
    }
    let sends = |word: &str| word.starts_with("send_") && word.contains("transaction");
    let words = words(source).into_iter().filter(|(_, word)| sends(word));
    words
        .map(|(line, word)| finding(source, line, format!("{word}: only task/settle and task/anchor submit")))
        .collect()
}

#[test]
fn the_repository_obeys() {
    crate::obey(findings);
}

#[test]
fn each_backward_arrow_is_found() {
    for (path, bad) in [
        ("broker/src/api/vault.rs", "use permitpipe_program::state::Vault;"),
        ("sdk/src/client.rs", "fn f() { permitpipe_program::id(); }"),
        ("indexer/src/apply.rs", "use permitpipe_broker::ledger;"),
        ("broker/src/app.rs", "use permitpipe_indexer as i;"),
        ("broker/src/db/lease.rs", "use crate::{ledger, reserve::Hold};"),
        ("broker/src/db.rs", "fn f() { crate::capture::go() }"),
        ("broker/src/db/ledger.rs", "use super::super::task;"),
        ("broker/src/capture.rs", "fn f() { sqlx::query(\"x\"); }"),
        ("broker/src/train.rs", "use sqlx::{PgPool, query_as};"),
        ("indexer/src/source.rs", "fn f() { sqlx::query!(\"x\"); }"),
        ("cli/src/main.rs", "use sqlx::QueryBuilder;"),
        ("broker/src/api/secret.rs", "use crate::secret;\nfn f() { secret::open() }"),
        ("broker/src/capture.rs", "use crate::secret::*;"),
        ("cli/src/secret.rs", "use permitpipe_broker::secret::open;"),
        ("broker/src/authorize.rs", "use crate::reserve::Hold;"),
        ("broker/src/forward/redact.rs", "use crate::capture::Receipt;"),
        ("broker/src/reserve.rs", "use crate::{db, pipeline};"),
        ("broker/src/api/vault.rs", "async fn f() { rpc.send_and_confirm_transaction(&t).await }"),
        ("indexer/src/source.rs", "fn f() { client.send_transaction(t) }"),
    ] {
        assert_eq!(findings(&Repository::sample(&[(path, bad)])).len(), 1, "{path}: {bad}");
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    for (path, good) in [
        ("sdk/src/chain.rs", "use permitpipe_program::state;"),
        ("tests/src/world.rs", "use permitpipe_program::state; fn f() { sqlx::query(\"x\") }"),
        ("broker/src/db/lease.rs", "use crate::ledger; fn f() { sqlx::query(\"x\") }"),
        ("indexer/src/apply/vault.rs", "fn f() { sqlx::query(\"x\") }"),
        ("indexer/src/lib.rs", "fn f() { sqlx::migrate!(\"x\") }"),
        ("broker/src/forward.rs", "use crate::{secret::open, reserve::Hold, authorize::Permit};"),
        ("broker/src/api/secret.rs", "use crate::secret::seal;"),
        ("broker/src/task/settle.rs", "fn f() { rpc.send_transaction(t) }"),
        ("cli/src/topup.rs", "fn f() { rpc.send_transaction(t) }"),
        ("broker/src/capture.rs", "#[cfg(test)]\nmod tests { fn f() { sqlx::query(\"x\") } }"),
    ] {
        assert_eq!(findings(&Repository::sample(&[(path, good)])), [], "{path}: {good}");
    }
}
