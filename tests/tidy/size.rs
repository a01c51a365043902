//! Files, functions, argument lists and the README stay small enough to read.

use syn::{Block, Signature, spanned::Spanned, visit::Visit};

use crate::{Finding, repository::Repository, source::Source};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;
const ARGUMENTS: usize = 6;
const README_LINES: usize = 250;

pub fn findings(repository: &Repository) -> Vec<Finding> {
    let mut found: Vec<_> = repository.sources.iter().flat_map(file).collect();
    for (path, text) in repository.texts.iter().filter(|(path, _)| path == "README.md") {
        let lines = text.lines().count();
        if lines > README_LINES {
            found.push(finding(
                path,
                0,
                format!("{lines} lines, {README_LINES} is the limit: one screen for each section"),
            ));
        }
    }
    found
}

fn finding(path: &str, line: usize, message: String) -> Finding {
    Finding { rule: "size", path: path.to_owned(), line, message }
}

fn file(source: &Source) -> Vec<Finding> {
    let mut functions = Functions { path: &source.path, found: Vec::new() };
    functions.visit_file(&source.production);
    let lines = source.production_lines();
    if lines > FILE_LINES {
        let message = format!("{lines} production lines, {FILE_LINES} is the limit: split it by what it is about");
        functions.found.push(finding(&source.path, 0, message));
    }
    functions.found
}

struct Functions<'a> {
    path: &'a str,
    found: Vec<Finding>,
}

impl Functions<'_> {
    /// Counts from the line of the signature to the closing brace; `self` is no argument.
    fn measure(&mut self, signature: &Signature, block: &Block) {
        let line = signature.span().start().line;
        let (name, lines) = (&signature.ident, block.span().end().line - line + 1);
        if lines > FUNCTION_LINES {
            let message = format!("fn {name} has {lines} lines, {FUNCTION_LINES} is the limit: give its steps names");
            self.found.push(finding(self.path, line, message));
        }
        let arguments = signature.inputs.iter().filter(|input| matches!(input, syn::FnArg::Typed(_))).count();
        if arguments > ARGUMENTS {
            let message =
                format!("fn {name} takes {arguments} arguments, {ARGUMENTS} is the limit: hand over a struct");
            self.found.push(finding(self.path, line, message));
        }
    }
}

impl Visit<'_> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &syn::ItemFn) {
        self.measure(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &syn::ImplItemFn) {
        self.measure(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.measure(&item.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}

#[test]
fn the_repository_obeys() {
    crate::obey(findings);
}

#[test]
fn each_limit_is_kept_at_and_broken_one_above() {
    let function = |lines: usize| format!("impl X {{\nfn f() {{\n{}}}\n}}", "a();\n".repeat(lines - 2));
    let arguments = |count: usize| format!("trait X {{ fn f(&self, {}) {{}} }}", "a: A, ".repeat(count));
    let file = |lines: usize| format!("{}#[cfg(test)]\nmod tests {{\n}}\n", "//\n".repeat(lines));
    let readme = |lines: usize| "x\n".repeat(lines);
    let cases = [
        ("a/src/a.rs", function(FUNCTION_LINES), function(FUNCTION_LINES + 1)),
        ("a/src/a.rs", arguments(ARGUMENTS), arguments(ARGUMENTS + 1)),
        ("a/src/a.rs", file(FILE_LINES), file(FILE_LINES + 1)),
        ("README.md", readme(README_LINES), readme(README_LINES + 1)),
    ];
    for (path, good, bad) in cases {
        assert_eq!(findings(&Repository::sample(&[(path, &good)])), [], "{path} at the limit");
        assert_eq!(findings(&Repository::sample(&[(path, &bad)])).len(), 1, "{path} above the limit");
    }
}
