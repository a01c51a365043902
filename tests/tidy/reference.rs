//! What a file names: every path in it, as absolute as the file itself tells.
//!
//! Paths are read from the tokens, so that those inside of macro calls are seen too. `use` lines are expanded, and the
//! names they bring in are put in front of the paths that begin with them.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Item, UseTree, visit::Visit};

use crate::source::Source;

/// A path and where it stands: `["crate", "db", "lease"]`; `"*"` at the end of a glob import.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub line: usize,
    pub path: Vec<String>,
}

impl Reference {
    /// Does the path lead to, or through, `target` (`sqlx::query*`: the last name may end in a star)?
    pub fn reaches(&self, target: &str) -> bool {
        let target: Vec<_> = target.split("::").collect();
        let globbed = self.path.last().is_some_and(|last| last == "*") && target.len() >= self.path.len();
        if self.path.len() < target.len() && !globbed {
            return false;
        }
        target.iter().zip(&self.path).all(|(wanted, found)| match wanted.strip_suffix('*') {
            Some(start) => found == "*" || found.starts_with(start),
            None => found == "*" || found == wanted,
        })
    }
}

/// All paths of the production code, in the order of lines, each once.
pub fn references(source: &Source) -> Vec<Reference> {
    let mut imports = Imports { module: source.module(), found: Vec::new(), names: BTreeMap::new() };
    imports.visit_file(&source.production);
    let mut all = imports.found.clone();
    for (line, path) in token_paths(source.production.to_token_stream()) {
        all.push(Reference { line, path: imports.absolute(path) });
    }
    all.sort();
    all.dedup();
    all
}

/// Every word of the production code that is no literal and no comment, keywords included.
pub fn words(source: &Source) -> Vec<(usize, String)> {
    let paths = token_paths(source.production.to_token_stream());
    paths.into_iter().flat_map(|(line, path)| path.into_iter().map(move |word| (line, word))).collect()
}

struct Imports {
    module: Vec<String>,
    found: Vec<Reference>,
    /// What a name at the start of a path stands for.
    names: BTreeMap<String, Vec<String>>,
}

impl Imports {
    fn absolute(&self, mut path: Vec<String>) -> Vec<String> {
        let mut base: Vec<String> = match path.first().map(String::as_str) {
            Some("self" | "super") => std::iter::once("crate".to_owned()).chain(self.module.iter().cloned()).collect(),
            // A word alone is mostly a variable; its import has been seen already.
            Some(first) if path.len() > 1 && self.names.contains_key(first) => {
                let mut named = self.names[first].clone();
                named.extend(path.drain(1..));
                return named;
            }
            _ => return path,
        };
        while let Some("self" | "super") = path.first().map(String::as_str) {
            if path.remove(0) == "super" {
                base.truncate(base.len().saturating_sub(1).max(1));
            }
        }
        base.extend(path);
        base
    }

    fn expand(&mut self, line: usize, tree: &UseTree, mut before: Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.expand(line, &path.tree, before);
            }
            UseTree::Group(group) => group.items.iter().for_each(|item| self.expand(line, item, before.clone())),
            UseTree::Glob(_) => {
                before.push("*".to_owned());
                let path = self.absolute(before);
                self.found.push(Reference { line, path });
            }
            UseTree::Name(name) => self.import(line, before, name.ident.to_string(), None),
            UseTree::Rename(rename) => {
                self.import(line, before, rename.ident.to_string(), Some(rename.rename.to_string()));
            }
        }
    }

    fn import(&mut self, line: usize, mut before: Vec<String>, name: String, renamed: Option<String>) {
        if name != "self" {
            before.push(name);
        }
        let path = self.absolute(before);
        if let Some(name) = renamed.or_else(|| path.last().cloned()) {
            self.names.insert(name, path.clone());
        }
        self.found.push(Reference { line, path });
    }
}

impl Visit<'_> for Imports {
    fn visit_item(&mut self, item: &Item) {
        if let Item::Mod(module) = item
            && module.content.is_none()
        {
            let name = module.ident.to_string();
            let path = std::iter::once("crate".to_owned()).chain(self.module.iter().cloned()).chain([name.clone()]);
            self.names.insert(name, path.collect());
        }
        syn::visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        let line = item.use_token.span.start().line;
        self.expand(line, &item.tree, Vec::new());
    }
}

fn token_paths(stream: TokenStream) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let (mut line, mut colons) = (0, 0);
    for token in stream {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 && !path.is_empty() {
                    found.push((line, std::mem::take(&mut path)));
                }
                if path.is_empty() {
                    line = ident.span().start().line;
                }
                path.push(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            other => {
                colons = 0;
                if !path.is_empty() {
                    found.push((line, std::mem::take(&mut path)));
                }
                if let TokenTree::Group(group) = other {
                    found.extend(token_paths(group.stream()));
                }
            }
        }
    }
    if !path.is_empty() {
        found.push((line, path));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(path: &str, text: &str) -> Vec<String> {
        references(&Source::parse(path, text)).into_iter().map(|found| found.path.join("::")).collect()
    }

    #[test]
    fn imports_are_expanded_and_made_absolute() {
        let found =
            paths("broker/src/task/settle.rs", "use super::super::{db::{self, lease as l}, api::*};\nuse self::x::y;");
        for expected in ["crate::db", "crate::db::lease", "crate::api::*", "crate::task::settle::x::y"] {
            assert!(found.iter().any(|path| path == expected), "{expected} is not in {found:?}");
        }
    }

    #[test]
    fn paths_in_code_and_in_macros_take_the_name_that_was_imported() {
        let found = paths(
            "broker/src/api.rs",
            "use crate::{db, secret as s};\nmod lease;\nfn f() { m!(a, db::go(1)); s::open(); lease::get() }",
        );
        for expected in ["crate::db::go", "crate::secret::open", "crate::api::lease::get"] {
            assert!(found.iter().any(|path| path == expected), "{expected} is not in {found:?}");
        }
    }

    #[test]
    fn words_in_strings_comments_and_tests_are_not_references() {
        let text = "//! crate::db\n/// crate::db\nfn f() { g(\"crate::db\") } // crate::db\n#[cfg(test)]\nmod t { use crate::db; }";
        assert!(!paths("broker/src/x.rs", text).iter().any(|path| path.starts_with("crate::db")));
    }

    #[test]
    fn reaching_knows_prefixes_stars_and_globs() {
        let reference = |path: &str| Reference { line: 1, path: path.split("::").map(str::to_owned).collect() };
        assert!(reference("crate::db::lease").reaches("crate::db"));
        assert!(reference("sqlx::query_as").reaches("sqlx::query*"));
        assert!(reference("crate::secret::*").reaches("crate::secret::open"));
        assert!(!reference("crate::secret::*").reaches("crate::db::open"));
        assert!(!reference("crate::dbx").reaches("crate::db"));
        assert!(!reference("crate").reaches("crate::db"));
    }
}
