//! Moves PERMIT from the owner's token account into the stake.
//!
//! - What is added *shall* count for nothing at first and grow to its full weight over one warm-up.
//! - What counted before *shall* keep counting.
//! - It *shall* be refused while the program is paused.

use anchor_lang::prelude::*;

use super::{MovePermit, changed};
use crate::{event::StakeChange, token::Transfer};

/// How much to stake.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddStakeArgs {
    pub amount_atoms: u64,
}

pub(crate) fn handle(ctx: Context<MovePermit>, args: AddStakeArgs) -> Result<()> {
    let (accounts, amount_atoms) = (&mut *ctx.accounts, args.amount_atoms);
    accounts.config.require_running()?;
    let warm_up_seconds = accounts.config.timing.warm_up_seconds;
    accounts.stake.position.add(amount_atoms, Clock::get()?.unix_timestamp, warm_up_seconds)?;
    let transfer = Transfer {
        program: &accounts.token_program,
        mint: &accounts.permit_mint,
        from: accounts.owner_permit.to_account_info(),
        to: accounts.stake_permit.to_account_info(),
        authority: accounts.owner.to_account_info(),
    };
    transfer.send(amount_atoms)?;
    accounts.stake_permit.reload()?;
    let holdings_atoms = accounts.stake_permit.amount;
    let event = changed(&mut accounts.stake, holdings_atoms, StakeChange::Added { amount_atoms })?;
    emit_cpi!(event);
    Ok(())
}
