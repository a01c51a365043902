//! JSON bodies, read strictly and changed by field.
//!
//! Two readers that take different ones of two equal keys would let a client be priced for one model and served by
//! another; so equal keys are refused at every depth. Values that nobody asked for keep their bytes.

use std::{borrow::Cow, cell::RefCell, collections::HashSet, fmt};

use bytes::Bytes;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, value::RawValue};

use super::ActionError;

const MAX_DEPTH: usize = 64;

/// Readers that ignore case would take `METHOD` for `method`, and a wide `ｍ` or a Kelvin sign for a letter. The fields of
/// the services whose bodies are read are all lower-case ASCII, so anything else is refused rather than guessed at.
fn check_names(fields: &[(Cow<'_, str>, Cow<'_, str>)]) -> Result<(), ActionError> {
    let is_plain =
        |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.".contains(&b));
    match fields.iter().find(|(name, _)| !is_plain(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let shown: String = name.chars().take(40).collect();
            let message = format!(
                "field `{shown}` is not spelled in lower-case letters, digits and `_`; spell it as documented."
            );
            Err(ActionError::malformed(message))
        }
    }
}

/// The fields of a body, each with its own bytes.
pub(super) struct Object<'b> {
    whole: &'b Bytes,
    fields: Vec<(Cow<'b, str>, Cow<'b, str>)>,
    is_changed: bool,
}

impl<'b> Object<'b> {
    /// Reads a body that must be one JSON object.
    pub(super) fn parse(body: &'b Bytes) -> Result<Self, ActionError> {
        let text = std::str::from_utf8(body).map_err(|error| {
            ActionError::malformed(format!(
                "the body is not UTF-8 from byte {}; send JSON in UTF-8.",
                error.valid_up_to()
            ))
        })?;
        if text.trim_start_matches([' ', '\t', '\r', '\n']).is_empty() {
            return Err(ActionError::malformed("the body is empty; this operation needs a JSON object."));
        }
        check(text)?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let fields = reader
            .deserialize_any(FieldsVisitor)
            .map_err(|_| ActionError::malformed("the body is not a JSON object; send `{…}`."))?;
        check_names(&fields)?;
        Ok(Self { whole: body, fields, is_changed: false })
    }

    /// The bytes of a field's value; `null` counts as absent, as it does for the provider.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(key, _)| key == name).map(|(_, raw)| raw.as_ref());
        found.filter(|raw| *raw != "null")
    }

    /// A field's value.
    pub(super) fn value(&self, name: &str) -> Result<Option<Value>, ActionError> {
        let parse = |raw: &str| {
            serde_json::from_str(raw).map_err(|_| ActionError::malformed(format!("`{name}` cannot be read.")))
        };
        self.raw(name).map(parse).transpose()
    }

    /// A field that must be text.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, ActionError> {
        match self.value(name)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ActionError::malformed(format!("`{name}` must be text."))),
        }
    }

    /// A field that must be true or false; absent is false.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ActionError> {
        match self.value(name)? {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(ActionError::malformed(format!("`{name}` must be true or false."))),
        }
    }

    /// A field that must be a whole number from 1. Whatever is beyond 64 bits is the largest number.
    pub(super) fn count(&self, name: &str) -> Result<Option<u64>, ActionError> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let is_whole = raw.bytes().all(|b| b.is_ascii_digit());
        let count = if is_whole { raw.parse().unwrap_or(u64::MAX) } else { 0 };
        if count == 0 {
            let shown: String = raw.chars().take(30).collect();
            return Err(ActionError::malformed(format!("`{name}` must be a whole number from 1, not {shown}.")));
        }
        Ok(Some(count))
    }

    /// Sets a field to the JSON `raw`, in its place if it was there.
    pub(super) fn set(&mut self, name: &'static str, raw: String) {
        self.is_changed = true;
        match self.fields.iter_mut().find(|(key, _)| key == name) {
            Some((_, value)) => *value = Cow::Owned(raw),
            None => self.fields.push((Cow::Borrowed(name), Cow::Owned(raw))),
        }
    }

    /// The body to send: the client's own bytes where nothing was set.
    pub(super) fn into_bytes(self) -> Bytes {
        if !self.is_changed {
            return self.whole.clone();
        }
        let mut out = String::with_capacity(self.whole.len().saturating_add(128));
        for (key, raw) in &self.fields {
            out.push(if out.is_empty() { '{' } else { ',' });
            out.push_str(&Value::String(key.clone().into_owned()).to_string());
            out.push(':');
            out.push_str(raw);
        }
        out.push('}');
        Bytes::from(out)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Vec<(Cow<'de, str>, Cow<'de, str>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value: &'de RawValue = entries.next_value()?;
            fields.push((Cow::Owned(key), Cow::Borrowed(value.get())));
        }
        Ok(fields)
    }
}

/// Why a body is not acceptable JSON, beyond its syntax.
enum Finding {
    Repeated(String),
    TooDeep,
}

/// Reads all of it, keeps nothing.
fn check(text: &str) -> Result<(), ActionError> {
    let finding = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_str(text);
    let seed = Strict { depth_left: MAX_DEPTH, finding: &finding };
    let result = seed.deserialize(&mut reader).and_then(|()| reader.end());
    let Err(error) = result else { return Ok(()) };
    let place = format!("line {}, column {}", error.line(), error.column());
    Err(ActionError::malformed(match finding.into_inner() {
        Some(Finding::Repeated(key)) => format!(
            "the key `{}` is there twice in one object ({place}); send it once.",
            key.chars().take(60).collect::<String>()
        ),
        Some(Finding::TooDeep) => {
            format!("the JSON is nested deeper than {MAX_DEPTH} levels ({place}); send it flatter.")
        }
        None if error.to_string().starts_with("number out of range") => {
            format!("a number is too large for any reader ({place}); send one that 64 bits hold.")
        }
        None if error.is_eof() => format!("the JSON ends too early ({place}); send the whole of it."),
        None => format!("the body is not valid JSON ({place}); check the syntax there."),
    }))
}

#[derive(Clone, Copy)]
struct Strict<'f> {
    depth_left: usize,
    finding: &'f RefCell<Option<Finding>>,
}

impl Strict<'_> {
    fn fail<E: de::Error>(self, finding: Finding) -> E {
        *self.finding.borrow_mut() = Some(finding);
        E::custom("refused")
    }

    fn inner<E: de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(self.fail(Finding::TooDeep)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(self.fail(Finding::Repeated(key)));
            }
            seen.insert(key);
            entries.next_value_seed(inner)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &[u8]) -> String {
        Object::parse(&Bytes::copy_from_slice(body)).err().map(|error| error.message).unwrap_or_default()
    }

    #[test]
    fn what_readers_disagree_about_is_refused() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(64), "]".repeat(64));
        for (body, expected) in [
            (&b""[..], "the body is empty"),
            (b" \n", "the body is empty"),
            (b"{", "ends too early"),
            (b"[]", "not a JSON object"),
            (b"1", "not a JSON object"),
            (b"{\"a\":1,\"a\":2}", "`a` is there twice"),
            (b"{\"a\":1,\"\\u0061\":2}", "`a` is there twice"),
            (b"{\"x\":[{\"b\":{\"a\":1,\"a\":2}}]}", "`a` is there twice"),
            (b"{\"method\":\"getSlot\",\"METHOD\":\"sendTransaction\"}", "field `METHOD` is not spelled"),
            ("{\"toKens\":1}".as_bytes(), "is not spelled in lower-case"),
            ("{\"to\u{212a}ens\":1}".as_bytes(), "is not spelled in lower-case"),
            (b"{\"a\":1e400}", "too large for any reader"),
            (b"{\"a\":NaN}", "not valid JSON"),
            (b"{\"a\":01}", "not valid JSON"),
            (b"{\"a\":1} x", "not valid JSON"),
            (b"{\"a\":1,}", "not valid JSON"),
            (b"{'a':1}", "not valid JSON"),
            (b"\xef\xbb\xbf{}", "not valid JSON"),
            (b"{\"a\":\"\xff\"}", "not UTF-8 from byte 6"),
            (b"{\"a\":\"\\ud800\"}", "not valid JSON"),
            (b"{\"a\":\"\n\"}", "not valid JSON"),
            (deep.as_bytes(), "nested deeper than 64"),
        ] {
            assert!(error(body).contains(expected), "{}: {:?}", String::from_utf8_lossy(body), error(body));
        }
    }

    #[test]
    fn what_was_not_asked_for_keeps_its_bytes() {
        let body = Bytes::from_static(b"{ \"a\" : 1.50,\"n\":9007199254740993123 , \"k_n\":[ 1 ]}");
        let mut object = Object::parse(&body).unwrap();
        object.set("max", "7".into());
        object.set("a", "2".into());
        assert_eq!(object.into_bytes(), "{\"a\":2,\"n\":9007199254740993123,\"k_n\":[ 1 ],\"max\":7}");
        assert_eq!(Object::parse(&body).unwrap().into_bytes(), body);
    }

    #[test]
    fn counts_are_whole_and_positive() {
        let read = |raw: &str| {
            Object::parse(&Bytes::from(format!("{{\"n\":{raw}}}"))).unwrap().count("n").map_err(|error| error.message)
        };
        assert_eq!(read("null"), Ok(None));
        assert_eq!(read("5"), Ok(Some(5)));
        assert_eq!(read("99999999999999999999999"), Ok(Some(u64::MAX)));
        for raw in ["0", "-1", "1.0", "1e3", "\"5\"", "[]", "true", "-0"] {
            assert_eq!(read(raw), Err(format!("`n` must be a whole number from 1, not {raw}.")));
        }
    }
}
