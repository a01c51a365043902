//! Rules into Cedar policies.
//!
//! Each priority is a band of its own; in a band the rules that name their agents stand apart from those with patterns, so
//! that a question meets only the rules that could mean its agent. Deny becomes `forbid`, allow and escalate become
//! `permit`; which of the two it is stands in the rule. Numbers are never part of a policy's text.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
};

use cedar_policy::{Authorizer, Entities, EntityTypeName, Policy, PolicyId, PolicySet};

use super::{Document, Effect, NamePattern, Rule};

/// A policy, ready to be asked. Build it once per version; asking allocates little and shares everything.
#[derive(Debug)]
pub struct Compiled {
    pub(super) document: Document,
    /// Highest priority first.
    pub(super) bands: Vec<Band>,
    pub(super) rule_of: HashMap<PolicyId, usize>,
    /// The rules that are limited to endpoints.
    pub(super) with_endpoints: Vec<usize>,
    pub(super) agent_type: EntityTypeName,
    pub(super) service_type: EntityTypeName,
    pub(super) action_type: EntityTypeName,
    pub(super) authorizer: Authorizer,
    /// None: agents and services are known by name alone.
    pub(super) entities: Entities,
}

/// The rules of one priority.
#[derive(Debug, Default)]
pub(super) struct Band {
    /// Rules with some pattern for agents.
    pub(super) common: PolicySet,
    /// Rules that only name agents, by agent.
    pub(super) named: HashMap<String, PolicySet>,
}

/// A rule that Cedar does not take. Reading excludes this; should it happen, the policy is not activated.
#[derive(Debug, thiserror::Error)]
#[error("rule `{rule}` cannot be compiled: {cause}")]
pub struct CompileError {
    rule: String,
    cause: String,
}

impl Compiled {
    /// Compiles a policy.
    pub fn compile(document: &Document) -> Result<Self, CompileError> {
        let type_name = |name: &str| {
            name.parse::<EntityTypeName>().map_err(|error| CompileError { rule: name.into(), cause: error.to_string() })
        };
        let mut bands: BTreeMap<u64, Band> = BTreeMap::new();
        let mut rule_of = HashMap::new();
        for (index, rule) in document.rules.iter().enumerate() {
            let id = PolicyId::new(rule_id(index));
            let failed = |cause: String| CompileError { rule: rule.name.clone(), cause };
            let policy =
                Policy::parse(Some(id.clone()), cedar_text(rule, index)).map_err(|error| failed(error.to_string()))?;
            rule_of.insert(id, index);
            bands.entry(rule.priority).or_default().add(rule, policy).map_err(failed)?;
        }
        let with_endpoints =
            document.rules.iter().enumerate().filter(|(_, rule)| !rule.endpoints.is_empty()).map(|(index, _)| index);
        Ok(Self {
            with_endpoints: with_endpoints.collect(),
            bands: bands.into_values().rev().collect(),
            rule_of,
            agent_type: type_name("Agent")?,
            service_type: type_name("Service")?,
            action_type: type_name("Action")?,
            authorizer: Authorizer::new(),
            entities: Entities::empty(),
            document: document.clone(),
        })
    }

    /// What it was compiled from.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

impl Band {
    fn add(&mut self, rule: &Rule, policy: Policy) -> Result<(), String> {
        let names =
            rule.agents.iter().map(|agent| if let NamePattern::Exact(name) = agent { Some(name) } else { None });
        let Some(mut names) = names.collect::<Option<Vec<&String>>>() else {
            return self.common.add(policy).map_err(|error| error.to_string());
        };
        names.sort();
        names.dedup();
        for name in names {
            let set = self.named.entry(name.clone()).or_default();
            set.add(policy.clone()).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// What Cedar calls a rule. Its name would do for people, but the short form can write the same name twice.
pub(super) fn rule_id(index: usize) -> String {
    format!("rule{index}")
}

/// A rule as Cedar reads it. Every name in it is of a small alphabet, so that nothing needs escaping.
pub fn cedar_text(rule: &Rule, index: usize) -> String {
    let keyword = if rule.effect == Effect::Deny { "forbid" } else { "permit" };
    let mut text = format!(
        "@id(\"{}\")\n@effect(\"{}\")\n{keyword} (principal, action, resource)\nwhen {{",
        rule.name,
        rule.effect.as_str()
    );
    let agents: Vec<String> =
        rule.agents.iter().map(|pattern| name_condition("principal", "Agent", "agent", pattern)).collect();
    let services: Vec<String> =
        rule.services.iter().map(|pattern| name_condition("resource", "Service", "service", pattern)).collect();
    let (wild, plain): (Vec<_>, Vec<_>) = rule.scopes.iter().partition(|scope| scope.is_wildcard());
    let mut scopes: Vec<String> = wild.iter().map(|scope| format!("context.scope like \"{scope}\"")).collect();
    if !plain.is_empty() {
        let list: Vec<String> = plain.iter().map(|scope| format!("\"{scope}\"")).collect();
        scopes.push(format!("[{}].contains(context.scope)", list.join(", ")));
    }
    // Writing to a String cannot fail.
    let _ =
        write!(text, "\n  ({}) &&\n  ({}) &&\n  ({})", agents.join(" || "), services.join(" || "), scopes.join(" || "));
    if !rule.endpoints.is_empty() {
        let _ = write!(text, " &&\n  context.endpoints.contains(\"{}\")", rule_id(index));
    }
    text.push_str("\n};\n");
    text
}

fn name_condition(variable: &str, entity: &str, attribute: &str, pattern: &NamePattern) -> String {
    match pattern {
        NamePattern::All => "true".into(),
        NamePattern::Prefix(prefix) => format!("context.{attribute} like \"{prefix}*\""),
        NamePattern::Exact(name) => format!("{variable} == {entity}::\"{name}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_as_cedar() {
        let yaml = "rules:\n  - { name: a, effect: escalate, agents: [x, \"ci-*\"], services: [github], scopes: [repo.read, \"issues.*\"], endpoints: [\"/a\"] }\n";
        let document = Document::parse(yaml).unwrap();
        assert_eq!(
            cedar_text(&document.rules[0], 0),
            "@id(\"a\")\n@effect(\"escalate\")\npermit (principal, action, resource)\nwhen {\n  (principal == Agent::\"x\" || context.agent like \"ci-*\") &&\n  \
             (resource == Service::\"github\") &&\n  (context.scope like \"issues.*\" || [\"repo.read\"].contains(context.scope)) &&\n  context.endpoints.contains(\"rule0\")\n};\n"
        );
        Compiled::compile(&document).unwrap();
    }

    #[test]
    fn an_agent_meets_only_rules_that_could_mean_it() {
        let yaml = "rules:\n  - { name: a, effect: allow, agents: [x], services: [s], scopes: [\"*\"] }\n  - { name: b, effect: allow, agents: [y], services: [s], scopes: [\"*\"] }\n  \
                    - { name: c, effect: deny, agents: [\"*\"], services: [s], scopes: [t], priority: 5 }\n";
        let compiled = Compiled::compile(&Document::parse(yaml).unwrap()).unwrap();
        assert_eq!(compiled.bands.len(), 2);
        assert_eq!(compiled.bands[0].common.policies().count(), 1);
        assert_eq!(compiled.bands[1].named["x"].policies().count(), 1);
    }
}
