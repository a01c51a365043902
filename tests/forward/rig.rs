//! One exchange against one fake upstream, with everything a test wants to see.

use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use permitpipe_broker::{
    forward::{Exchange, Limits, Outcome, PrivateOrigins, UpstreamClient, UpstreamError, exchange},
    meter::{Scanner, Usage},
    secret::SecretString,
    service::{Injection, UsageReader},
};
use permitpipe_tests::upstream::{Mode, Upstream};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub const KEY: &str = "sk-real-0123456789-abcdefXYZ";

/// Limits that no test reaches by accident.
pub const GENEROUS: Limits =
    Limits { connect_ms: 20_000, head_ms: 20_000, idle_ms: 20_000, total_ms: 60_000, response_bytes: 64 << 20 };

pub struct Rig {
    pub upstream: Upstream,
    pub client: UpstreamClient,
}

/// An exchange under way, as its agent and its operator hold it.
pub struct Running {
    pub task: JoinHandle<Outcome>,
    pub reply: oneshot::Receiver<Result<Response, UpstreamError>>,
    pub kill: CancellationToken,
    pub journal: watch::Receiver<Usage>,
}

impl Rig {
    pub async fn new(mode: Mode) -> Self {
        let upstream = Upstream::start(KEY).await.unwrap();
        upstream.set_mode(mode);
        let client = UpstreamClient::new(PrivateOrigins::parse(&[upstream.url()]).unwrap());
        Self { upstream, client }
    }

    /// A request for `path` of the upstream; tests change what they are about.
    pub fn request(&self, method: Method, path: &str) -> Exchange {
        Exchange {
            origin: self.upstream.url(),
            uri: format!("{}{path}", self.upstream.url()).parse().unwrap(),
            method,
            headers: HeaderMap::new(),
            body: Body::empty(),
            injection: Injection::Header { name: http::header::AUTHORIZATION, prefix: "Bearer ".into() },
            key: SecretString::parse(KEY.into()).unwrap(),
            limits: GENEROUS,
            scanner: Scanner::new(UsageReader::None, false),
            kill: CancellationToken::new(),
            journal: watch::Sender::default(),
        }
    }

    pub fn get(&self) -> Exchange {
        self.request(Method::GET, "/things")
    }

    pub fn start(&self, x: Exchange) -> Running {
        let (sender, reply) = oneshot::channel();
        let (kill, journal) = (x.kill.clone(), x.journal.subscribe());
        let client = self.client.clone();
        Running { task: tokio::spawn(async move { exchange(&client, x, sender).await }), reply, kill, journal }
    }

    /// Runs an exchange whose agent reads everything it is given.
    pub async fn run(&self, x: Exchange) -> (Result<Seen, UpstreamError>, Outcome) {
        let running = self.start(x);
        let seen = match running.reply.await.unwrap() {
            Ok(response) => Ok(Seen::read(response).await),
            Err(error) => Err(error),
        };
        (seen, running.task.await.unwrap())
    }
}

/// What an agent saw of a response.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// False when the connection was cut before the body's end.
    pub is_whole: bool,
}

impl Seen {
    pub async fn read(response: Response) -> Self {
        let (parts, mut body) = response.into_parts();
        let mut read = BytesMut::new();
        let is_whole = loop {
            match body.frame().await {
                None => break true,
                Some(Err(_)) => break false,
                Some(Ok(frame)) => read.extend_from_slice(&frame.into_data().unwrap()),
            }
        };
        Self { status: parts.status.as_u16(), headers: parts.headers, body: read.freeze(), is_whole }
    }
}
