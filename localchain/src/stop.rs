//! When to stop: SIGTERM, SIGINT, or the parent's death.

use std::{
    io::{self, Read},
    thread,
};

use crossbeam_channel::{Receiver, Sender};
use tokio::signal::unix::{SignalKind, signal};

/// Knows whether it is time to stop.
pub struct Stop(Receiver<()>);

impl Stop {
    /// Listens from now on, so that a signal during the start is not lost.
    pub fn listen(with_parent: bool) -> Result<Self, String> {
        let (tell, told) = crossbeam_channel::bounded(1);
        let (installed, is_installed) = crossbeam_channel::bounded(1);
        let signalled = tell.clone();
        thread::spawn(move || {
            let _ = installed.send(match wait_for_signal(&installed) {
                Ok(()) => signalled.try_send(()).map_err(|e| e.to_string()),
                Err(e) => Err(format!("cannot listen for signals: {e}")),
            });
        });
        is_installed.recv().map_err(|e| format!("cannot listen for signals: {e}"))??;
        if with_parent {
            thread::spawn(move || wait_for_end_of_input(&tell));
        }
        Ok(Self(told))
    }

    /// Blocks until it is time.
    pub fn wait(&self) {
        let _ = self.0.recv();
    }
}

fn wait_for_signal(installed: &Sender<Result<(), String>>) -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let _ = installed.send(Ok(()));
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        Ok(())
    })
}

/// The parent holds the other end and writes nothing: the end of input is its end.
fn wait_for_end_of_input(tell: &Sender<()>) {
    let mut buffer = [0; 64];
    while io::stdin().read(&mut buffer).is_ok_and(|length| length > 0) {}
    let _ = tell.try_send(());
}
