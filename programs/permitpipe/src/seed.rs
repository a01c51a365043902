//! The seeds of every program-derived address.
//!
//! | account | seeds |
//! |---|---|
//! | Config | `config` |
//! | Vault | `vault`, owner |
//! | the vault's USDC token account | `usdc`, vault |
//! | Settlement | `settlement`, vault, sequence (8 bytes, little-endian) |

/// Config: one per program.
pub const CONFIG: &[u8] = b"config";
/// Vault: one per owner.
pub const VAULT: &[u8] = b"vault";
/// The vault's own USDC token account, never pooled: one frozen account must not stop others.
pub const USDC: &[u8] = b"usdc";
/// Settlement: one per vault and sequence number.
pub const SETTLEMENT: &[u8] = b"settlement";
