//! Puts a plan on sale.
//!
//! - Only the admin *shall* create plans, and their terms *shall* never change: who extends pays what they paid before.
//! - It *shall* be refused while the program is paused.

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::{PlanChange, PlanChanged},
    nonce::refuse_durable_nonce,
    seed,
    state::{Config, Plan},
};

/// The plan's terms.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreatePlanArgs {
    /// The last plan's number plus 1.
    pub number: u64,
    pub price_atoms: u64,
    pub period_seconds: i64,
    /// Requests that one period includes; 0 for no limit.
    pub request_limit: u64,
}

#[event_cpi]
#[derive(Accounts)]
#[instruction(args: CreatePlanArgs)]
pub struct CreatePlan<'info> {
    /// Pays for the account.
    #[account(mut)]
    pub admin: Signer<'info>,
    #[account(mut, seeds = [seed::CONFIG], bump = config.bump, has_one = admin @ PermitPipeError::NotAdmin)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        init, payer = admin, space = Plan::SIZE,
        seeds = [seed::PLAN, &config.expect_plan(args.number)?.to_le_bytes()], bump,
    )]
    pub plan: Box<Account<'info, Plan>>,
    /// CHECK: pinned by its address; read for the transaction's first instruction.
    #[account(address = solana_instructions_sysvar::ID)]
    pub instructions: UncheckedAccount<'info>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handle(ctx: Context<CreatePlan>, args: CreatePlanArgs) -> Result<()> {
    refuse_durable_nonce(&ctx.accounts.instructions)?;
    let accounts = &mut *ctx.accounts;
    accounts.config.require_running()?;
    let CreatePlanArgs { number, price_atoms, period_seconds, request_limit } = args;
    accounts.plan.set_inner(Plan {
        version: Plan::VERSION,
        bump: ctx.bumps.plan,
        number,
        event_seq: 0,
        price_atoms,
        period_seconds,
        request_limit,
        retired_at: None,
        payer: accounts.admin.key(),
        reserved: [0; 37],
    });
    accounts.config.plan_count = number;
    let event_seq = accounts.plan.next_event()?;
    accounts.plan.invariant()?;
    let (plan, kind) = (accounts.plan.key(), PlanChange::Created { price_atoms, period_seconds, request_limit });
    emit_cpi!(PlanChanged { plan, number, event_seq, kind });
    Ok(())
}
