//! Allows new promises again.
//!
//! - Only the admin *shall* unpause: the guardian can take power away, never give it back.

use anchor_lang::prelude::*;

use super::Govern;
use crate::event::ConfigChange;

pub(crate) fn handle(ctx: Context<Govern>) -> Result<()> {
    ctx.accounts.require_admin()?;
    ctx.accounts.config.unpause()?;
    let event = ctx.accounts.changed(ConfigChange::Unpaused)?;
    emit_cpi!(event);
    Ok(())
}
