//! Takes a template out of the registry, to get its bond back after the cool-down.
//!
//! - Only the publisher *shall* retire it; while it waits it can still be accused.

use anchor_lang::prelude::*;

use super::changed;
use crate::{
    error::PermitPipeError,
    event::TemplateChange,
    seed,
    state::{Config, Template},
};

#[event_cpi]
#[derive(Accounts)]
pub struct RetireTemplate<'info> {
    pub publisher: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, seeds = [seed::TEMPLATE, template.hash.as_ref()], bump = template.bump,
        has_one = publisher @ PermitPipeError::NotPublisher,
    )]
    pub template: Box<Account<'info, Template>>,
}

pub(crate) fn handle(ctx: Context<RetireTemplate>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let delay_seconds = accounts.config.timing.cool_down_seconds;
    let reclaimable_at = accounts.template.retire(Clock::get()?.unix_timestamp, delay_seconds)?;
    let event = changed(&mut accounts.template, TemplateChange::Retired { reclaimable_at })?;
    emit_cpi!(event);
    Ok(())
}
