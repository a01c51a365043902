//! Who asks: finds the bearer in the provider's own slot and the lease behind it.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, Uri, header};
use percent_encoding::percent_decode_str;
use permitpipe_sdk::{
    bearer::{Bearer, BearerError, BearerKind},
    id::{LeaseId, OwnerId, RequestId, SecretId},
    scope::Scope,
};

use crate::{
    app::App,
    audit::Subject,
    db::{self, lease::BearerRow},
    error::{Error, Kind},
    secret::Sealed,
    service::{CustomService, Origin, Template},
};

/// A lease as requests see it: only what stands while the epoch stands. Whether it still lives is the train's to say.
pub struct Lease {
    pub(crate) owner_id: OwnerId,
    pub(crate) lease_id: LeaseId,
    pub(crate) agent: String,
    pub(crate) allowed: Vec<Scope>,
    pub(crate) lease_hash: String,
    /// The service, at the origin that the secret is bound to.
    pub(crate) template: Arc<Template>,
    pub(crate) secret: LeaseSecret,
}

/// The secret a lease leads to, sealed.
pub(crate) struct LeaseSecret {
    pub(crate) secret_id: SecretId,
    pub(crate) version: i32,
    pub(crate) origin: String,
    pub(crate) is_resold: bool,
    pub(crate) sealed: Sealed,
}

/// A known lease, and the request that it makes.
pub struct Caller {
    pub(crate) request_id: RequestId,
    pub(crate) lease: Arc<Lease>,
}

impl Caller {
    /// What the request's entries are about.
    pub(crate) fn subject(&self) -> Subject {
        Subject { owner_id: self.lease.owner_id, request_id: self.request_id, lease_id: Some(self.lease.lease_id) }
    }
}

/// Finds the lease behind the request's bearer. Every refusal here is the same 401, so that guessing teaches nothing.
pub async fn authenticate(app: &App, headers: &HeaderMap, uri: &Uri) -> Result<Caller, Error> {
    if !app.node.is_live() {
        return Err(Error::unavailable("this node is past its heartbeat"));
    }
    let bearer = find_bearer(headers, uri.query())?;
    let hash = bearer.hash();
    let lease = match app.cache.lease(&hash) {
        Some(lease) => lease,
        None => load(app, &hash).await?,
    };
    Ok(Caller { request_id: RequestId::generate(), lease })
}

async fn load(app: &App, hash: &[u8; 32]) -> Result<Arc<Lease>, Error> {
    let epoch = app.node.epoch();
    let row = db::lease::find_by_bearer(&app.pool, hash).await?.ok_or_else(unknown)?;
    let lease = Arc::new(build(app, row)?);
    // What was read before the epoch moved may not be kept after it did.
    if app.node.epoch() == epoch {
        app.cache.keep_lease(*hash, Arc::clone(&lease));
    }
    Ok(lease)
}

fn build(app: &App, row: BearerRow) -> Result<Lease, Error> {
    let allowed: Result<Vec<Scope>, _> = row.allowed.iter().map(|scope| Scope::parse(scope)).collect();
    Ok(Lease {
        owner_id: row.owner_id,
        lease_id: row.lease_id,
        agent: row.agent,
        allowed: allowed.map_err(Error::internal)?,
        lease_hash: hex::encode(row.lease_hash),
        template: Arc::new(template(app, &row.service, &row.origin, row.template)?),
        secret: LeaseSecret {
            secret_id: row.secret_id,
            version: row.version,
            origin: row.origin,
            is_resold: row.is_resold,
            sealed: row.sealed,
        },
    })
}

/// The template of a service, led to the origin that its secret is bound to.
pub(crate) fn template(
    app: &App,
    service: &str,
    origin: &str,
    custom: Option<serde_json::Value>,
) -> Result<Template, Error> {
    if let Some(value) = custom {
        let custom: CustomService = serde_json::from_value(value).map_err(Error::internal)?;
        return custom.template().map_err(Error::internal);
    }
    let builtin = app.catalog.find(service).ok_or_else(|| Error::internal(format!("no template for {service}")))?;
    Ok(builtin.with_origin(Origin::parse(origin).map_err(Error::internal)?))
}

/// Looks in every slot that providers use. Two different bearers in one request are an attempt at confusion.
fn find_bearer(headers: &HeaderMap, query: Option<&str>) -> Result<Bearer, Error> {
    let mut found: Option<Bearer> = None;
    for text in candidates(headers, query) {
        match Bearer::parse(&text) {
            Ok(bearer) if bearer.kind() != BearerKind::Lease => {
                return Err(refusal("This is a management key; the proxy takes the bearer of a lease."));
            }
            Ok(bearer) if found.as_ref().is_some_and(|first| *first != bearer) => {
                return Err(refusal("The request carries two different bearers; send one."));
            }
            Ok(bearer) => found = Some(bearer),
            Err(BearerError::Foreign) => {}
            Err(BearerError::Damaged) => return Err(unknown()),
        }
    }
    found.ok_or_else(|| {
        refusal(
            "No lease bearer (`pp_lease_…`) in the place where this provider expects its key. Ask for a lease first.",
        )
    })
}

fn candidates(headers: &HeaderMap, query: Option<&str>) -> Vec<String> {
    let mut texts = Vec::new();
    for value in headers.get_all(header::AUTHORIZATION).iter().filter_map(|value| value.to_str().ok()) {
        let Some((scheme, rest)) = value.split_once(' ') else { continue };
        if scheme.eq_ignore_ascii_case("bearer") {
            texts.push(rest.trim().to_owned());
        } else if scheme.eq_ignore_ascii_case("basic") {
            let decoded = STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            texts.extend(decoded.iter().flat_map(|pair| pair.split(':')).map(str::to_owned));
        }
    }
    for name in ["x-api-key", "apikey", "api-key"] {
        texts.extend(headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::to_owned));
    }
    let pairs = query.into_iter().flat_map(|query| query.split('&')).filter_map(|pair| pair.split_once('='));
    let slots = pairs.filter(|(name, _)| ["api-key", "apikey", "api_key", "key"].contains(name));
    texts.extend(slots.filter_map(|(_, value)| Some(percent_decode_str(value).decode_utf8().ok()?.into_owned())));
    texts
}

fn unknown() -> Error {
    refusal("This lease bearer is unknown. It may be mistyped or from another broker; ask for a new lease.")
}

fn refusal(message: &str) -> Error {
    Error::new(Kind::Unauthenticated, "invalid_bearer", message)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn bearer(byte: u8) -> Bearer {
        Bearer::from_entropy(BearerKind::Lease, &[byte; 32])
    }

    #[test]
    fn a_bearer_is_found_in_every_providers_slot() {
        let bearer = bearer(1);
        let text = bearer.expose();
        let basic = |pair: String| format!("Basic {}", STANDARD.encode(pair));
        for (name, value) in [
            ("authorization", format!("Bearer {text}")),
            ("authorization", format!("bearer {text}")),
            ("authorization", basic(format!("{text}:"))),
            ("authorization", basic(format!("user:{text}"))),
            ("x-api-key", text.to_owned()),
            ("apikey", text.to_owned()),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(&value).unwrap());
            assert_eq!(find_bearer(&headers, None).ok().as_ref(), Some(&bearer), "{name}");
        }
        let query = format!("a=b&api-key={text}");
        assert_eq!(find_bearer(&HeaderMap::new(), Some(&query)).ok(), Some(bearer));
    }

    #[test]
    fn two_different_bearers_and_a_management_key_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", HeaderValue::from_str(bearer(1).expose()).unwrap());
        headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {}", bearer(2).expose())).unwrap());
        assert_eq!(find_bearer(&headers, None).unwrap_err().kind, Kind::Unauthenticated);
        let management = Bearer::from_entropy(BearerKind::Management, &[3; 32]);
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {}", management.expose())).unwrap());
        assert!(find_bearer(&headers, None).unwrap_err().public.contains("management key"));
        assert!(find_bearer(&HeaderMap::new(), None).is_err());
    }
}
