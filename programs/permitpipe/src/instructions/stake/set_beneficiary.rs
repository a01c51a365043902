//! Names another beneficiary of the discount.
//!
//! - The weight *shall* start anew, so that one stake cannot serve several accounts in turn.

use anchor_lang::prelude::*;

use super::{OwnStake, changed};
use crate::event::StakeChange;

/// For whom.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetBeneficiaryArgs {
    pub beneficiary: Pubkey,
}

pub(crate) fn handle(ctx: Context<OwnStake>, args: SetBeneficiaryArgs) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    accounts.stake.set_beneficiary(args.beneficiary, Clock::get()?.unix_timestamp)?;
    let event = changed(&mut accounts.stake, accounts.stake_permit.amount, StakeChange::BeneficiaryChanged)?;
    emit_cpi!(event);
    Ok(())
}
