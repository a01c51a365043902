//! `/v1/whoami`.

use axum::Json;
use permitpipe_sdk::wire;

use super::extract::Owner;

/// Whose key this is.
pub async fn whoami(owner: Owner) -> Json<wire::Whoami> {
    Json(wire::Whoami { owner_id: owner.id, scopes: owner.scopes })
}
