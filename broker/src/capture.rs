//! What it came to: charge, receipt and the closing audit entry, in one transaction.

use std::time::Duration;

use permitpipe_sdk::money::Credits;
use serde_json::json;

use crate::{
    action::Action,
    app::App,
    audit::{Entry, EntryKind},
    estimate::{Charge, charge},
    forward::{End, Outcome},
    plan::{Close, Ending, Verdict},
    reserve::{Hold, charged},
    service::UsageReader,
};

/// Between two tries of a capture that the database refused.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Closes the hold. Waits as long as it takes: a capture is never given up by a live process.
pub async fn capture(app: &App, hold: Hold, action: &Action, outcome: Outcome) {
    let Hold { held, stream, is_resold, price_version } = hold;
    // Nothing more is written in either direction: revocations need not wait for the bookkeeping.
    drop(stream);
    let is_dialled = outcome.end != End::NotDialled;
    let cost = cost(app, action, &outcome);
    let is_estimated = is_dialled && !is_refusal(&outcome) && lacks_usage(action, &outcome);
    let used = charged(&cost, is_resold);
    let facts = json!({
        "end": end_name(outcome.end), "status": outcome.status, "charged": used, "counted": cost.total(),
        "upstream": cost.upstream, "fee": cost.fee, "is_estimated": is_estimated, "price_version": price_version,
        "input_tokens": outcome.usage.input_tokens, "output_tokens": outcome.usage.output_tokens,
        "request_bytes": outcome.usage.request_bytes, "response_bytes": outcome.usage.response_bytes,
        "redactions": outcome.redactions,
    });
    let entry = Entry::new(held.subject(), EntryKind::Outcome, &facts);
    let ending = if is_dialled { Ending::Captured } else { Ending::Voided };
    let (used, used_budget) = if is_dialled { (used, cost.total()) } else { (Credits::ZERO, Credits::ZERO) };
    end(app, Close { held, ending, used, used_budget, is_estimated, outcome: entry }).await;
}

/// A live process gives no capture up: one that the database refused is tried again, ever more seldom.
async fn end(app: &App, close: Close) {
    let mut pause = Duration::from_secs(1);
    while let Some(Verdict::Broken) = app.train.close(close.clone()).await {
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

/// What the exchange cost: nothing when it was not dialled, our fee alone when the upstream answered with a refusal and
/// reported no usage, else by usage.
fn cost(app: &App, action: &Action, outcome: &Outcome) -> Charge {
    if outcome.end == End::NotDialled {
        return Charge::default();
    }
    let cost = charge(action, &app.config.fees, &outcome.usage);
    if is_refusal(outcome) { Charge { upstream: Credits::ZERO, ..cost } } else { cost }
}

fn is_refusal(outcome: &Outcome) -> bool {
    outcome.status.is_some_and(|status| status >= 400) && outcome.usage.output_tokens.is_none()
}

fn lacks_usage(action: &Action, outcome: &Outcome) -> bool {
    action.operation.usage != UsageReader::None && outcome.usage.output_tokens.is_none()
}

const fn end_name(end: End) -> &'static str {
    match end {
        End::NotDialled => "not_dialled",
        End::Completed => "completed",
        End::ClientGone => "client_gone",
        End::Unreachable => "upstream_unreachable",
        End::TimedOut => "upstream_timed_out",
        End::Cut => "upstream_cut",
        End::Garbage => "upstream_garbage",
        End::Killed => "revoked",
        End::LimitReached => "limit_reached",
    }
}
