//! Waiting until every node has carried out what an epoch changed.

use std::time::Duration;

use crate::{app::App, db, error::Error};

/// Between two looks at who is behind.
const LOOK: Duration = Duration::from_millis(5);

/// Returns when no live node is behind `epoch`. A node that is silent is declared gone: it knew so before us.
pub async fn carried_out(app: &App, epoch: i64) -> Result<(), Error> {
    app.node.nudge();
    while db::node::count_behind(&app.pool, epoch).await? > 0 {
        db::node::fence_silent(&app.pool, app.node.id(), app.config.fence_ttl).await?;
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
