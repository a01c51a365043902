//! Renews the heartbeat, carries out epochs, and stops serving before anybody may assume that we are gone.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{app::App, clock::Moment, db};

/// How often the epoch is looked at. A look writes nothing.
const BEAT: Duration = Duration::from_millis(100);

/// How often the deadline is looked at; less than what is kept back of the fence's time.
const WATCH: Duration = Duration::from_millis(50);

/// How often the row is renewed.
const RENEWAL: Duration = Duration::from_millis(500);

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

/// Cuts everything once this node is past its deadline. It waits for nobody: a database that hangs hangs `run`, not this.
pub async fn watch(app: App, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if !app.node.is_live() {
            app.node.cut_all().await;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(WATCH) => {}
        }
    }
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

/// What one beat found out.
enum Beat {
    /// The heartbeat that was sent then stands; this is the epoch.
    Renewed(Moment, i64),
    /// Not due yet; this is the epoch.
    Looked(i64),
    /// Another node has declared this one gone.
    Fenced,
}

/// Beats until this incarnation is fenced or `stop`.
async fn beat(app: &App, stop: &CancellationToken) {
    let serving = app.config.fence_ttl.saturating_sub(MARGIN);
    let mut since = Moment::now();
    while !stop.is_cancelled() {
        // A database that hangs must not keep us past our own deadline.
        let left = serving.saturating_sub(since.elapsed()).max(BEAT);
        match tokio::time::timeout(left, once(app, since)).await {
            Ok(Ok(Beat::Renewed(sent, epoch))) => {
                app.node.extend(sent, serving);
                since = sent;
                let _ = carry_out(app, epoch).await;
            }
            Ok(Ok(Beat::Looked(epoch))) => {
                let _ = carry_out(app, epoch).await;
            }
            Ok(Ok(Beat::Fenced)) => {
                tracing::warn!("fenced by another node; joining again");
                app.node.cut_all().await;
                app.node.reincarnate();
                return;
            }
            _ => {} // `watch` cuts what runs once the deadline is past
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.node.nudged() => {}
            () = tokio::time::sleep(BEAT) => {}
        }
    }
}

/// Renews where it is due, else only looks.
async fn once(app: &App, since: Moment) -> Result<Beat, sqlx::Error> {
    if since.elapsed() < RENEWAL {
        return Ok(Beat::Looked(db::node::get_epoch(&app.pool).await?));
    }
    let sent = Moment::now();
    let epoch = db::node::renew(&app.pool, app.node.id(), app.node.epoch()).await?;
    Ok(epoch.map_or(Beat::Fenced, |epoch| Beat::Renewed(sent, epoch)))
}

/// Where the epoch has moved: forgets what may have changed, cuts the streams of leases that are over, and says so.
async fn carry_out(app: &App, epoch: i64) -> Result<(), sqlx::Error> {
    if epoch <= app.node.epoch() {
        return Ok(());
    }
    app.cache.clear();
    let ended = db::node::list_ended(&app.pool, &app.node.leases_under_way()).await?;
    app.node.cut(&ended).await;
    app.node.confirm(epoch);
    // A read that began before may have put something old back in between.
    app.cache.clear();
    // Somebody waits for this: do not leave it to the next beat.
    db::node::renew(&app.pool, app.node.id(), epoch).await?;
    Ok(())
}
