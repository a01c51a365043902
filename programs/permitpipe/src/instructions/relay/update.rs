//! Names another endpoint of the relay.
//!
//! - Only the operator *shall* update, and only a relay in service.

use anchor_lang::prelude::*;

use super::changed;
use crate::{error::PermitPipeError, event::RelayChange, seed, state::Relay};

/// Where it listens.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, PartialEq, Eq)]
pub struct UpdateRelayArgs {
    /// An `https://` or `wss://` URL of at most 120 bytes.
    // (The interface description knows plain strings only.)
    #[cfg_attr(not(feature = "idl-build"), borsh(deserialize_with = "super::read_endpoint"))]
    pub endpoint: String,
}

#[event_cpi]
#[derive(Accounts)]
pub struct UpdateRelay<'info> {
    pub operator: Signer<'info>,
    #[account(
        mut, seeds = [seed::RELAY, relay.operator.as_ref()], bump = relay.bump,
        has_one = operator @ PermitPipeError::NotOwner,
    )]
    pub relay: Box<Account<'info, Relay>>,
}

pub(crate) fn handle(ctx: Context<UpdateRelay>, args: UpdateRelayArgs) -> Result<()> {
    let relay = &mut ctx.accounts.relay;
    relay.set_endpoint(args.endpoint)?;
    let endpoint = relay.endpoint.clone();
    let event = changed(relay, RelayChange::EndpointChanged { endpoint })?;
    emit_cpi!(event);
    Ok(())
}
