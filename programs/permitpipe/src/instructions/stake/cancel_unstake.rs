//! Takes a request to unstake back.
//!
//! - What was cooling down *shall* be active again and warm up like new stake.

use anchor_lang::prelude::*;

use super::{OwnStake, changed};
use crate::event::StakeChange;

pub(crate) fn handle(ctx: Context<OwnStake>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let warm_up_seconds = accounts.config.timing.warm_up_seconds;
    let amount_atoms = accounts.stake.position.cancel_unstake(Clock::get()?.unix_timestamp, warm_up_seconds)?;
    let kind = StakeChange::UnstakeCancelled { amount_atoms };
    let event = changed(&mut accounts.stake, accounts.stake_permit.amount, kind)?;
    emit_cpi!(event);
    Ok(())
}
