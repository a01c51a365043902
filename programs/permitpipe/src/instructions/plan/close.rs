//! Closes a retired plan after its retention.
//!
//! - Anybody *shall* be able to close it, and the rent *shall* go back to who paid it.

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::{PlanChange, PlanChanged},
    seed,
    state::{Config, Plan},
};

#[event_cpi]
#[derive(Accounts)]
pub struct ClosePlan<'info> {
    #[account(seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, close = payer, has_one = payer,
        seeds = [seed::PLAN, &plan.number.to_le_bytes()], bump = plan.bump,
    )]
    pub plan: Box<Account<'info, Plan>>,
    /// CHECK: pinned by the plan; it only receives lamports.
    #[account(mut)]
    pub payer: UncheckedAccount<'info>,
}

pub(crate) fn handle(ctx: Context<ClosePlan>) -> Result<()> {
    let (config, plan) = (&ctx.accounts.config, &mut ctx.accounts.plan);
    let retired_at = plan.retired_at.ok_or(PermitPipeError::PlanNotRetired)?;
    config.require_retained(retired_at, Clock::get()?.unix_timestamp)?;
    let event_seq = plan.next_event()?;
    plan.invariant()?;
    let (number, plan) = (plan.number, plan.key());
    emit_cpi!(PlanChanged { plan, number, event_seq, kind: PlanChange::Closed });
    Ok(())
}
