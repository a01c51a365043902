//! May this lease be issued, with which scopes, for how long, for how much.

use std::collections::BTreeSet;

use permitpipe_sdk::{money::Credits, scope::Scope};

use super::{
    Compiled, Effect, Limits,
    evaluate::Question,
    guard::{GuardRule, MAX_TTL_SECONDS},
};

/// What an agent asks for.
#[derive(Debug, Clone, Copy)]
pub struct LeaseAsk<'a> {
    /// Who.
    pub agent: &'a str,
    /// Where.
    pub service: &'a str,
    /// What; wildcards and the owner's own scopes included.
    pub scopes: &'a [Scope],
    /// How long.
    pub ttl_seconds: u64,
    /// How much.
    pub budget: Credits,
}

/// The seed's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Every scope that was not blocked is allowed now.
    Approved,
    /// Nothing is left to allow.
    Denied,
    /// A person decides about the escalated scopes.
    Escalated,
}

/// The answer. Whatever was asked for stands in exactly one of the three lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseDecision {
    /// All in all.
    pub status: Status,
    /// What the lease may do.
    pub allowed: Vec<Scope>,
    /// What it may not, and why.
    pub blocked: Vec<Blocked>,
    /// What it may do once a person agreed.
    pub escalated: Vec<Scope>,
    /// As asked, or shorter.
    pub ttl_seconds: u64,
    /// As asked, or less.
    pub budget: Credits,
    /// What was narrowed, in words.
    pub notes: Vec<String>,
    /// Guard rules that a rule set aside; an audited event.
    pub overridden: Vec<GuardRule>,
}

/// A scope that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The scope.
    pub scope: Scope,
    /// The rule that refused it; `default` where none allows it.
    pub rule: String,
    /// Why, and what to do.
    pub reason: String,
}

impl Compiled {
    /// Decides about a lease. Requests under it are decided again, one by one.
    pub fn decide_lease(&self, ask: &LeaseAsk<'_>) -> LeaseDecision {
        // The path is not known yet: what is allowed on some endpoints may be leased, and is checked on each request.
        let met = self.rules_with_endpoints(|effect| effect != Effect::Deny);
        let mut decision = LeaseDecision {
            status: Status::Denied,
            allowed: Vec::new(),
            blocked: Vec::new(),
            escalated: Vec::new(),
            ttl_seconds: ask.ttl_seconds,
            budget: ask.budget,
            notes: Vec::new(),
            overridden: Vec::new(),
        };
        let mut limits = self.document.limits;
        let mut guards_ttl = false;
        for scope in ask.scopes.iter().collect::<BTreeSet<&Scope>>() {
            let answer = self.answer(&Question { agent: ask.agent, service: ask.service, scope, met: &met });
            let given = answer.decision;
            decision.overridden.extend(given.overridden);
            match given.effect {
                Effect::Deny => {
                    decision.blocked.push(Blocked { scope: scope.clone(), rule: given.rule, reason: given.reason });
                    continue;
                }
                Effect::Escalate => decision.escalated.push(scope.clone()),
                Effect::Allow => decision.allowed.push(scope.clone()),
            }
            let overrides_ttl = answer
                .rules
                .iter()
                .filter_map(|index| self.document.rules.get(*index))
                .any(|rule| rule.overrides.contains(&GuardRule::Ttl));
            guards_ttl |= !overrides_ttl;
            limits = limits.tightened(answer.limits);
            decision.notes.extend(self.exceptions(ask, scope));
        }
        decision.overridden.sort_unstable();
        decision.overridden.dedup();
        if guards_ttl {
            limits = limits.tightened(Limits { ttl_seconds: Some(MAX_TTL_SECONDS), ..Limits::default() });
        }
        narrow(&mut decision, &limits);
        decision.status = match (decision.allowed.is_empty(), decision.escalated.is_empty()) {
            (_, false) => Status::Escalated,
            (false, true) => Status::Approved,
            (true, true) => Status::Denied,
        };
        decision
    }

    /// What a wildcard looks like it includes and does not.
    fn exceptions(&self, ask: &LeaseAsk<'_>, scope: &Scope) -> Vec<String> {
        if !scope.is_wildcard() {
            return Vec::new();
        }
        let stricter = self.rules_for(ask.agent, ask.service).filter(|rule| rule.effect != Effect::Allow);
        let below = stricter
            .flat_map(|rule| rule.scopes.iter().map(move |narrow| (rule, narrow)))
            .filter(|(_, narrow)| scope.covers(narrow));
        let mut notes: Vec<String> = below.map(|(rule, narrow)| match rule.effect {
            Effect::Deny => format!("`{scope}` does not include `{narrow}`: rule `{}` denies it.", rule.name),
            _ => format!("`{scope}` does not include `{narrow}`: rule `{}` wants a person's approval, so ask for it by name.", rule.name),
        }).collect();
        notes.push(format!("`{scope}` does not include dangerous operations, nor what the guard pack denies or escalates; ask for those by name."));
        notes
    }
}

/// Cuts time and budget down to the limits, and says so.
fn narrow(decision: &mut LeaseDecision, limits: &Limits) {
    if let Some(limit) = limits.ttl_seconds.filter(|limit| *limit < decision.ttl_seconds) {
        decision.notes.push(format!(
            "The lease lasts {limit} seconds instead of {}: the policy allows no more.",
            decision.ttl_seconds
        ));
        decision.ttl_seconds = limit;
    }
    if let Some(limit) = limits.budget.filter(|limit| *limit < decision.budget) {
        decision
            .notes
            .push(format!("The budget is {limit} USD instead of {}: the policy allows no more.", decision.budget));
        decision.budget = limit;
    }
}
