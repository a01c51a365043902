//! One question to the compiled rules, and the guard pack beside them.

use cedar_policy::{
    Context, Decision as CedarDecision, EntityId, EntityTypeName, EntityUid, PolicySet, Request, RestrictedExpression,
};
use permitpipe_sdk::scope::Scope;

use super::{
    Compiled, Decision, Effect, Limits,
    compile::rule_id,
    guard::{GuardRule, objections},
};

/// May this agent do this there?
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) agent: &'a str,
    pub(super) service: &'a str,
    pub(super) scope: &'a Scope,
    /// The rules, among those with endpoints, whose endpoints are met.
    pub(super) met: &'a [usize],
}

/// What the owner's rules say.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// The highest band with a match: its strictest effect, and the rules that have it, in the order of the file.
    Matched(Effect, Vec<usize>),
    NoMatch,
    /// Some rule could not be evaluated, so none is believed.
    Failed,
}

/// A decision with what it rests on.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) decision: Decision,
    /// The deciding rules; empty where none matched.
    pub(super) rules: Vec<usize>,
    pub(super) limits: Limits,
}

impl Compiled {
    /// Decides for an operation without knowing the path: rules limited to endpoints count where they are strict, and
    /// not where they allow. [`Compiled::decide_call`] knows more.
    pub fn decide_request(&self, agent: &str, service: &str, scope: &Scope) -> Decision {
        let met = self.rules_with_endpoints(|effect| effect != Effect::Allow);
        self.answer(&Question { agent, service, scope, met: &met }).decision
    }

    /// The rules limited to endpoints whose effect is one of these.
    pub(super) fn rules_with_endpoints(&self, counts: impl Fn(Effect) -> bool) -> Vec<usize> {
        let effect = |index: &usize| self.document.rules.get(*index).map(|rule| rule.effect);
        self.with_endpoints.iter().copied().filter(|index| effect(index).is_some_and(&counts)).collect()
    }

    /// The stricter of the owner's rules and the guard pack.
    pub(super) fn answer(&self, question: &Question<'_>) -> Answer {
        let (effect, rules) = match self.verdict(question) {
            Verdict::Matched(effect, rules) => (effect, rules),
            Verdict::NoMatch => return deny("default", self.no_match_reason(question)),
            Verdict::Failed => {
                return deny(
                    "default",
                    "a rule could not be evaluated, so everything is denied; check the policy".into(),
                );
            }
        };
        let deciding = || rules.iter().filter_map(|index| self.document.rules.get(*index));
        let exempt =
            |guard: &GuardRule| effect == Effect::Allow && deciding().any(|rule| rule.overrides.contains(guard));
        let (overridden, standing): (Vec<GuardRule>, Vec<GuardRule>) =
            objections(question.service, question.scope.as_str()).into_iter().partition(exempt);
        let limits = deciding().fold(Limits::default(), |limits, rule| limits.tightened(rule.limits));
        let mut decision = Decision {
            effect,
            rule: deciding().next().map(|rule| rule.name.clone()).unwrap_or_default(),
            reason: deciding().next().map_or_else(String::new, |rule| {
                rule.reason.clone().unwrap_or_else(|| reason(effect, &rule.name, question.scope))
            }),
            overridden,
            rate: limits.rate,
        };
        if let Some(guard) = standing.iter().max_by_key(|guard| guard.effect()).filter(|guard| guard.effect() > effect)
        {
            guarded(&mut decision, *guard);
        }
        Answer { decision, rules, limits }
    }

    fn verdict(&self, question: &Question<'_>) -> Verdict {
        let Some(request) = self.request(question) else { return Verdict::Failed };
        for band in &self.bands {
            let mut found: Option<(Effect, Vec<usize>)> = None;
            for set in
                [Some(&band.common), band.named.get(question.agent)].into_iter().flatten().filter(|set| !set.is_empty())
            {
                match self.ask(&request, set) {
                    None => return Verdict::Failed,
                    Some(matches) => found = strictest(found, matches),
                }
            }
            if let Some((effect, mut rules)) = found {
                rules.sort_unstable();
                return Verdict::Matched(effect, rules);
            }
        }
        Verdict::NoMatch
    }

    /// The rules of one set that match; `None` if any of them could not be evaluated.
    fn ask(&self, request: &Request, set: &PolicySet) -> Option<Vec<(Effect, usize)>> {
        let response = self.authorizer.is_authorized(request, set, &self.entities);
        if response.diagnostics().errors().next().is_some() {
            return None;
        }
        let mut matches = Vec::new();
        for id in response.diagnostics().reason() {
            let index = *self.rule_of.get(id)?;
            let effect = self.document.rules.get(index)?.effect;
            matches.push((effect, index));
        }
        let is_consistent = (response.decision() == CedarDecision::Allow)
            == (matches.iter().any(|(effect, _)| *effect != Effect::Deny));
        is_consistent.then_some(matches)
    }

    fn request(&self, question: &Question<'_>) -> Option<Request> {
        let uid = |kind: &EntityTypeName, id: &str| EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id));
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let met = question.met.iter().map(|index| text(&rule_id(*index)));
        let pairs = [
            ("agent".to_owned(), text(question.agent)),
            ("service".to_owned(), text(question.service)),
            ("scope".to_owned(), text(question.scope.as_str())),
            ("endpoints".to_owned(), RestrictedExpression::new_set(met)),
        ];
        let principal = uid(&self.agent_type, question.agent);
        let resource = uid(&self.service_type, question.service);
        Request::new(principal, uid(&self.action_type, "use"), resource, Context::from_pairs(pairs).ok()?, None).ok()
    }

    /// What would have been allowed below a wildcard, for a refusal that helps.
    fn no_match_reason(&self, question: &Question<'_>) -> String {
        let Question { agent, service, scope, .. } = question;
        let base = format!("no rule allows `{scope}` to `{agent}` on `{service}`");
        if !scope.is_wildcard() {
            return format!("{base}; ask the owner to add one");
        }
        let mut below: Vec<&str> = self
            .rules_for(agent, service)
            .filter(|rule| rule.effect == Effect::Allow)
            .flat_map(|rule| &rule.scopes)
            .filter(|narrow| scope.covers(narrow))
            .map(Scope::as_str)
            .collect();
        below.sort_unstable();
        below.dedup();
        if below.is_empty() {
            format!("{base}; ask the owner to add one")
        } else {
            format!("{base}; it allows {}, so ask for that", below.join(", "))
        }
    }

    pub(super) fn rules_for(&self, agent: &str, service: &str) -> impl Iterator<Item = &super::Rule> {
        self.document.rules.iter().filter(move |rule| {
            rule.agents.iter().any(|pattern| pattern.matches(agent))
                && rule.services.iter().any(|pattern| pattern.matches(service))
        })
    }
}

/// Keeps the rules of the strictest effect.
fn strictest(found: Option<(Effect, Vec<usize>)>, matches: Vec<(Effect, usize)>) -> Option<(Effect, Vec<usize>)> {
    matches.into_iter().fold(found, |found, (effect, index)| match found {
        Some((strict, rules)) if strict > effect => Some((strict, rules)),
        Some((strict, mut rules)) if strict == effect => {
            rules.push(index);
            Some((strict, rules))
        }
        _ => Some((effect, vec![index])),
    })
}

/// Puts the guard's answer in the place of a laxer one.
pub(super) fn guarded(decision: &mut Decision, guard: GuardRule) {
    decision.effect = guard.effect();
    decision.rule = guard.name().to_owned();
    decision.reason =
        format!("{}; a rule can say `override: [{}]` for exactly these scopes", guard.reason(), guard.name());
    decision.overridden.clear();
}

fn reason(effect: Effect, rule: &str, scope: &Scope) -> String {
    match effect {
        Effect::Allow => format!("rule `{rule}` allows `{scope}`"),
        Effect::Escalate => format!("rule `{rule}` wants a person's approval for `{scope}`"),
        Effect::Deny => format!("rule `{rule}` denies `{scope}`"),
    }
}

pub(super) fn deny(rule: &str, reason: String) -> Answer {
    let decision = Decision { effect: Effect::Deny, rule: rule.to_owned(), reason, overridden: Vec::new(), rate: None };
    Answer { decision, rules: Vec::new(), limits: Limits::default() }
}

#[cfg(test)]
mod tests;
