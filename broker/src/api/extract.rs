//! What handlers are given: the owner behind a management key, a JSON body, a query; each refusal says what to do.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query as AxumQuery, Request},
};
use http::{header, request::Parts};
use permitpipe_sdk::{
    bearer::{Bearer, BearerKind},
    id::OwnerId,
};
use serde::de::DeserializeOwned;

use crate::{
    app::App,
    db,
    error::{Error, Kind},
};

/// The owner that the request's management key belongs to.
pub struct Owner {
    /// Who.
    pub id: OwnerId,
    /// What the key may do.
    pub scopes: Vec<String>,
}

impl FromRequestParts<App> for Owner {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let refusal = |message: &str| Error::new(Kind::Unauthenticated, "invalid_key", message);
        let text = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let text =
            text.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, text)) = text else {
            return Err(refusal("No management key. Send `Authorization: Bearer pp_live_sk_…`."));
        };
        let unknown = || refusal("This management key is unknown, mistyped or revoked.");
        let bearer = Bearer::parse(text.trim()).map_err(|_| unknown())?;
        if bearer.kind() != BearerKind::Management {
            return Err(refusal("This is the bearer of a lease; the control API takes a management key."));
        }
        let (id, scopes) = db::owner::find_by_key(&app.pool, &bearer.hash()).await?.ok_or_else(unknown)?;
        Ok(Self { id, scopes })
    }
}

/// A JSON body, read strictly.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let bytes = body(request, app).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            Error::new(Kind::Malformed, "malformed_json", format!("The body is not what this call takes: {error}."))
        })
    }
}

/// A UTF-8 text body, such as YAML.
pub struct Text(pub String);

impl FromRequest<App> for Text {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let bytes = body(request, app).await?;
        String::from_utf8(bytes.to_vec())
            .map(Self)
            .map_err(|_| Error::new(Kind::Malformed, "not_utf8", "The body is not UTF-8 text. Save it as UTF-8."))
    }
}

async fn body(request: Request, app: &App) -> Result<Bytes, Error> {
    Bytes::from_request(request, app).await.map_err(|rejection| {
        if rejection.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
            Error::new(Kind::TooLarge, "body_too_large", "The body is larger than 512 KiB. Send less.")
        } else {
            Error::new(Kind::Malformed, "body_broken", "The body ended before it was complete. Send it again.")
        }
    })
}

/// Query parameters.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        match AxumQuery::<T>::from_request_parts(parts, app).await {
            Ok(AxumQuery(value)) => Ok(Self(value)),
            Err(rejection) => {
                let message = format!("The query is not what this call takes: {}.", rejection.body_text());
                Err(Error::new(Kind::Malformed, "malformed_query", message))
            }
        }
    }
}

/// An id in the path. One that cannot be an id is as unknown as one that is nobody's.
pub fn id<T: std::str::FromStr>(text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| not_found())
}

/// There is no such object, or it is somebody else's.
pub fn not_found() -> Error {
    Error::new(Kind::NotFound, "not_found", "There is no such object under this owner.")
}
