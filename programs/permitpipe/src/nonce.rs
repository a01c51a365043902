//! The refusal of durable nonces in instructions of admin, guardian and verifier.
//!
//! A transaction over a durable nonce stays valid for months, so one signature phished today could change the config
//! much later. The runtime honours such a nonce only when the transaction's first instruction advances it, so looking
//! there is enough. This sees the executing transaction, not what a multisig's members signed before: the delay of
//! changes is the wall, this is the fence in front of it.

use anchor_lang::{prelude::*, solana_program::system_program};
use solana_instructions_sysvar::load_instruction_at_checked;

use crate::error::PermitPipeError;

/// `SystemInstruction::AdvanceNonceAccount` as the system program encodes it: variant 4, four bytes little-endian.
const ADVANCE_NONCE_ACCOUNT: [u8; 4] = [4, 0, 0, 0];

/// Refuses a transaction whose first instruction advances a durable nonce.
///
/// `instructions` must be the instructions sysvar; the accounts structs pin its address.
pub fn refuse_durable_nonce(instructions: &AccountInfo) -> Result<()> {
    let first = load_instruction_at_checked(0, instructions)?;
    let is_advance = first.program_id == system_program::ID && first.data.starts_with(&ADVANCE_NONCE_ACCOUNT);
    require!(!is_advance, PermitPipeError::DurableNonce);
    Ok(())
}
