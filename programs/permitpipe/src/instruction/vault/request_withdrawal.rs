//! Starts the delay before a withdrawal.
//!
//! - It *shall* need nobody but the owner, and work while the program is paused.
//! - One withdrawal *shall* wait at a time, of at least 1 atom and at most the balance.

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::WithdrawalRequested,
    seed,
    state::{Config, Vault},
};

/// How much to withdraw.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestWithdrawalArgs {
    pub amount_atoms: u64,
}

#[event_cpi]
#[derive(Accounts)]
pub struct RequestWithdrawal<'info> {
    pub owner: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, seeds = [seed::VAULT, vault.owner.as_ref()], bump = vault.bump,
        has_one = owner @ PermitPipeError::NotOwner,
    )]
    pub vault: Box<Account<'info, Vault>>,
}

pub(crate) fn handle(ctx: Context<RequestWithdrawal>, args: RequestWithdrawalArgs) -> Result<()> {
    let amount_atoms = args.amount_atoms;
    let delay_seconds = ctx.accounts.config.withdrawal_delay_seconds;
    let vault = &mut ctx.accounts.vault;
    let executable_at = vault.request_withdrawal(amount_atoms, Clock::get()?.unix_timestamp, delay_seconds)?;
    let event_seq = vault.next_event()?;
    vault.invariant()?;
    let (vault, owner) = (vault.key(), vault.owner);
    emit_cpi!(WithdrawalRequested { vault, owner, event_seq, amount_atoms, executable_at });
    Ok(())
}
