//! `/v1/audit/trail`: the owner's log.

use axum::{Json, extract::State};
use permitpipe_sdk::{id::EntryId, wire};
use serde::Deserialize;

use super::extract::{Owner, Query};
use crate::{
    app::App,
    db,
    error::{Error, Kind},
};

/// Which page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// 1 to 1,000; 100 unless said.
    limit: Option<u16>,
    /// The last entry of the page before.
    after: Option<String>,
}

/// A page of entries, oldest first.
pub async fn trail(
    State(app): State<App>,
    owner: Owner,
    Query(page): Query<Page>,
) -> Result<Json<wire::AuditPage>, Error> {
    let limit = page.limit.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        let message = format!("`limit` is {limit}; it must be from 1 to 1000.");
        return Err(Error::new(Kind::Malformed, "bad_limit", message));
    }
    let after: Option<EntryId> = page
        .after
        .map(|text| text.parse())
        .transpose()
        .map_err(|error| Error::new(Kind::Malformed, "bad_cursor", format!("`after` is {error}.")))?;
    let entries = db::audit::list(&app.pool, owner.id, after, i64::from(limit)).await?;
    let next = entries.last().map(|entry| entry.entry_id);
    Ok(Json(wire::AuditPage { entries, next }))
}
