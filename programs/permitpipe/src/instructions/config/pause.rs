//! Stops new promises: vaults, deposits, stakes, relays, templates, plans.
//!
//! - The guardian or the admin *shall* pause at once.
//! - A pause *shall* stop no exit, no claim, and no settlement of what was already spent.

use anchor_lang::prelude::*;

use super::Govern;
use crate::event::ConfigChange;

pub(crate) fn handle(ctx: Context<Govern>) -> Result<()> {
    ctx.accounts.require_guardian_or_admin()?;
    ctx.accounts.config.pause()?;
    let event = ctx.accounts.changed(ConfigChange::Paused)?;
    emit_cpi!(event);
    Ok(())
}
