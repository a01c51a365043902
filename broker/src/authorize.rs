//! May they: the lease's scopes, then the owner's policy as it stands now.

use std::sync::Arc;

use permitpipe_sdk::{id::OwnerId, scope::Scope};

use crate::{
    action::Action,
    app::App,
    audit::{Entry, EntryKind},
    authenticate::Caller,
    db,
    error::{Error, Kind},
    policy::{Compiled, Document, Effect},
};

/// An owner's policy, compiled.
pub struct CurrentPolicy {
    pub(crate) stored: db::policy::StoredPolicy,
    pub(crate) compiled: Compiled,
}

/// Proof that this caller may do this action. Only [`authorize`] makes one.
pub struct Permit {
    pub(crate) caller: Caller,
    pub(crate) action: Action,
    pub(crate) policy_version: i32,
    pub(crate) rule: String,
}

/// Lets the action pass, or refuses it and records the refusal.
pub async fn authorize(app: &App, caller: Caller, action: Action) -> Result<Permit, Error> {
    match decide(app, &caller, &action).await {
        Ok((policy_version, rule)) => Ok(Permit { caller, action, policy_version, rule }),
        Err(error) => Err(refuse(app, &caller, action.scope.as_str(), error).await),
    }
}

/// The policy version and the rule that allow it.
async fn decide(app: &App, caller: &Caller, action: &Action) -> Result<(i32, String), Error> {
    let lease = &caller.lease;
    if !is_covered(action, &lease.allowed) {
        let allowed = lease.allowed.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Error::new(
            Kind::Forbidden,
            "scope_not_granted",
            format!(
                "This lease does not cover `{}` on `{}`; it covers: {allowed}. Ask for a lease with that scope.",
                action.scope.as_str(),
                action.template.name
            ),
        ));
    }
    let policy = current_policy(app, lease.owner_id).await?.ok_or_else(no_policy)?;
    let decision = policy.compiled.decide_request(&lease.agent, &action.template.name, &action.scope);
    if decision.effect == Effect::Allow {
        return Ok((policy.stored.version, decision.rule));
    }
    Err(Error::new(
        Kind::Forbidden,
        "policy_denied",
        format!(
            "Policy version {} does not let agent `{}` do `{}` on `{}` now: {} (rule `{}`). The owner can change the policy.",
            policy.stored.version,
            lease.agent,
            action.scope.as_str(),
            action.template.name,
            decision.reason,
            decision.rule
        ),
    ))
}

/// A dangerous operation has to be named; no wildcard covers it.
fn is_covered(action: &Action, allowed: &[Scope]) -> bool {
    let names = |scope: &&Scope| !(action.operation.is_dangerous && scope.is_wildcard());
    allowed.iter().filter(names).any(|scope| scope.covers(&action.scope))
}

/// The owner's current policy, compiled; from memory while the epoch stands.
pub(crate) async fn current_policy(app: &App, owner_id: OwnerId) -> Result<Option<Arc<CurrentPolicy>>, Error> {
    if let Some(policy) = app.cache.policy(owner_id) {
        return Ok(Some(policy));
    }
    let epoch = app.node.epoch();
    let Some(stored) = db::policy::find_current(&app.pool, owner_id).await? else { return Ok(None) };
    // It compiled when it was applied; a document that no longer does must refuse, not pass.
    let document = Document::parse(&stored.document).map_err(|lints| Error::internal(format!("{lints:?}")))?;
    let compiled = Compiled::compile(&document).map_err(Error::internal)?;
    let policy = Arc::new(CurrentPolicy { stored, compiled });
    if app.node.epoch() == epoch {
        app.cache.keep_policy(owner_id, Arc::clone(&policy));
    }
    Ok(Some(policy))
}

pub(crate) fn no_policy() -> Error {
    let message = "The owner has no policy, and what no policy allows is denied. Apply one: `permitpipe policy apply FILE`.";
    Error::new(Kind::Forbidden, "no_policy", message)
}

/// Puts a refusal on record before it is answered. Where the log cannot be written, that is the answer.
pub(crate) async fn refuse(app: &App, caller: &Caller, what: &str, error: Error) -> Error {
    let facts = serde_json::json!({
        "code": error.code, "operation": what, "agent": caller.lease.agent, "service": caller.lease.template.name,
        "lease_hash": caller.lease.lease_hash, "status": error.kind.status().as_u16(),
    });
    let entry = Entry::new(caller.subject(), EntryKind::Refusal, &facts);
    let entry_id = entry.entry_id;
    match tokio::time::timeout(crate::reserve::PATIENCE, app.train.record(entry)).await {
        Ok(Some(_)) => error.about(caller.request_id, Some(entry_id)),
        _ => Error::unavailable("the refusal could not be recorded").about(caller.request_id, None),
    }
}
