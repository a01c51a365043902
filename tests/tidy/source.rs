//! One Rust file, parsed, with its test code told apart.

use std::ops::RangeInclusive;

use syn::{Attribute, Item, spanned::Spanned};

/// A parsed file.
pub struct Source {
    /// Relative to the root of the checkout, with `/`.
    pub path: String,
    pub lines: usize,
    /// The file without the items under `#[cfg(test)]`; empty if it is nothing but tests.
    pub production: syn::File,
    /// Lines of the items under `#[cfg(test)]`.
    tests: Vec<RangeInclusive<usize>>,
}

impl Source {
    pub fn parse(path: &str, text: &str) -> Self {
        let mut production = syn::parse_file(text).unwrap_or_else(|error| {
            panic!("{path}:{}: does not parse: {error}", error.span().start().line);
        });
        let mut tests = Vec::new();
        if is_test_module(path) {
            production.items.clear();
            tests.push(1..=text.lines().count());
        } else {
            remove_tests(&mut production.items, &mut tests);
        }
        Self { path: path.to_owned(), lines: text.lines().count(), production, tests }
    }

    /// Lines that are not under `#[cfg(test)]`.
    pub fn production_lines(&self) -> usize {
        self.lines - self.tests.iter().map(|range| range.end() - range.start() + 1).sum::<usize>()
    }

    /// `["task", "settle"]` for `broker/src/task/settle.rs`.
    pub fn module(&self) -> Vec<String> {
        let inside = self.path.rsplit_once("src/").map_or(self.path.as_str(), |(_, inside)| inside);
        let mut module: Vec<String> = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| ["lib", "main", "mod"].contains(&last.as_str())) {
            module.pop();
        }
        module
    }

    /// Is this the file of `module` (as in `broker/src/db`), or a file below it?
    pub fn is_in(&self, module: &str) -> bool {
        self.path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/') || rest.is_empty())
    }
}

/// `src/…/tests.rs` and `src/…/tests/…` hold a `mod tests;` that stands under `#[cfg(test)]` in its parent.
fn is_test_module(path: &str) -> bool {
    path.split_once("src/").is_some_and(|(_, inside)| {
        let inside = format!("/{inside}");
        inside.ends_with("/tests.rs") || inside.contains("/tests/")
    })
}

fn remove_tests(items: &mut Vec<Item>, removed: &mut Vec<RangeInclusive<usize>>) {
    items.retain_mut(|item| {
        if attributes(item).iter().any(is_cfg_test) {
            let span = item.span();
            removed.push(span.start().line..=span.end().line);
            return false;
        }
        if let Item::Mod(module) = item
            && let Some((_, inner)) = &mut module.content
        {
            remove_tests(inner, removed);
        }
        true
    });
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(i) => &i.attrs,
        Item::Enum(i) => &i.attrs,
        Item::Fn(i) => &i.attrs,
        Item::Impl(i) => &i.attrs,
        Item::Macro(i) => &i.attrs,
        Item::Mod(i) => &i.attrs,
        Item::Static(i) => &i.attrs,
        Item::Struct(i) => &i.attrs,
        Item::Trait(i) => &i.attrs,
        Item::Type(i) => &i.attrs,
        Item::Use(i) => &i.attrs,
        _ => &[],
    }
}

/// `#[cfg(test)]` and `#[cfg(all(test, …))]`, and nothing with a `not` or an `any` in it.
fn is_cfg_test(attribute: &Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    let condition = list.tokens.to_string();
    let words: Vec<_> = condition.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    list.path.is_ident("cfg") && words.contains(&"test") && !words.contains(&"not") && !words.contains(&"any")
}

#[test]
fn test_items_are_told_apart_wherever_they_stand() {
    let text = "#[cfg(test)]\nuse a::b;\nfn kept() {}\nmod inner {\n    #[cfg(all(test, unix))]\n    fn gone() {}\n}\n\
                #[cfg(not(test))]\nfn also_kept() {}\n#[cfg(test)]\nmod tests {\n    fn x() {}\n}\n";
    let source = Source::parse("broker/src/x.rs", text);
    assert_eq!(source.production_lines(), 13 - 2 - 2 - 4);
    assert_eq!(source.production.items.len(), 3);
    assert_eq!(Source::parse("broker/src/ledger/tests.rs", text).production_lines(), 0);
    assert_ne!(Source::parse("tests/tidy/size.rs", text).production_lines(), 0);
}

#[test]
fn a_path_names_its_module() {
    assert_eq!(Source::parse("broker/src/task/settle.rs", "").module(), ["task", "settle"]);
    assert!(Source::parse("broker/src/lib.rs", "").module().is_empty());
    let source = Source::parse("broker/src/db/lease.rs", "");
    assert!(source.is_in("broker/src/db") && !source.is_in("broker/src/d") && !source.is_in("broker/src/lease"));
    assert!(Source::parse("broker/src/db.rs", "").is_in("broker/src/db"));
}
