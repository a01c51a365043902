//! Proposes one change of the config.
//!
//! - Only the admin *shall* propose, and one change at a time.
//! - The change *shall* wait for the change delay, so that everybody can see it and leave before it.
//! - A change that could not stand *shall* be refused at once.

use anchor_lang::prelude::*;

use super::Govern;
use crate::{event::ConfigChange, state::change::Change};

/// The change to propose.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposeChangeArgs {
    pub change: Change,
}

pub(crate) fn handle(ctx: Context<Govern>, args: ProposeChangeArgs) -> Result<()> {
    ctx.accounts.require_admin()?;
    let change = args.change;
    let eta = ctx.accounts.config.propose(change, Clock::get()?.unix_timestamp)?;
    let event = ctx.accounts.changed(ConfigChange::Proposed { change, eta })?;
    emit_cpi!(event);
    Ok(())
}
