//! Everything we ask of an RPC node, and the only file that knows its wire format.
//!
//! A node may be behind, may forget, may ignore the commitment it was asked for. So whoever lists names the slot the
//! node must have reached (`minContextSlot`), and finality is decided here by slot, not by what the node says.

use std::{collections::HashSet, str::FromStr, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use permitpipe_sdk::chain::PROGRAM_ID;
use serde::Deserialize;
use serde_json::{Value, json};
use solana_client::{client_error::ClientError, nonblocking::rpc_client::RpcClient, rpc_request::RpcRequest};
use solana_commitment_config::CommitmentConfig;
use solana_sdk::pubkey::Pubkey;

use crate::decode::{Inner, Transaction};

const TIMEOUT: Duration = Duration::from_secs(15);
const PAGE: usize = 1_000;
/// Most accounts a node hands out in one call.
pub const ACCOUNTS_PER_CALL: usize = 100;

#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    #[error(transparent)]
    Client(#[from] Box<ClientError>),
    #[error("{what} is not as it should be: {detail}")]
    Malformed { what: &'static str, detail: String },
    #[error("transaction {0} is listed as final, but the node does not hand it out")]
    Withheld(String),
}

/// The newest finalized slot and its block time, where the node tells it.
#[derive(Clone, Copy, Debug)]
pub struct Tip {
    pub slot: u64,
    pub time: Option<i64>,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub signature: String,
    pub slot: u64,
    pub is_failed: bool,
    pub block_time: Option<i64>,
}

/// Accounts as they stood at one slot.
pub struct Accounts {
    pub slot: u64,
    pub data: Vec<Option<Vec<u8>>>,
}

pub struct Source {
    rpc: RpcClient,
}

impl Source {
    pub fn new(url: &str) -> Self {
        Self { rpc: RpcClient::new_with_timeout(url.to_owned(), TIMEOUT) }
    }

    pub async fn genesis_hash(&self) -> Result<String, RpcError> {
        self.call(RpcRequest::GetGenesisHash, json!([])).await
    }

    pub async fn finalized_tip(&self) -> Result<Tip, RpcError> {
        let slot = self.call(RpcRequest::GetSlot, json!([CommitmentConfig::finalized()])).await?;
        // A slot may have no block of its own, or the node may have dropped it already.
        let time = self.call::<Option<i64>>(RpcRequest::GetBlockTime, json!([slot])).await.unwrap_or(None);
        Ok(Tip { slot, time })
    }

    /// Transactions that mention `address`, newer than `until`, final at `tip`; oldest first.
    pub async fn list_finalized(
        &self,
        address: &Pubkey,
        until: Option<&str>,
        tip: Tip,
    ) -> Result<Vec<Listed>, RpcError> {
        let mut listed = self.list(address, until, "finalized", tip.slot).await?;
        listed.retain(|line| line.slot <= tip.slot);
        Ok(listed)
    }

    /// The same for our program, confirmed but not final at `tip`.
    pub async fn list_confirmed(&self, until: Option<&str>, tip: Tip) -> Result<Vec<Listed>, RpcError> {
        let mut listed = self.list(&PROGRAM_ID, until, "confirmed", tip.slot).await?;
        listed.retain(|line| line.slot > tip.slot);
        Ok(listed)
    }

    async fn list(
        &self,
        address: &Pubkey,
        until: Option<&str>,
        commitment: &str,
        slot: u64,
    ) -> Result<Vec<Listed>, RpcError> {
        let (mut all, mut known, mut before) = (Vec::new(), HashSet::new(), None::<String>);
        loop {
            let options = json!({
                "limit": PAGE, "before": before, "until": until, "commitment": commitment, "minContextSlot": slot,
            });
            let page: Vec<Line> =
                self.call(RpcRequest::GetSignaturesForAddress, json!([address.to_string(), options])).await?;
            let is_last = page.len() < PAGE;
            before = page.last().map(|line| line.signature.clone());
            let count = all.len();
            all.extend(page.into_iter().filter(|line| known.insert(line.signature.clone())));
            // A node that repeats itself would keep us here for ever.
            if is_last || all.len() == count {
                break;
            }
        }
        all.retain(|line| line.confirmation_status.as_deref() != Some("processed"));
        all.reverse();
        // Stable: within a slot the node's order stands.
        all.sort_by_key(|line| line.slot);
        Ok(all.into_iter().map(Listed::from).collect())
    }

    /// The transaction itself; none while the node does not have it at this commitment.
    pub async fn transaction(&self, listed: &Listed, is_final: bool) -> Result<Option<Transaction>, RpcError> {
        let commitment = if is_final { "finalized" } else { "confirmed" };
        let options = json!({ "encoding": "json", "commitment": commitment, "maxSupportedTransactionVersion": 0 });
        let found: Option<Body> = self.call(RpcRequest::GetTransaction, json!([listed.signature, options])).await?;
        found.map(|body| body.into_transaction(listed)).transpose()
    }

    /// Our accounts at finality, at most [`ACCOUNTS_PER_CALL`] of them.
    pub async fn accounts(&self, addresses: &[String], tip: Tip) -> Result<Accounts, RpcError> {
        let options = json!({ "encoding": "base64", "commitment": "finalized", "minContextSlot": tip.slot });
        let answer: AccountsAnswer = self.call(RpcRequest::GetMultipleAccounts, json!([addresses, options])).await?;
        if answer.value.len() != addresses.len() {
            return Err(malformed(
                "getMultipleAccounts",
                format!("{} accounts for {}", answer.value.len(), addresses.len()),
            ));
        }
        // Anybody can send lamports to an address of ours before our program makes it an account.
        let ours = |account: &AccountBody| account.owner == PROGRAM_ID.to_string();
        let data = answer.value.into_iter().map(|account| account.filter(ours).map(AccountBody::bytes).transpose());
        Ok(Accounts { slot: answer.context.slot, data: data.collect::<Result<_, _>>()? })
    }

    async fn call<T: serde::de::DeserializeOwned>(&self, request: RpcRequest, params: Value) -> Result<T, RpcError> {
        self.rpc.send(request, params).await.map_err(|cause| RpcError::Client(Box::new(cause)))
    }
}

fn malformed(what: &'static str, detail: impl Into<String>) -> RpcError {
    RpcError::Malformed { what, detail: detail.into() }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    signature: String,
    slot: u64,
    err: Option<Value>,
    block_time: Option<i64>,
    confirmation_status: Option<String>,
}

impl From<Line> for Listed {
    fn from(line: Line) -> Self {
        let Line { signature, slot, err, block_time, .. } = line;
        Self { signature, slot, is_failed: err.is_some(), block_time }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    slot: u64,
    block_time: Option<i64>,
    meta: Option<Meta>,
    transaction: Envelope,
}

#[derive(Deserialize)]
struct Envelope {
    message: Message,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    account_keys: Vec<String>,
    instructions: Vec<Instruction>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instruction {
    program_id_index: usize,
    data: String,
    stack_height: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    err: Option<Value>,
    inner_instructions: Option<Vec<InnerGroup>>,
    loaded_addresses: Option<LoadedAddresses>,
}

#[derive(Deserialize)]
struct InnerGroup {
    index: u16,
    instructions: Vec<Instruction>,
}

#[derive(Deserialize, Default)]
struct LoadedAddresses {
    writable: Vec<String>,
    readonly: Vec<String>,
}

impl Body {
    fn into_transaction(self, listed: &Listed) -> Result<Transaction, RpcError> {
        let meta = self.meta.ok_or_else(|| malformed("getTransaction", format!("{} has no meta", listed.signature)))?;
        let loaded = meta.loaded_addresses.unwrap_or_default();
        let message = self.transaction.message;
        let keys: Vec<&String> = message.account_keys.iter().chain(&loaded.writable).chain(&loaded.readonly).collect();
        let outer = message.instructions.iter().map(|one| program_of(&keys, one)).collect::<Result<Vec<_>, _>>()?;
        let mut inner = Vec::new();
        for group in meta.inner_instructions.unwrap_or_default() {
            for (position, one) in (0..).zip(&group.instructions) {
                inner.push(inner_of(&keys, (group.index, position), one)?);
            }
        }
        Ok(Transaction {
            signature: listed.signature.clone(),
            slot: self.slot,
            block_time: self.block_time.or(listed.block_time),
            is_failed: meta.err.is_some(),
            outer,
            inner,
        })
    }
}

fn program_of(keys: &[&String], one: &Instruction) -> Result<Pubkey, RpcError> {
    let text =
        keys.get(one.program_id_index).ok_or_else(|| malformed("getTransaction", "program index out of range"))?;
    Pubkey::from_str(text).map_err(|_| malformed("getTransaction", format!("not an address: {text}")))
}

fn inner_of(keys: &[&String], place: (u16, u16), one: &Instruction) -> Result<Inner, RpcError> {
    let data = bs58::decode(&one.data).into_vec().map_err(|cause| malformed("getTransaction", cause.to_string()))?;
    let (instruction_index, inner_index) = place;
    // Without a height we know only that it was called by somebody: take the nearest caller, the outer instruction.
    let height = one.stack_height.unwrap_or(2);
    Ok(Inner { instruction_index, inner_index, program: program_of(keys, one)?, height, data })
}

#[derive(Deserialize)]
struct AccountsAnswer {
    context: Context,
    value: Vec<Option<AccountBody>>,
}

#[derive(Deserialize)]
struct Context {
    slot: u64,
}

#[derive(Deserialize)]
struct AccountBody {
    owner: String,
    data: (String, String),
}

impl AccountBody {
    fn bytes(self) -> Result<Vec<u8>, RpcError> {
        STANDARD.decode(&self.data.0).map_err(|cause| malformed("getMultipleAccounts", cause.to_string()))
    }
}
