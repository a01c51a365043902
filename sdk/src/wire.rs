//! Requests and responses of the control API, as they stand on the wire. All amounts are integer credits (1 µUSD)
//! unless the name says USD; all times are RFC 3339 in UTC.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    id::{EntryId, LeaseId, OwnerId, PolicyId, RequestId, SecretId, SettlementId},
    money::Credits,
};

/// `POST /v1/secrets`: stores a master key once. It can never be read back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddSecret {
    /// `openai`, `helius`, or the name of an owner's own service.
    pub service: String,
    /// The master key: 16 to 4,096 visible ASCII bytes.
    pub key: String,
    /// `scheme://host[:port]`, if not the template's; hosts that are not public need the operator's allow list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// For a service of the owner's own: how it is called and what it offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomService>,
    /// True when the operator pays the provider and charges its price to the owner.
    #[serde(default)]
    pub is_resold: bool,
}

/// An upstream the owner describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomService {
    /// `header:NAME[:PREFIX]` or `query:NAME`: where the key goes.
    pub inject: String,
    /// Name → what it opens.
    pub scopes: std::collections::BTreeMap<String, CustomScope>,
}

/// One scope of an owner's own service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomScope {
    /// Paths such as `/v1/files/*`.
    pub endpoints: Vec<String>,
    /// HTTP methods.
    pub methods: Vec<String>,
    /// Credits counted for one call. It must be said, even when it is 0: what has no price is refused.
    pub price_per_call: i64,
}

/// A stored secret, without its key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Secret {
    /// Its id.
    pub secret_id: SecretId,
    /// The service it opens.
    pub service: String,
    /// The one origin it is ever sent to.
    pub origin: String,
    /// Counts rotations, from 1.
    pub version: i32,
    /// Whether the provider's price is charged, not only counted.
    pub is_resold: bool,
    /// When it was stored.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// `POST /v1/leases`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskLease {
    /// Name of the agent under this owner: lower case letters, digits, `-`, `_`, `.`.
    pub agent: String,
    /// The service.
    pub service: String,
    /// Scopes asked for, such as `chat` or `rpc.read.*`.
    pub scopes: Vec<String>,
    /// `30 minutes`, `30m`, `90s` or a whole number of seconds.
    pub duration: Duration,
    /// Budget in USD as a string, such as `"0.01"`.
    pub budget_usd: String,
    /// What for; recorded, not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
}

/// A duration as people and programs write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a duration is a whole number of seconds or text such as `30 minutes` or `90s`")]
pub enum Duration {
    /// Whole seconds.
    Seconds(u64),
    /// `30 minutes`, `30m`, `1h`, `45 s`.
    Text(String),
}

impl Duration {
    /// In seconds; `None` where it is not a positive whole number with a known unit.
    pub fn seconds(&self) -> Option<u64> {
        let text = match self {
            Self::Seconds(seconds) => return Some(*seconds).filter(|s| *s > 0),
            Self::Text(text) => text.as_str(),
        };
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(split)?;
        let unit = unit.strip_prefix(' ').unwrap_or(unit);
        let factor: u64 = match unit {
            "" | "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => 86_400,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(factor).filter(|s| *s > 0)
    }
}

/// Why a scope was not granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedScope {
    /// What was asked for.
    pub scope: String,
    /// The rule that decided.
    pub rule: String,
    /// In words.
    pub reason: String,
}

/// A lease, as issued and as listed. Only the answer to `POST` carries the bearer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lease {
    /// Its id; not a secret.
    pub lease_id: LeaseId,
    /// Who uses it.
    pub agent: String,
    /// For what.
    pub service: String,
    /// The answer to the request: `approved`, `denied` or `escalated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Where its life stands: `pending`, `active`, `revoked`, `expired`, `exhausted` or `denied`.
    pub state: String,
    /// Shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<String>,
    /// What it may do.
    pub allowed_scopes: Vec<String>,
    /// What was asked for and refused, with the rule.
    pub blocked_scopes: Vec<BlockedScope>,
    /// Limits that policy lowered, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Credits it may use up.
    pub budget: Credits,
    /// Credits promised to requests under way.
    pub budget_held: Credits,
    /// Credits used.
    pub budget_spent: Credits,
    /// SHA-256 of the canonical contract. Hex.
    pub lease_hash: String,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ends by itself.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// Base URL to give to the provider's own SDK.
    pub base_url: String,
    /// The same, by lease id; the bearer is still needed.
    pub proxy_url: String,
}

/// `PUT /v1/policies/{name}` answers with this.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// Its id.
    pub policy_id: PolicyId,
    /// Counts versions, from 1.
    pub version: i32,
    /// SHA-256 of the document. Hex.
    pub content_hash: String,
}

/// `GET /v1/account`: the owner's credit, account by account of the double entry. Their sum is zero.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Account {
    /// Whose.
    pub owner_id: String,
    /// The wallet that funds it.
    pub wallet: Option<String>,
    /// Always `usdc` for now.
    pub asset: String,
    /// Clearing account of the chain; negative by what came in and has not gone out.
    pub chain: i64,
    /// Free to be held.
    pub available: i64,
    /// Promised to requests under way.
    pub held: i64,
    /// Captured, not yet settled on chain.
    pub spent: i64,
    /// Settled on chain.
    pub settled: i64,
    /// On its way back to the owner.
    pub withdrawing: i64,
    /// What could not be settled in time; zero or less.
    pub writeoff: i64,
    /// Kept from new holds by a withdrawal that is confirmed but not final.
    pub frozen: i64,
    /// Deposits seen but not final.
    pub pending_deposits: Vec<PendingDeposit>,
    /// The vault as the indexer folded it.
    pub vault: Option<Vault>,
}

/// A deposit that is confirmed, not final; not spendable.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PendingDeposit {
    /// Its transaction.
    pub signature: String,
    /// Atoms of USDC.
    pub amount: i64,
    /// Its slot.
    pub slot: i64,
}

/// A vault at finality. Atoms of USDC.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Vault {
    /// Its address.
    pub address: String,
    /// All deposits.
    pub credited_atoms: i64,
    /// All settlements.
    pub settled_atoms: i64,
    /// All withdrawals.
    pub withdrawn_atoms: i64,
    /// The owner's cap per window.
    pub cap_atoms: i64,
    /// Amount of an open withdrawal request.
    pub withdrawal_atoms: Option<i64>,
    /// When it can be executed.
    #[serde(with = "time::serde::rfc3339::option")]
    pub withdrawal_at: Option<OffsetDateTime>,
}

/// One audit entry as its owner sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id.
    pub entry_id: EntryId,
    /// The request it belongs to.
    pub request_id: RequestId,
    /// `intent`, `outcome`, `refusal`, `lease_issued`, …
    pub kind: String,
    /// The lease, where there is one.
    pub lease_id: Option<LeaseId>,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The facts.
    pub body: serde_json::Value,
    /// SHA-256(salt ‖ canonical body). Hex.
    pub leaf_hash: String,
    /// The owner's copy of the salt. Hex.
    pub salt: String,
}

/// A page of audit entries.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditPage {
    /// Oldest first.
    pub entries: Vec<AuditEntry>,
    /// Pass as `after` for the next page; the last entry's id.
    pub next: Option<EntryId>,
}

/// One batch of receipts on chain, or on its way there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settlement {
    /// Its id.
    pub settlement_id: SettlementId,
    /// Its place in the vault's settlements.
    pub sequence: i64,
    /// Atoms of USDC.
    pub amount: Credits,
    /// How many receipts it pays.
    pub receipt_count: i64,
    /// RFC 6962 root over their hashes. Hex.
    pub receipts_root: String,
    /// `prepared`, `finalized` or `abandoned`.
    pub state: String,
    /// Of the latest transaction.
    pub signature: Option<String>,
}

/// `GET /v1/settlements`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SettlementPage {
    /// Newest first.
    pub settlements: Vec<Settlement>,
}

/// `GET /v1/receipts`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReceiptPage {
    /// By lease and sequence.
    pub receipts: Vec<crate::receipt::Receipt>,
    /// The broker's Ed25519 key. Hex.
    pub public_key: String,
}

/// The owner that a management key belongs to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Whoami {
    /// Its id.
    pub owner_id: OwnerId,
    /// What the key may do.
    pub scopes: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in
            [("30 minutes", 1800), ("30m", 1800), ("90", 90), ("90s", 90), ("1h", 3600), ("2 days", 172_800)]
        {
            assert_eq!(Duration::Text(text.into()).seconds(), Some(seconds), "{text}");
        }
        for text in ["", "0", "0m", "-5", "15m ", " 15m", "P1000Y", "1.5h", "m", "30  minutes", "99999999999999999999d"]
        {
            assert_eq!(Duration::Text(text.into()).seconds(), None, "{text:?}");
        }
        assert_eq!(Duration::Seconds(0).seconds(), None);
    }
}
