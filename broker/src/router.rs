//! Every route on one page.

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    response::Response,
    routing::{any, delete, get, post, put},
};

use crate::{
    api,
    app::App,
    error::{Error, Kind},
    pipeline,
    service::ErrorShape,
};

/// Control requests are small; proxied bodies have their own limits.
const CONTROL_BODY_BYTES: usize = 512 * 1024;

/// All routes. Names of `/v1` resources are reserved: an owner's own service cannot take one.
pub fn router(app: App) -> Router {
    let control = Router::new()
        .route("/v1/whoami", get(api::owner::whoami))
        .route("/v1/account", get(api::account::show))
        .route("/v1/secrets", post(api::secrets::add).get(api::secrets::list))
        .route("/v1/policies/default", put(api::policies::apply).get(api::policies::show))
        .route("/v1/leases", post(api::leases::issue).get(api::leases::list))
        .route("/v1/leases/{lease_id}", delete(api::leases::revoke).get(api::leases::show))
        .route("/v1/receipts", get(api::receipts::list))
        .route("/v1/settlements", get(api::settlements::list))
        .route("/v1/audit/trail", get(api::audit::trail))
        .route("/healthz", get(api::health::alive))
        .route("/readyz", get(api::health::ready))
        .route("/metrics", get(api::health::metrics))
        .layer(DefaultBodyLimit::max(CONTROL_BODY_BYTES));
    let proxy = Router::new()
        .route("/v1/{service}", any(proxied))
        .route("/v1/{service}/", any(proxied))
        .route("/v1/{service}/{*tail}", any(proxied))
        .route("/api/proxy/{lease}", any(proxied))
        .route("/api/proxy/{lease}/", any(proxied))
        .route("/api/proxy/{lease}/{*tail}", any(proxied))
        .layer(DefaultBodyLimit::disable());
    control.merge(proxy).fallback(no_route).method_not_allowed_fallback(wrong_method).with_state(app)
}

/// Hands over to the pipeline, and gives its refusals the provider's own shape.
async fn proxied(State(app): State<App>, request: Request) -> Response {
    let shape = shape(&app, request.uri().path());
    match pipeline::handle(app, request).await {
        Ok(response) => response,
        Err(error) => error.into_shape(shape),
    }
}

/// Before the lease is known the path is all there is to tell the provider by.
fn shape(app: &App, path: &str) -> ErrorShape {
    let service = path.strip_prefix("/v1/").and_then(|rest| rest.split('/').next());
    service.and_then(|name| app.catalog.find(name)).map_or(ErrorShape::Plain, |template| template.error_shape)
}

async fn no_route() -> Error {
    let message = "There is nothing at this path. Services are at `/v1/{service}/…`, owners' resources at `/v1/leases`, `/v1/secrets`, `/v1/account` and so on.";
    Error::new(Kind::NotFound, "no_route", message)
}

async fn wrong_method() -> Error {
    Error::new(Kind::MethodNotAllowed, "method_not_allowed", "This path exists, but not with this method.")
}
