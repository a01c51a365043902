//! Accuses a template of a fault.
//!
//! - Only the verifier *shall* accuse. The template *shall* lose its verification at once.
//! - The bond *shall* be forfeited only after the config's change delay, by `revoke_template`.

use anchor_lang::prelude::*;

use super::{JudgeTemplate, changed};
use crate::event::TemplateChange;

pub(crate) fn handle(ctx: Context<JudgeTemplate>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    accounts.require_verifier()?;
    let delay_seconds = accounts.config.timing.change_delay_seconds;
    let eta = accounts.template.accuse(Clock::get()?.unix_timestamp, delay_seconds)?;
    let event = changed(&mut accounts.template, TemplateChange::Accused { eta })?;
    emit_cpi!(event);
    Ok(())
}
