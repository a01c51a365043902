//! The client that measures: keep-alive HTTP/1.1 connections, each with one request under way.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{net::TcpStream, task::JoinSet};

/// Whom to call, and as whom.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub path: &'static str,
    pub bearer: String,
}

/// What one slice came to.
#[derive(Default)]
pub struct Sample {
    pub requests: u64,
    pub failures: u64,
    pub elapsed: Duration,
    pub latencies: Vec<Duration>,
}

impl Sample {
    /// Requests in a second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }
}

/// Connections to one target, warm.
pub struct Crew(Vec<Line>);

struct Line {
    sender: SendRequest<Full<Bytes>>,
    target: Target,
    body: Bytes,
}

impl Crew {
    /// Opens so many connections and sends one request on each.
    pub async fn connect(target: &Target, connections: usize) -> Result<Self> {
        let mut lines = Vec::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(target.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            lines.push(Line { sender, target: target.clone(), body: Bytes::from(question()) });
        }
        let mut crew = Self(lines);
        let warm = crew.run(Duration::ZERO).await?;
        ensure!(warm.failures == 0, "{} of {} warm-up calls to {} failed", warm.failures, connections, target.address);
        Ok(crew)
    }

    /// Calls as fast as answers come until `span` is over; each connection at least once.
    pub async fn run(&mut self, span: Duration) -> Result<Sample> {
        let began = Instant::now();
        let mut running = JoinSet::new();
        for line in self.0.drain(..) {
            running.spawn(line.call_until(began + span));
        }
        let mut total = Sample::default();
        while let Some(ended) = running.join_next().await {
            let (line, sample) = ended??;
            self.0.push(line);
            total.requests += sample.requests;
            total.failures += sample.failures;
            total.latencies.extend(sample.latencies);
        }
        total.elapsed = began.elapsed();
        Ok(total)
    }
}

impl Line {
    async fn call_until(mut self, end: Instant) -> Result<(Self, Sample)> {
        let mut sample = Sample::default();
        loop {
            let began = Instant::now();
            let status = self.call().await?;
            sample.requests += 1;
            sample.failures += u64::from(status != StatusCode::OK);
            sample.latencies.push(began.elapsed());
            if Instant::now() >= end {
                return Ok((self, sample));
            }
        }
    }

    async fn call(&mut self) -> Result<StatusCode> {
        let request = Request::post(self.target.path)
            .header(header::HOST, "bench")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.target.bearer))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(self.body.clone()))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        Ok(status)
    }
}

/// 1 KB of chat.
fn question() -> String {
    let question = |content: &str| {
        json!({
            "model": "gpt-4o-mini", "max_tokens": 64, "messages": [{ "role": "user", "content": content }],
        })
        .to_string()
    };
    let missing = 1024 - question("").len();
    question(&"word ".repeat(missing)[..missing])
}
