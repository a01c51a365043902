//! Each crate opens with a `//!` map of its modules, so that a reader knows where to go next.

use crate::{Finding, repository::Repository, source::Source};
use syn::Item;

pub fn findings(repository: &Repository) -> Vec<Finding> {
    let text = |path: &str| repository.texts.iter().find(|(name, _)| name == path).map(|(_, text)| text.as_str());
    let roots = repository.sources.iter().filter(|source| is_root(&source.path));
    roots.flat_map(|source| root(source, text(&source.path).unwrap_or_default())).collect()
}

fn is_root(path: &str) -> bool {
    path.ends_with("src/lib.rs") || path.ends_with("src/main.rs")
}

fn root(source: &Source, text: &str) -> Vec<Finding> {
    let map: String = text.lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n");
    if map.is_empty() {
        return vec![finding(source, "does not open with a `//!` comment that says what the crate is".to_owned())];
    }
    let modules = source.production.items.iter().filter_map(|item| match item {
        Item::Mod(module) if module.content.is_none() => Some(module.ident.to_string()),
        _ => None,
    });
    let missing = modules.filter(|module| !mentions(&map, module));
    missing.map(|module| finding(source, format!("its opening comment does not name the module `{module}`"))).collect()
}

/// As a link or in code style, alone or as the first part of a path.
fn mentions(map: &str, module: &str) -> bool {
    map.match_indices(module).any(|(at, _)| {
        let (before, after) = (&map[..at], &map[at + module.len()..]);
        before.ends_with('`') && (after.starts_with('`') || after.starts_with("::"))
    })
}

fn finding(source: &Source, message: String) -> Finding {
    Finding { rule: "map", path: source.path.clone(), line: 0, message }
}

#[test]
fn the_repository_obeys() {
    crate::obey(findings);
}

#[test]
fn a_missing_map_and_a_missing_module_are_found() {
    let judge = |text: &str| findings(&Repository::sample(&[("broker/src/lib.rs", text)])).len();
    assert_eq!(judge("//! The broker.\n//!\n//! | [`app`] | state |\n//! | `db` | SQL |\nmod app;\npub mod db;\n"), 0);
    assert_eq!(judge("mod app;\n"), 1);
    assert_eq!(judge("//! The broker: the app.\nmod app;\n"), 1);
    assert_eq!(judge("//! | [`app`] | state |\nmod app;\nmod db;\n"), 1);
    assert_eq!(judge("//! No modules yet.\n#[cfg(test)]\nmod tests;\n"), 0);
}
