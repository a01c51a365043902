//! One event per change, emitted by self-CPI: logs are truncated and dropped by providers, inner instructions are not.
//!
//! Each event carries its account's `event_seq`: the first is 1 and none is left out, so that an indexer knows when
//! it has missed one.

use anchor_lang::prelude::*;

use crate::state::config::Change;

/// A vault was opened.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultOpened {
    pub vault: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
    pub cap_atoms: u64,
}

/// The owner set the cap per window: raises are effective at once, cuts later.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapChanged {
    pub vault: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
    pub cap_atoms: u64,
    /// Unix seconds.
    pub effective_at: i64,
}

/// USDC came in.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposited {
    pub vault: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
    pub amount_atoms: u64,
    /// Total of all deposits, this one included.
    pub credited_atoms: u64,
}

/// The delay before a withdrawal began.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalRequested {
    pub vault: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
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
    pub amount_atoms: u64,
}

/// A withdrawal was paid: at most what was requested, at most the balance.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawn {
    pub vault: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
    pub amount_atoms: u64,
    /// Total of all withdrawals, this one included.
    pub withdrawn_atoms: u64,
}

/// The treasury was paid for a batch of receipts.
#[event]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub vault: Pubkey,
    pub owner: Pubkey,
    pub event_seq: u64,
    pub sequence: u64,
    pub amount_atoms: u64,
    pub receipt_count: u32,
    pub receipts_root: [u8; 32],
    /// Total of all settlements, this one included.
    pub settled_atoms: u64,
}

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
    /// New vaults and deposits were stopped.
    Paused,
    /// New vaults and deposits were allowed again.
    Unpaused,
    /// The most one settlement may take was lowered.
    SettleCapLowered { settle_cap_atoms: u64 },
}
