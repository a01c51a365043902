//! Templates for the services that owners register themselves.

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderName, Method};
use permitpipe_sdk::{money::Credits, scope::Scope};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    ErrorShape, Injection, Operation, Origin, Price, Shape, Template, UsageReader, check_name, template::parse_method,
};
use crate::path::PathPattern;

/// A service as its owner registers it, on the wire and in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomService {
    /// Its name in paths and policies.
    pub name: String,
    /// `https://api.example.com`
    pub origin: String,
    /// Where its key goes.
    pub injection: CustomInjection,
    /// What can be done there.
    pub scopes: BTreeMap<String, CustomScope>,
}

/// Where the key goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum CustomInjection {
    /// Into a header.
    Header {
        /// The header.
        name: String,
        /// What stands before the key.
        #[serde(default)]
        prefix: String,
    },
    /// Into the query.
    Query {
        /// The parameter.
        name: String,
    },
}

/// One operation of a custom service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomScope {
    /// Path patterns as the service documents them: `/v1/files/*`.
    pub endpoints: Vec<String>,
    /// HTTP methods.
    pub methods: Vec<String>,
    /// What a call counts against budgets, in credits; written also when it is 0.
    pub price_per_call: Credits,
}

/// Names that paths under `/v1` use for our own resources.
const RESERVED: [&str; 24] = [
    "access",
    "account",
    "agents",
    "approvals",
    "audit",
    "auth",
    "decisions",
    "exposure",
    "incidents",
    "leases",
    "openapi",
    "plans",
    "policies",
    "proxy",
    "receipts",
    "relays",
    "secrets",
    "services",
    "session",
    "settlements",
    "stake",
    "subscriptions",
    "tokens",
    "whoami",
];
const BODY_LIMIT_BYTES: u64 = 16 << 20;
const RESPONSE_LIMIT_BYTES: u64 = 64 << 20;
const MAX_SCOPES: usize = 200;
const MAX_ENDPOINTS: usize = 50;

impl CustomService {
    /// The template for it. Whether its origin may be used is for [`Origin::check_public`] and the operator's list to say.
    pub fn template(&self) -> Result<Template, String> {
        check_name(&self.name)?;
        if RESERVED.contains(&self.name.as_str()) {
            return Err(format!("`{}` is the name of one of our own resources; choose another", self.name));
        }
        if self.scopes.is_empty() || self.scopes.len() > MAX_SCOPES {
            return Err(format!("a service has 1 to {MAX_SCOPES} scopes, this one has {}", self.scopes.len()));
        }
        let operations: Result<Vec<Arc<Operation>>, String> =
            self.scopes.iter().map(|(name, scope)| scope.operation(name).map(Arc::new)).collect();
        let canonical = serde_json::to_vec(self).map_err(|_| "the service cannot be written as JSON".to_owned())?;
        let content_hash: [u8; 32] = Sha256::digest(canonical).into();
        let template = Template {
            name: self.name.clone(),
            origin: Origin::parse(&self.origin).map_err(|error| error.to_string())?,
            base_path: String::new(),
            injection: self.injection.read()?,
            error_shape: ErrorShape::Plain,
            operations: operations?,
            content_hash,
            price_version: format!("custom-{}", hex::encode(content_hash).get(..12).unwrap_or_default()),
        };
        match template.find_clash() {
            Some((a, b)) => Err(format!(
                "scopes `{}` and `{}` have a method and endpoint in common; tell them apart",
                a.name, b.name
            )),
            None => Ok(template),
        }
    }
}

impl CustomScope {
    fn operation(&self, name: &str) -> Result<Operation, String> {
        let in_scope = |error: String| format!("scope `{}`: {error}", name.chars().take(128).collect::<String>());
        let scope = Scope::parse(name).map_err(|error| in_scope(error.to_string()))?;
        if scope.is_wildcard() {
            return Err(in_scope("a scope that is defined has a plain name, without `*`".into()));
        }
        if self.endpoints.is_empty() || self.methods.is_empty() || self.endpoints.len() > MAX_ENDPOINTS {
            return Err(in_scope(format!("name 1 to {MAX_ENDPOINTS} endpoints and at least one method")));
        }
        let paths: Result<Vec<PathPattern>, String> = self
            .endpoints
            .iter()
            .map(|text| PathPattern::parse(text).map_err(|error| in_scope(format!("endpoint `{text}`: {error}"))))
            .collect();
        let methods: Result<Vec<Method>, String> =
            self.methods.iter().map(|text| parse_method(text).map_err(in_scope)).collect();
        Ok(Operation {
            name: scope,
            methods: methods?,
            paths: paths?,
            rpc_method: None,
            shape: Shape::Opaque,
            request_limit_bytes: BODY_LIMIT_BYTES,
            response_limit_bytes: RESPONSE_LIMIT_BYTES,
            is_dangerous: false,
            usage: UsageReader::None,
            price: Price::PerCall(self.price_per_call),
        })
    }
}

impl CustomInjection {
    /// The headers that carry the request itself are not for keys.
    fn read(&self) -> Result<Injection, String> {
        match self {
            Self::Header { name, prefix } => {
                let header =
                    HeaderName::try_from(name.as_str()).map_err(|_| format!("`{name}` is not a header name"))?;
                let framing = [
                    "host",
                    "content-length",
                    "transfer-encoding",
                    "connection",
                    "upgrade",
                    "te",
                    "trailer",
                    "content-type",
                    "expect",
                ];
                if framing.contains(&header.as_str()) {
                    return Err(format!("the key cannot go into `{header}`; that header describes the request"));
                }
                let is_plain = prefix.len() <= 32 && prefix.bytes().all(|b| (0x20..0x7f).contains(&b));
                if is_plain {
                    Ok(Injection::Header { name: header, prefix: prefix.clone() })
                } else {
                    Err("the prefix before the key is at most 32 visible characters".into())
                }
            }
            Self::Query { name } => {
                let is_plain = !name.is_empty()
                    && name.len() <= 64
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
                if is_plain {
                    Ok(Injection::Query { name: name.clone() })
                } else {
                    Err("a query parameter is named in letters, digits, `-` and `_`".into())
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> CustomService {
        serde_json::from_str(
            r#"{"name":"store","origin":"https://api.example.com","injection":{"header":{"name":"x-api-key"}},
                "scopes":{"files.read":{"endpoints":["/v1/files/*"],"methods":["GET"],"price_per_call":7}}}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_registered_service_becomes_a_template() {
        let template = service().template().unwrap();
        assert_eq!(template.operations.len(), 1);
        assert!(template.price_version.starts_with("custom-"));
        let mut dearer = service();
        dearer.scopes.get_mut("files.read").unwrap().price_per_call = Credits::parse(8).unwrap();
        assert_ne!(dearer.template().unwrap().content_hash, template.content_hash);
    }

    #[test]
    fn bad_registrations_are_refused() {
        type Change<'c> = &'c dyn Fn(&mut CustomService);
        let cases: [(Change<'_>, &str); 7] = [
            (&|s| s.name = "leases".into(), "one of our own resources"),
            (&|s| s.name = "../x".into(), "cannot name a service"),
            (&|s| s.origin = "https://a.example/v1".into(), "is not an origin"),
            (&|s| s.scopes.clear(), "1 to 200 scopes"),
            (
                &|s| s.injection = CustomInjection::Header { name: "Host".into(), prefix: String::new() },
                "cannot go into `host`",
            ),
            (
                &|s| s.injection = CustomInjection::Header { name: "x-key".into(), prefix: "a\r\nb".into() },
                "visible characters",
            ),
            (
                &|s| {
                    s.scopes.insert("files.*".into(), s.scopes["files.read"].clone());
                },
                "plain name",
            ),
        ];
        for (change, expected) in cases {
            let mut bad = service();
            change(&mut bad);
            let error = bad.template().unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(
            serde_json::from_str::<CustomScope>(r#"{"endpoints":["/a"],"methods":["GET"]}"#).is_err(),
            "a price is needed"
        );
    }
}
