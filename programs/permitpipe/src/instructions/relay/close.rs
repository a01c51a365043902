//! Closes a retired relay and gives the operator its rent.
//!
//! - It *shall* be refused for a relay that was slashed: the record stays.
//! - It *shall* be refused within the cool-down after retirement: until then contradictions can be proven.

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::{RelayChange, RelayChanged},
    seed,
    state::{Config, Relay},
};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseRelay<'info> {
    #[account(mut)]
    pub operator: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, close = operator, seeds = [seed::RELAY, relay.operator.as_ref()], bump = relay.bump,
        has_one = operator @ PermitPipeError::NotOwner,
    )]
    pub relay: Box<Account<'info, Relay>>,
}

pub(crate) fn handle(ctx: Context<CloseRelay>) -> Result<()> {
    let cool_down_seconds = ctx.accounts.config.timing.cool_down_seconds;
    let relay = &mut ctx.accounts.relay;
    let event_seq = relay.end(&Clock::get()?, cool_down_seconds)?;
    relay.invariant()?;
    let (relay, operator) = (relay.key(), relay.operator);
    emit_cpi!(RelayChanged { relay, operator, event_seq, kind: RelayChange::Closed });
    Ok(())
}
