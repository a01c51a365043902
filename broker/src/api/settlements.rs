//! `/v1/settlements`.

use axum::{Json, extract::State};
use permitpipe_sdk::wire;

use super::extract::Owner;
use crate::{app::App, db, error::Error};

/// The owner's settlements, newest first, at most 1,000.
pub async fn list(State(app): State<App>, owner: Owner) -> Result<Json<wire::SettlementPage>, Error> {
    let settlements = db::settlement::list(&app.pool, owner.id, 1_000).await?;
    Ok(Json(wire::SettlementPage { settlements }))
}
