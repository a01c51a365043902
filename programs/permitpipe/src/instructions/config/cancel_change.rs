//! Drops the proposed change.
//!
//! - The guardian *shall* be able to veto any change before it is accepted, except its own replacement.
//! - The admin *shall* be able to drop any change.

use anchor_lang::prelude::*;

use super::Govern;
use crate::event::ConfigChange;

pub(crate) fn handle(ctx: Context<Govern>) -> Result<()> {
    ctx.accounts.require_guardian_or_admin()?;
    let by = ctx.accounts.signer.key();
    let change = ctx.accounts.config.cancel(&by)?;
    let event = ctx.accounts.changed(ConfigChange::Cancelled { change })?;
    emit_cpi!(event);
    Ok(())
}
