//! An RPC node that lies on request: omits, repeats, reorders, rolls back, forgets, stalls, breaks.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use permitpipe_sdk::chain::PROGRAM_ID;
use serde_json::{Value, json};
use solana_sdk::pubkey::Pubkey;

/// How far finality lags, as on a real cluster.
pub const LAG: u64 = 32;

#[derive(Clone)]
pub struct Tx {
    pub signature: String,
    pub slot: u64,
    pub is_failed: bool,
    /// Data of the event calls.
    pub events: Vec<Vec<u8>>,
    /// Who made those calls.
    pub caller: Pubkey,
    /// Accounts it mentions beside the program.
    pub mentions: Vec<Pubkey>,
}

#[derive(Default)]
pub struct Faults {
    /// Left out of the program's list.
    pub omitted: HashSet<String>,
    /// Left out of every list.
    pub hidden: HashSet<String>,
    pub is_repeating: bool,
    pub is_shuffling: bool,
    /// Ignores the commitment asked for, as some local chains do.
    pub ignores_commitment: bool,
    /// What getSlot says instead of the truth.
    pub finalized_slot: Option<u64>,
    pub is_stalled: bool,
    pub is_down: bool,
    /// Every n-th call fails; 0 for none.
    pub fails_every: u64,
}

#[derive(Default)]
pub struct Chain {
    pub slot: u64,
    pub genesis: String,
    pub transactions: Vec<Tx>,
    pub accounts: HashMap<Pubkey, Vec<u8>>,
    pub faults: Faults,
}

#[derive(Clone)]
pub struct Node {
    chain: Arc<Mutex<Chain>>,
    calls: Arc<AtomicU64>,
    url: Arc<str>,
}

impl Node {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).into();
        let chain = Chain { slot: 100, genesis: "local".into(), ..Chain::default() };
        let node = Self { chain: Arc::new(Mutex::new(chain)), calls: Arc::default(), url };
        let app = Router::new().route("/", post(answer)).with_state(node.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        node
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    pub fn with<T>(&self, change: impl FnOnce(&mut Chain) -> T) -> T {
        change(&mut self.chain.lock().unwrap())
    }

    /// Lands these events in one transaction of a new slot; gives its signature.
    pub fn land(&self, account: Pubkey, events: Vec<Vec<u8>>) -> String {
        self.with(|chain| chain.land(account, events))
    }

    /// Lets enough slots pass that everything so far is final.
    pub fn finalize(&self) {
        self.with(|chain| chain.slot += LAG + 1);
    }
}

impl Chain {
    pub fn land(&mut self, account: Pubkey, events: Vec<Vec<u8>>) -> String {
        self.land_all(vec![account], events)
    }

    /// One transaction that is about several accounts.
    pub fn land_all(&mut self, mentions: Vec<Pubkey>, events: Vec<Vec<u8>>) -> String {
        self.slot += 1;
        let signature = bs58(&[self.transactions.len() as u64 + 1, self.slot, 0, 0, 0, 0, 0, 1]);
        let (slot, is_failed, caller) = (self.slot, false, PROGRAM_ID);
        self.transactions.push(Tx { signature: signature.clone(), slot, is_failed, events, caller, mentions });
        signature
    }

    fn finalized(&self) -> u64 {
        self.faults.finalized_slot.unwrap_or(self.slot.saturating_sub(LAG))
    }

    fn call(&self, method: &str, params: &Value) -> Value {
        match method {
            "getGenesisHash" => json!(self.genesis),
            "getSlot" => json!(self.finalized()),
            "getBlockTime" => json!(1_700_000_000 + params[0].as_i64().unwrap()),
            "getSignaturesForAddress" => self.list(params),
            "getTransaction" => self.transaction(params),
            "getMultipleAccounts" => self.multiple(params),
            other => panic!("unexpected call {other}"),
        }
    }

    fn list(&self, params: &Value) -> Value {
        let (address, options) = (params[0].as_str().unwrap(), &params[1]);
        let is_program = address == PROGRAM_ID.to_string();
        let is_final = options["commitment"] == "finalized" && !self.faults.ignores_commitment;
        let mut newest_first: Vec<&Tx> = self
            .transactions
            .iter()
            .rev()
            .filter(|tx| is_program || tx.mentions.iter().any(|one| one.to_string() == address))
            .filter(|tx| !self.faults.hidden.contains(&tx.signature))
            .filter(|tx| !is_program || !self.faults.omitted.contains(&tx.signature))
            .filter(|tx| !is_final || tx.slot <= self.finalized())
            .collect();
        if let Some(before) = options["before"].as_str() {
            let skip = newest_first.iter().position(|tx| tx.signature == before).map_or(0, |at| at + 1);
            newest_first.drain(..skip);
        }
        if let Some(until) = options["until"].as_str() {
            let keep = newest_first.iter().position(|tx| tx.signature == until).unwrap_or(newest_first.len());
            newest_first.truncate(keep);
        }
        newest_first.truncate(options["limit"].as_u64().unwrap() as usize);
        if self.faults.is_repeating {
            newest_first = newest_first.into_iter().flat_map(|tx| [tx, tx]).collect();
        }
        if self.faults.is_shuffling {
            newest_first.sort_by_key(|tx| {
                tx.signature.bytes().rev().map(u64::from).fold(0, |sum, byte| sum * 31 % 1009 + byte)
            });
        }
        newest_first.iter().map(|tx| self.line(tx)).collect()
    }

    fn line(&self, tx: &Tx) -> Value {
        let status = if tx.slot <= self.finalized() { "finalized" } else { "confirmed" };
        json!({ "signature": tx.signature, "slot": tx.slot, "err": tx.is_failed.then_some("failed"), "memo": null,
                "blockTime": 1_700_000_000 + tx.slot, "confirmationStatus": status })
    }

    fn transaction(&self, params: &Value) -> Value {
        let Some(tx) = self.transactions.iter().find(|tx| tx.signature == params[0]) else { return Value::Null };
        let inner: Vec<Value> = tx
            .events
            .iter()
            .map(|data| json!({ "programIdIndex": 1, "accounts": [], "data": bs58_bytes(data), "stackHeight": 2 }))
            .collect();
        json!({ "slot": tx.slot, "blockTime": 1_700_000_000 + tx.slot, "version": 0,
            "meta": { "err": tx.is_failed.then_some("failed"), "innerInstructions": [{ "index": 0, "instructions": inner }] },
            "transaction": { "signatures": [tx.signature], "message": {
                "accountKeys": [tx.caller.to_string(), PROGRAM_ID.to_string()],
                "instructions": [{ "programIdIndex": 0, "accounts": [], "data": "", "stackHeight": null }],
            } },
        })
    }

    fn multiple(&self, params: &Value) -> Value {
        use base64::Engine;
        let account = |address: &Value| {
            let data = self.accounts.get(&address.as_str().unwrap().parse::<Pubkey>().unwrap())?;
            let text = base64::engine::general_purpose::STANDARD.encode(data);
            Some(
                json!({ "owner": PROGRAM_ID.to_string(), "data": [text, "base64"], "lamports": 1, "executable": false, "rentEpoch": 0 }),
            )
        };
        let value: Vec<Value> = params[0].as_array().unwrap().iter().map(|one| json!(account(one))).collect();
        json!({ "context": { "slot": self.finalized() }, "value": value })
    }
}

async fn answer(State(node): State<Node>, Json(request): Json<Value>) -> (StatusCode, Json<Value>) {
    let count = node.calls.fetch_add(1, Ordering::SeqCst) + 1;
    let (is_stalled, is_broken) = node.with(|chain| {
        let every = chain.faults.fails_every;
        (chain.faults.is_stalled, chain.faults.is_down || (every > 0 && count % every == 0))
    });
    if is_stalled {
        std::future::pending::<()>().await;
    }
    if is_broken {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(Value::Null));
    }
    let result = node.with(|chain| chain.call(request["method"].as_str().unwrap(), &request["params"]));
    (StatusCode::OK, Json(json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })))
}

fn bs58(words: &[u64]) -> String {
    bs58_bytes(&words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>())
}

fn bs58_bytes(bytes: &[u8]) -> String {
    bs58::encode(bytes).into_string()
}
