//! The templates that come with the broker.

use std::{collections::BTreeMap, sync::Arc};

use super::{Template, TemplateError};

const BUILTIN: [&str; 2] = [include_str!("../../services/openai.yaml"), include_str!("../../services/helius.yaml")];

/// Templates by name.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    templates: BTreeMap<String, Arc<Template>>,
}

impl Catalog {
    /// Reads the built-in templates; a test shows that they are readable.
    pub fn builtin() -> Result<Self, TemplateError> {
        let mut catalog = Self::default();
        for text in BUILTIN {
            let template = Template::parse_yaml(text)?;
            catalog.templates.insert(template.name.clone(), Arc::new(template));
        }
        Ok(catalog)
    }

    /// The template of that name.
    pub fn find(&self, name: &str) -> Option<&Arc<Template>> {
        self.templates.get(name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.templates.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{path::ClientPath, service::Price};
    use http::Method;

    fn names(catalog: &Catalog, service: &str, method: Method, path: &str) -> Vec<String> {
        let template = catalog.find(service).unwrap();
        let path = ClientPath::parse(path).unwrap();
        template.candidates(&method, &path).iter().map(|operation| operation.name.to_string()).collect()
    }

    #[test]
    fn requests_find_their_one_operation() {
        let catalog = Catalog::builtin().unwrap();
        for (method, path, operation) in [
            (Method::POST, "/chat/completions", Some("chat")),
            (Method::POST, "/%63hat/completions", Some("chat")),
            (Method::POST, "/completions", Some("completions")),
            (Method::POST, "/responses", Some("responses")),
            (Method::POST, "/embeddings", Some("embeddings")),
            (Method::GET, "/models", Some("models.list")),
            (Method::GET, "/models/gpt-4o", Some("models.get")),
            (Method::POST, "/moderations", Some("moderations")),
            (Method::GET, "/chat/completions", None),
            (Method::POST, "/chat/completions/", None),
            (Method::POST, "/Chat/completions", None),
            (Method::DELETE, "/models/ft:x", None),
            (Method::POST, "/v1/chat/completions", None),
            (Method::GET, "/files", None),
        ] {
            let expected: Vec<String> = operation.into_iter().map(str::to_owned).collect();
            assert_eq!(names(&catalog, "openai", method.clone(), path), expected, "{method} {path}");
        }
        assert!(names(&catalog, "helius", Method::POST, "/").len() > 30);
        assert!(names(&catalog, "helius", Method::GET, "/").is_empty());
    }

    #[test]
    fn every_rpc_method_has_one_operation_and_writing_is_dangerous() {
        let catalog = Catalog::builtin().unwrap();
        let helius = catalog.find("helius").unwrap();
        let mut methods: Vec<&str> =
            helius.operations.iter().filter_map(|operation| operation.rpc_method.as_deref()).collect();
        assert_eq!(methods.len(), helius.operations.len());
        methods.sort_unstable();
        methods.dedup();
        assert_eq!(methods.len(), helius.operations.len());
        assert!(helius.find_operation("rpc.write.send-transaction").unwrap().is_dangerous);
        assert!(!helius.find_operation("rpc.read.get-balance").unwrap().is_dangerous);
    }

    #[test]
    fn dated_names_are_priced_only_where_written() {
        let catalog = Catalog::builtin().unwrap();
        let Price::PerToken(table) = &catalog.find("openai").unwrap().find_operation("chat").unwrap().price else {
            panic!("by token")
        };
        assert_eq!(table.find("gpt-4o-mini").unwrap().input.get(), 150_000);
        assert_eq!(table.find("gpt-4o-mini"), table.find("gpt-4o-mini-2024-07-18"));
        for unknown in [
            "gpt-4o-mini-2031-01-01",
            "gpt-4o-mini-",
            "GPT-4o-mini",
            "gpt-4o*",
            "ft:gpt-4o-mini:x",
            "text-embedding-3-small",
        ] {
            assert!(table.find(unknown).is_none(), "{unknown}");
        }
    }
}
