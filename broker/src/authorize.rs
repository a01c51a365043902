//! May they: the lease's scopes and the owner's policy as it stands now, decided together.

use std::sync::Arc;

use permitpipe_sdk::id::OwnerId;

use crate::{
    action::Action,
    app::App,
    authenticate::Caller,
    db,
    error::{Error, Kind},
    policy::{Call, Compiled, Document, Effect},
    refusal::refuse,
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
    let policy = current_policy(app, lease.owner_id).await?.ok_or_else(no_policy)?;
    let decision = policy.compiled.decide_call(&Call::of(&lease.agent, &lease.allowed, action));
    if decision.effect == Effect::Allow {
        return Ok((policy.stored.version, decision.rule));
    }
    let allowed = lease.allowed.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
    let message = format!(
        "`{}` on `{}` is not allowed: {} (rule `{}`, policy version {}). This lease covers: {allowed}. Ask for a lease \
         with the scope, or have the owner change the policy.",
        action.scope.as_str(),
        action.template.name,
        decision.reason.trim_end_matches('.'),
        decision.rule,
        policy.stored.version
    );
    Err(Error::new(Kind::Forbidden, "not_allowed", message))
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
    let message =
        "The owner has no policy, and what no policy allows is denied. Apply one: `permitpipe policy apply FILE`.";
    Error::new(Kind::Forbidden, "no_policy", message)
}
