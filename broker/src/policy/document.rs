//! `agent.policy.yaml`, read into rules.
//!
//! ```yaml
//! version: 1
//! limits: { ttl: 8h, budget: 5 USD }           # for every lease; the stricter of this and a rule's own stands
//! scopes:                                      # scopes of your own, beside the names of operations
//!   llm:complete:
//!     endpoints: ["/v1/completions", "/v1/chat/completions"]      # as the provider documents them
//!     methods: ["POST"]
//!     rate_limit: 100/minute
//! agents:                                      # the short form: one allow rule, and what a person must approve
//!   ci-bot:
//!     ttl: 30m                                 # for all its services
//!     services:
//!       openai: { scopes: [chat, llm:complete], approval: [responses], deny: [embeddings], budget: 0.50 USD,
//!                 endpoints: ["POST /v1/chat/completions"], rate_limit: 60/minute, ttl: 15m }
//! rules:                                       # the long form
//!   - name: no-merges
//!     effect: deny                             # allow, deny or escalate
//!     priority: 100                            # 0 to 1000, 0 if left out; the short form has 0
//!     agents: ["*"]                            # names, `ci-*` or "*"
//!     services: [github]
//!     scopes: [pull_request.merge]
//!     reason: "Merging is for people."
//!   - { name: cleaner, effect: allow, agents: [cleaner], services: [github], scopes: [branch.delete], override: [guard.delete] }
//! ```
//!
//! The highest priority with a matching rule decides; in it deny beats escalate beats allow; without a match it is deny.

use std::collections::BTreeSet;

use http::Method;
use permitpipe_sdk::{money::Credits, scope::Scope};

use super::{
    Effect, GuardRule,
    quantity::{NamePattern, Rate, read_amount, read_duration},
};
use crate::{
    path::{ClientPath, PathPattern},
    service::template::parse_method,
    yaml::{Lint, View, Yaml},
};

/// A policy as its owner wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// For every lease.
    pub limits: Limits,
    /// Scopes of the owner's own.
    pub scopes: Vec<OwnerScope>,
    /// All rules, the short form written out.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Unique; what decisions and audit entries call it.
    pub name: String,
    /// What it says where it matches.
    pub effect: Effect,
    /// Higher bands decide first.
    pub priority: u64,
    /// Whom it means.
    pub agents: Vec<NamePattern>,
    /// Where.
    pub services: Vec<NamePattern>,
    /// What.
    pub scopes: Vec<Scope>,
    /// On which paths; all, if empty.
    pub endpoints: Vec<Endpoint>,
    /// How much.
    pub limits: Limits,
    /// Guard rules that stand back where this rule allows.
    pub overrides: Vec<GuardRule>,
    /// The owner's own words.
    pub reason: Option<String>,
}

/// Typed numbers; enforced by us, never part of a policy's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// The longest lease.
    pub ttl_seconds: Option<u64>,
    /// The largest budget of a lease.
    pub budget: Option<Credits>,
    /// The fastest pace of requests.
    pub rate: Option<Rate>,
}

/// A path, with any method or one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `None` is any.
    pub method: Option<Method>,
    /// As the upstream sees it, base path included.
    pub path: PathPattern,
}

/// A scope that an owner defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerScope {
    /// Its name.
    pub name: Scope,
    /// The paths it covers.
    pub endpoints: Vec<Endpoint>,
    /// How often.
    pub rate: Option<Rate>,
}

impl Endpoint {
    /// Reads `/v1/files/*` or `GET /v1/files/*`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (method, path) = match text.split_once(' ') {
            Some((method, path)) => (Some(parse_method(method)?), path),
            None => (None, text),
        };
        Ok(Self { method, path: PathPattern::parse(path).map_err(|error| error.to_string())? })
    }

    /// Whether a request is meant.
    pub fn matches(&self, method: &Method, path: &ClientPath) -> bool {
        self.method.as_ref().is_none_or(|own| own == method) && self.path.matches(path)
    }
}

impl Limits {
    /// The stricter of each.
    #[must_use]
    pub fn tightened(self, other: Self) -> Self {
        let tighter = |a: Rate, b: Rate| if b.is_tighter_than(a) { b } else { a };
        Self {
            ttl_seconds: both(self.ttl_seconds, other.ttl_seconds, u64::min),
            budget: both(self.budget, other.budget, Credits::min),
            rate: both(self.rate, other.rate, tighter),
        }
    }
}

fn both<T>(a: Option<T>, b: Option<T>, choose: impl Fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(choose(a, b)),
        (a, b) => a.or(b),
    }
}

const MAX_RULES: usize = 5000;
const MAX_PRIORITY: u64 = 1000;
const LIMIT_FIELDS: [&str; 3] = ["ttl", "budget", "rate_limit"];

impl Document {
    /// Reads a policy, or says everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<Lint>> {
        let yaml = Yaml::parse(text).map_err(|lint| vec![lint])?;
        let document = read_document(&yaml.root());
        yaml.finish()?;
        Ok(document)
    }

    /// The owner's scope of that name.
    pub fn find_scope(&self, name: &str) -> Option<&OwnerScope> {
        self.scopes.iter().find(|scope| scope.name.as_str() == name)
    }
}

fn read_document(root: &View<'_>) -> Document {
    let fields = root.fields(&["version", "limits", "scopes", "agents", "rules"]);
    if let Some(version) = fields.get("version")
        && version.integer().is_some_and(|number| number != 1)
    {
        version.problem("this is the only version there is: write 1");
    }
    let limits = fields.get("limits").map(|view| read_limits(&view, &["ttl", "budget"])).unwrap_or_default();
    let scopes = fields.get("scopes").map(|view| read_scopes(&view)).unwrap_or_default();
    let mut rules = Vec::new();
    let mut names = BTreeSet::new();
    for (agent, view) in fields.get("agents").map(|view| view.entries()).unwrap_or_default() {
        read_agent(agent, &view, &mut rules);
    }
    names.extend(rules.iter().map(|rule: &Rule| rule.name.clone()));
    for view in fields.get("rules").map(|view| view.items()).unwrap_or_default() {
        let Some(rule) = read_rule(&view) else { continue };
        if !names.insert(rule.name.clone()) {
            view.problem(format_args!(
                "there are two rules named `{}`; decisions name their rule, so give it another",
                rule.name
            ));
        }
        if let Some(other) = rules.iter().find(|other| contradicts(other, &rule)) {
            view.problem(format_args!(
                "this rule and `{}` mean the same requests at the same priority, and say {} and {}; remove one",
                other.name,
                rule.effect.as_str(),
                other.effect.as_str()
            ));
        }
        rules.push(rule);
    }
    if rules.len() > MAX_RULES {
        root.problem(format_args!("there are {} rules, the limit is {MAX_RULES}", rules.len()));
    }
    Document { limits, scopes, rules }
}

/// Same requests, different answer: one of the two can never have a say.
fn contradicts(a: &Rule, b: &Rule) -> bool {
    a.effect != b.effect
        && a.priority == b.priority
        && a.agents == b.agents
        && a.services == b.services
        && a.scopes == b.scopes
        && a.endpoints == b.endpoints
}

fn read_scopes(view: &View<'_>) -> Vec<OwnerScope> {
    let read = |(name, entry): (&str, View<'_>)| {
        let fields = entry.fields(&["endpoints", "methods", "rate_limit"]);
        let scope = Scope::parse(name).map_err(|error| view.key_problem(name, error)).ok()?;
        if scope.is_wildcard() {
            view.key_problem(name, "a scope that is defined has a plain name, without `*`");
        }
        let endpoints = fields.require("endpoints").map(|v| v.read_items(Endpoint::parse)).unwrap_or_default();
        let methods = fields.require("methods").map(|v| v.read_items(parse_method)).unwrap_or_default();
        let rate = fields.get("rate_limit").and_then(|v| v.read(Rate::parse));
        let endpoints = endpoints.into_iter().flat_map(|endpoint| {
            let with_method = |method: &Method| Endpoint { method: Some(method.clone()), path: endpoint.path.clone() };
            let allowed = methods.iter().filter(|method| endpoint.method.as_ref().is_none_or(|own| own == *method));
            allowed.map(with_method).collect::<Vec<Endpoint>>()
        });
        Some(OwnerScope { name: scope, endpoints: endpoints.collect(), rate })
    };
    view.entries().into_iter().filter_map(read).collect()
}

/// One agent of the short form: for each service an allow rule, and rules for what is to be approved or denied.
fn read_agent(agent: &str, view: &View<'_>, rules: &mut Vec<Rule>) {
    let fields = view.fields(&["services", "ttl", "budget"]);
    let Ok(pattern) = NamePattern::parse(agent).map_err(|error| view.problem(error)) else { return };
    let own = read_limit_fields(view);
    for (service, entry) in fields.require("services").map(|v| v.entries()).unwrap_or_default() {
        let Ok(service_pattern) = NamePattern::parse(service).map_err(|error| entry.problem(error)) else { continue };
        let fields = entry.fields(&["scopes", "approval", "deny", "endpoints", "ttl", "budget", "rate_limit"]);
        let limits = own.tightened(read_limit_fields(&entry));
        let endpoints = fields.get("endpoints").map(|v| v.read_items(Endpoint::parse)).unwrap_or_default();
        if fields.get("scopes").is_none() && fields.get("approval").is_none() && fields.get("deny").is_none() {
            entry.problem("`scopes` is missing; name what the agent may do, such as [chat]");
        }
        for (field, suffix, effect) in [
            ("scopes", "", Effect::Allow),
            ("approval", ".approval", Effect::Escalate),
            ("deny", ".deny", Effect::Deny),
        ] {
            let Some(scopes) = fields.get(field) else { continue };
            rules.push(Rule {
                name: format!("agents.{pattern}.{service_pattern}{suffix}"),
                effect,
                priority: 0,
                agents: vec![pattern.clone()],
                services: vec![service_pattern.clone()],
                scopes: scopes.read_items(Scope::parse),
                // A list of endpoints narrows what is allowed; a deny without it is the stricter one.
                endpoints: if effect == Effect::Deny { Vec::new() } else { endpoints.clone() },
                limits,
                overrides: Vec::new(),
                reason: None,
            });
        }
    }
}

fn read_rule(view: &View<'_>) -> Option<Rule> {
    let known = [
        "name",
        "effect",
        "priority",
        "agents",
        "services",
        "scopes",
        "endpoints",
        "ttl",
        "budget",
        "rate_limit",
        "override",
        "reason",
    ];
    let fields = view.fields(&known);
    let name = fields.require("name").and_then(|v| v.read(parse_rule_name));
    let effect = fields.require("effect").and_then(|v| v.read(parse_effect));
    let agents = fields.require("agents").map(|v| v.read_items(NamePattern::parse));
    let services = fields.require("services").map(|v| v.read_items(NamePattern::parse));
    let scopes = fields.require("scopes").map(|v| v.read_items(Scope::parse));
    let priority = fields.get("priority").map_or(Some(0), |v| read_priority(&v));
    let endpoints = fields.get("endpoints").map(|v| v.read_items(Endpoint::parse)).unwrap_or_default();
    let reason = fields.get("reason").and_then(|v| v.text().map(|text| text.chars().take(300).collect()));
    let overrides = fields.get("override").map(|v| v.read_items(GuardRule::parse)).unwrap_or_default();
    let rule = Rule {
        name: name?,
        effect: effect?,
        priority: priority?,
        agents: agents?,
        services: services?,
        scopes: scopes?,
        endpoints,
        limits: read_limit_fields(view),
        overrides,
        reason,
    };
    check_rule(view, &rule);
    Some(rule)
}

fn check_rule(view: &View<'_>, rule: &Rule) {
    if rule.effect == Effect::Deny && rule.limits != Limits::default() {
        view.problem("`ttl`, `budget` and `rate_limit` limit what is allowed; a deny rule has none");
    }
    if !rule.overrides.is_empty() && rule.effect != Effect::Allow {
        view.problem("`override` sets guard rules aside for what is allowed; only an allow rule has it");
    }
    if !rule.overrides.is_empty() && rule.scopes.contains(&Scope::all()) {
        view.problem("`override` does not go with the scope \"*\"; name the scopes that are exempt");
    }
}

fn parse_rule_name(text: &str) -> Result<String, String> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if text.is_empty() || text.len() > 64 || !text.bytes().all(is_plain) {
        return Err("a rule's name is 1 to 64 of letters, digits, `.`, `_` and `-`".into());
    }
    if ["guard.", "agents."].iter().any(|reserved| text.starts_with(reserved)) || text == "default" {
        return Err("names that begin with `guard.` or `agents.`, and `default`, are taken; choose another".into());
    }
    Ok(text.to_owned())
}

fn parse_effect(text: &str) -> Result<Effect, String> {
    [Effect::Allow, Effect::Escalate, Effect::Deny].into_iter().find(|effect| effect.as_str() == text).ok_or_else(
        || format!("`{}` is not an effect; write allow, deny or escalate", text.chars().take(40).collect::<String>()),
    )
}

fn read_priority(view: &View<'_>) -> Option<u64> {
    let priority = view.integer()?;
    if priority > MAX_PRIORITY {
        view.problem(format_args!("the priority is {priority}, the limit is {MAX_PRIORITY}"));
    }
    Some(priority)
}

fn read_limits(view: &View<'_>, known: &[&str]) -> Limits {
    view.fields(known);
    read_limit_fields(view)
}

/// The three limits, wherever they may stand; whether they may is checked by the caller's list of fields.
fn read_limit_fields(view: &View<'_>) -> Limits {
    let [ttl, budget, rate] = LIMIT_FIELDS.map(|name| view.find(name));
    Limits {
        ttl_seconds: ttl.and_then(|v| read_duration(&v)),
        budget: budget.and_then(|v| read_amount(&v)),
        rate: rate.and_then(|v| v.read(Rate::parse)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lints(text: &str) -> String {
        Document::parse(text).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn scopes_are_read_as_the_perishable_article_prints_them() {
        let document = Document::parse(
            "scopes:\n  llm:complete:\n    endpoints: [\"/v1/completions\", \"/v1/chat/completions\"]\n    methods: [\"POST\"]\n    rate_limit: 100/minute\n\
             \x20 llm:embed:\n    endpoints: [\"/v1/embeddings\"]\n    methods: [\"POST\"]\n    rate_limit: 500/minute\n\
             \x20 storage:read:\n    endpoints: [\"/v1/files/*\"]\n    methods: [\"GET\"]\n",
        )
        .unwrap();
        let complete = document.find_scope("llm:complete").unwrap();
        assert_eq!((complete.endpoints.len(), complete.rate), (2, Some(Rate { count: 100, per_seconds: 60 })));
        let read = document.find_scope("storage:read").unwrap();
        let matches = |method: Method, path: &str| {
            read.endpoints.iter().any(|e| e.matches(&method, &ClientPath::parse(path).unwrap()))
        };
        assert!(
            matches(Method::GET, "/v1/files/a")
                && !matches(Method::DELETE, "/v1/files/a")
                && !matches(Method::GET, "/v1/files/a/b")
        );
    }

    #[test]
    fn the_shipped_example_is_clean() {
        let document = Document::parse(include_str!("../../policy/agent.policy.yaml")).unwrap();
        assert!(document.rules.len() >= 5 && !document.scopes.is_empty());
    }

    #[test]
    fn the_short_form_is_written_out() {
        let text = "agents:\n  ci-bot:\n    ttl: 30m\n    services:\n      openai: { scopes: [chat], approval: [responses], deny: [embeddings], ttl: 1h, budget: 0.50 USD }\n";
        let rules = Document::parse(text).unwrap().rules;
        let summary: Vec<(&str, Effect)> = rules.iter().map(|rule| (rule.name.as_str(), rule.effect)).collect();
        assert_eq!(
            summary,
            [
                ("agents.ci-bot.openai", Effect::Allow),
                ("agents.ci-bot.openai.approval", Effect::Escalate),
                ("agents.ci-bot.openai.deny", Effect::Deny),
            ]
        );
        assert_eq!(
            rules[0].limits,
            Limits { ttl_seconds: Some(1800), budget: Some(Credits::parse(500_000).unwrap()), rate: None }
        );
    }

    const RULE: &str =
        "rules:\n  - name: a\n    effect: allow\n    agents: [x]\n    services: [github]\n    scopes: [repo.read]\n";

    #[test]
    fn mistakes_are_named_with_line_and_column() {
        assert!(Document::parse(RULE).is_ok());
        for (from, to, expected) in [
            ("effect: allow", "effect: permit", "3:13: `permit` is not an effect"),
            ("[repo.read]", "[repo.*.x]", "6:14: `*` in a scope stands for whole last segments"),
            ("[repo.read]", "[]", "6:13: the list is empty"),
            ("[repo.read]", "[repo.Read]", "not 'R'"),
            ("    agents: [x]\n", "", "`agents` is missing"),
            ("agents: [x]", "agnets: [x]", "4:5: `agnets` is no field here; did you mean `agents`?"),
            (
                "[repo.read]",
                "[repo.read]\n    budget: 0.5",
                "7:13: an amount with decimals is written with its currency",
            ),
            ("[repo.read]", "[repo.read]\n    ttl: 0", "7:10: `0` is 0 seconds"),
            ("[repo.read]", "[repo.read]\n    ttl: -5", "7:10: `-5` is not a duration"),
            ("[repo.read]", "[repo.read]\n    priority: 1001", "the limit is 1000"),
            ("[repo.read]", "[repo.read]\n    priority: high", "7:15: expected a whole number"),
            ("[repo.read]", "[repo.read]\n    rate_limit: fast", "`fast` is not a rate"),
            (
                "[repo.read]",
                "[repo.read]\n    override: [guard.delte]",
                "7:16: `guard.delte` is no guard rule; did you mean `guard.delete`?",
            ),
            ("[repo.read]", "[\"*\"]\n    override: [guard.delete]", "name the scopes that are exempt"),
            ("[repo.read]", "[repo.read]\n    endpoints: [\"/a/**/b\"]", "`**` comes last"),
            ("name: a", "name: guard.x", "2:11: names that begin with `guard.`"),
            ("[repo.read]", "[repo.read]\n    name: b", "7:5: `name` is there twice"),
            ("rules:", "rules: &r", "1:8: `&` begins a YAML anchor"),
            ("    effect", "\teffect", "3:1: tabs are not allowed"),
        ] {
            let text = RULE.replacen(from, to, 1);
            assert!(lints(&text).contains(expected), "{to}: {}", lints(&text));
        }
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let text = RULE.replace("allow", "permit").replace("[x]", "[\"a b\"]").replace("[repo.read]", "[Repo]");
        assert_eq!(lints(&text).lines().count(), 3, "{}", lints(&text));
    }

    #[test]
    fn rules_that_contradict_each_other_are_refused() {
        let twin = RULE.trim_start_matches("rules:\n").replace("name: a", "name: b").replace("allow", "deny");
        assert!(
            lints(&format!("{RULE}{twin}"))
                .contains("mean the same requests at the same priority, and say deny and allow")
        );
        let again = RULE.trim_start_matches("rules:\n");
        assert!(lints(&format!("{RULE}{again}")).contains("two rules named `a`"));
    }

    #[test]
    fn an_empty_policy_is_no_policy() {
        assert!(lints("").contains("expected `name: value` lines"));
        assert!(lints("- a").contains("expected `name: value` lines"));
        assert!(Document::parse("version: 1").unwrap().rules.is_empty());
    }
}
