//! `/v1/leases`: a lease is asked for, granted as far as policy allows, listed, ended.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use permitpipe_sdk::{
    bearer::{Bearer, BearerKind},
    id::{LeaseId, OwnerId, RequestId, SecretId},
    money::Credits,
    scope::Scope,
    wire,
};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::{
    epoch,
    extract::{self, Owner, id, not_found},
};
use crate::{
    app::App,
    audit::{Entry, EntryKind, Subject},
    authorize::{CurrentPolicy, current_policy, no_policy},
    db::{self, lease::NewLease},
    error::{Error, Kind},
    policy::{LeaseAsk, LeaseDecision, Status},
};

/// More leases than this are not listed at once.
const PAGE: i64 = 1_000;

/// A request for a lease, every field checked.
struct Ask {
    agent: String,
    service: String,
    scopes: Vec<Scope>,
    ttl_seconds: u64,
    budget: Credits,
    intent: Option<String>,
}

/// A decided lease, about to be stored.
struct Grant<'a> {
    owner_id: OwnerId,
    lease_id: LeaseId,
    secret_id: SecretId,
    ask: &'a Ask,
    policy: &'a CurrentPolicy,
    decision: &'a LeaseDecision,
}

/// Asks policy, and issues what it allows. A denial is an answer of its own, with a rule for every scope.
pub async fn issue(
    State(app): State<App>,
    owner: Owner,
    extract::Json(ask): extract::Json<wire::AskLease>,
) -> Result<(StatusCode, Json<wire::Lease>), Error> {
    let ask = parse(ask)?;
    let secret = db::secret::find_for_service(&app.pool, owner.id, &ask.service).await?.ok_or_else(|| {
        let message = format!("There is no secret for `{0}`. Add one: `permitpipe secret add {0}`.", ask.service);
        bad("no_secret", message)
    })?;
    let policy = current_policy(&app, owner.id).await?.ok_or_else(no_policy)?;
    let decision = policy.compiled.decide_lease(&LeaseAsk {
        agent: &ask.agent,
        service: &ask.service,
        scopes: &ask.scopes,
        ttl_seconds: ask.ttl_seconds,
        budget: ask.budget,
    });
    let lease_id = LeaseId::generate();
    let grant = Grant {
        owner_id: owner.id,
        lease_id,
        secret_id: secret.secret_id,
        ask: &ask,
        policy: &policy,
        decision: &decision,
    };
    let lease = grant.store(&app).await?;
    let status = match decision.status {
        Status::Approved => StatusCode::CREATED,
        Status::Escalated => StatusCode::ACCEPTED,
        Status::Denied => StatusCode::OK,
    };
    Ok((status, Json(with_urls(&app, lease))))
}

/// The owner's leases, newest first.
pub async fn list(State(app): State<App>, owner: Owner) -> Result<Json<Vec<wire::Lease>>, Error> {
    let leases = db::lease::list(&app.pool, owner.id, PAGE).await?;
    Ok(Json(leases.into_iter().map(|lease| with_urls(&app, lease)).collect()))
}

/// One lease.
pub async fn show(
    State(app): State<App>,
    owner: Owner,
    Path(lease_id): Path<String>,
) -> Result<Json<wire::Lease>, Error> {
    let lease = db::lease::find(&app.pool, owner.id, id(&lease_id)?).await?.ok_or_else(not_found)?;
    Ok(Json(with_urls(&app, lease)))
}

/// Ends a lease. Answers when every live node has cut its streams or was fenced; then nothing is dialled on it any more.
pub async fn revoke(
    State(app): State<App>,
    owner: Owner,
    Path(lease_id): Path<String>,
) -> Result<Json<wire::Lease>, Error> {
    let lease_id: LeaseId = id(&lease_id)?;
    let mut tx = app.pool.begin().await?;
    if db::lease::revoke(&mut tx, owner.id, lease_id).await? {
        let subject = Subject { owner_id: owner.id, request_id: RequestId::generate(), lease_id: Some(lease_id) };
        let entry = Entry::new(subject, EntryKind::LeaseRevoked, &serde_json::json!({}));
        db::audit::insert(&mut tx, &[&entry]).await?;
    }
    // Also where it had ended already: who asks again wants to know that it is cut everywhere.
    let epoch = db::node::bump_epoch(&mut tx).await?;
    tx.commit().await?;
    epoch::carried_out(&app, epoch).await?;
    show(State(app), owner, Path(lease_id.to_string())).await
}

impl Grant<'_> {
    /// Stores the lease with its audit entry.
    async fn store(&self, app: &App) -> Result<wire::Lease, Error> {
        let bearer = if self.decision.status == Status::Approved { Some(fresh_bearer()?) } else { None };
        let new = self.row(bearer.as_ref())?;
        let mut tx = app.pool.begin().await?;
        let (created_at, expires_at) = db::lease::insert(&mut tx, &new).await?;
        let kind = if bearer.is_some() { EntryKind::LeaseIssued } else { EntryKind::Refusal };
        let request_id = RequestId::generate();
        let subject = Subject { owner_id: self.owner_id, request_id, lease_id: Some(self.lease_id) };
        db::audit::insert(&mut tx, &[&Entry::new(subject, kind, &self.facts(&new))]).await?;
        tx.commit().await?;
        Ok(self.answer(&new, bearer, (created_at, expires_at)))
    }

    fn row(&self, bearer: Option<&Bearer>) -> Result<NewLease<'_>, Error> {
        let blocked = self.blocked().iter().map(serde_json::to_string).collect::<Result<_, _>>();
        Ok(NewLease {
            owner_id: self.owner_id,
            lease_id: self.lease_id,
            agent: &self.ask.agent,
            service: &self.ask.service,
            secret_id: self.secret_id,
            bearer_hash: bearer.map(Bearer::hash),
            state: match self.decision.status {
                Status::Approved => "active",
                Status::Escalated => "pending",
                Status::Denied => "denied",
            },
            allowed: self.decision.allowed.iter().map(|scope| scope.as_str().to_owned()).collect(),
            blocked: blocked.map_err(Error::internal)?,
            lease_hash: self.contract_hash(),
            policy: (self.policy.stored.policy_id, self.policy.stored.version),
            intent: self.ask.intent.as_deref(),
            budget: self.decision.budget,
            ttl_seconds: i64::try_from(self.decision.ttl_seconds).unwrap_or(i64::MAX),
        })
    }

    /// The lease as a contract: what was granted to whom, under which rules. Its hash names it in every record.
    fn contract_hash(&self) -> [u8; 32] {
        let contract = serde_json::json!({
            "lease_id": self.lease_id, "owner_id": self.owner_id, "agent": self.ask.agent,
            "service": self.ask.service, "allowed_scopes": self.decision.allowed,
            "blocked_scopes": self.blocked(), "ttl_seconds": self.decision.ttl_seconds,
            "budget": self.decision.budget, "policy_id": self.policy.stored.policy_id,
            "policy_version": self.policy.stored.version, "intent": self.ask.intent,
        });
        Sha256::digest(contract.to_string().as_bytes()).into()
    }

    fn facts(&self, new: &NewLease<'_>) -> serde_json::Value {
        serde_json::json!({
            "agent": self.ask.agent, "service": self.ask.service, "status": status_name(self.decision.status),
            "allowed_scopes": self.decision.allowed, "blocked_scopes": self.blocked(), "budget": self.decision.budget,
            "ttl_seconds": self.decision.ttl_seconds, "lease_hash": hex::encode(new.lease_hash),
            "policy_version": self.policy.stored.version, "intent": self.ask.intent,
        })
    }

    fn blocked(&self) -> Vec<wire::BlockedScope> {
        let blocked = self.decision.blocked.iter().map(|blocked| wire::BlockedScope {
            scope: blocked.scope.as_str().to_owned(),
            rule: blocked.rule.clone(),
            reason: blocked.reason.clone(),
        });
        blocked.collect()
    }

    fn answer(
        &self,
        new: &NewLease<'_>,
        bearer: Option<Bearer>,
        (created_at, expires_at): (OffsetDateTime, OffsetDateTime),
    ) -> wire::Lease {
        wire::Lease {
            lease_id: self.lease_id,
            agent: self.ask.agent.clone(),
            service: self.ask.service.clone(),
            status: Some(status_name(self.decision.status).to_owned()),
            state: new.state.to_owned(),
            bearer: bearer.map(|bearer| bearer.expose().to_owned()),
            allowed_scopes: new.allowed.clone(),
            blocked_scopes: self.blocked(),
            notes: self.decision.notes.clone(),
            budget: self.decision.budget,
            budget_held: Credits::ZERO,
            budget_spent: Credits::ZERO,
            lease_hash: hex::encode(new.lease_hash),
            created_at,
            expires_at,
            base_url: String::new(),
            proxy_url: String::new(),
        }
    }
}

const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Approved => "approved",
        Status::Denied => "denied",
        Status::Escalated => "escalated",
    }
}

fn with_urls(app: &App, lease: wire::Lease) -> wire::Lease {
    let base = &app.public_url;
    wire::Lease {
        base_url: format!("{base}/v1/{}", lease.service),
        proxy_url: format!("{base}/api/proxy/{}", lease.lease_id),
        ..lease
    }
}

fn fresh_bearer() -> Result<Bearer, Error> {
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy).map_err(Error::internal)?;
    Ok(Bearer::from_entropy(BearerKind::Lease, &entropy))
}

fn parse(ask: wire::AskLease) -> Result<Ask, Error> {
    if ask.scopes.is_empty() || ask.scopes.len() > 64 {
        return Err(bad("scopes_invalid", format!("A lease has 1 to 64 scopes, this asks for {}.", ask.scopes.len())));
    }
    let scope = |text: &String| Scope::parse(text).map_err(|error| bad("scope_invalid", format!("`{text}`: {error}.")));
    let ttl_seconds = ask.duration.seconds().ok_or_else(|| {
        bad(
            "duration_invalid",
            "`duration` is a positive whole number with a unit, such as `30 minutes`, `90s` or 1800.",
        )
    })?;
    let budget = Credits::parse_usd(&ask.budget_usd)
        .map_err(|error| bad("budget_invalid", format!("`budget_usd`: {error}.")))?;
    if budget == Credits::ZERO {
        return Err(bad("budget_invalid", "`budget_usd` is 0, so no call would fit. Ask for more."));
    }
    if ask.intent.as_ref().is_some_and(|intent| intent.len() > 1_000) {
        return Err(bad("intent_too_long", "`intent` is longer than 1000 bytes. Say it shorter."));
    }
    if ask.intent.as_ref().is_some_and(|intent| intent.contains('\0')) {
        return Err(bad("intent_invalid", "`intent` holds a NUL character, which cannot be recorded. Leave it out."));
    }
    Ok(Ask {
        agent: slug(ask.agent, "agent")?,
        service: slug(ask.service, "service")?,
        scopes: ask.scopes.iter().map(scope).collect::<Result<_, _>>()?,
        ttl_seconds,
        budget,
        intent: ask.intent,
    })
}

/// Names are ASCII, so that no two of them look alike.
fn slug(name: String, field: &str) -> Result<String, Error> {
    let is_slug = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let starts_well = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if starts_well && name.len() <= 64 && name.bytes().all(is_slug) {
        return Ok(name);
    }
    let message = format!("`{field}` is 1 to 64 letters, digits, `-`, `_` or `.`, and begins with a letter or digit.");
    Err(bad("name_invalid", message))
}

fn bad(code: &'static str, message: impl Into<String>) -> Error {
    Error::new(Kind::Malformed, code, message)
}
