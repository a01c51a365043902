//! Liveness, readiness, counters.

use std::sync::atomic::Ordering;

use axum::extract::State;
use http::StatusCode;

use crate::app::App;

/// The process runs.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The node may serve: its heartbeat is fresh, so the database answers.
pub async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    if app.node.is_live() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the heartbeat is stale: is Postgres up?\n")
    }
}

/// The train's counters, in Prometheus' text format.
pub async fn metrics(State(app): State<App>) -> String {
    let counters = &app.counters;
    [
        ("permitpipe_train_commits_total", "Transactions that the train committed.", &counters.commits),
        ("permitpipe_train_intents_total", "Holds, captures and entries that they carried.", &counters.intents),
        ("permitpipe_train_holds_total", "Holds granted.", &counters.holds),
    ]
    .iter()
    .map(|(name, help, value)| {
        format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {}\n", value.load(Ordering::Relaxed))
    })
    .collect()
}
