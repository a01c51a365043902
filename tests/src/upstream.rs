//! A fake upstream on loopback: an honest OpenAI-compatible one that insists on the real key, or any kind of bad one.
//!
//! It speaks HTTP by hand over raw sockets, so that it can also say what no HTTP library would. Everything it receives
//! is kept, and tests wait on that instead of sleeping.

mod openai;
mod wire;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::{JoinHandle, JoinSet},
};

pub use self::wire::Received;

/// How the upstream answers.
#[derive(Clone)]
pub enum Mode {
    /// OpenAI-compatible JSON and server-sent events, with usage; 401 without the real key.
    Honest,
    /// An error in the provider's shape; 429 comes with `Retry-After`.
    Status(u16),
    /// Sends back the credential it got: in a header, and in a chunked body cut in two at `split`.
    Reflect { split: usize },
    /// One byte of the body at a time, forever.
    Drip { every: Duration },
    /// Exactly these steps for each request, then the connection is closed.
    Script(Vec<Step>),
}

/// One thing a scripted upstream does.
#[derive(Clone)]
pub enum Step {
    Write(Vec<u8>),
    /// Waits until the test says so.
    Await(Arc<Notify>),
    /// Says nothing more until the other side hangs up.
    Stall,
    /// Writes the same bytes until the other side hangs up.
    Repeat(Vec<u8>),
    /// Resets the connection.
    Reset,
}

impl Step {
    /// Bytes to send.
    pub fn write(bytes: impl AsRef<[u8]>) -> Self {
        Self::Write(bytes.as_ref().to_vec())
    }
}

/// The head of a chunked response.
pub const CHUNKED_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
/// The head of a stream of server-sent events.
pub const EVENTS_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// `data` as one chunk of a chunked body.
pub fn chunk(data: impl AsRef<[u8]>) -> Vec<u8> {
    let data = data.as_ref();
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}

impl Mode {
    /// Takes the request and never answers.
    pub fn stall_before_head() -> Self {
        Self::Script(vec![Step::Stall])
    }

    /// Begins an event stream and falls silent.
    pub fn stall_mid_body() -> Self {
        Self::Script(vec![Step::write(EVENTS_HEAD), Step::write(chunk("data: {}\n\n")), Step::Stall])
    }

    /// Begins an event stream and, when told, resets the connection.
    pub fn reset_mid_stream(when: Arc<Notify>) -> Self {
        let event = Step::write(chunk("data: {}\n\n"));
        Self::Script(vec![Step::write(EVENTS_HEAD), event, Step::Await(when), Step::Reset])
    }

    /// Something that is not HTTP.
    pub fn garbage() -> Self {
        Self::Script(vec![Step::write(b"\x16\x03\x01 SSH-2.0-OpenSSH\r\n\r\n")])
    }

    /// A response head that never ends.
    pub fn endless_headers() -> Self {
        Self::Script(vec![Step::write("HTTP/1.1 200 OK\r\n"), Step::Repeat(b"x-more: and more\r\n".repeat(64))])
    }

    /// A body that never ends, as fast as it is read.
    pub fn endless_body() -> Self {
        Self::Script(vec![Step::write(CHUNKED_HEAD), Step::Repeat(chunk(b"all work and no play \n".repeat(700)))])
    }
}

/// What has happened at the upstream so far.
#[derive(Debug, Default)]
pub struct Seen {
    pub requests: Vec<Received>,
    pub connections: usize,
    pub closed: usize,
}

struct Shared {
    key: String,
    mode: std::sync::Mutex<Mode>,
    seen: watch::Sender<Seen>,
}

/// A running fake upstream; dropped, it is gone with all its connections.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Upstream {
    /// Starts an honest upstream whose real key is `key`, on a free port of 127.0.0.1.
    pub async fn start(key: &str) -> io::Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), key).await
    }

    /// The same on an address of your choice.
    pub async fn start_at(address: SocketAddr, key: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (key, mode, seen) = (key.to_owned(), std::sync::Mutex::new(Mode::Honest), watch::Sender::default());
        let shared = Arc::new(Shared { key, mode, seen });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, accepting })
    }

    /// Its origin, such as `http://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From the next request on.
    pub fn set_mode(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = mode;
    }

    /// Every request received so far, in order.
    pub fn received(&self) -> Vec<Received> {
        self.shared.seen.borrow().requests.clone()
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.seen.borrow().connections
    }

    /// Waits until something has been seen.
    pub async fn wait_until(&self, condition: impl FnMut(&Seen) -> bool) {
        let mut seen = self.shared.seen.subscribe();
        // The sender lives as long as we do.
        let _ = seen.wait_for(condition).await;
    }

    /// Waits for the `count`-th request and gives all so far.
    pub async fn wait_for_requests(&self, count: usize) -> Vec<Received> {
        self.wait_until(|seen| seen.requests.len() >= count).await;
        self.received()
    }

    /// Waits until the other side has given up every connection.
    pub async fn wait_until_hung_up(&self) {
        self.wait_until(|seen| seen.connections > 0 && seen.closed == seen.connections).await;
    }

    /// Serves until the task is aborted; for a program that does nothing else.
    pub async fn serve_forever(mut self) {
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and the connections with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.seen.send_modify(|seen| seen.connections += 1);
        let shared = shared.clone();
        connections.spawn(async move {
            // However a connection ends, it has ended.
            let _ = serve(stream, &shared).await;
            shared.seen.send_modify(|seen| seen.closed += 1);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(request) = wire::read_request(&mut stream, &mut buffer, &shared.key).await? {
        if request.path() == "/_received" {
            let log = wire::log(&shared.seen.borrow().requests);
            stream.write_all(&wire::json(200, &[], &log)).await?;
            continue;
        }
        shared.seen.send_modify(|seen| seen.requests.push(request.clone()));
        let mode = shared.mode.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        match mode {
            Mode::Honest => openai::answer(&mut stream, &request).await?,
            Mode::Status(status) => stream.write_all(&openai::failure(status)).await?,
            Mode::Reflect { split } => stream.write_all(&reflect(&request, split)).await?,
            Mode::Drip { every } => return drip(&mut stream, every).await,
            Mode::Script(steps) => return perform(stream, steps).await,
        }
    }
    Ok(())
}

fn reflect(request: &Received, split: usize) -> Vec<u8> {
    let credential = request.credential().unwrap_or_default();
    let body = format!("{{\"error\":\"unknown key {credential}\"}}");
    let (first, second) = body.as_bytes().split_at(split.min(body.len()));
    let chunks = [first, second].into_iter().filter(|part| !part.is_empty()).map(chunk);
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nx-you-sent: {credential}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    [head.into_bytes()].into_iter().chain(chunks).chain([chunk("")]).collect::<Vec<_>>().concat()
}

async fn drip(stream: &mut TcpStream, every: Duration) -> io::Result<()> {
    stream.write_all(CHUNKED_HEAD.as_bytes()).await?;
    loop {
        stream.write_all(&chunk("\n")).await?;
        tokio::time::sleep(every).await;
    }
}

async fn perform(mut stream: TcpStream, steps: Vec<Step>) -> io::Result<()> {
    for step in steps {
        match step {
            Step::Write(bytes) => stream.write_all(&bytes).await?,
            Step::Await(word) => word.notified().await,
            Step::Stall => while stream.read(&mut [0; 1024]).await? > 0 {},
            Step::Repeat(bytes) => loop {
                stream.write_all(&bytes).await?;
            },
            Step::Reset => {
                stream.set_zero_linger()?;
                return Ok(());
            }
        }
    }
    stream.shutdown().await
}
