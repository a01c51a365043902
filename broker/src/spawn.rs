//! The only place that starts a task: work that must outlive its client is tracked, and a shutdown waits for it.
#![allow(clippy::disallowed_methods, reason = "this is the replacement that the lint names")]

use std::future::Future;

use tokio_util::task::TaskTracker;

/// Tasks that must come to their end: a request whose agent hung up still captures its hold.
#[derive(Clone, Default)]
pub struct Spawner(TaskTracker);

impl Spawner {
    /// Runs `work` to its end, whoever stops waiting for it.
    pub fn run<F>(&self, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.spawn(work);
    }

    /// Takes no more and returns when all that runs has ended.
    pub async fn drain(&self) {
        self.0.close();
        self.0.wait().await;
    }
}
