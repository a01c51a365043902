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
            let what = without_values(&error.to_string());
            Error::new(Kind::Malformed, "malformed_json", format!("The body is not what this call takes: {what}."))
        })
    }
}

/// The shortest string that can be a key; shorter ones may be repeated in a message.
const SHORTEST_KEY: usize = 16;

/// A parser's words without what it quotes of the body: it may be a key in the wrong place.
fn without_values(words: &str) -> String {
    let hidden = |open: char, close: usize| {
        let start = words.find(open)?.checked_add(1)?;
        let quoted = words.get(start..close)?;
        let (before, after) = (words.get(..start)?, words.get(close..)?);
        (quoted.len() >= SHORTEST_KEY).then(|| format!("{before}…{after}"))
    };
    let of_string = words.rfind('"').and_then(|close| hidden('"', close));
    // The first name in backticks is the body's, when it is called unknown; those behind it are ours.
    let of_name = || {
        let is_theirs = words.starts_with("unknown ");
        let close = words.find("`, expected").filter(|_| is_theirs)?;
        hidden('`', close)
    };
    of_string.or_else(of_name).unwrap_or_else(|| words.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_repeats_no_value_that_may_be_a_key() {
        for (words, shown) in [
            (
                "invalid type: string \"sk-0123456789abcdef\", expected a bool",
                "invalid type: string \"…\", expected a bool",
            ),
            ("invalid type: string \"a\\\"sk-0123456789abcdef\", expected x", "invalid type: string \"…\", expected x"),
            ("invalid type: string \"30 min\", expected u64", "invalid type: string \"30 min\", expected u64"),
            ("unknown field `sk-0123456789abcdef`, expected `a` or `b`", "unknown field `…`, expected `a` or `b`"),
            ("unknown field `sk`0123456789abcdef`, expected `a`", "unknown field `…`, expected `a`"),
            ("unknown field `agnet`, expected `agent`", "unknown field `agnet`, expected `agent`"),
            ("missing field `budget_usd` at line 1 column 2", "missing field `budget_usd` at line 1 column 2"),
        ] {
            assert_eq!(without_values(words), shown);
        }
    }
}
