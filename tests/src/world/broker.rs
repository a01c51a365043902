//! One broker in a thread and a runtime of its own, so that it can die like a process.

use std::{
    io,
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use permitpipe_broker::config::Config;
use tokio::{runtime::Builder, sync::oneshot};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

/// A running broker; dropped, it is dead.
pub struct Broker {
    pub url: String,
    stop: CancellationToken,
    death: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Broker {
    /// Returns once it takes requests.
    pub async fn start(config: Config, logs: Option<&Logs>) -> Self {
        let (stop, death) = (CancellationToken::new(), CancellationToken::new());
        let (tell, ready) = oneshot::channel();
        let (until, dies, logs) = (stop.clone(), death.clone(), logs.cloned());
        let thread = std::thread::spawn(move || {
            let listen = logs.clone();
            let mut runtime = Builder::new_multi_thread();
            runtime.worker_threads(2).enable_all().on_thread_start(move || listen.iter().for_each(Logs::attach));
            let runtime = runtime.build().unwrap();
            logs.iter().for_each(Logs::attach);
            runtime.block_on(async {
                let serving = permitpipe_broker::serve(
                    config,
                    |address| tell.send(address).expect("somebody waits for it"),
                    async move { until.cancelled().await },
                );
                tokio::select! {
                    served = serving => served.unwrap_or_else(|error| eprintln!("a broker failed: {error:#}")),
                    () = dies.cancelled() => {}
                }
            });
            // Nothing gets to finish, just as after kill -9.
            runtime.shutdown_background();
        });
        let address = ready.await.expect("the broker said why it did not start");
        Self { url: format!("http://{address}"), stop, death, thread: Some(thread) }
    }

    /// Ends at once, in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.death.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the broker's thread");
        }
    }

    /// Ends as an operator ends it.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let thread = self.thread.take();
        tokio::task::spawn_blocking(move || thread.map(JoinHandle::join)).await.expect("the broker's thread");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.death.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Everything logged, at TRACE.
#[derive(Clone, Default)]
pub struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// What was logged so far.
    pub fn read(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// From now on for the current thread.
    fn attach(&self) {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(self.clone())
            .finish();
        std::mem::forget(tracing::subscriber::set_default(subscriber));
    }
}

impl io::Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logs {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
