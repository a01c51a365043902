//! An event's own fields as JSON; the account, its owner and the sequence number are added by `Event::payload`.

use serde_json::{Value, json};
use solana_sdk::pubkey::Pubkey;

use crate::chain::{
    Asset, CapChanged, Change, ConfigChange, ConfigChanged, Deposited, EpochChange, EpochChanged, LogAnchored,
    PlanChange, PlanChanged, Position, RelayChange, RelayChanged, Settled, SettlementClosed, StakeChange, StakeChanged,
    SubscriptionChange, SubscriptionChanged, TemplateChange, TemplateChanged, Tier, VaultClosed, VaultOpened,
    WithdrawalCancelled, WithdrawalRequested, Withdrawn,
};

/// What an event says.
pub(super) trait Payload {
    /// As a JSON object.
    fn payload(&self) -> Value;
}

impl Payload for VaultOpened {
    fn payload(&self) -> Value {
        json!({ "cap_atoms": self.cap_atoms, "cap_lamports": self.cap_lamports })
    }
}

impl Payload for CapChanged {
    fn payload(&self) -> Value {
        let Self { asset, cap_atoms, effective_at, .. } = self;
        json!({ "asset": name(*asset), "cap_atoms": cap_atoms, "effective_at": effective_at })
    }
}

impl Payload for Deposited {
    fn payload(&self) -> Value {
        let Self { asset, amount_atoms, credited_atoms, .. } = self;
        json!({ "asset": name(*asset), "amount_atoms": amount_atoms, "credited_atoms": credited_atoms })
    }
}

impl Payload for WithdrawalRequested {
    fn payload(&self) -> Value {
        let Self { asset, amount_atoms, executable_at, .. } = self;
        json!({ "asset": name(*asset), "amount_atoms": amount_atoms, "executable_at": executable_at })
    }
}

impl Payload for WithdrawalCancelled {
    fn payload(&self) -> Value {
        json!({ "asset": name(self.asset), "amount_atoms": self.amount_atoms })
    }
}

impl Payload for Withdrawn {
    fn payload(&self) -> Value {
        let Self { asset, amount_atoms, withdrawn_atoms, .. } = self;
        json!({ "asset": name(*asset), "amount_atoms": amount_atoms, "withdrawn_atoms": withdrawn_atoms })
    }
}

impl Payload for Settled {
    fn payload(&self) -> Value {
        json!({
            "asset": name(self.asset),
            "sequence": self.sequence,
            "amount_atoms": self.amount_atoms,
            "charge_credits": self.charge_credits,
            "receipt_count": self.receipt_count,
            "receipts_root": hex::encode(self.receipts_root),
            "settled_atoms": self.settled_atoms,
        })
    }
}

impl Payload for VaultClosed {
    fn payload(&self) -> Value {
        json!({})
    }
}

impl Payload for SettlementClosed {
    fn payload(&self) -> Value {
        json!({ "vault": text(&self.vault), "sequence": self.sequence })
    }
}

impl Payload for ConfigChanged {
    fn payload(&self) -> Value {
        let mut payload = match &self.kind {
            ConfigChange::Initialized => json!({ "kind": "initialized" }),
            ConfigChange::Proposed { change, eta } => {
                json!({ "kind": "proposed", "change": change_payload(change), "eta": eta })
            }
            ConfigChange::Accepted { change } => json!({ "kind": "accepted", "change": change_payload(change) }),
            ConfigChange::Cancelled { change } => json!({ "kind": "cancelled", "change": change_payload(change) }),
            ConfigChange::Paused => json!({ "kind": "paused" }),
            ConfigChange::Unpaused => json!({ "kind": "unpaused" }),
            ConfigChange::SettleCapLowered { asset, settle_cap_atoms } => {
                json!({ "kind": "settle_cap_lowered", "asset": name(*asset), "settle_cap_atoms": settle_cap_atoms })
            }
        };
        payload["by"] = json!(text(&self.by));
        payload
    }
}

impl Payload for StakeChanged {
    fn payload(&self) -> Value {
        let mut payload = match &self.kind {
            StakeChange::Opened => json!({ "kind": "opened" }),
            StakeChange::Added { amount_atoms } => json!({ "kind": "added", "amount_atoms": amount_atoms }),
            StakeChange::BeneficiaryChanged => json!({ "kind": "beneficiary_changed" }),
            StakeChange::UnstakeRequested { amount_atoms } => {
                json!({ "kind": "unstake_requested", "amount_atoms": amount_atoms })
            }
            StakeChange::UnstakeCancelled { amount_atoms } => {
                json!({ "kind": "unstake_cancelled", "amount_atoms": amount_atoms })
            }
            StakeChange::Unstaked { amount_atoms } => json!({ "kind": "unstaked", "amount_atoms": amount_atoms }),
            StakeChange::Bonded => json!({ "kind": "bonded" }),
            StakeChange::Released => json!({ "kind": "released" }),
            StakeChange::Slashed { amount_atoms } => json!({ "kind": "slashed", "amount_atoms": amount_atoms }),
            StakeChange::Closed => json!({ "kind": "closed" }),
        };
        payload["beneficiary"] = json!(text(&self.beneficiary));
        payload["position"] = position(&self.position);
        payload
    }
}

impl Payload for RelayChanged {
    fn payload(&self) -> Value {
        match &self.kind {
            RelayChange::Registered { key, endpoint } => {
                json!({ "kind": "registered", "key": text(key), "endpoint": endpoint })
            }
            RelayChange::EndpointChanged { endpoint } => json!({ "kind": "endpoint_changed", "endpoint": endpoint }),
            RelayChange::KeyChanged { key } => json!({ "kind": "key_changed", "key": text(key) }),
            RelayChange::Retired { retired_at } => json!({ "kind": "retired", "retired_at": retired_at }),
            RelayChange::Rewarded { epoch, amount_atoms, receipt_count } => json!({
                "kind": "rewarded", "epoch": epoch, "amount_atoms": amount_atoms, "receipt_count": receipt_count,
            }),
            RelayChange::Slashed { stream, sequence, reporter, slashed_atoms, reporter_atoms } => json!({
                "kind": "slashed", "stream": hex::encode(stream), "sequence": sequence, "reporter": text(reporter),
                "slashed_atoms": slashed_atoms, "reporter_atoms": reporter_atoms,
            }),
            RelayChange::Closed => json!({ "kind": "closed" }),
        }
    }
}

impl Payload for EpochChanged {
    fn payload(&self) -> Value {
        let mut payload = match &self.kind {
            EpochChange::Published { root, leaf_count, total_atoms } => json!({
                "kind": "published", "root": hex::encode(root), "leaf_count": leaf_count, "total_atoms": total_atoms,
            }),
            EpochChange::Claimed { index, relay, amount_atoms, receipt_count } => json!({
                "kind": "claimed", "index": index, "relay": text(relay), "amount_atoms": amount_atoms,
                "receipt_count": receipt_count,
            }),
            EpochChange::Closed { unclaimed_atoms } => json!({ "kind": "closed", "unclaimed_atoms": unclaimed_atoms }),
        };
        payload["number"] = json!(self.number);
        payload
    }
}

impl Payload for TemplateChanged {
    fn payload(&self) -> Value {
        match &self.kind {
            TemplateChange::Published { hash, bond_atoms } => {
                json!({ "kind": "published", "hash": hex::encode(hash), "bond_atoms": bond_atoms })
            }
            TemplateChange::Verified => json!({ "kind": "verified" }),
            TemplateChange::Accused { eta } => json!({ "kind": "accused", "eta": eta }),
            TemplateChange::Acquitted => json!({ "kind": "acquitted" }),
            TemplateChange::Revoked { forfeited_atoms } => {
                json!({ "kind": "revoked", "forfeited_atoms": forfeited_atoms })
            }
            TemplateChange::Retired { reclaimable_at } => {
                json!({ "kind": "retired", "reclaimable_at": reclaimable_at })
            }
            TemplateChange::Closed { returned_atoms } => json!({ "kind": "closed", "returned_atoms": returned_atoms }),
        }
    }
}

impl Payload for PlanChanged {
    fn payload(&self) -> Value {
        let mut payload = match &self.kind {
            PlanChange::Created { price_atoms, period_seconds, request_limit } => json!({
                "kind": "created", "price_atoms": price_atoms, "period_seconds": period_seconds,
                "request_limit": request_limit,
            }),
            PlanChange::Retired { retired_at } => json!({ "kind": "retired", "retired_at": retired_at }),
            PlanChange::Closed => json!({ "kind": "closed" }),
        };
        payload["number"] = json!(self.number);
        payload
    }
}

impl Payload for SubscriptionChanged {
    fn payload(&self) -> Value {
        match &self.kind {
            SubscriptionChange::Bought { plan, paid_atoms, expires_at } => {
                json!({ "kind": "bought", "plan": plan, "paid_atoms": paid_atoms, "expires_at": expires_at })
            }
            SubscriptionChange::Extended { paid_atoms, expires_at } => {
                json!({ "kind": "extended", "paid_atoms": paid_atoms, "expires_at": expires_at })
            }
            SubscriptionChange::Closed => json!({ "kind": "closed" }),
        }
    }
}

impl Payload for LogAnchored {
    fn payload(&self) -> Value {
        json!({ "log": hex::encode(self.log), "size": self.size, "root": hex::encode(self.root) })
    }
}

fn position(position: &Position) -> Value {
    let unlocking = position
        .unlocking
        .map(|unlocking| json!({ "amount_atoms": unlocking.amount_atoms, "unlocks_at": unlocking.unlocks_at }));
    json!({
        "staked_atoms": position.staked_atoms,
        "weight_atoms": position.weight_atoms,
        "weighed_at": position.weighed_at,
        "bonded_atoms": position.bonded_atoms,
        "unlocking": unlocking,
        "slashed_atoms": position.slashed_atoms,
    })
}

/// A change of the config as JSON: `{kind: value}`.
pub fn change_payload(change: &Change) -> Value {
    match change {
        Change::Admin(key) => json!({ "admin": text(key) }),
        Change::Guardian(key) => json!({ "guardian": text(key) }),
        Change::SettleAuthority(key) => json!({ "settle_authority": text(key) }),
        Change::Verifier(key) => json!({ "verifier": text(key) }),
        Change::Limits(limits) => json!({ "limits": {
            "settle_cap_atoms": limits.settle_cap_atoms,
            "settle_cap_lamports": limits.settle_cap_lamports,
            "min_deposit_atoms": limits.min_deposit_atoms,
            "min_deposit_lamports": limits.min_deposit_lamports,
        } }),
        Change::Timing(timing) => json!({ "timing": {
            "window_seconds": timing.window_seconds,
            "withdrawal_delay_seconds": timing.withdrawal_delay_seconds,
            "change_delay_seconds": timing.change_delay_seconds,
            "cool_down_seconds": timing.cool_down_seconds,
            "warm_up_seconds": timing.warm_up_seconds,
            "retention_seconds": timing.retention_seconds,
        } }),
        Change::Bonds(bonds) => json!({ "bonds": {
            "relay_atoms": bonds.relay_atoms,
            "template_atoms": bonds.template_atoms,
            "slash_basis_points": bonds.slash_basis_points,
            "reporter_basis_points": bonds.reporter_basis_points,
        } }),
        Change::Fee(fee) => json!({ "fee": {
            "request_credits": fee.request_credits, "mebibyte_credits": fee.mebibyte_credits,
        } }),
        Change::Tiers(tiers) => {
            json!({ "tiers": tiers.iter().filter(|tier| tier.is_used()).map(tier).collect::<Vec<_>>() })
        }
        Change::Oracle(oracle) => json!({ "oracle": {
            "account": text(&oracle.account),
            "feed_id": hex::encode(oracle.feed_id),
            "max_age_seconds": oracle.max_age_seconds,
            "max_confidence_basis_points": oracle.max_confidence_basis_points,
        } }),
    }
}

fn tier(tier: &Tier) -> Value {
    json!({ "min_weight_atoms": tier.min_weight_atoms, "discount_basis_points": tier.discount_basis_points })
}

const fn name(asset: Asset) -> &'static str {
    match asset {
        Asset::Usdc => "usdc",
        Asset::Sol => "sol",
    }
}

fn text(key: &Pubkey) -> String {
    key.to_string()
}
