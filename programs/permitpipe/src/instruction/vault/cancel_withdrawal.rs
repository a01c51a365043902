//! Takes a requested withdrawal back.
//!
//! - Only the owner *shall* cancel; the delay of a later request *shall* begin anew.

use anchor_lang::prelude::*;

use crate::{error::PermitPipeError, event::WithdrawalCancelled, seed, state::Vault};

#[event_cpi]
#[derive(Accounts)]
pub struct CancelWithdrawal<'info> {
    pub owner: Signer<'info>,
    #[account(
        mut, seeds = [seed::VAULT, vault.owner.as_ref()], bump = vault.bump,
        has_one = owner @ PermitPipeError::NotOwner,
    )]
    pub vault: Box<Account<'info, Vault>>,
}

pub(crate) fn handle(ctx: Context<CancelWithdrawal>) -> Result<()> {
    let vault = &mut ctx.accounts.vault;
    let amount_atoms = vault.cancel_withdrawal()?;
    let event_seq = vault.next_event()?;
    vault.invariant()?;
    let (vault, owner) = (vault.key(), vault.owner);
    emit_cpi!(WithdrawalCancelled { vault, owner, event_seq, amount_atoms });
    Ok(())
}
