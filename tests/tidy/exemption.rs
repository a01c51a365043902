//! Who is exempt from which rule, and why. The list may only shrink: an exemption nobody needs fails.

use crate::{Finding, arrow, dependency, map, migration, name, pure, repository::Repository, size, text};

struct Exemption {
    rule: &'static str,
    path: &'static str,
    /// Part of the finding's message, to exempt one thing in a file and not the file.
    what: &'static str,
    why: &'static str,
}

const EXEMPTIONS: &[Exemption] = &[];

pub fn covers(finding: &Finding) -> bool {
    EXEMPTIONS.iter().any(|exemption| exemption.covers(finding))
}

impl Exemption {
    fn covers(&self, finding: &Finding) -> bool {
        self.rule == finding.rule && self.path == finding.path && finding.message.contains(self.what)
    }
}

fn all_findings() -> Vec<Finding> {
    let rules = [
        arrow::findings,
        dependency::findings,
        map::findings,
        migration::findings,
        name::findings,
        pure::findings,
        size::findings,
        text::findings,
    ];
    let here = Repository::here();
    rules.iter().flat_map(|rule| rule(&here)).collect()
}

#[test]
fn every_exemption_is_needed_and_says_why() {
    let findings = all_findings();
    for exemption in EXEMPTIONS {
        let Exemption { rule, path, what, why } = exemption;
        assert!(
            findings.iter().any(|finding| exemption.covers(finding)),
            "{path} needs no exemption from {rule} ({what})"
        );
        assert!(why.len() > 20, "{path}: why is it exempt from {rule}?");
    }
}

#[test]
fn an_exemption_covers_its_rule_in_its_file_and_nothing_else() {
    let exemption = Exemption { rule: "size", path: "a.rs", what: "fn f ", why: "" };
    let finding =
        |rule, path: &str, message: &str| Finding { rule, path: path.into(), line: 3, message: message.into() };
    assert!(exemption.covers(&finding("size", "a.rs", "fn f has 71 lines")));
    assert!(!exemption.covers(&finding("size", "a.rs", "fn g has 71 lines")));
    assert!(!exemption.covers(&finding("size", "b.rs", "fn f has 71 lines")));
    assert!(!exemption.covers(&finding("name", "a.rs", "fn f has 71 lines")));
}
