//! Reading a document's nodes, and reporting each at its place.

use std::fmt;

use super::{Node, Step, Yaml};

/// A node together with the way to it.
#[derive(Clone)]
pub struct View<'y> {
    yaml: &'y Yaml<'y>,
    node: &'y Node,
    path: Vec<Step>,
}

/// The entries of a mapping whose names are known.
pub struct Fields<'y> {
    view: View<'y>,
}

impl<'y> View<'y> {
    pub(super) fn root(yaml: &'y Yaml<'y>, node: &'y Node) -> Self {
        Self { yaml, node, path: Vec::new() }
    }

    /// Reports this node.
    pub fn problem(&self, message: impl fmt::Display) {
        self.yaml.report(self.path.clone(), message.to_string());
    }

    /// Reports the key `name` of this mapping.
    pub fn key_problem(&self, name: &str, message: impl fmt::Display) {
        self.yaml.report(self.step(Step::Key(name.to_owned())), message.to_string());
    }

    /// The node itself.
    pub fn node(&self) -> &'y Node {
        self.node
    }

    /// The fields of a mapping; any name that is not `known` is reported.
    pub fn fields(&self, known: &[&str]) -> Fields<'y> {
        for (name, _) in self.entries() {
            if known.contains(&name) {
                continue;
            }
            match nearest(name, known.iter().copied()) {
                Some(near) => self.key_problem(name, format_args!("`{name}` is no field here; did you mean `{near}`?")),
                None => self.key_problem(name, format_args!("`{name}` is no field here; there are {}", list(known))),
            }
        }
        Fields { view: self.clone() }
    }

    /// The entry of that name, if this is a mapping that has it.
    pub fn find(&self, name: &str) -> Option<Self> {
        Fields { view: self.clone() }.get(name)
    }

    /// The entries of a mapping whose names are free.
    pub fn entries(&self) -> Vec<(&'y str, Self)> {
        let Node::Map(map) = self.node else {
            self.problem(format_args!("expected `name: value` lines here, found {}", self.node.kind()));
            return Vec::new();
        };
        map.iter().map(|(name, node)| (name.as_str(), self.inner(node, Step::Value(name.clone())))).collect()
    }

    /// The items of a list; one value alone counts as a list of one.
    pub fn items(&self) -> Vec<Self> {
        match self.node {
            Node::List(list) => {
                if list.is_empty() {
                    self.problem("the list is empty; name at least one, or leave the field out");
                }
                list.iter().enumerate().map(|(index, node)| self.inner(node, Step::Item(index))).collect()
            }
            Node::Map(_) | Node::Null => {
                self.problem(format_args!("expected a list such as [a, b], found {}", self.node.kind()));
                Vec::new()
            }
            _ => vec![self.clone()],
        }
    }

    /// Text.
    pub fn text(&self) -> Option<&'y str> {
        if let Node::Text(text) = self.node {
            return Some(text);
        }
        self.problem(format_args!("expected text, found {}", self.node.kind()));
        None
    }

    /// Text that `parse` understands; what it says is reported.
    pub fn read<T, E: fmt::Display>(&self, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        parse(self.text()?).map_err(|error| self.problem(error)).ok()
    }

    /// Each item of a list through `parse`.
    pub fn read_items<T, E: fmt::Display>(&self, parse: impl Fn(&str) -> Result<T, E>) -> Vec<T> {
        self.items().iter().filter_map(|item| item.read(&parse)).collect()
    }

    /// A whole number from zero.
    pub fn integer(&self) -> Option<u64> {
        let number = if let Node::Integer(number) = self.node { u64::try_from(*number).ok() } else { None };
        if number.is_none() {
            self.problem(format_args!("expected a whole number from 0, found {}", self.node.kind()));
        }
        number
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        if let Node::Boolean(value) = self.node {
            return Some(*value);
        }
        self.problem(format_args!("expected true or false, found {}", self.node.kind()));
        None
    }

    fn inner(&self, node: &'y Node, step: Step) -> Self {
        Self { yaml: self.yaml, node, path: self.step(step) }
    }

    fn step(&self, step: Step) -> Vec<Step> {
        let mut path = self.path.clone();
        path.push(step);
        path
    }
}

impl<'y> Fields<'y> {
    /// The field, if it was written.
    pub fn get(&self, name: &str) -> Option<View<'y>> {
        let Node::Map(map) = self.view.node else { return None };
        let (name, node) = map.iter().find(|(key, _)| key == name)?;
        let field = self.view.inner(node, Step::Value(name.clone()));
        if *node == Node::Null {
            self.view.key_problem(name, format_args!("`{name}` has no value; write one, or leave the line out"));
            return None;
        }
        Some(field)
    }

    /// The field; its absence is reported.
    pub fn require(&self, name: &str) -> Option<View<'y>> {
        let is_written = matches!(self.view.node, Node::Map(map) if map.iter().any(|(key, _)| key == name));
        if !is_written && matches!(self.view.node, Node::Map(_)) {
            self.view.problem(format_args!("`{name}` is missing"));
        }
        self.get(name)
    }
}

impl Node {
    fn kind(&self) -> String {
        match self {
            Self::Null => "nothing".into(),
            Self::Boolean(value) => format!("`{value}`"),
            Self::Integer(number) => format!("the number {number}"),
            Self::Fraction => "a number with a fraction or too many digits".into(),
            Self::Text(text) => format!("`{}`", text.chars().take(40).collect::<String>()),
            Self::List(_) => "a list".into(),
            Self::Map(_) => "`name: value` lines".into(),
        }
    }
}

/// The candidate that was probably meant: at most a third of the letters differ.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let limit = name.len().div_ceil(3);
    let ranked = candidates.into_iter().map(|candidate| (distance(name, candidate), candidate));
    ranked.filter(|(distance, _)| *distance <= limit).min().map(|(_, candidate)| candidate)
}

/// Letters to insert, delete, replace or swap with the next one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = a.get(i.wrapping_sub(1)) == b.get(j.wrapping_sub(1));
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let above = rows.last().map_or(&[][..], Vec::as_slice);
            let replaced = cell(above, j.wrapping_sub(1)).saturating_add(usize::from(!same));
            let mut best =
                replaced.min(cell(above, j).saturating_add(1)).min(cell(&row, j.wrapping_sub(1)).saturating_add(1));
            let is_swap = i > 1
                && j > 1
                && a.get(i.wrapping_sub(1)) == b.get(j.wrapping_sub(2))
                && a.get(i.wrapping_sub(2)) == b.get(j.wrapping_sub(1));
            if is_swap && let Some(earlier) = rows.get(i.wrapping_sub(2)) {
                best = best.min(cell(earlier, j.wrapping_sub(2)).saturating_add(1));
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(usize::MAX)
}

/// `a, b and c`.
fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_when_it_is_near() {
        for (name, expected) in
            [("scpoes", Some("scopes")), ("budgett", Some("budget")), ("zzz", None), ("tl", Some("ttl"))]
        {
            assert_eq!(nearest(name, ["scopes", "budget", "ttl"]), expected, "{name}");
        }
    }
}
