//! Migrations are only ever added: one that a release has run never changes and never moves.

use sha2::{Digest, Sha256};

use crate::{Finding, repository::Repository};

const FOLDER: &str = "migrations/";
/// `sha256  name`, one line for each migration that a release contains.
const RELEASED: &str = include_str!("migrations.sha256");

pub fn findings(repository: &Repository) -> Vec<Finding> {
    judge(repository, RELEASED)
}

fn judge(repository: &Repository, released: &str) -> Vec<Finding> {
    let migrations = repository.texts.iter().filter_map(|(path, text)| Some((path.strip_prefix(FOLDER)?, text)));
    let migrations: Vec<_> = migrations.filter(|(name, _)| name.ends_with(".sql")).collect();
    let mut found: Vec<_> =
        migrations.iter().enumerate().filter_map(|(index, (name, _))| number(index, name)).collect();
    for line in released.lines().filter(|line| !line.starts_with('#')) {
        let (sum, name) = line.split_once("  ").unwrap_or_else(|| panic!("migrations.sha256: not `sum  name`: {line}"));
        let text = migrations.iter().find(|(migration, _)| *migration == name).map(|(_, text)| text);
        match text.map(|text| hex(text)) {
            Some(now) if now == sum => {}
            Some(_) => found.push(finding(name, "was released and has changed: undo that and add a new one")),
            None => found.push(finding(name, "was released and is gone: bring it back")),
        }
    }
    found
}

/// Names are `0001_subject.sql` and count up without a gap.
fn number(index: usize, name: &str) -> Option<Finding> {
    let expected = format!("{:04}_", index + 1);
    (!name.starts_with(&expected)).then(|| finding(name, &format!("is out of sequence: {expected}… is next")))
}

fn hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn finding(name: &str, message: &str) -> Finding {
    Finding { rule: "migration", path: format!("{FOLDER}{name}"), line: 0, message: message.to_owned() }
}

#[test]
fn the_repository_obeys() {
    crate::obey(findings);
}

#[test]
fn a_change_a_removal_and_a_gap_are_found() {
    let files = [("migrations/0001_a.sql", "select 1;"), ("migrations/0002_b.sql", "select 2;")];
    let released = format!("# comment\n{}  0001_a.sql\n", hex("select 1;"));
    assert_eq!(judge(&Repository::sample(&files), &released), []);
    let changed = [("migrations/0001_a.sql", "select 9;"), files[1]];
    assert_eq!(judge(&Repository::sample(&changed), &released).len(), 1);
    assert_eq!(judge(&Repository::sample(&[("migrations/0001_c.sql", "select 1;")]), &released).len(), 1);
    let gap = [files[0], ("migrations/0003_b.sql", "select 2;")];
    assert_eq!(judge(&Repository::sample(&gap), &released).len(), 1);
}
