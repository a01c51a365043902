//! Takes a plan off sale.
//!
//! - Who bought it *shall* keep it until it expires, as the subscription says; nobody can buy or extend it any more.

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::{PlanChange, PlanChanged},
    nonce::refuse_durable_nonce,
    seed,
    state::{Config, Plan},
};

#[event_cpi]
#[derive(Accounts)]
pub struct RetirePlan<'info> {
    pub admin: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump, has_one = admin @ PermitPipeError::NotAdmin)]
    pub config: Box<Account<'info, Config>>,
    #[account(mut, seeds = [seed::PLAN, &plan.number.to_le_bytes()], bump = plan.bump)]
    pub plan: Box<Account<'info, Plan>>,
    /// CHECK: pinned by its address; read for the transaction's first instruction.
    #[account(address = solana_instructions_sysvar::ID)]
    pub instructions: UncheckedAccount<'info>,
}

pub(crate) fn handle(ctx: Context<RetirePlan>) -> Result<()> {
    refuse_durable_nonce(&ctx.accounts.instructions)?;
    let (plan, retired_at) = (&mut ctx.accounts.plan, Clock::get()?.unix_timestamp);
    plan.retire(retired_at)?;
    let event_seq = plan.next_event()?;
    plan.invariant()?;
    let (number, plan) = (plan.number, plan.key());
    emit_cpi!(PlanChanged { plan, number, event_seq, kind: PlanChange::Retired { retired_at } });
    Ok(())
}
