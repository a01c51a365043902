//! Lowers what one settlement may take.
//!
//! - The guardian or the admin *shall* lower the cap at once, down to 0, which stops a stolen settle key.
//! - It *shall* never raise the cap: that takes a proposal and its delay.

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::{ConfigChange, ConfigChanged},
    nonce::refuse_durable_nonce,
    seed,
    state::Config,
};

/// The lower cap.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct LowerSettleCapArgs {
    pub settle_cap_atoms: u64,
}

#[event_cpi]
#[derive(Accounts)]
pub struct LowerSettleCap<'info> {
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

pub(crate) fn handle(ctx: Context<LowerSettleCap>, args: LowerSettleCapArgs) -> Result<()> {
    refuse_durable_nonce(&ctx.accounts.instructions)?;
    let config = &mut ctx.accounts.config;
    let settle_cap_atoms = args.settle_cap_atoms;
    config.lower_settle_cap(settle_cap_atoms)?;
    let event_seq = config.next_event()?;
    config.invariant()?;
    let (config, by) = (config.key(), ctx.accounts.signer.key());
    emit_cpi!(ConfigChanged { config, event_seq, by, kind: ConfigChange::SettleCapLowered { settle_cap_atoms } });
    Ok(())
}
