//! Drops the proposed change.
//!
//! - The guardian *shall* be able to veto any change before it is accepted, and so *shall* the admin.

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
pub struct CancelChange<'info> {
    pub signer: Signer<'info>,
    #[account(
        mut, seeds = [seed::CONFIG], bump = config.bump,
        constraint = config.is_guardian_or_admin(&signer.key()) @ PermitPipeError::NotGuardianOrAdmin,
    )]
    pub config: Box<Account<'info, Config>>,
    /// CHECK: pinned by its address; read for the transaction's first instruction.
    #[account(address = solana_instructions_sysvar::ID)]
    pub instructions: UncheckedAccount<'info>,
}

pub(crate) fn handle(ctx: Context<CancelChange>) -> Result<()> {
    refuse_durable_nonce(&ctx.accounts.instructions)?;
    let config = &mut ctx.accounts.config;
    let change = config.cancel()?;
    let event_seq = config.next_event()?;
    config.invariant()?;
    let (config, by) = (config.key(), ctx.accounts.signer.key());
    emit_cpi!(ConfigChanged { config, event_seq, by, kind: ConfigChange::Cancelled { change } });
    Ok(())
}
