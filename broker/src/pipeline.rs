//! One request, top to bottom. There is no other way to an upstream, to a secret, to money.

use std::future::Future;

use axum::{extract::Request, response::Response};
use tokio::sync::oneshot;

use crate::{
    app::App,
    authenticate::authenticate,
    authorize::authorize,
    capture::capture,
    error::Error,
    estimate::estimate,
    forward::{Reply, forward},
    receive::receive,
    reserve::reserve,
};

/// Serves one proxied request.
pub async fn handle(app: App, mut request: Request) -> Result<Response, Error> {
    let caller = authenticate(&app, request.headers(), request.uri()).await?; // who asks; a known lease is audited from here on
    let action = receive(&app, &caller, &mut request).await?; // what is asked; a bounded body is read where policy must
    let permit = authorize(&app, caller, action).await?; // may they; a refusal is an audit entry
    let worst = estimate(&permit.action, &app.config.fees).map_err(Error::internal)?;
    let hold = reserve(&app, &permit, worst).await?; // can they pay; the audit opens in the same transaction
    let request_id = permit.caller.request_id;
    let work = app.clone();
    let answer = detached(&app, async move |reply| {
        let outcome = forward(&work, &permit, &hold, request, reply).await;
        capture(&work, hold, &permit.action, outcome).await; // charge, receipt, audit closes: one transaction
    });
    answer.await.map_err(|error| error.about(request_id, None))
}

/// Runs `work` to its end, even when the agent hangs up, and answers as soon as there is something to answer.
async fn detached<F>(app: &App, work: impl FnOnce(Reply) -> F) -> Result<Response, Error>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    app.spawner.run(work(reply));
    match answer.await {
        Ok(answer) => answer.map_err(Error::from),
        Err(_) => Err(Error::internal("the exchange ended without an answer")),
    }
}
