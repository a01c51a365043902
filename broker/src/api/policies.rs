//! `/v1/policies/default`: the owner's rules, version by version.

use axum::{Json, extract::State};
use permitpipe_sdk::{id::RequestId, wire};
use sha2::{Digest, Sha256};

use super::{
    epoch,
    extract::{Owner, Text, not_found},
};
use crate::{
    app::App,
    audit::{Entry, EntryKind, Subject},
    db,
    error::{Error, Kind},
    policy::{Compiled, Document},
};

/// Checks a document and makes it the current version. The old one stays active until then; answers when every live
/// node decides by the new one.
pub async fn apply(State(app): State<App>, owner: Owner, Text(yaml): Text) -> Result<Json<wire::PolicyVersion>, Error> {
    let document = Document::parse(&yaml).map_err(|lints| {
        let lines: Vec<String> = lints.iter().map(ToString::to_string).collect();
        Error::new(Kind::Malformed, "policy_invalid", format!("The policy is not valid:\n{}", lines.join("\n")))
    })?;
    Compiled::compile(&document).map_err(|error| {
        Error::new(Kind::Malformed, "policy_invalid", format!("The policy does not compile: {error}"))
    })?;
    let hash: [u8; 32] = Sha256::digest(yaml.as_bytes()).into();
    let mut tx = app.pool.begin().await?;
    let stored = db::policy::insert(&mut tx, owner.id, &hash, &yaml).await?;
    let epoch = db::node::bump_epoch(&mut tx).await?;
    let subject = Subject { owner_id: owner.id, request_id: RequestId::generate(), lease_id: None };
    let facts = serde_json::json!({
        "policy_id": stored.policy_id, "version": stored.version, "content_hash": hex::encode(hash),
    });
    db::audit::insert(&mut tx, &[&Entry::new(subject, EntryKind::PolicyApplied, &facts)]).await?;
    tx.commit().await?;
    epoch::carried_out(&app, epoch).await?;
    Ok(Json(wire::PolicyVersion {
        policy_id: stored.policy_id,
        version: stored.version,
        content_hash: hex::encode(hash),
    }))
}

/// The current document.
pub async fn show(State(app): State<App>, owner: Owner) -> Result<String, Error> {
    Ok(db::policy::find_current(&app.pool, owner.id).await?.ok_or_else(not_found)?.document)
}
