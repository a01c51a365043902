//! Sets what settlements may take from the vault in one window.
//!
//! - A raise *shall* be effective at once, and *shall* drop a cut that still waits.
//! - A cut *shall* be effective after the withdrawal delay: what was spent under the old cap can still be settled.

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::CapChanged,
    seed,
    state::{Config, Vault},
};

/// The cap wished for.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetCapArgs {
    /// What settlements may take in one window.
    pub cap_atoms: u64,
}

#[event_cpi]
#[derive(Accounts)]
pub struct SetCap<'info> {
    pub owner: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, seeds = [seed::VAULT, vault.owner.as_ref()], bump = vault.bump,
        has_one = owner @ PermitPipeError::NotOwner,
    )]
    pub vault: Box<Account<'info, Vault>>,
}

pub(crate) fn handle(ctx: Context<SetCap>, args: SetCapArgs) -> Result<()> {
    let delay_seconds = ctx.accounts.config.withdrawal_delay_seconds;
    let vault = &mut ctx.accounts.vault;
    let effective_at = vault.set_cap(args.cap_atoms, Clock::get()?.unix_timestamp, delay_seconds)?;
    let event_seq = vault.next_event()?;
    vault.invariant()?;
    let (vault, owner) = (vault.key(), vault.owner);
    emit_cpi!(CapChanged { vault, owner, event_seq, cap_atoms: args.cap_atoms, effective_at });
    Ok(())
}
