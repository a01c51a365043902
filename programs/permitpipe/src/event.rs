//! One event per change, emitted by self-CPI: logs are truncated and dropped by providers, inner instructions are not.
//!
//! Each event carries its account's `event_seq`, and none is left out, so that an indexer knows when it has missed one.
//! Accounts that can be closed and opened again start at `math::event_base` of their slot, others at 1.

use anchor_lang::prelude::*;

use crate::state::{Asset, change::Change, stake::Position};

// Vault: one event each.

/// A vault was opened.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultOpened {
    pub vault: Pubkey,
    pub owner: Pubkey,
    /// The first of this opening: the vault's settlements start at the number before it.
    pub event_seq: u64,
    /// What settlements may take in one window, in USDC.
    pub cap_atoms: u64,
    /// What settlements may take in one window, in SOL.
    pub cap_lamports: u64,
}

/// The owner set the cap per window: raises are effective at once, cuts later.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapChanged {
    pub vault: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
    pub asset: Asset,
    pub cap_atoms: u64,
    /// Unix seconds.
    pub effective_at: i64,
}

/// Credit came in.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposited {
    pub vault: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
    pub asset: Asset,
    pub amount_atoms: u64,
    /// Total of all deposits of the asset, this one included.
    pub credited_atoms: u64,
}

/// The delay before a withdrawal began.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalRequested {
    pub vault: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
    pub asset: Asset,
    pub amount_atoms: u64,
    /// Unix seconds.
    pub executable_at: i64,
}

/// A requested withdrawal was taken back.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalCancelled {
    pub vault: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
    pub asset: Asset,
    pub amount_atoms: u64,
}

/// A withdrawal was paid: at most what was requested, at most the balance.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawn {
    pub vault: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
    pub asset: Asset,
    pub amount_atoms: u64,
    /// Total of all withdrawals of the asset, this one included.
    pub withdrawn_atoms: u64,
}

/// The treasury was paid for a batch of receipts.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub vault: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
    pub asset: Asset,
    pub sequence: u64,
    pub amount_atoms: u64,
    /// What the receipts add up to, in credits; for USDC the same as the amount.
    pub charge_credits: u64,
    pub receipt_count: u32,
    pub receipts_root: [u8; 32],
    /// Total of all settlements of the asset, this one included.
    pub settled_atoms: u64,
}

/// A vault was closed; the owner may open it again.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultClosed {
    pub vault: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
}

/// A settlement's account was closed after its retention.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementClosed {
    pub settlement: Pubkey,
    /// Always 1: the first and only event about this account.
    pub event_seq: u64,
    pub vault: Pubkey,
    pub sequence: u64,
}

// Everything else: one event per account, with what happened as an enum.

/// The config changed, or a change of it was proposed or dropped.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChanged {
    pub config: Pubkey,
    pub event_seq: u64,
    /// Who signed.
    pub by: Pubkey,
    pub kind: ConfigChange,
}

/// What happened to the config.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, PartialEq, Eq)]
pub enum ConfigChange {
    /// The config was created.
    Initialized,
    /// A change was proposed; it can be accepted from `eta` (Unix seconds) on.
    Proposed { change: Change, eta: i64 },
    /// A proposed change came into force.
    Accepted { change: Change },
    /// A proposed change was dropped.
    Cancelled { change: Change },
    /// New promises were stopped.
    Paused,
    /// New promises were allowed again.
    Unpaused,
    /// The most one settlement may take was lowered.
    SettleCapLowered { asset: Asset, settle_cap_atoms: u64 },
}

/// A stake changed.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StakeChanged {
    pub stake: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
    pub kind: StakeChange,
    /// Whose fee it discounts, after the change.
    pub beneficiary: Pubkey,
    /// All amounts, after the change.
    pub position: Position,
}

/// What happened to a stake.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, PartialEq, Eq)]
pub enum StakeChange {
    /// It was opened, empty.
    Opened,
    /// PERMIT came in.
    Added { amount_atoms: u64 },
    /// Another beneficiary; the weight starts anew.
    BeneficiaryChanged,
    /// The cool-down of some of it began.
    UnstakeRequested { amount_atoms: u64 },
    /// The request was taken back.
    UnstakeCancelled { amount_atoms: u64 },
    /// What had cooled down was paid out.
    Unstaked { amount_atoms: u64 },
    /// Some of it bonds the owner's relay from now on.
    Bonded,
    /// It bonds no relay any longer.
    Released,
    /// Some was taken for a contradiction of the owner's relay.
    Slashed { amount_atoms: u64 },
    /// It was closed; the owner may open it again.
    Closed,
}

/// A relay changed.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayChanged {
    pub relay: Pubkey,
    pub operator: Pubkey,
    pub event_seq: u64,
    pub kind: RelayChange,
}

/// What happened to a relay.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, PartialEq, Eq)]
pub enum RelayChange {
    /// It was registered.
    Registered { key: Pubkey, endpoint: String },
    /// It listens elsewhere.
    EndpointChanged { endpoint: String },
    /// It signs with another key.
    KeyChanged { key: Pubkey },
    /// It was retired by its operator.
    Retired { retired_at: i64 },
    /// It was paid for an epoch.
    Rewarded { epoch: u64, amount_atoms: u64, receipt_count: u64 },
    /// It contradicted itself: part of the slash to the reporter, the rest to the insurance.
    Slashed { stream: [u8; 32], sequence: u64, reporter: Pubkey, slashed_atoms: u64, reporter_atoms: u64 },
    /// It was closed; the operator may register again.
    Closed,
}

/// An epoch of rewards changed.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochChanged {
    pub epoch: Pubkey,
    pub number: u64,
    pub event_seq: u64,
    pub kind: EpochChange,
}

/// What happened to an epoch.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, PartialEq, Eq)]
pub enum EpochChange {
    /// It was published and funded.
    Published { root: [u8; 32], leaf_count: u32, total_atoms: u64 },
    /// A leaf was paid.
    Claimed { index: u32, relay: Pubkey, amount_atoms: u64, receipt_count: u64 },
    /// It was closed after its retention; what nobody claimed went to the treasury.
    Closed { unclaimed_atoms: u64 },
}

/// A template changed.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateChanged {
    pub template: Pubkey,
    pub publisher: Pubkey,
    pub event_seq: u64,
    pub kind: TemplateChange,
}

/// What happened to a template.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, PartialEq, Eq)]
pub enum TemplateChange {
    /// It was published with a bond.
    Published { hash: [u8; 32], bond_atoms: u64 },
    /// The verifier vouched for it.
    Verified,
    /// It was accused; it can be revoked from `eta` (Unix seconds) on.
    Accused { eta: i64 },
    /// The accusation was dropped.
    Acquitted,
    /// It was found faulty; the bond went to the insurance.
    Revoked { forfeited_atoms: u64 },
    /// It is on its way out.
    Retired { reclaimable_at: i64 },
    /// The bond went back and the account was closed.
    Closed { returned_atoms: u64 },
}

/// A plan changed.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanChanged {
    pub plan: Pubkey,
    pub number: u64,
    pub event_seq: u64,
    pub kind: PlanChange,
}

/// What happened to a plan.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, PartialEq, Eq)]
pub enum PlanChange {
    /// It is sold from now on.
    Created { price_atoms: u64, period_seconds: i64, request_limit: u64 },
    /// It is sold no longer.
    Retired { retired_at: i64 },
    /// Its account was closed.
    Closed,
}

/// A subscription changed.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionChanged {
    pub subscription: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
    pub kind: SubscriptionChange,
}

/// What happened to a subscription.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// It was bought from the owner's wallet.
    Bought { plan: u64, paid_atoms: u64, expires_at: i64 },
    /// More periods were bought.
    Extended { paid_atoms: u64, expires_at: i64 },
    /// It was closed after it had expired.
    Closed,
}

/// A log's newest checkpoint was anchored.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogAnchored {
    pub anchor: Pubkey,
    pub log: [u8; 32],
    pub event_seq: u64,
    pub size: u64,
    pub root: [u8; 32],
}
