//! Text says what is, for everybody: no reminders to come back, no paths of the machine it was written on.

use std::path::{Component, Path};

use crate::{Finding, repository::Repository};

/// Split in two, so that this file obeys its own rule.
const REMINDERS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
const HOMES: &[&str] = &[concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];
/// Top-level folders that mean the same on every machine.
const EVERYWHERE: &[&str] =
    &["bin", "dev", "etc", "home", "lib", "mnt", "opt", "proc", "root", "run", "srv", "sys", "tmp", "usr", "var"];

pub fn findings(repository: &Repository) -> Vec<Finding> {
    let mut places: Vec<String> = HOMES.iter().map(|home| (*home).to_owned()).collect();
    places.extend(place_of_checkout(&repository.root));
    let mut found = Vec::new();
    for (path, text) in &repository.texts {
        for (index, line) in text.lines().enumerate() {
            let reminder = REMINDERS.iter().find(|word| has_word(line, word));
            let place = places.iter().find(|place| has_path(line, place));
            found.extend(reminder.map(|word| finding(path, index, format!("{word}: do it, or write an issue"))));
            found.extend(place.map(|place| finding(path, index, format!("{place} is a place on somebody's machine"))));
        }
    }
    found
}

fn finding(path: &str, index: usize, message: String) -> Finding {
    Finding { rule: "text", path: path.to_owned(), line: index + 1, message }
}

/// The top-level folder of this checkout, where it is a peculiar one: a path below it would be this machine's.
fn place_of_checkout(root: &Path) -> Option<String> {
    let Component::Normal(top) = root.components().nth(1)? else { return None };
    let top = top.to_str()?;
    (root.components().count() > 2 && !EVERYWHERE.contains(&top)).then(|| format!("/{top}/"))
}

fn has_word(line: &str, word: &str) -> bool {
    let edge = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word)
        .any(|(at, _)| edge(line[..at].chars().next_back()) && edge(line[at + word.len()..].chars().next()))
}

/// Absolute, not the middle of a longer path or address.
fn has_path(line: &str, place: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || "._-}])*~$".contains(c);
    line.match_indices(place).any(|(at, _)| !line[..at].chars().next_back().is_some_and(inside))
}

#[test]
fn the_repository_obeys() {
    crate::obey(findings);
}

#[test]
fn reminders_and_machine_paths_are_found() {
    let judge = |text: &str| findings(&Repository::sample(&[("docs/x.md", text)])).len();
    for reminder in REMINDERS {
        assert_eq!(judge(&format!("// {reminder}: later")), 1);
        assert_eq!(judge(&format!("a{reminder}S_b")), 0);
    }
    for home in HOMES {
        assert_eq!(judge(&format!("see {home}someone/x")), 1);
        assert_eq!(judge(&format!("repos{home}x and https://example.com{home}x")), 0);
    }
}

#[test]
fn the_folder_of_the_checkout_counts_where_it_is_peculiar() {
    assert_eq!(place_of_checkout(Path::new("/peculiar/permitpipe")).as_deref(), Some("/peculiar/"));
    assert_eq!(place_of_checkout(Path::new("/tmp/permitpipe")), None);
    assert_eq!(place_of_checkout(Path::new("/permitpipe")), None);
    let mut sample = Repository::sample(&[("x.md", "built in /peculiar/x, not a/peculiar/x")]);
    sample.root = "/peculiar/permitpipe".into();
    assert_eq!(findings(&sample).len(), 1);
}
