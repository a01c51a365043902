//! May this request pass under that lease.

use http::Method;
use permitpipe_sdk::scope::Scope;

use super::{
    Compiled, Decision, Effect, OwnerScope,
    evaluate::{Answer, Question, deny, guarded},
    guard::{GuardRule, objections},
};
use crate::{action::Action, path::ClientPath};

/// A request under a lease.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The lease's agent.
    pub agent: &'a str,
    /// The lease's service.
    pub service: &'a str,
    /// The lease's scopes.
    pub granted: &'a [Scope],
    /// The operation's name.
    pub operation: &'a Scope,
    /// Whether only its own name covers it.
    pub is_dangerous: bool,
    /// The method.
    pub method: &'a Method,
    /// The path as the upstream sees it.
    pub path: &'a str,
}

impl<'a> Call<'a> {
    /// The call that an action is.
    pub fn of(agent: &'a str, granted: &'a [Scope], action: &'a Action) -> Self {
        Self {
            agent,
            service: &action.template.name,
            granted,
            operation: &action.scope,
            is_dangerous: action.operation.is_dangerous,
            method: &action.method,
            path: &action.path,
        }
    }
}

impl Compiled {
    /// Whether the lease's scopes cover the operation and the policy, as it is now, agrees.
    ///
    /// `Escalate` is for what a person must have approved: let it pass only under a lease whose scope was approved.
    pub fn decide_call(&self, call: &Call<'_>) -> Decision {
        let Ok(path) = ClientPath::parse(call.path) else {
            return deny("default", "the path cannot be read".into()).decision;
        };
        let met = |index: &usize| {
            self.document
                .rules
                .get(*index)
                .is_some_and(|rule| rule.endpoints.iter().any(|e| e.matches(call.method, &path)))
        };
        let met: Vec<usize> = self.with_endpoints.iter().copied().filter(met).collect();
        let operation = self.answer(&self.question(call, call.operation, &met));
        let mut best: Option<Decision> = None;
        let mut offer = |decision: Decision| {
            if best.as_ref().is_none_or(|best| decision.effect < best.effect) {
                best = Some(decision);
            }
        };
        if call
            .granted
            .iter()
            .any(|scope| scope.covers(call.operation) && (!call.is_dangerous || scope == call.operation))
        {
            offer(operation.decision.clone());
        }
        for own in self.owner_scopes(call, &path) {
            offer(self.decide_by(own, call, &operation, &met));
        }
        best.unwrap_or_else(|| not_granted(call))
    }

    /// The owner's scopes that the lease holds and that mean this request. Endpoints never cover what is dangerous.
    fn owner_scopes(&self, call: &Call<'_>, path: &ClientPath) -> impl Iterator<Item = &OwnerScope> {
        let is_meant = move |own: &&OwnerScope| {
            !call.is_dangerous
                && call.granted.iter().any(|granted| granted.covers(&own.name))
                && own.endpoints.iter().any(|endpoint| endpoint.matches(call.method, path))
        };
        self.document.scopes.iter().filter(is_meant)
    }

    /// A scope of the owner's allows what its own rules allow, but never what a rule or the guard pack refuses to the operation.
    fn decide_by(&self, own: &OwnerScope, call: &Call<'_>, operation: &Answer, met: &[usize]) -> Decision {
        let by_scope = self.answer(&self.question(call, &own.name, met));
        let mut decision = by_scope.decision;
        decision.rate = super::Limits { rate: decision.rate, ..Default::default() }
            .tightened(super::Limits { rate: own.rate, ..Default::default() })
            .rate;
        if !operation.rules.is_empty() {
            return if operation.decision.effect > decision.effect { operation.decision.clone() } else { decision };
        }
        let is_exempt = |guard: &GuardRule| {
            by_scope
                .rules
                .iter()
                .filter_map(|index| self.document.rules.get(*index))
                .any(|rule| rule.overrides.contains(guard))
        };
        let standing = objections(call.service, call.operation.as_str())
            .into_iter()
            .filter(|guard| !is_exempt(guard))
            .max_by_key(|guard| guard.effect());
        if let Some(guard) = standing.filter(|guard| guard.effect() > decision.effect) {
            guarded(&mut decision, guard);
        }
        decision
    }

    fn question<'q>(&self, call: &Call<'q>, scope: &'q Scope, met: &'q [usize]) -> Question<'q> {
        Question { agent: call.agent, service: call.service, scope, met }
    }
}

fn not_granted(call: &Call<'_>) -> Decision {
    let operation = call.operation;
    let held: Vec<&str> = call.granted.iter().take(10).map(Scope::as_str).collect();
    let because = if call.is_dangerous && call.granted.iter().any(|scope| scope.covers(operation)) {
        format!("`{operation}` is dangerous, so no wildcard covers it; request a lease that names it")
    } else {
        format!("the lease does not hold `{operation}`, it holds {}; request a lease with that scope", held.join(", "))
    };
    let mut decision = deny("lease", because).decision;
    decision.effect = Effect::Deny;
    decision
}
