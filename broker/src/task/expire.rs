//! Ends what is over: leases past their time, and holds of nodes that are gone.

use permitpipe_sdk::{
    id::{HoldId, LeaseId, OwnerId, RequestId},
    money::Credits,
};
use serde_json::json;

use crate::{
    app::App,
    audit::{Entry, EntryKind},
    db::{self, hold::Orphan},
    plan::{Close, Ending, Held},
};

/// Orphans closed in one round; the next round takes the rest.
const MOST: i64 = 1_000;

/// One round.
pub async fn run(app: &App) -> Result<(), sqlx::Error> {
    db::lease::expire(&app.pool).await?;
    // Nobody is declared gone by a node that may be gone itself.
    if app.node.is_live() {
        db::node::fence_silent(&app.pool, app.node.id(), app.config.fence_ttl).await?;
    }
    let orphans = db::hold::list_orphans(&app.pool, MOST).await?;
    let closing = orphans.into_iter().map(|orphan| app.train.close(close(orphan)));
    // The train takes them all in one commit; who lost the race against a late capture hears `Gone`.
    futures_util::future::join_all(closing).await;
    Ok(())
}

/// What is known of an orphan: it may have been dialled, so it costs what was journalled, and at least its minimum.
fn close(orphan: Orphan) -> Close {
    let credits = |amount: i64| Credits::parse(amount).unwrap_or(Credits::ZERO);
    let (used, used_budget) = (credits(orphan.used), credits(orphan.used_budget));
    let held = Held {
        owner_id: OwnerId::from_uuid(orphan.owner_id),
        lease_id: LeaseId::from_uuid(orphan.lease_id),
        request_id: RequestId::from_uuid(orphan.request_id),
        hold_id: HoldId::from_uuid(orphan.hold_id),
        amount: credits(orphan.amount),
        budget: credits(orphan.budget),
        operation: orphan.operation,
        price_version: orphan.price_version,
        lease_remaining: std::time::Duration::ZERO,
    };
    let facts = json!({ "end": "crashed", "charged": used, "counted": used_budget, "is_estimated": true });
    let outcome = Entry::new(held.subject(), EntryKind::Outcome, &facts);
    Close { held, ending: Ending::Expired, used, used_budget, is_estimated: true, outcome }
}
