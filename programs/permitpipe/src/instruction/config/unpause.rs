//! Allows new promises again.
//!
//! - Only the admin *shall* unpause: the guardian can take power away, never give it back.

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::{ConfigChange, ConfigChanged},
    nonce::refuse_durable_nonce,
    seed,
    state::Config,
};

#[event_cpi]
#[derive(Accounts)]
pub struct Unpause<'info> {
    pub admin: Signer<'info>,
    #[account(mut, seeds = [seed::CONFIG], bump = config.bump, has_one = admin @ PermitPipeError::NotAdmin)]
    pub config: Box<Account<'info, Config>>,
    /// CHECK: pinned by its address; read for the transaction's first instruction.
    #[account(address = solana_instructions_sysvar::ID)]
    pub instructions: UncheckedAccount<'info>,
}

pub(crate) fn handle(ctx: Context<Unpause>) -> Result<()> {
    refuse_durable_nonce(&ctx.accounts.instructions)?;
    let config = &mut ctx.accounts.config;
    config.unpause()?;
    let event_seq = config.next_event()?;
    config.invariant()?;
    let (config, by) = (config.key(), ctx.accounts.admin.key());
    emit_cpi!(ConfigChanged { config, event_seq, by, kind: ConfigChange::Unpaused });
    Ok(())
}
