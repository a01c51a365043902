//! Moves lamports from the owner into the vault.
//!
//! - It *shall* credit exactly what was moved, and never what others sent to the vault.
//! - It *shall* refuse less than the config's smallest deposit.
//! - It *shall* be refused while the program is paused, or while the config names no oracle to settle by.

use anchor_lang::{prelude::*, system_program};

use super::MoveSol;
use crate::{error::PermitPipeError, event::Deposited, state::Asset};

/// How much to deposit.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepositSolArgs {
    pub lamports: u64,
}

pub(crate) fn handle(ctx: Context<MoveSol>, args: DepositSolArgs) -> Result<()> {
    let (amount_atoms, asset) = (args.lamports, Asset::Sol);
    let accounts = &mut *ctx.accounts;
    accounts.config.require_running()?;
    require!(accounts.config.oracle.is_some(), PermitPipeError::NoOracle);
    accounts.vault.sol.deposit(amount_atoms, accounts.config.limits.min_deposit_lamports)?;
    let (from, to) = (accounts.owner.to_account_info(), accounts.vault.to_account_info());
    let transfer = system_program::Transfer { from, to };
    system_program::transfer(CpiContext::new(accounts.system_program.key(), transfer), amount_atoms)?;
    let event_seq = accounts.vault.next_event()?;
    accounts.vault.invariant()?;
    let (vault, owner) = (accounts.vault.key(), accounts.vault.owner);
    let credited_atoms = accounts.vault.sol.credited_atoms;
    emit_cpi!(Deposited { vault, owner, event_seq, asset, amount_atoms, credited_atoms });
    Ok(())
}
