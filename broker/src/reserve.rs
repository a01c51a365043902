//! Can they pay: holds the worst case, opens the audit, and makes the request cuttable, before anything is dialled.

use permitpipe_sdk::{id::HoldId, money::Credits};
use serde_json::json;

use crate::{
    app::App,
    audit::{Entry, EntryKind},
    authorize::Permit,
    error::{Error, Kind},
    estimate::{Charge, Estimate},
    node::Stream,
    plan::{Ask, Close, Grant, Held, Refusal, Verdict},
    train::PATIENCE,
};

/// Proof that the worst case is held and the intent is on record. Only [`reserve`] makes one.
pub struct Hold {
    pub(crate) held: Held,
    /// While this lives, a revocation waits for us.
    pub(crate) stream: Stream,
    pub(crate) is_resold: bool,
    pub(crate) price_version: String,
}

/// Holds the worst case, in one transaction with the audit intent. Checks the fence again after the commit.
pub async fn reserve(app: &App, permit: &Permit, estimate: Estimate) -> Result<Hold, Error> {
    let caller = &permit.caller;
    let stream = app.node.register(caller.lease.lease_id, caller.request_id);
    let kill = stream.kill();
    let verdict = tokio::select! {
        verdict = tokio::time::timeout(PATIENCE, app.train.reserve(ask(app, permit, &estimate))) => verdict,
        // A revocation does not wait for our commit: whatever it grants is voided, since nobody listens.
        () = kill.cancelled() => return Err(ended().about(caller.request_id, None)),
    };
    let held = match verdict {
        Ok(Some(Verdict::Granted(Grant(held)))) => held,
        Ok(Some(Verdict::Refused(refusal, entry_id))) => {
            return Err(refused(refusal).about(caller.request_id, entry_id));
        }
        Ok(Some(_)) => return Err(Error::internal("the hold was not written").about(caller.request_id, None)),
        Ok(None) | Err(_) => {
            return Err(Error::unavailable("no commit within the patience of a request").about(caller.request_id, None));
        }
    };
    if !app.node.is_live() || kill.is_cancelled() {
        app.train.close(Close::void(held, "the node was fenced or the lease ended before dialling")).await;
        return Err(ended().about(caller.request_id, None));
    }
    let price_version = permit.action.template.price_version.clone();
    Ok(Hold { held, stream, is_resold: caller.lease.secret.is_resold, price_version })
}

/// Cut before it was dialled: the lease is over, or this node is. The next try tells which.
fn ended() -> Error {
    Error::unavailable("cut between the request and its dial")
}

fn ask(app: &App, permit: &Permit, estimate: &Estimate) -> Ask {
    let (caller, action) = (&permit.caller, &permit.action);
    let is_resold = caller.lease.secret.is_resold;
    let facts = json!({
        "agent": caller.lease.agent, "service": action.template.name, "operation": action.scope.as_str(),
        "method": action.method.as_str(), "path": action.path, "model": action.model,
        "lease_hash": caller.lease.lease_hash, "policy_version": permit.policy_version, "rule": permit.rule,
        "held": charged(&estimate.worst, is_resold), "counted": estimate.worst.total(),
        "price_version": action.template.price_version,
    });
    Ask {
        owner_id: caller.lease.owner_id,
        lease_id: caller.lease.lease_id,
        request_id: caller.request_id,
        hold_id: HoldId::generate(),
        node_id: app.node.id(),
        amount: charged(&estimate.worst, is_resold),
        budget: estimate.worst.total(),
        minimum: charged(&estimate.minimum, is_resold),
        minimum_budget: estimate.minimum.total(),
        operation: format!("{}:{}", action.template.name, action.scope.as_str()),
        price_version: action.template.price_version.clone(),
        intent: Entry::new(caller.subject(), EntryKind::Intent, &facts),
    }
}

/// What is taken from credit: our fee, and the provider's price where the operator resells it.
pub(crate) fn charged(charge: &Charge, is_resold: bool) -> Credits {
    if is_resold { charge.total() } else { charge.fee }
}

fn refused(refusal: Refusal) -> Error {
    let usd = |credits: i64| Credits::parse(credits.max(0)).unwrap_or(Credits::ZERO);
    let (kind, message) = match refusal {
        Refusal::LeaseRevoked => (Kind::Unauthenticated, "This lease was revoked. Ask for a new one.".to_owned()),
        Refusal::LeaseExpired => (Kind::Unauthenticated, "This lease has expired. Ask for a new one.".to_owned()),
        Refusal::LeaseExhausted => (Kind::Unpaid, "This lease has used up its budget. Ask for a new one.".to_owned()),
        Refusal::Budget { left, asked } => (
            Kind::Unpaid,
            format!(
                "The lease has {} USD of its budget left and this call may cost up to {} USD. Ask for less output, wait \
                 for calls under way to end, or ask for a lease with a larger budget.",
                usd(left), usd(asked)
            ),
        ),
        Refusal::Credit { left, asked } => (
            Kind::Unpaid,
            format!(
                "The owner has {} USD of free credit and this call needs {} USD held. The owner can top up: \
                 `permitpipe topup AMOUNT`.",
                usd(left), usd(asked)
            ),
        ),
        Refusal::Exposure { left, asked } => (
            Kind::Unpaid,
            format!(
                "Only {} USD more can be settled under the vault's cap for now and this call needs {} USD held. It frees \
                 up with the next settlement; the owner can also raise the cap.",
                usd(left), usd(asked)
            ),
        ),
        Refusal::NoVault => (
            Kind::Unpaid,
            "The owner's wallet has no vault yet, so there is no credit. The owner can top up: `permitpipe topup AMOUNT`."
                .to_owned(),
        ),
        Refusal::StaleView => return Error::unavailable("the view of the chain is too old to take a hold on"),
        Refusal::Fenced => return Error::unavailable("this node is fenced"),
    };
    Error::new(kind, refusal.code(), message)
}
