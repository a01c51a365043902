//! Takes the relay out of service and frees its bond for unstaking.
//!
//! - The bond *shall* still go through the stake's cool-down, in which slashing reaches it.

use anchor_lang::prelude::*;
use anchor_spl::token::TokenAccount;

use super::changed;
use crate::{
    error::PermitPipeError,
    event::{RelayChange, StakeChange},
    instructions::stake,
    seed,
    state::{Relay, Stake},
};

#[event_cpi]
#[derive(Accounts)]
pub struct RetireRelay<'info> {
    pub operator: Signer<'info>,
    #[account(mut, seeds = [seed::STAKE, operator.key().as_ref()], bump = stake.bump)]
    pub stake: Box<Account<'info, Stake>>,
    #[account(seeds = [seed::PERMIT, stake.key().as_ref()], bump = stake.permit_bump)]
    pub stake_permit: Box<Account<'info, TokenAccount>>,
    #[account(
        mut, seeds = [seed::RELAY, relay.operator.as_ref()], bump = relay.bump,
        has_one = operator @ PermitPipeError::NotOwner,
        has_one = stake,
    )]
    pub relay: Box<Account<'info, Relay>>,
}

pub(crate) fn handle(ctx: Context<RetireRelay>) -> Result<()> {
    let (accounts, now) = (&mut *ctx.accounts, Clock::get()?.unix_timestamp);
    accounts.relay.retire(now)?;
    accounts.stake.position.bonded_atoms = 0;
    let released = stake::changed(&mut accounts.stake, accounts.stake_permit.amount, StakeChange::Released)?;
    let retired = changed(&mut accounts.relay, RelayChange::Retired { retired_at: now })?;
    emit_cpi!(released);
    emit_cpi!(retired);
    Ok(())
}
