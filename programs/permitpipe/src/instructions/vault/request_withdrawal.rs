//! Starts the delay before a withdrawal of one asset.
//!
//! - It *shall* need nobody but the owner, and work while the program is paused.
//! - One withdrawal of each asset *shall* wait at a time, of at least 1 atom and at most the balance.

use anchor_lang::prelude::*;

use super::OwnVault;
use crate::{event::WithdrawalRequested, state::Asset};

/// How much to withdraw.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestWithdrawalArgs {
    pub asset: Asset,
    pub amount_atoms: u64,
}

pub(crate) fn handle(ctx: Context<OwnVault>, args: RequestWithdrawalArgs) -> Result<()> {
    let RequestWithdrawalArgs { asset, amount_atoms } = args;
    let (now, delay_seconds) = (Clock::get()?.unix_timestamp, ctx.accounts.config.timing.withdrawal_delay_seconds);
    let vault = &mut ctx.accounts.vault;
    let executable_at = vault.book(asset).request_withdrawal(amount_atoms, now, delay_seconds)?;
    let event_seq = vault.next_event()?;
    vault.invariant()?;
    let (vault, owner) = (vault.key(), vault.owner);
    emit_cpi!(WithdrawalRequested { vault, owner, event_seq, asset, amount_atoms, executable_at });
    Ok(())
}
