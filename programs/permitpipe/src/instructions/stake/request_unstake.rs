//! Starts the cool-down of some of the stake.
//!
//! - It *shall* need nobody but the owner, and work while the program is paused.
//! - What cools down *shall* count for no discount, and *shall* stay within reach of slashing.
//! - One request *shall* wait at a time, and the bond of a registered relay *shall* stay.

use anchor_lang::prelude::*;

use super::{OwnStake, changed};
use crate::event::StakeChange;

/// How much to unstake.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestUnstakeArgs {
    pub amount_atoms: u64,
}

pub(crate) fn handle(ctx: Context<OwnStake>, args: RequestUnstakeArgs) -> Result<()> {
    let (accounts, amount_atoms) = (&mut *ctx.accounts, args.amount_atoms);
    let cool_down_seconds = accounts.config.timing.cool_down_seconds;
    accounts.stake.position.request_unstake(amount_atoms, Clock::get()?.unix_timestamp, cool_down_seconds)?;
    let kind = StakeChange::UnstakeRequested { amount_atoms };
    let event = changed(&mut accounts.stake, accounts.stake_permit.amount, kind)?;
    emit_cpi!(event);
    Ok(())
}
