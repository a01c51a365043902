//! Vouches for a template.
//!
//! - Only the verifier *shall* verify, and only what is published and not accused.

use anchor_lang::prelude::*;

use super::{JudgeTemplate, changed};
use crate::event::TemplateChange;

pub(crate) fn handle(ctx: Context<JudgeTemplate>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    accounts.require_verifier()?;
    accounts.template.verify(Clock::get()?.unix_timestamp)?;
    let event = changed(&mut accounts.template, TemplateChange::Verified)?;
    emit_cpi!(event);
    Ok(())
}
