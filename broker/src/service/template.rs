//! Reads `services/*.yaml`.
//!
//! ```yaml
//! name: openai
//! origin: https://api.openai.com
//! base_path: /v1                                   # before every path below; may be left out
//! injection: { header: authorization, prefix: "Bearer " }      # or { query: api-key }
//! error_shape: openai                              # openai, json-rpc or plain
//! price_version: openai-2025-10
//! defaults: { response_limit: 8 MiB }              # fields for every operation that lacks them
//! models:                                          # tables for `price: { models: … }`
//!   chat:
//!     gpt-4o: { dated: [2024-08-06], input: 2500000, cached_input: 1250000, output: 10000000,
//!               context: 128000, max_output: 16384, default_max_output: 4096 }
//! operations:
//!   chat: { methods: [POST], path: /chat/completions, reads: openai.chat, usage: openai, price: { models: chat } }
//!   rpc.read.get-slot: { rpc_method: getSlot, reads: json-rpc, price: { per_call: 5 } }
//! ```

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderName, Method};
use permitpipe_sdk::{money::Credits, scope::Scope};
use sha2::{Digest, Sha256};

use super::{
    ErrorShape, Injection, Operation, Origin, Price, Shape, Template, UsageReader, check_name,
    price::{Model, ModelTable},
};
use crate::{
    path::{ClientPath, PathPattern},
    yaml::{Fields, Lint, View, Yaml},
};

/// What is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct TemplateError {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl From<Lint> for TemplateError {
    fn from(lint: Lint) -> Self {
        Self { line: lint.line, column: lint.column, message: lint.message }
    }
}

type Tables = BTreeMap<String, Arc<ModelTable>>;

impl Template {
    /// Reads a template; the first thing wrong is the error.
    pub fn parse_yaml(text: &str) -> Result<Self, TemplateError> {
        let yaml = Yaml::parse(text)?;
        let template = read_template(&yaml.root(), Sha256::digest(text).into());
        yaml.finish().map_err(|lints| lints.into_iter().next().map_or_else(unexplained, TemplateError::from))?;
        template.ok_or_else(unexplained)
    }
}

fn unexplained() -> TemplateError {
    TemplateError { line: 1, column: 1, message: "not a template".into() }
}

const FIELDS: [&str; 9] =
    ["name", "origin", "base_path", "injection", "error_shape", "price_version", "defaults", "models", "operations"];
const OPERATION_FIELDS: [&str; 10] =
    ["methods", "path", "rpc_method", "reads", "body_limit", "response_limit", "dangerous", "usage", "price", "note"];

fn read_template(root: &View<'_>, content_hash: [u8; 32]) -> Option<Template> {
    let fields = root.fields(&FIELDS);
    let name = fields.require("name").and_then(|v| v.read(|text| check_name(text).map(|()| text.to_owned())));
    let origin = fields.require("origin").and_then(|v| v.read(Origin::parse));
    let base_path = fields.get("base_path").map_or(Some(String::new()), |v| v.read(parse_base_path));
    let injection = fields.require("injection").and_then(|v| read_injection(&v));
    let error_shape = fields.require("error_shape").and_then(|v| v.read(parse_error_shape));
    let price_version = fields.require("price_version").and_then(|v| v.text().map(str::to_owned));
    let tables = fields.get("models").map(|v| read_tables(&v)).unwrap_or_default();
    let defaults = fields.get("defaults").map(|v| v.fields(&OPERATION_FIELDS));
    let operations = fields.require("operations")?;
    let read = |(name, view): (&str, View<'_>)| read_operation(&operations, name, &view, defaults.as_ref(), &tables);
    let read: Vec<Arc<Operation>> = operations.entries().into_iter().filter_map(read).map(Arc::new).collect();
    let template = Template {
        name: name?,
        origin: origin?,
        base_path: base_path?,
        injection: injection?,
        error_shape: error_shape?,
        operations: read,
        content_hash,
        price_version: price_version?,
    };
    if let Some((a, b)) = template.find_clash() {
        operations.key_problem(
            b.name.as_str(),
            format_args!("`{}` and `{}` have a method and path in common; tell them apart", a.name, b.name),
        );
    }
    Some(template)
}

/// One operation; what it lacks comes from the defaults.
fn read_operation(
    all: &View<'_>,
    name: &str,
    view: &View<'_>,
    defaults: Option<&Fields<'_>>,
    tables: &Tables,
) -> Option<Operation> {
    let own = view.fields(&OPERATION_FIELDS);
    let field = |name: &str| own.get(name).or_else(|| defaults.and_then(|defaults| defaults.get(name)));
    let require = |name: &str| {
        let found = field(name);
        if found.is_none() {
            view.problem(format_args!("`{name}` is missing, here and in `defaults`"));
        }
        found
    };
    let scope = Scope::parse(name).map_err(|error| all.key_problem(name, error)).ok().filter(|scope| {
        let is_name = !scope.is_wildcard();
        if !is_name {
            all.key_problem(name, "an operation has a plain name, without `*`");
        }
        is_name
    });
    let methods = require("methods").map(|v| v.read_items(parse_method));
    let paths = require("path").map(|v| v.read_items(PathPattern::parse));
    let shape = field("reads").map_or(Some(Shape::Opaque), |v| v.read(parse_shape));
    let usage = field("usage").map_or(Some(UsageReader::None), |v| v.read(parse_usage));
    let price = require("price").and_then(|v| read_price(&v, tables));
    let rpc_method = field("rpc_method").map(|v| v.text().map(str::to_owned));
    let request_limit_bytes = require("body_limit").and_then(|v| read_size(&v));
    let response_limit_bytes = require("response_limit").and_then(|v| read_size(&v));
    let is_dangerous = field("dangerous").map_or(Some(false), |v| v.boolean());
    let shape = shape?;
    if (shape == Shape::JsonRpc) != rpc_method.is_some() {
        view.problem("`rpc_method` and `reads: json-rpc` go together; write both or neither");
    }
    if matches!(price, Some(Price::PerToken(_))) && matches!(shape, Shape::Opaque | Shape::JsonRpc) {
        view.problem(
            "a price by model needs a body that names the model: `reads: openai.chat` or another of that kind",
        );
    }
    Some(Operation {
        name: scope?,
        methods: methods?,
        paths: paths?,
        rpc_method: rpc_method.flatten(),
        shape,
        request_limit_bytes: request_limit_bytes?,
        response_limit_bytes: response_limit_bytes?,
        is_dangerous: is_dangerous?,
        usage: usage?,
        price: price?,
    })
}

fn parse_base_path(text: &str) -> Result<String, String> {
    let path = ClientPath::parse(text).map_err(|error| error.to_string())?;
    if path.as_str() != text || text.ends_with('/') {
        return Err(format!("write the base path as `{}`", path.as_str().trim_end_matches('/')));
    }
    Ok(text.to_owned())
}

fn read_injection(view: &View<'_>) -> Option<Injection> {
    let fields = view.fields(&["header", "prefix", "query"]);
    match (fields.get("header"), fields.get("query")) {
        (Some(header), None) => {
            let name =
                header.read(|text| HeaderName::try_from(text).map_err(|_| format!("`{text}` is not a header name")))?;
            let prefix = fields.get("prefix").map_or(Some(String::new()), |v| v.text().map(str::to_owned))?;
            Some(Injection::Header { name, prefix })
        }
        (None, Some(query)) => {
            let is_plain = |text: &str| {
                !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            };
            let parse = |text: &str| {
                if is_plain(text) {
                    Ok(text.to_owned())
                } else {
                    Err("a query parameter is named in letters, digits, `-` and `_`")
                }
            };
            Some(Injection::Query { name: query.read(parse)? })
        }
        _ => {
            view.problem("write either `header` (with an optional `prefix`) or `query`");
            None
        }
    }
}

fn parse_error_shape(text: &str) -> Result<ErrorShape, String> {
    let known = [("openai", ErrorShape::OpenAi), ("json-rpc", ErrorShape::JsonRpc), ("plain", ErrorShape::Plain)];
    one_of(text, &known)
}

fn parse_shape(text: &str) -> Result<Shape, String> {
    let known = [
        ("nothing", Shape::Opaque),
        ("json-rpc", Shape::JsonRpc),
        ("openai.chat", Shape::OpenAiChat),
        ("openai.completions", Shape::OpenAiCompletions),
        ("openai.responses", Shape::OpenAiResponses),
        ("openai.embeddings", Shape::OpenAiEmbeddings),
    ];
    one_of(text, &known)
}

fn parse_usage(text: &str) -> Result<UsageReader, String> {
    one_of(text, &[("none", UsageReader::None), ("openai", UsageReader::OpenAi)])
}

fn one_of<T: Copy>(text: &str, known: &[(&str, T)]) -> Result<T, String> {
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| format!("`{text}` is not known here; write one of {}", names.join(", ")))
}

/// An HTTP method that a client may use.
pub fn parse_method(text: &str) -> Result<Method, String> {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    let found = known.into_iter().find(|method| method.as_str() == text);
    found.ok_or_else(|| format!("`{text}` is not a method; write GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS"))
}

/// `1048576`, `64 KiB` or `8 MiB`.
fn read_size(view: &View<'_>) -> Option<u64> {
    if let crate::yaml::Node::Integer(_) = view.node() {
        return view.integer();
    }
    view.read(|text| {
        let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
        let factor: Option<u64> = match unit {
            "KiB" => Some(1 << 10),
            "MiB" => Some(1 << 20),
            _ => None,
        };
        let size = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
        size.ok_or("expected a number of bytes, or a size such as `64 KiB` or `8 MiB`")
    })
}

fn read_price(view: &View<'_>, tables: &Tables) -> Option<Price> {
    let fields = view.fields(&["per_call", "models"]);
    match (fields.get("per_call"), fields.get("models")) {
        (Some(per_call), None) => read_credits(&per_call).map(Price::PerCall),
        (None, Some(models)) => models
            .read(|name| tables.get(name).cloned().ok_or_else(|| format!("there is no table `{name}` under `models`")))
            .map(Price::PerToken),
        _ => {
            view.problem("write either `per_call: CREDITS` or `models: TABLE`");
            None
        }
    }
}

fn read_credits(view: &View<'_>) -> Option<Credits> {
    let credits =
        view.integer().map(|number| i64::try_from(number).ok().and_then(|number| Credits::parse(number).ok()))?;
    if credits.is_none() {
        view.problem("this price is beyond 64 bits");
    }
    credits
}

fn read_tables(view: &View<'_>) -> Tables {
    let read = |(name, view): (&str, View<'_>)| (name.to_owned(), Arc::new(read_table(&view)));
    view.entries().into_iter().map(read).collect()
}

fn read_table(view: &View<'_>) -> ModelTable {
    let mut table = ModelTable::default();
    for (name, entry) in view.entries() {
        let Some((model, dates)) = read_model(&entry) else { continue };
        let model = Arc::new(model);
        let dated = dates.iter().map(|date| format!("{name}-{date}"));
        for full_name in std::iter::once(name.to_owned()).chain(dated) {
            if !table.insert(full_name.clone(), Arc::clone(&model)) {
                view.key_problem(name, format_args!("`{full_name}` has two prices"));
            }
        }
    }
    table
}

/// A model and the dates of its snapshots that cost the same: no pattern, since the next snapshot may not.
fn read_model(view: &View<'_>) -> Option<(Model, Vec<String>)> {
    let fields = view.fields(&[
        "dated",
        "input",
        "cached_input",
        "output",
        "context",
        "max_output",
        "default_max_output",
        "reasoning",
    ]);
    let tokens = |name: &str| fields.require(name).and_then(|v| v.integer());
    let price = |name: &str| fields.require(name).and_then(|v| read_credits(&v));
    let as_text = |v: View<'_>| v.read_items(|text| Ok::<_, String>(text.to_owned()));
    let (input, output, context, max_output) =
        (price("input"), price("output"), tokens("context"), tokens("max_output"));
    let cached_input = fields.get("cached_input").map_or(input, |v| read_credits(&v));
    let default_max_output = fields.get("default_max_output").map_or(max_output, |v| v.integer());
    let is_reasoning = fields.get("reasoning").map_or(Some(false), |v| v.boolean());
    let model = Model {
        input: input?,
        cached_input: cached_input?,
        output: output?,
        context_tokens: context?,
        max_output_tokens: max_output?,
        default_max_output_tokens: default_max_output?,
        is_reasoning: is_reasoning?,
    };
    if model.default_max_output_tokens > model.max_output_tokens || model.cached_input > model.input {
        view.problem("`default_max_output` must not be above `max_output`, nor `cached_input` above `input`");
    }
    Some((model, fields.get("dated").map(as_text).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "name: tiny\norigin: https://api.example.com\ninjection: { header: X-Key }\nerror_shape: plain\n\
        price_version: v1\ndefaults: { body_limit: 1 KiB, response_limit: 2 MiB }\noperations:\n  \
        files.read: { methods: [GET], path: \"/files/*\", price: { per_call: 3 } }\n";

    #[test]
    fn a_small_template_is_read_whole() {
        let template = Template::parse_yaml(SMALL).unwrap();
        let operation = template.find_operation("files.read").unwrap();
        assert_eq!(
            template.injection,
            Injection::Header { name: HeaderName::from_static("x-key"), prefix: String::new() }
        );
        assert_eq!((operation.request_limit_bytes, operation.response_limit_bytes), (1024, 2 << 20));
        assert_eq!(template.content_hash, <[u8; 32]>::from(Sha256::digest(SMALL)));
    }

    #[test]
    fn everything_wrong_has_a_place() {
        for (from, to, expected) in [
            ("name: tiny", "name: Tiny", "1:7: `Tiny` cannot name a service"),
            (
                "https://api.example.com",
                "https://api.example.com/v1",
                "2:9: `https://api.example.com/v1` is not an origin",
            ),
            ("X-Key }", "X-Key, query: k }", "3:12: write either `header`"),
            ("error_shape: plain", "error_shape: fancy", "4:14: `fancy` is not known here"),
            ("price_version: v1\n", "", "`price_version` is missing"),
            ("body_limit: 1 KiB", "body_limit: 1 kb", "6:25: expected a number of bytes"),
            ("files.read:", "files.*:", "8:3: an operation has a plain name"),
            ("[GET]", "[get]", "8:27: `get` is not a method"),
            ("/files/*", "/fi*", "`*` stands for one whole segment"),
            ("per_call: 3", "per_call: 0.5", "expected a whole number from 0"),
            ("per_call: 3", "models: chat", "there is no table `chat`"),
            ("price: {", "prise: {", "`prise` is no field here; did you mean `price`?"),
            (", price: { per_call: 3 }", "", "`price` is missing, here and in `defaults`"),
        ] {
            let text = SMALL.replace(from, to);
            let error = Template::parse_yaml(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
        let twice = format!("{SMALL}  files.get: {{ methods: [GET], path: \"/files/*\", price: {{ per_call: 3 }} }}\n");
        assert!(
            Template::parse_yaml(&twice)
                .unwrap_err()
                .to_string()
                .contains("`files.read` and `files.get` have a method and path in common")
        );
    }
}
