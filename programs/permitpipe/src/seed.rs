//! The seeds of every program-derived address. Numbers stand in them as 8 bytes, little-endian.

/// Config: one per program.
pub const CONFIG: &[u8] = b"config";
/// Vault, by owner.
pub const VAULT: &[u8] = b"vault";
/// A vault's own USDC token account, by vault. Never pooled: one frozen account must not stop others.
pub const USDC: &[u8] = b"usdc";
/// Settlement, by vault and sequence number.
pub const SETTLEMENT: &[u8] = b"settlement";
/// Stake, by owner.
pub const STAKE: &[u8] = b"stake";
/// A stake's own PERMIT token account, by stake.
pub const PERMIT: &[u8] = b"permit";
/// Relay, by operator.
pub const RELAY: &[u8] = b"relay";
/// Contradiction, by relay and what it contradicted itself about.
pub const CONTRADICTION: &[u8] = b"contradiction";
/// Epoch of relay rewards, by number.
pub const EPOCH: &[u8] = b"epoch";
/// An epoch's own USDC token account, by epoch.
pub const REWARD: &[u8] = b"reward";
/// Template, by content hash.
pub const TEMPLATE: &[u8] = b"template";
/// A template's own PERMIT token account, by template.
pub const BOND: &[u8] = b"bond";
/// Plan, by number.
pub const PLAN: &[u8] = b"plan";
/// Subscription to a plan, by owner.
pub const SUBSCRIPTION: &[u8] = b"sub";
/// Anchor of a log, by the log's id.
pub const ANCHOR: &[u8] = b"anchor";
