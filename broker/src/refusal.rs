//! Refusals of a known lease go on record before they are answered.

use crate::{
    app::App,
    audit::{Entry, EntryKind},
    authenticate::Caller,
    error::Error,
    train::PATIENCE,
};

/// Puts a refusal on record before it is answered. Where the log cannot be written, that is the answer.
pub(crate) async fn refuse(app: &App, caller: &Caller, what: &str, error: Error) -> Error {
    let facts = serde_json::json!({
        "code": error.code, "operation": what, "agent": caller.lease.agent, "service": caller.lease.template.name,
        "lease_hash": caller.lease.lease_hash, "status": error.kind.status().as_u16(),
    });
    let entry = Entry::new(caller.subject(), EntryKind::Refusal, &facts);
    let entry_id = entry.entry_id;
    match tokio::time::timeout(PATIENCE, app.train.record(entry)).await {
        Ok(Some(_)) => error.about(caller.request_id, Some(entry_id)),
        _ => Error::unavailable("the refusal could not be recorded").about(caller.request_id, None),
    }
}
