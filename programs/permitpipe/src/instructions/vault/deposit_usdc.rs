//! Moves USDC from the owner's token account into the vault's.
//!
//! - It *shall* credit exactly what the transfer moved, and never what others sent to the token account.
//! - It *shall* refuse less than the config's smallest deposit, and any mint or token program but USDC's.
//! - It *shall* be refused while the program is paused.

use anchor_lang::prelude::*;

use super::MoveUsdc;
use crate::{event::Deposited, state::Asset, token::Transfer};

/// How much to deposit.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepositUsdcArgs {
    pub amount_atoms: u64,
}

pub(crate) fn handle(ctx: Context<MoveUsdc>, args: DepositUsdcArgs) -> Result<()> {
    let (amount_atoms, asset) = (args.amount_atoms, Asset::Usdc);
    let accounts = &mut *ctx.accounts;
    accounts.config.require_running()?;
    accounts.vault.usdc.deposit(amount_atoms, accounts.config.limits.min_deposit_atoms)?;
    let transfer = Transfer {
        program: &accounts.token_program,
        mint: &accounts.usdc_mint,
        from: accounts.owner_usdc.to_account_info(),
        to: accounts.vault_usdc.to_account_info(),
        authority: accounts.owner.to_account_info(),
    };
    transfer.send(amount_atoms)?;
    accounts.vault_usdc.reload()?;
    let event_seq = accounts.vault.next_event()?;
    accounts.vault.usdc.require_backed(accounts.vault_usdc.amount)?;
    accounts.vault.invariant()?;
    let (vault, owner) = (accounts.vault.key(), accounts.vault.owner);
    let credited_atoms = accounts.vault.usdc.credited_atoms;
    emit_cpi!(Deposited { vault, owner, event_seq, asset, amount_atoms, credited_atoms });
    Ok(())
}
