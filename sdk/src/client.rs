//! A client of the control API.

use reqwest::{Method, RequestBuilder};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{ClientError, Problem},
    id::{EntryId, LeaseId},
    wire,
};

/// Speaks to one broker with one management key.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Client {
    /// `url` is the broker's base, such as `http://127.0.0.1:8400`; `key` a management key.
    pub fn new(url: &str, key: &str) -> Self {
        Self { http: reqwest::Client::new(), url: url.trim_end_matches('/').to_owned(), key: key.to_owned() }
    }

    /// The broker's base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stores a master key.
    pub async fn add_secret(&self, secret: &wire::AddSecret) -> Result<wire::Secret, ClientError> {
        self.send(self.request(Method::POST, "/v1/secrets").json(secret)).await
    }

    /// All secrets, without their keys.
    pub async fn list_secrets(&self) -> Result<Vec<wire::Secret>, ClientError> {
        self.get("/v1/secrets").await
    }

    /// Makes `yaml` the owner's policy from now on.
    pub async fn apply_policy(&self, yaml: &str) -> Result<wire::PolicyVersion, ClientError> {
        let request = self.request(Method::PUT, "/v1/policies/default").header("content-type", "application/yaml");
        self.send(request.body(yaml.to_owned())).await
    }

    /// Asks for a lease. A refusal by policy is an answer, not an error: see `status`.
    pub async fn ask_lease(&self, ask: &wire::AskLease) -> Result<wire::Lease, ClientError> {
        self.send(self.request(Method::POST, "/v1/leases").json(ask)).await
    }

    /// All leases, newest first.
    pub async fn list_leases(&self) -> Result<Vec<wire::Lease>, ClientError> {
        self.get("/v1/leases").await
    }

    /// Ends a lease. Returns when no live node can dial on it any more.
    pub async fn revoke_lease(&self, lease_id: LeaseId) -> Result<wire::Lease, ClientError> {
        self.send(self.request(Method::DELETE, &format!("/v1/leases/{lease_id}"))).await
    }

    /// The owner's credit.
    pub async fn account(&self) -> Result<wire::Account, ClientError> {
        self.get("/v1/account").await
    }

    /// Audit entries after `after`, oldest first, at most `limit`.
    pub async fn audit_trail(&self, after: Option<EntryId>, limit: u32) -> Result<wire::AuditPage, ClientError> {
        let after = after.map(|id| format!("&after={id}")).unwrap_or_default();
        self.get(&format!("/v1/audit/trail?limit={limit}{after}")).await
    }

    /// Signed receipts.
    pub async fn receipts(&self) -> Result<wire::ReceiptPage, ClientError> {
        self.get("/v1/receipts").await
    }

    /// Settlements, newest first.
    pub async fn settlements(&self) -> Result<wire::SettlementPage, ClientError> {
        self.get("/v1/settlements").await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.send(self.request(Method::GET, path)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let unreachable =
            |e: reqwest::Error| ClientError::Unreachable { url: self.url.clone(), cause: e.without_url().to_string() };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unreachable)?;
        let foreign = || ClientError::Foreign { url: self.url.clone(), status: status.as_u16() };
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| foreign());
        }
        Err(ClientError::Refused(Box::new(serde_json::from_slice::<Problem>(&body).map_err(|_| foreign())?)))
    }
}

// Both sides of the wire are one set of types; that what is sent can be read back is worth a compile error.
const _: fn() = || {
    fn both<T: Serialize + DeserializeOwned>() {}
    both::<wire::AddSecret>();
    both::<wire::AskLease>();
    both::<wire::Lease>();
    both::<wire::Account>();
};
