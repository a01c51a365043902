use super::*;
use crate::policy::{Blocked, Call, Document, LeaseAsk, NamePattern, Rule, Status};
use http::Method;
use permitpipe_sdk::money::Credits;
use proptest::prelude::*;

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

fn compile(yaml: &str) -> Compiled {
    let document = Document::parse(yaml).unwrap_or_else(|lints| panic!("{lints:?}"));
    Compiled::compile(&document).unwrap()
}

fn decide(policy: &Compiled, agent: &str, service: &str, text: &str) -> (Effect, String) {
    let decision = policy.decide_request(agent, service, &scope(text));
    (decision.effect, decision.rule)
}

const POLICY: &str = "
limits: { ttl: 2h, budget: 3 USD }
scopes:
  llm:complete: { endpoints: [/v1/chat/completions], methods: [POST], rate_limit: 100/minute }
  anything: { endpoints: [\"/**\"], methods: [GET, POST, DELETE] }
agents:
  DevAgent:
    services:
      github: { scopes: [repo.*, issues.comment, secrets.read, billing.read], approval: [pull_request.merge], ttl: 30m, budget: 1 USD }
      openai: { scopes: [llm:complete], rate_limit: 60/minute }
rules:
  - { name: no-forks, effect: deny, priority: 10, agents: [\"*\"], services: [github], scopes: [repo.fork] }
  - { name: but-forks-for-x, effect: allow, priority: 20, agents: [x], services: [github], scopes: [repo.fork] }
  - { name: cleaner, effect: allow, agents: [cleaner], services: [github], scopes: [branch.delete, repo.read], override: [guard.delete, guard.ttl] }
  - { name: all, effect: allow, agents: [any, \"ci-*\"], services: [\"*\"], scopes: [\"*\"] }
  - { name: paths, effect: allow, agents: [walker], services: [openai], scopes: [\"*\"], endpoints: [\"POST /v1/embeddings\"] }
";

#[test]
fn bands_guards_and_defaults_decide() {
    use Effect::{Allow, Deny, Escalate};
    let policy = compile(POLICY);
    for (agent, service, asked, effect, rule) in [
        ("DevAgent", "github", "repo.read", Allow, "agents.DevAgent.github"),
        ("DevAgent", "github", "issues.comment", Allow, "agents.DevAgent.github"),
        ("DevAgent", "github", "pull_request.merge", Escalate, "agents.DevAgent.github.approval"),
        ("DevAgent", "github", "repo.fork", Deny, "no-forks"),
        ("x", "github", "repo.fork", Allow, "but-forks-for-x"),
        ("x", "github", "repo.read", Deny, "default"),
        ("DevAgent", "github", "repo.delete", Deny, "guard.delete"),
        ("DevAgent", "github", "secrets.read", Deny, "guard.secrets"),
        ("DevAgent", "github", "billing.read", Escalate, "guard.billing"),
        ("DevAgent", "gitlab", "repo.read", Deny, "default"),
        ("devagent", "github", "repo.read", Deny, "default"),
        ("cleaner", "github", "branch.delete", Allow, "cleaner"),
        ("cleaner", "github", "tag.delete", Deny, "default"),
        ("any", "github", "branch.delete", Deny, "guard.delete"),
        ("ci-7", "stripe", "customers.read", Allow, "all"),
        ("ci-7", "supabase-prod", "rows.insert", Deny, "guard.production"),
        ("nobody", "github", "repo.read", Deny, "default"),
        ("walker", "openai", "embeddings", Deny, "default"),
        ("", "", "chat", Deny, "default"),
        ("\"} || true //", "github", "repo.read", Deny, "default"),
    ] {
        assert_eq!(decide(&policy, agent, service, asked), (effect, rule.to_owned()), "{agent} {service} {asked}");
    }
    assert_eq!(policy.decide_request("cleaner", "github", &scope("branch.delete")).overridden, [GuardRule::Delete]);
}

#[test]
fn leases_are_narrowed_and_say_so() {
    let policy = compile(POLICY);
    let scopes = ["repo.read", "repo.delete", "issues.comment", "secrets.read", "repo.read"].map(scope);
    let ask = LeaseAsk {
        agent: "DevAgent",
        service: "github",
        scopes: &scopes,
        ttl_seconds: 3600,
        budget: Credits::parse(2_000_000).unwrap(),
    };
    let decision = policy.decide_lease(&ask);
    assert_eq!((decision.status, decision.ttl_seconds, decision.budget.get()), (Status::Approved, 1800, 1_000_000));
    assert_eq!(decision.allowed, ["issues.comment", "repo.read"].map(scope));
    let blocked: Vec<(&str, &str)> =
        decision.blocked.iter().map(|Blocked { scope, rule, .. }| (scope.as_str(), rule.as_str())).collect();
    assert_eq!(blocked, [("repo.delete", "guard.delete"), ("secrets.read", "guard.secrets")]);
    assert_eq!(decision.notes.len(), 2, "{:?}", decision.notes);

    let decide = |agent, names: &[&str], ttl_seconds| {
        let scopes: Vec<Scope> = names.iter().map(|name| scope(name)).collect();
        policy.decide_lease(&LeaseAsk { agent, scopes: &scopes, ttl_seconds, ..ask })
    };
    assert_eq!(decide("DevAgent", &["repo.read", "pull_request.merge"], 60).status, Status::Escalated);
    assert_eq!(decide("DevAgent", &["repo.delete"], 60).status, Status::Denied);
    assert_eq!(decide("DevAgent", &[], 60).status, Status::Denied);
    let wide = decide("DevAgent", &["repo.*"], 60);
    assert_eq!(wide.allowed, [scope("repo.*")]);
    assert!(
        wide.notes.iter().any(|note| note.contains("does not include `repo.fork`: rule `no-forks` denies it")),
        "{:?}",
        wide.notes
    );
    let too_wide = decide("DevAgent", &["issues.*"], 60);
    assert!(too_wide.blocked[0].reason.contains("it allows issues.comment, so ask for that"), "{too_wide:?}");
}

#[test]
fn a_day_is_the_longest_lease_unless_a_rule_overrides() {
    let policy = compile(
        "rules:\n  - { name: a, effect: allow, agents: [a], services: [s], scopes: [t] }\n  - { name: b, effect: allow, agents: [b], services: [s], scopes: [t, u], override: [guard.ttl], ttl: 7d }\n",
    );
    let ttl = |agent| {
        let ask =
            LeaseAsk { agent, service: "s", scopes: &[scope("t")], ttl_seconds: 30 * 86_400, budget: Credits::ZERO };
        policy.decide_lease(&ask).ttl_seconds
    };
    assert_eq!((ttl("a"), ttl("b")), (86_400, 7 * 86_400));
}

fn call<'a>(agent: &'a str, service: &'a str, granted: &'a [Scope], operation: &'a Scope, path: &'a str) -> Call<'a> {
    Call { agent, service, granted, operation, is_dangerous: false, method: &Method::POST, path }
}

#[test]
fn calls_need_the_lease_and_the_policy() {
    let policy = compile(POLICY);
    let chat = scope("chat");
    let own = [scope("llm:complete")];
    let decide = |agent: &str, granted: &[Scope], operation: &str, path: &str| {
        policy.decide_call(&call(agent, "openai", granted, &scope(operation), path))
    };
    let allowed = decide("DevAgent", &own, "chat", "/v1/chat/completions");
    assert_eq!((allowed.effect, allowed.rate.unwrap().to_string()), (Effect::Allow, "60/minute".into()));
    assert_eq!(decide("DevAgent", &[scope("llm:*")], "chat", "/v1/chat/completions").effect, Effect::Allow);
    let outside = decide("DevAgent", &own, "embeddings", "/v1/embeddings");
    assert_eq!((outside.effect, outside.rule.as_str()), (Effect::Deny, "lease"));
    assert!(outside.reason.contains("it holds llm:complete"));
    assert_eq!(
        decide("DevAgent", std::slice::from_ref(&chat), "chat", "/v1/chat/completions").effect,
        Effect::Deny,
        "leased once, but no rule allows it now"
    );
    assert_eq!(decide("walker", &[scope("*")], "embeddings", "/v1/embeddings").effect, Effect::Allow);
    assert_eq!(
        decide("walker", &[scope("*")], "chat", "/v1/chat/completions").effect,
        Effect::Deny,
        "outside the endpoints"
    );
    assert_eq!(decide("any", &[chat], "chat", "/v1/../x").effect, Effect::Deny);
}

#[test]
fn two_rules_of_one_name_do_not_share_their_endpoints() {
    let policy = compile(
        "agents:\n  a.b: { services: { c: { scopes: [x], endpoints: [/one] } } }\n  a: { services: { b.c: { scopes: [x], endpoints: [/two] } } }\n",
    );
    let x = scope("x");
    let granted = [x.clone()];
    assert_eq!(policy.decide_call(&call("a.b", "c", &granted, &x, "/one")).effect, Effect::Allow);
    assert_eq!(policy.decide_call(&call("a.b", "c", &granted, &x, "/two")).effect, Effect::Deny);
}

#[test]
fn dangerous_operations_are_named_or_refused() {
    let policy = compile(POLICY);
    let send = scope("rpc.write.send-transaction");
    let decide = |granted: &[Scope]| {
        policy.decide_call(&Call { is_dangerous: true, ..call("any", "helius", granted, &send, "/") })
    };
    let by_wildcard = decide(&[scope("rpc.*")]);
    assert!(
        by_wildcard.effect == Effect::Deny && by_wildcard.reason.contains("no wildcard covers it"),
        "{by_wildcard:?}"
    );
    assert_eq!(decide(std::slice::from_ref(&send)).effect, Effect::Allow);
    assert_eq!(decide(&[scope("anything")]).effect, Effect::Deny);
}

#[test]
fn endpoints_of_ones_own_do_not_lead_around_the_guard_pack() {
    let policy = compile(&format!(
        "{POLICY}  - {{ name: own, effect: allow, agents: [o], services: [github], scopes: [anything] }}\n"
    ));
    let granted = [scope("anything")];
    let decide =
        |operation: &str| policy.decide_call(&call("o", "github", &granted, &scope(operation), "/repos/a")).rule;
    assert_eq!(decide("repo.read"), "own");
    assert_eq!(decide("repo.delete"), "guard.delete");
    assert_eq!(decide("repo.fork"), "no-forks");
}

#[test]
fn a_question_that_cannot_be_evaluated_is_denied() {
    let mut policy = compile(POLICY);
    let id = cedar_policy::PolicyId::new("broken");
    let broken = cedar_policy::Policy::parse(
        Some(id.clone()),
        "forbid (principal, action, resource) when { context.missing == 1 };",
    )
    .unwrap();
    policy.bands[0].common.add(broken).unwrap();
    policy.rule_of.insert(id, 0);
    assert_eq!(decide(&policy, "DevAgent", "github", "repo.read"), (Effect::Deny, "default".into()));
}

#[test]
fn the_shipped_example_decides_as_it_says() {
    let policy = compile(include_str!("../../../policy/agent.policy.yaml"));
    assert_eq!(decide(&policy, "ci-bot", "helius", "rpc.read.get-balance").0, Effect::Allow);
    assert_eq!(decide(&policy, "ci-bot", "helius", "rpc.history.get-block").1, "history-is-for-analysts");
    assert_eq!(decide(&policy, "analyst-1", "helius", "rpc.history.get-block").1, "analysts-may-scan");
    let granted = [scope("chat")];
    assert_eq!(
        policy.decide_call(&call("ci-bot", "openai", &granted, &scope("chat"), "/v1/chat/completions")).effect,
        Effect::Allow
    );
}

const AGENTS: [&str; 3] = ["a", "b", "ci-1"];
const SERVICES: [&str; 2] = ["github", "prod-db"];
const SCOPES: [&str; 7] = ["repo.read", "repo.delete", "issues.comment", "billing.read", "rows.write", "repo.*", "*"];

fn any_rule() -> impl Strategy<Value = Rule> {
    let effects = prop::sample::select(vec![Effect::Allow, Effect::Escalate, Effect::Deny]);
    let agents = prop::sample::select(vec!["a", "b", "ci-*", "*"]);
    let services = prop::sample::select(vec!["github", "prod-db", "*"]);
    let scopes = prop::collection::vec(prop::sample::select(SCOPES.to_vec()), 1..3);
    let overrides = prop::collection::vec(prop::sample::select(GuardRule::ALL.to_vec()), 0..2);
    (effects, 0_u64..3, agents, services, scopes, overrides, any::<u32>()).prop_map(
        |(effect, priority, agent, service, scopes, overrides, id)| Rule {
            name: format!("r{id}"),
            effect,
            priority,
            agents: vec![NamePattern::parse(agent).unwrap()],
            services: vec![NamePattern::parse(service).unwrap()],
            scopes: scopes.into_iter().map(scope).collect(),
            endpoints: Vec::new(),
            limits: Limits::default(),
            overrides: if effect == Effect::Allow { overrides } else { Vec::new() },
            reason: None,
        },
    )
}

fn build(rules: Vec<Rule>) -> Compiled {
    Compiled::compile(&Document { rules, ..Document::default() }).unwrap()
}

/// Every question about the small world, with its answer.
fn answers(policy: &Compiled) -> Vec<(&'static str, &'static str, &'static str, Effect)> {
    let mut all = Vec::new();
    for agent in AGENTS {
        for service in SERVICES {
            for asked in SCOPES {
                all.push((agent, service, asked, policy.decide_request(agent, service, &scope(asked)).effect));
            }
        }
    }
    all
}

/// The rules as one would explain them, without Cedar.
fn naive(rules: &[Rule], agent: &str, service: &str, asked: &Scope) -> Effect {
    let matches = |rule: &&Rule| {
        rule.agents.iter().any(|p| p.matches(agent))
            && rule.services.iter().any(|p| p.matches(service))
            && rule.scopes.iter().any(|s| s.covers(asked))
    };
    let Some(top) = rules.iter().filter(matches).map(|rule| rule.priority).max() else { return Effect::Deny };
    let effect =
        rules.iter().filter(matches).filter(|rule| rule.priority == top).map(|rule| rule.effect).max().unwrap();
    let deciding = || rules.iter().filter(matches).filter(|rule| rule.priority == top && rule.effect == effect);
    let standing = objections(service, asked.as_str())
        .into_iter()
        .filter(|guard| effect != Effect::Allow || !deciding().any(|rule| rule.overrides.contains(guard)));
    standing.map(GuardRule::effect).chain([effect]).max().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn answers_agree_with_a_naive_reading(rules in prop::collection::vec(any_rule(), 0..8)) {
        for (agent, service, asked, effect) in answers(&build(rules.clone())) {
            prop_assert_eq!(effect, naive(&rules, agent, service, &scope(asked)), "{} {} {}", agent, service, asked);
        }
    }

    #[test]
    fn what_no_rule_names_is_denied(rules in prop::collection::vec(any_rule(), 0..6)) {
        let policy = build(rules.into_iter().filter(|rule| rule.agents[0] == NamePattern::Exact("a".into())).collect());
        for (agent, _, _, effect) in answers(&policy) {
            prop_assert!(agent == "a" || effect == Effect::Deny);
        }
    }

    #[test]
    fn adding_a_deny_never_widens(rules in prop::collection::vec(any_rule(), 0..6), mut deny in any_rule()) {
        deny.effect = Effect::Deny;
        deny.overrides.clear();
        let before = answers(&build(rules.clone()));
        let after = answers(&build(rules.into_iter().chain([deny]).collect()));
        for (before, after) in before.iter().zip(&after) {
            prop_assert!(after.3 >= before.3, "{before:?} became {after:?}");
        }
    }

    #[test]
    fn the_order_of_rules_does_not_matter(rules in prop::collection::vec(any_rule(), 0..6), turn in 0_usize..6) {
        let mut turned = rules.clone();
        turned.reverse();
        let middle = turn.min(turned.len());
        turned.rotate_left(middle);
        prop_assert_eq!(answers(&build(rules)), answers(&build(turned)));
    }

    #[test]
    fn an_override_widens_nothing_but_its_own_rule(mut rules in prop::collection::vec(any_rule(), 1..6), guard in prop::sample::select(GuardRule::ALL.to_vec())) {
        rules[0].effect = Effect::Allow;
        let before = answers(&build(rules.clone()));
        rules[0].overrides.push(guard);
        let own = rules[0].clone();
        for (before, after) in before.iter().zip(answers(&build(rules))) {
            let (agent, service, asked, _) = after;
            let is_its_own = own.agents[0].matches(agent) && own.services[0].matches(service) && own.scopes.iter().any(|s| s.covers(&scope(asked)));
            prop_assert!(before.3 == after.3 || (is_its_own && after.3 < before.3));
        }
    }
}
