//! What a vault can hold.

use anchor_lang::prelude::*;

/// The two kinds of prepaid credit. An *atom* is the smallest unit of either: a millionth of USDC, a lamport of SOL.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asset {
    /// USDC, in the vault's own token account.
    Usdc,
    /// SOL, as lamports of the vault account itself, above its rent.
    Sol,
}
