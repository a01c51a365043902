//! The owner's rules: read, compiled, evaluated. Pure: no clock, no I/O.
//!
//! | module | what |
//! |---|---|
//! | [`document`] | `agent.policy.yaml` into rules, every mistake with its line and column |
//! | [`quantity`] | durations, amounts, rates and name patterns as people write them |
//! | [`compile`] | rules into Cedar policies, by priority and agent |
//! | [`guard`] | what is denied or escalated without being asked |
//! | [`evaluate`] | one question to the compiled rules |
//! | [`lease`] | may this lease be issued, and how narrow |
//! | [`call`] | may this request pass under that lease |

pub mod call;
pub mod compile;
pub mod document;
pub mod evaluate;
pub mod guard;
pub mod lease;
pub mod quantity;

pub use self::{
    call::Call,
    compile::{CompileError, Compiled},
    document::{Document, Endpoint, Limits, OwnerScope, Rule},
    guard::GuardRule,
    lease::{Blocked, LeaseAsk, LeaseDecision, Status},
    quantity::{NamePattern, Rate},
};
pub use crate::yaml::Lint;

/// What a rule, or all of them, say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Go ahead.
    Allow,
    /// A person decides.
    Escalate,
    /// No. The strictest, so that `max` of two effects is the stricter.
    Deny,
}

impl Effect {
    /// As it is written in policies and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Escalate => "escalate",
            Self::Deny => "deny",
        }
    }
}

/// The answer to one question, with the rule that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The answer.
    pub effect: Effect,
    /// The rule's name; `default` where none matched.
    pub rule: String,
    /// Why, and what to do about it.
    pub reason: String,
    /// Guard rules that the rule set aside; each use is an audited event.
    pub overridden: Vec<GuardRule>,
    /// How often this may happen, the tightest of all that apply.
    pub rate: Option<Rate>,
}
