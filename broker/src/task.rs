//! Loops. Each is idempotent and bounded: it does what the rows say is left to do, and may be killed between any two
//! statements.

pub mod beat;
pub mod expire;
pub mod post;
pub mod settle;

use std::{future::Future, time::Duration};

use tokio_util::sync::CancellationToken;

/// Repeats `work` every `interval` until `stop`. A failure is logged when it begins and when it is over, not each time.
pub async fn repeat<F, E>(name: &'static str, interval: Duration, stop: CancellationToken, mut work: impl FnMut() -> F)
where
    F: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let mut failing = false;
    while !stop.is_cancelled() {
        match work().await {
            Ok(()) if failing => {
                tracing::info!(task = name, "works again");
                failing = false;
            }
            Ok(()) => {}
            Err(error) if !failing => {
                tracing::warn!(task = name, %error, "fails; will be tried again");
                failing = true;
            }
            Err(_) => {}
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(interval) => {}
        }
    }
}
