//! Puts the proposed change into force.
//!
//! - It *shall* take effect only from its eta on, and for at most 14 days after it.
//! - A new admin *shall* accept with its own key, which proves that somebody holds it; the admin accepts the rest.
//! - What is accepted *shall* be exactly what was proposed.

use anchor_lang::prelude::*;

use crate::{
    event::{ConfigChange, ConfigChanged},
    nonce::refuse_durable_nonce,
    seed,
    state::Config,
};

#[event_cpi]
#[derive(Accounts)]
pub struct AcceptChange<'info> {
    pub accepter: Signer<'info>,
    #[account(mut, seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    /// CHECK: pinned by its address; read for the transaction's first instruction.
    #[account(address = solana_instructions_sysvar::ID)]
    pub instructions: UncheckedAccount<'info>,
}

pub(crate) fn handle(ctx: Context<AcceptChange>) -> Result<()> {
    refuse_durable_nonce(&ctx.accounts.instructions)?;
    let config = &mut ctx.accounts.config;
    let change = config.accept(&ctx.accounts.accepter.key(), Clock::get()?.unix_timestamp)?;
    let event_seq = config.next_event()?;
    config.invariant()?;
    let (config, by) = (config.key(), ctx.accounts.accepter.key());
    emit_cpi!(ConfigChanged { config, event_seq, by, kind: ConfigChange::Accepted { change } });
    Ok(())
}
