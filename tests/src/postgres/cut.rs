//! Stands between a broker and Postgres and, when told to, breaks the connection at the worst moment: around a commit.

use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread,
};

/// Where the next commit's connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The server never hears of the commit.
    Before,
    /// The server has committed, and its answer is lost.
    After,
}

/// What a client sends to commit: a simple query of 11 bytes.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
const WHOLE: u8 = 0;
const BEFORE: u8 = 1;
const AFTER: u8 = 2;

/// A socket that leads to the server. Its thread ends with the test process.
pub struct Cutter {
    /// What the next commit meets; taken by the first one.
    next: Arc<AtomicU8>,
    _folder: tempfile::TempDir,
}

impl Cutter {
    /// Leads to the server that `url` names; gives the URL to use instead.
    pub fn start(url: &str) -> (Self, String) {
        let (base, folder) = url.split_once("?host=").expect("a URL with a socket's folder");
        let server = PathBuf::from(folder).join(".s.PGSQL.5432");
        let own = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(own.path().join(".s.PGSQL.5432")).unwrap();
        let url = format!("{base}?host={}", own.path().display());
        let next = Arc::new(AtomicU8::new(WHOLE));
        let seen = next.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (server, seen) = (UnixStream::connect(&server).unwrap(), seen.clone());
                thread::spawn(move || pass(client, server, &seen));
            }
        });
        (Self { next, _folder: own }, url)
    }

    /// Breaks the connection of the next commit.
    pub fn cut_next(&self, cut: Cut) {
        let cut = if cut == Cut::Before { BEFORE } else { AFTER };
        self.next.store(cut, Ordering::SeqCst);
    }

    /// Whether a commit has met what was ordered for it.
    pub fn has_cut(&self) -> bool {
        self.next.load(Ordering::SeqCst) == WHOLE
    }
}

/// Both directions of one connection, until one end closes or a commit is cut.
fn pass(mut client: UnixStream, mut server: UnixStream, next: &AtomicU8) {
    let (mut answers, mut asker) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let lost = Arc::new(AtomicU8::new(WHOLE));
    let is_lost = lost.clone();
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(read @ 1..) = answers.read(&mut buffer) {
            // The answer to the commit: the server has made it durable, nobody will hear of it.
            if is_lost.load(Ordering::SeqCst) == AFTER || asker.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = (asker.shutdown(Shutdown::Both), answers.shutdown(Shutdown::Both));
    });
    let mut buffer = [0; 65_536];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let asked = &buffer[..read];
        if asked == COMMIT {
            match next.swap(WHOLE, Ordering::SeqCst) {
                BEFORE => break,
                cut => lost.store(cut, Ordering::SeqCst),
            }
        }
        if server.write_all(asked).is_err() {
            break;
        }
    }
    let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
}
