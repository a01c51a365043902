//! YAML that people write: templates and policies, read with the line and column of everything wrong.
//!
//! The parser gives values without positions, but each of its errors has one. So a file is read once into plain nodes, and
//! only for a finding is it read again, up to the place in question, where the second reading is made to fail.
//! Anchors, aliases, tags, block text and tabs are refused: nobody needs them here, and each has hurt somebody.

mod indicator;
mod view;

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    fmt,
};

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub use self::view::{Fields, View, nearest};

/// The largest document, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
const MAX_DEPTH: usize = 16;
/// More nodes than bytes allow without repetition; bounds whatever the parser might expand.
const MAX_NODES: usize = MAX_BYTES / 2;
/// After this many findings nobody reads on.
const MAX_LINTS: usize = 50;

/// One finding; lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// Where.
    pub line: usize,
    /// Where in the line.
    pub column: usize,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// A document and what was found wrong with it so far.
pub struct Yaml<'t> {
    text: &'t str,
    root: Node,
    problems: RefCell<Vec<(Vec<Step>, String)>>,
}

/// A value. Numbers beyond 128 bits and fractions keep no value: nothing here is written with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Nothing after the colon.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i128),
    /// A number with a point or an exponent.
    Fraction,
    /// Anything else that is one value.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order written.
    Map(Vec<(String, Node)>),
}

/// One step from a node to what is inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// To the value of a key.
    Value(String),
    /// To the key itself.
    Key(String),
    Item(usize),
}

impl<'t> Yaml<'t> {
    /// Reads the document's form; what it should hold is for the [`View`]s to say.
    pub fn parse(text: &'t str) -> Result<Self, Lint> {
        if text.len() > MAX_BYTES {
            let message = format!("the document has {} bytes, the limit is {MAX_BYTES}", text.len());
            return Err(Lint { line: 1, column: 1, message });
        }
        indicator::check(text)?;
        let nodes_left = Cell::new(MAX_NODES);
        let seed = NodeSeed { depth_left: MAX_DEPTH, nodes_left: &nodes_left };
        let root =
            seed.deserialize(serde_yaml_ng::Deserializer::from_str(text)).map_err(|error| syntax_lint(&error))?;
        Ok(Self { text, root, problems: RefCell::default() })
    }

    /// The whole document.
    pub fn root(&self) -> View<'_> {
        View::root(self, &self.root)
    }

    /// `Ok` if nothing was found wrong, else all findings, line by line.
    pub fn finish(self) -> Result<(), Vec<Lint>> {
        let problems = self.problems.take();
        if problems.is_empty() {
            return Ok(());
        }
        let mut lints: Vec<Lint> =
            problems.into_iter().take(MAX_LINTS).map(|(path, message)| locate(self.text, &path, message)).collect();
        lints.sort_by_key(|lint| lint.line);
        Err(lints)
    }

    fn report(&self, path: Vec<Step>, message: String) {
        self.problems.borrow_mut().push((path, message));
    }
}

/// The parser's own finding, without the position and the path that it repeats in its text.
fn syntax_lint(error: &serde_yaml_ng::Error) -> Lint {
    let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    let mut message = error.to_string();
    if let Some(at) = message.rfind(" at line ") {
        message.truncate(at);
    }
    match message.split_once(OURS) {
        Some((_, ours)) => Lint { line, column, message: ours.to_owned() },
        None => Lint { line, column, message: format!("not readable as YAML: {message}") },
    }
}

/// Marks our own messages among the parser's, which prefixes some with a path.
const OURS: &str = "\u{1}";

fn refuse<E: de::Error>(message: impl fmt::Display) -> E {
    E::custom(format_args!("{OURS}{message}"))
}

/// Reads up to `path` and takes the position of the failure there.
fn locate(text: &str, path: &[Step], message: String) -> Lint {
    let probe = Probe(path).deserialize(serde_yaml_ng::Deserializer::from_str(text));
    let (line, column) = probe.err().and_then(|error| error.location()).map_or((1, 1), |at| (at.line(), at.column()));
    Lint { line, column, message }
}

#[derive(Clone, Copy)]
struct NodeSeed<'a> {
    depth_left: usize,
    nodes_left: &'a Cell<usize>,
}

impl NodeSeed<'_> {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        let depth_left = self
            .depth_left
            .checked_sub(1)
            .ok_or_else(|| refuse(format_args!("nested deeper than {MAX_DEPTH} levels")))?;
        Ok(Self { depth_left, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let left = self.nodes_left.get().checked_sub(1).ok_or_else(|| refuse("the document holds too many values"))?;
        self.nodes_left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Integer(value))
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Fraction)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Fraction)
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner()?)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key_seed(KeySeed(&mut seen))? {
            map.push((key, entries.next_value_seed(self.inner()?)?));
        }
        Ok(Node::Map(map))
    }
}

/// Reads a key and refuses one that was there before.
struct KeySeed<'a>(&'a mut HashSet<String>);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<String, E> {
        if self.0.insert(key.to_owned()) {
            Ok(key.to_owned())
        } else {
            Err(refuse(format_args!("`{key}` is there twice; the second would silently win, so remove one")))
        }
    }
}

/// Walks a path and fails at its end.
struct Probe<'p>(&'p [Step]);

impl<'de> DeserializeSeed<'de> for Probe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.0.is_empty() {
            deserializer.deserialize_any(Fail).map(drop)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Probe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the path of a finding")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if let Some((Step::Item(index), rest)) = self.0.split_first() {
            for _ in 0..*index {
                items.next_element::<IgnoredAny>()?;
            }
            items.next_element_seed(Probe(rest))?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        match self.0.split_first() {
            Some((Step::Key(name), _)) => {
                while entries.next_key_seed(KeyProbe(name))?.is_some() {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
            Some((Step::Value(name), rest)) => {
                while let Some(key) = entries.next_key::<String>()? {
                    if key == *name {
                        return entries.next_value_seed(Probe(rest));
                    }
                    entries.next_value::<IgnoredAny>()?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Fails at the key of that name.
struct KeyProbe<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for KeyProbe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyProbe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<(), E> {
        if key == self.0 { Err(refuse("here")) } else { Ok(()) }
    }
}

/// Takes no value at all: every visit is an error, and errors have positions.
struct Fail;

impl Visitor<'_> for Fail {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lint(text: &str) -> String {
        Yaml::parse(text).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn broken_form_is_named_with_its_place() {
        for (text, expected) in [
            ("a: 1\nb: 2\na: 3\n", "3:1: `a` is there twice"),
            ("a:\n  b: 1\n  b: 2\n", "3:3: `b` is there twice"),
            ("a: &x 1\nb: *x\n", "1:4: `&` begins a YAML anchor"),
            ("a: *x\n", "1:4: `*` begins a YAML alias"),
            ("a: [*]\n", "1:5: `*` begins a YAML alias"),
            ("a: !!str 1\n", "1:4: `!` begins a YAML tag"),
            ("a: |\n  text\n", "1:4: `|` begins block text"),
            ("a:\n\tb: 1\n", "2:1: tabs"),
            ("a: [1, 2\n", "not readable as YAML"),
            ("a: 1\n---\nb: 2\n", "not readable as YAML"),
            ("a: b: c\n", "not readable as YAML"),
        ] {
            assert!(lint(text).contains(expected), "{text:?}: {}", lint(text));
        }
        assert!(lint(&"[".repeat(40)).contains("nested deeper") || lint(&"[".repeat(40)).contains("not readable"));
        assert!(lint(&format!("a: {}1{}", "[".repeat(20), "]".repeat(20))).contains("nested deeper than 16"));
        assert!(lint(&"a".repeat(MAX_BYTES + 1)).contains("the limit is 262144"));
    }

    #[test]
    fn quotes_and_comments_hide_indicators() {
        for text in [
            "a: '&x'\n",
            "a: \"*\" # &x *y !z\n",
            "# |\na: b*c\n",
            "a: it's & more\n",
            "a: [\"*\", b]\n",
            "a: 'it''s *'\n",
        ] {
            assert!(Yaml::parse(text).is_ok(), "{text:?}: {}", lint(text));
        }
    }

    #[test]
    fn findings_carry_the_place_of_their_node() {
        let yaml = Yaml::parse("first: 1\nrules:\n  - name: a\n    scopes: [x, y]\n  - nmae: b\n").unwrap();
        let rules = yaml.root().fields(&["first", "rules"]).get("rules").unwrap();
        let items = rules.items();
        items[0].fields(&["name", "scopes"]).get("scopes").unwrap().items()[1].problem("second scope");
        items[1].fields(&["name", "scopes"]);
        let lints: Vec<String> = yaml.finish().unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(lints, ["4:17: second scope", "5:5: `nmae` is no field here; did you mean `name`?"]);
    }
}
