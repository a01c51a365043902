//! `/v1/secrets`: a master key goes in once, sealed, and never comes out here.

use axum::{Json, extract::State};
use http::StatusCode;
use permitpipe_sdk::{
    id::{RequestId, SecretId},
    wire,
};

use super::extract::{self, Owner};
use crate::{
    app::App,
    audit::{Entry, EntryKind, Subject},
    db::{self, secret::NewSecret},
    error::{Error, Kind},
    secret::{Binding, SecretString, seal},
    service::{
        CustomService, Origin,
        custom::{CustomInjection, CustomScope},
    },
};

/// Seals a key for a service, bound to its origin.
pub async fn add(
    State(app): State<App>,
    owner: Owner,
    extract::Json(ask): extract::Json<wire::AddSecret>,
) -> Result<(StatusCode, Json<wire::Secret>), Error> {
    let (origin, template) = target(&app, &ask)?;
    let key = SecretString::parse(ask.key).map_err(|error| bad("key_invalid", error))?;
    let secret_id = SecretId::generate();
    let binding = Binding { owner_id: owner.id, secret_id, version: 1, origin: origin.as_str() };
    let sealed = seal(&app.kek, &binding, &key).map_err(Error::internal)?;
    drop(key);
    let new = NewSecret {
        owner_id: owner.id,
        secret_id,
        service: &ask.service,
        origin: origin.as_str(),
        template,
        is_resold: ask.is_resold,
        sealed: &sealed,
    };
    let mut tx = app.pool.begin().await?;
    let secret = db::secret::insert(&mut tx, &new).await.map_err(|error| clash(error, &ask.service))?;
    let subject = Subject { owner_id: owner.id, request_id: RequestId::generate(), lease_id: None };
    let facts = serde_json::json!({
        "secret_id": secret_id, "service": ask.service, "origin": origin.as_str(), "version": 1,
        "is_resold": ask.is_resold,
    });
    db::audit::insert(&mut tx, &[&Entry::new(subject, EntryKind::SecretAdded, &facts)]).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(secret)))
}

/// All secrets, without their keys.
pub async fn list(State(app): State<App>, owner: Owner) -> Result<Json<Vec<wire::Secret>>, Error> {
    Ok(Json(db::secret::list(&app.pool, owner.id).await?))
}

/// Where the key will be sent, and the owner's own template if the service is not built in.
fn target(app: &App, ask: &wire::AddSecret) -> Result<(Origin, Option<serde_json::Value>), Error> {
    let builtin = app.catalog.find(&ask.service);
    match (&ask.custom, builtin) {
        (Some(_), Some(_)) => Err(bad("service_exists", format!("`{}` is built in; leave `custom` out", ask.service))),
        (None, None) => {
            let known = app.catalog.names().collect::<Vec<_>>().join(", ");
            // The name is not repeated: it may be the key, given in the wrong place.
            let message = format!("`service` names no built-in service ({known}); describe your own in `custom`");
            Err(bad("unknown_service", message))
        }
        (None, Some(template)) => match &ask.origin {
            Some(origin) => Ok((reachable(app, origin)?, None)),
            None => Ok((template.origin.clone(), None)),
        },
        (Some(custom), None) => {
            let Some(origin) = &ask.origin else {
                return Err(bad(
                    "origin_missing",
                    "a service of your own needs its `origin`, such as https://api.example.com",
                ));
            };
            let custom = read_custom(&ask.service, origin, custom)?;
            custom.template().map_err(|error| bad("service_invalid", error))?;
            Ok((reachable(app, origin)?, Some(serde_json::to_value(&custom).map_err(Error::internal)?)))
        }
    }
}

/// An origin that is public, or on the operator's list.
fn reachable(app: &App, text: &str) -> Result<Origin, Error> {
    let origin = Origin::parse(text).map_err(|error| bad("origin_invalid", error))?;
    if app.private_origins.contains(origin.as_str()) {
        return Ok(origin);
    }
    origin.check_public().map_err(|error| bad("origin_refused", error))?;
    Ok(origin)
}

fn read_custom(name: &str, origin: &str, custom: &wire::CustomService) -> Result<CustomService, Error> {
    let injection = match custom.inject.split_once(':') {
        Some(("header", rest)) => {
            let (name, prefix) = rest.split_once(':').unwrap_or((rest, ""));
            // `header:authorization:Bearer` means `Bearer KEY`, with the space that nobody can see on a command line.
            let prefix = if prefix.is_empty() { String::new() } else { format!("{} ", prefix.trim_end()) };
            CustomInjection::Header { name: name.to_owned(), prefix }
        }
        Some(("query", name)) => CustomInjection::Query { name: name.to_owned() },
        _ => return Err(bad("inject_invalid", "`inject` is `header:NAME`, `header:NAME:PREFIX` or `query:NAME`")),
    };
    let scope = |scope: &wire::CustomScope| -> Result<CustomScope, Error> {
        Ok(CustomScope {
            endpoints: scope.endpoints.clone(),
            methods: scope.methods.clone(),
            price_per_call: permitpipe_sdk::money::Credits::parse(scope.price_per_call)
                .map_err(|error| bad("price_invalid", error))?,
        })
    };
    let scopes: Result<_, Error> = custom.scopes.iter().map(|(name, s)| Ok((name.clone(), scope(s)?))).collect();
    Ok(CustomService { name: name.to_owned(), origin: origin.to_owned(), injection, scopes: scopes? })
}

fn clash(error: sqlx::Error, service: &str) -> Error {
    let is_clash = error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
    if is_clash {
        let message = format!(
            "There is already a secret for `{service}`. One service has one secret; replacing it is not possible yet."
        );
        return Error::new(Kind::Conflict, "secret_exists", message);
    }
    error.into()
}

fn bad(code: &'static str, message: impl ToString) -> Error {
    Error::new(Kind::Malformed, code, format!("{}.", message.to_string().trim_end_matches('.')))
}
