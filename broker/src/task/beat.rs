//! Renews the heartbeat, carries out epochs, and stops serving before anybody may assume that we are gone.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{app::App, clock::Moment, db};

/// How often the row is renewed, and with it the epoch looked at.
const BEAT: Duration = Duration::from_millis(100);

/// Part of the fence's time that is kept back, for the last write to leave the process.
const MARGIN: Duration = Duration::from_millis(200);

/// Beats until `stop`, then leaves. The node has joined already; whenever it is fenced it joins again, as another.
pub async fn run(app: App, stop: CancellationToken) {
    beat(&app, &stop).await;
    while !stop.is_cancelled() {
        match join(&app).await {
            Ok(()) => beat(&app, &stop).await,
            Err(error) => {
                tracing::warn!(%error, "cannot join");
                tokio::time::sleep(BEAT).await;
            }
        }
    }
    app.node.cut_all().await;
    let _ = db::node::leave(&app.pool, app.node.id()).await;
}

/// Enters under a fresh id, with nothing under way.
pub async fn join(app: &App) -> Result<(), sqlx::Error> {
    app.cache.clear();
    let sent = Moment::now();
    let epoch = db::node::join(&app.pool, app.node.id(), &app.config.node_name).await?;
    app.node.confirm(epoch);
    app.node.extend(sent, app.config.fence_ttl.saturating_sub(MARGIN));
    Ok(())
}

/// Beats until this incarnation is fenced or `stop`.
async fn beat(app: &App, stop: &CancellationToken) {
    let serving = app.config.fence_ttl.saturating_sub(MARGIN);
    let mut since = Moment::now();
    while !stop.is_cancelled() {
        let sent = Moment::now();
        // A database that hangs must not keep us past our own deadline.
        let left = serving.saturating_sub(since.elapsed()).max(BEAT);
        let renewed = tokio::time::timeout(left, db::node::renew(&app.pool, app.node.id(), app.node.epoch())).await;
        match renewed {
            Ok(Ok(Some(epoch))) => {
                app.node.extend(sent, serving);
                since = sent;
                if epoch > app.node.epoch() && carry_out(app, epoch).await.is_ok() {
                    continue; // confirm at once: somebody waits for it
                }
            }
            Ok(Ok(None)) => {
                tracing::warn!("fenced by another node; joining again");
                app.node.cut_all().await;
                app.node.reincarnate();
                return;
            }
            _ if !app.node.is_live() => app.node.cut_all().await,
            _ => {}
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.node.nudged() => {}
            () = tokio::time::sleep(BEAT) => {}
        }
    }
}

/// Forgets what may have changed and cuts the streams of leases that are over; only then is the epoch ours.
async fn carry_out(app: &App, epoch: i64) -> Result<(), sqlx::Error> {
    app.cache.clear();
    let ended = db::node::list_ended(&app.pool, &app.node.leases_under_way()).await?;
    app.node.cut(&ended).await;
    app.node.confirm(epoch);
    // A read that began before may have put something old back in between.
    app.cache.clear();
    Ok(())
}
