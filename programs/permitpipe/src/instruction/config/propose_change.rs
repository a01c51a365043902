//! Proposes one change of the config.
//!
//! - Only the admin *shall* propose, and one change at a time.
//! - The change *shall* wait for the change delay, so that everybody can see it and leave before it.
//! - An authority nobody can sign for *shall* be refused.

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::{ConfigChange, ConfigChanged},
    nonce::refuse_durable_nonce,
    seed,
    state::{Config, config::Change},
};

/// The change to propose.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposeChangeArgs {
    pub change: Change,
}

#[event_cpi]
#[derive(Accounts)]
pub struct ProposeChange<'info> {
    pub admin: Signer<'info>,
    #[account(mut, seeds = [seed::CONFIG], bump = config.bump, has_one = admin @ PermitPipeError::NotAdmin)]
    pub config: Box<Account<'info, Config>>,
    /// CHECK: pinned by its address; read for the transaction's first instruction.
    #[account(address = solana_instructions_sysvar::ID)]
    pub instructions: UncheckedAccount<'info>,
}

pub(crate) fn handle(ctx: Context<ProposeChange>, args: ProposeChangeArgs) -> Result<()> {
    refuse_durable_nonce(&ctx.accounts.instructions)?;
    let config = &mut ctx.accounts.config;
    let change = args.change;
    let eta = config.propose(change, Clock::get()?.unix_timestamp)?;
    let event_seq = config.next_event()?;
    config.invariant()?;
    let (config, by) = (config.key(), ctx.accounts.admin.key());
    emit_cpi!(ConfigChanged { config, event_seq, by, kind: ConfigChange::Proposed { change, eta } });
    Ok(())
}
