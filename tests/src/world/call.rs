//! Calls through the proxy, and what the agent got of them.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::World;

/// What an agent saw.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// False when the connection was cut before the body's end.
    pub is_whole: bool,
}

/// A chat whose worst case is always the same.
pub fn chat() -> Value {
    json!({ "model": "gpt-4o-mini", "max_tokens": 1000, "messages": [{ "role": "user", "content": "hi" }] })
}

impl Answer {
    /// Reads until the end, or the cut.
    pub async fn read(mut response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = BytesMut::new();
        let is_whole = loop {
            match response.chunk().await {
                Ok(Some(piece)) => body.extend_from_slice(&piece),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        Self { status, headers, body: body.freeze(), is_whole }
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Our own code of a refusal, whatever provider's shape it has.
    pub fn code(&self) -> String {
        let body = self.json();
        let places = ["/code", "/error/data/code", "/error/code"];
        places.iter().find_map(|place| Some(body.pointer(place)?.as_str()?.to_owned())).unwrap_or_default()
    }

    /// Whether this is the control API's own shape of a refusal.
    pub fn is_problem(&self) -> bool {
        let kind = self.headers.get("content-type").map(|value| value.as_bytes().to_owned());
        let body = self.json();
        kind.as_deref() == Some(b"application/problem+json")
            && body["status"] == self.status
            && ["type", "title", "detail", "code", "request_id"].iter().all(|field| body[field].is_string())
    }
}

impl World {
    /// A request to one broker with a bearer; tests add what they are about.
    pub fn request(&self, broker: usize, method: Method, path: &str, bearer: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.brokers[broker].url)).bearer_auth(bearer)
    }

    /// Sends and reads the answer to its end.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        Answer::read(request.send().await.unwrap()).await
    }

    /// A chat through one broker, not sent yet.
    pub fn chat_request(&self, broker: usize, bearer: &str, body: &Value) -> reqwest::RequestBuilder {
        self.request(broker, Method::POST, "/v1/openai/chat/completions", bearer).json(body)
    }

    /// A chat through the first broker.
    pub async fn chat(&self, bearer: &str) -> Answer {
        self.send(self.chat_request(0, bearer, &chat())).await
    }

    /// What [`chat`] costs at worst, found out with a lease of its own.
    pub async fn worst_case(&self) -> i64 {
        let lease = self.lease(1_000_000).await;
        assert_eq!(self.chat(lease.bearer.as_deref().unwrap()).await.status, 200);
        let budget = sqlx::query_scalar("SELECT budget FROM ledger.holds WHERE lease_id = $1")
            .bind(lease.lease_id.uuid())
            .fetch_one(&self.pool);
        budget.await.unwrap()
    }
}
