//! Names another receipt key of the relay.
//!
//! - The new key *shall* sign too: nobody registers a key it does not hold.
//! - It *shall* work once per cool-down, and the stake *shall* still answer for the key before: changing keys is no way
//!   around slashing.

use anchor_lang::prelude::*;

use super::changed;
use crate::{
    error::PermitPipeError,
    event::RelayChange,
    seed,
    state::{Config, Relay},
};

#[event_cpi]
#[derive(Accounts)]
pub struct RotateRelayKey<'info> {
    pub operator: Signer<'info>,
    /// The new Ed25519 key.
    pub key: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, seeds = [seed::RELAY, relay.operator.as_ref()], bump = relay.bump,
        has_one = operator @ PermitPipeError::NotOwner,
    )]
    pub relay: Box<Account<'info, Relay>>,
}

pub(crate) fn handle(ctx: Context<RotateRelayKey>) -> Result<()> {
    let (key, cool_down_seconds) = (ctx.accounts.key.key(), ctx.accounts.config.timing.cool_down_seconds);
    let relay = &mut ctx.accounts.relay;
    relay.rotate_key(key, Clock::get()?.unix_timestamp, cool_down_seconds)?;
    let event = changed(relay, RelayChange::KeyChanged { key })?;
    emit_cpi!(event);
    Ok(())
}
