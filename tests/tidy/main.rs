//! The house rules, as tests. Each rule stands in a file of its own, together with the tests that show it can fail.
//!
//! | module | rule |
//! |---|---|
//! | [`size`] | files, functions, argument lists and the README stay small |
//! | [`dependency`] | crates depend in one direction |
//! | [`arrow`] | modules import in one direction; SQL, secrets and signing each have one place |
//! | [`pure`] | the rules about money and access have no clock, no I/O, no `async` |
//! | [`name`] | no module is called `utils` or the like |
//! | [`map`] | each crate opens with a map of its modules |
//! | [`text`] | no reminders and no paths of somebody's machine in the text |
//! | [`migration`] | migrations are only ever added |
//! | [`exemption`] | who is exempt from which rule, and why |
//!
//! [`repository`] and [`source`] read the checkout; [`reference`] finds what a file names.

// Helpers of tests are not tests to clippy, and a rule that cannot read the checkout has to stop.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arrow;
mod dependency;
mod exemption;
mod map;
mod migration;
mod name;
mod pure;
mod reference;
mod repository;
mod size;
mod source;
mod text;

use std::fmt;

use repository::Repository;

/// One place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub rule: &'static str,
    pub path: String,
    /// 0 where the whole file is meant.
    pub line: usize,
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {} [{}]", self.path, self.message, self.rule),
            line => write!(f, "{}:{line}: {} [{}]", self.path, self.message, self.rule),
        }
    }
}

/// Fails with the list of all findings that nobody is exempt from.
fn obey(rule: fn(&Repository) -> Vec<Finding>) {
    let findings = rule(&Repository::here());
    let broken: Vec<_> =
        findings.iter().filter(|finding| !exemption::covers(finding)).map(ToString::to_string).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}
