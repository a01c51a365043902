//! The guard pack: what no rule allows by accident.
//!
//! It looks at the words of a scope and of the service's name. It stands beside the owner's rules, and the stricter answer counts. A rule
//! that names a guard rule in `override` sets it aside where that rule itself decides, and nowhere else.

use std::collections::BTreeSet;

use super::Effect;
use crate::yaml::nearest;

/// One guard rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GuardRule {
    /// Deleting, dropping, purging.
    Delete,
    /// Administration.
    Admin,
    /// Secrets, credentials, passwords.
    Secrets,
    /// Anything about money.
    Billing,
    /// Writing to something called production.
    Production,
    /// Leases longer than a day.
    Ttl,
}

/// The longest lease without an override, in seconds.
pub const MAX_TTL_SECONDS: u64 = 24 * 3600;

const DELETE: &[&str] = &["delete", "destroy", "drop", "erase", "purge", "remove", "truncate", "wipe"];
const ADMIN: &[&str] = &["admin", "administration", "administrator", "admins", "root", "sudo", "superuser"];
const SECRETS: &[&str] = &["credential", "credentials", "password", "passwords", "secret", "secrets"];
const BILLING: &[&str] = &[
    "billing",
    "charge",
    "charges",
    "checkout",
    "invoice",
    "invoices",
    "payment",
    "payments",
    "payout",
    "payouts",
    "refund",
    "refunds",
    "subscription",
    "subscriptions",
];
const PRODUCTION: &[&str] = &["prod", "production"];
const WRITE: &[&str] =
    &["alter", "create", "insert", "merge", "migrate", "mutate", "patch", "put", "update", "upsert", "write"];

impl GuardRule {
    /// All of them, the strictest effects first.
    pub const ALL: [Self; 6] = [Self::Delete, Self::Admin, Self::Secrets, Self::Production, Self::Billing, Self::Ttl];

    /// As it is written in `override` and in decisions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delete => "guard.delete",
            Self::Admin => "guard.admin",
            Self::Secrets => "guard.secrets",
            Self::Billing => "guard.billing",
            Self::Production => "guard.production",
            Self::Ttl => "guard.ttl",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|rule| rule.name() == text);
        found.ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            match nearest(text, Self::ALL.map(Self::name)) {
                Some(near) => format!("`{shown}` is no guard rule; did you mean `{near}`?"),
                None => format!("`{shown}` is no guard rule; there are {}", Self::ALL.map(Self::name).join(", ")),
            }
        })
    }

    /// What it says where it matches. TTL narrows instead.
    pub fn effect(self) -> Effect {
        match self {
            Self::Billing => Effect::Escalate,
            Self::Ttl => Effect::Allow,
            _ => Effect::Deny,
        }
    }

    /// What a refusal says.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Delete => "scopes that delete are denied by default",
            Self::Admin => "scopes of administration are denied by default",
            Self::Secrets => "scopes that read or change secrets are denied by default",
            Self::Billing => "scopes that move money need a person's approval",
            Self::Production => "writing to production is denied by default",
            Self::Ttl => "a lease lasts at most 24 hours",
        }
    }

    fn matches(self, words: &BTreeSet<&str>) -> bool {
        let any = |list: &[&str]| list.iter().any(|word| words.contains(word));
        match self {
            Self::Delete => any(DELETE),
            Self::Admin => any(ADMIN),
            Self::Secrets => any(SECRETS),
            Self::Billing => any(BILLING),
            Self::Production => any(PRODUCTION) && (any(WRITE) || any(DELETE)),
            Self::Ttl => false,
        }
    }
}

/// The guard rules that object to a scope at a service.
pub fn objections(service: &str, scope: &str) -> Vec<GuardRule> {
    let scope_words: BTreeSet<&str> = words(scope).collect();
    let mut all_words = scope_words.clone();
    all_words.extend(words(service));
    // Where something is counts for production only: reading from a service called `billing-docs` moves no money.
    let matches =
        |rule: &GuardRule| rule.matches(if *rule == GuardRule::Production { &all_words } else { &scope_words });
    GuardRule::ALL.into_iter().filter(matches).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Catalog;

    #[test]
    fn words_of_a_scope_raise_objections() {
        use GuardRule::{Admin, Billing, Delete, Production, Secrets};
        for (service, scope, expected) in [
            ("github", "repo.read", vec![]),
            ("github", "repo.delete", vec![Delete]),
            ("github", "delete_branch", vec![Delete]),
            ("github", "admin.*", vec![Admin]),
            ("github", "secrets.read", vec![Secrets]),
            ("stripe", "refunds.create", vec![Billing]),
            ("supabase-prod", "rows.insert", vec![Production]),
            ("supabase", "production.rows.update", vec![Production]),
            ("supabase-prod", "rows.read", vec![]),
            ("supabase-prod", "rows.delete", vec![Delete, Production]),
            ("github", "undelete", vec![]),
            ("github", "*", vec![]),
        ] {
            assert_eq!(objections(service, scope), expected, "{service} {scope}");
        }
    }

    #[test]
    fn no_built_in_operation_is_hit_by_accident() {
        let catalog = Catalog::builtin().unwrap();
        for name in ["openai", "helius"] {
            for operation in &catalog.find(name).unwrap().operations {
                assert!(objections(name, operation.name.as_str()).is_empty(), "{}", operation.name);
            }
        }
    }
}
