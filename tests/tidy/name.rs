//! No module is called `utils` or the like: such a name says nothing, so everything ends up there.

use syn::{Item, visit::Visit};

use crate::{Finding, repository::Repository, source::Source};

const BANNED: &[&str] =
    &["utils", "util", "common", "helpers", "helper", "misc", "core", "types", "manager", "service_layer"];

pub fn findings(repository: &Repository) -> Vec<Finding> {
    repository.sources.iter().flat_map(file).collect()
}

fn file(source: &Source) -> Vec<Finding> {
    let parts = source.path.trim_end_matches(".rs").split('/').filter(|part| BANNED.contains(part));
    let mut found: Vec<_> = parts.map(|part| finding(source, part)).collect();
    let mut modules = Modules(Vec::new());
    modules.visit_file(&source.production);
    found.extend(modules.0.iter().map(|name| finding(source, name)));
    found
}

fn finding(source: &Source, name: &str) -> Finding {
    let message = format!("`{name}` is no name for a module: call it by what it holds");
    Finding { rule: "name", path: source.path.clone(), line: 0, message }
}

/// Modules written out inside of a file; `mod x;` shows as a file.
struct Modules(Vec<String>);

impl Visit<'_> for Modules {
    fn visit_item(&mut self, item: &Item) {
        if let Item::Mod(module) = item
            && module.content.is_some()
            && BANNED.contains(&module.ident.to_string().as_str())
        {
            self.0.push(module.ident.to_string());
        }
        syn::visit::visit_item(self, item);
    }
}

#[test]
fn the_repository_obeys() {
    crate::obey(findings);
}

#[test]
fn banned_names_are_found_as_file_as_folder_and_inside() {
    for (path, text) in [
        ("broker/src/utils.rs", ""),
        ("broker/src/common/mod.rs", ""),
        ("tests/helpers.rs", ""),
        ("sdk/src/id.rs", "mod a { pub mod types { } }"),
    ] {
        assert_eq!(findings(&Repository::sample(&[(path, text)])).len(), 1, "{path}");
    }
    assert_eq!(findings(&Repository::sample(&[("broker/src/score.rs", "mod typesetting {}")])), []);
}
