//! Closes the vault and its token account and gives the owner their rent.
//!
//! - It *shall* be refused while the vault holds credit of either asset, or while a withdrawal waits.
//! - Whatever else was sent to the vault's accounts *shall* go to the owner: nobody can keep a vault from closing.
//! - It *shall* be refused in the slot in which the vault was opened, so that its numbers are never used twice.

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use super::lamports_above_rent;
use crate::{
    error::PermitPipeError,
    event::VaultClosed,
    seed,
    state::{Config, Vault},
    token::{Close, Transfer},
};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseVault<'info> {
    #[account(mut)]
    pub owner: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump, has_one = usdc_mint)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, close = owner, seeds = [seed::VAULT, vault.owner.as_ref()], bump = vault.bump,
        has_one = owner @ PermitPipeError::NotOwner,
    )]
    pub vault: Box<Account<'info, Vault>>,
    #[account(mut, seeds = [seed::USDC, vault.key().as_ref()], bump = vault.usdc_bump)]
    pub vault_usdc: Box<Account<'info, TokenAccount>>,
    /// Takes what was sent to the vault's token account by others.
    #[account(mut, token::mint = usdc_mint, token::authority = owner)]
    pub owner_usdc: Box<Account<'info, TokenAccount>>,
    pub usdc_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
}

pub(crate) fn handle(ctx: Context<CloseVault>) -> Result<()> {
    let lamports = lamports_above_rent(ctx.accounts.vault.as_ref().as_ref())?;
    let event_seq = ctx.accounts.vault.end(Clock::get()?.slot, lamports)?;
    ctx.accounts.vault.invariant()?;
    ctx.accounts.sweep()?;
    let (vault, owner) = (ctx.accounts.vault.key(), ctx.accounts.vault.owner);
    emit_cpi!(VaultClosed { vault, owner, event_seq });
    Ok(())
}

impl CloseVault<'_> {
    /// Empties and closes the token account.
    fn sweep(&self) -> Result<()> {
        let (bump, authority) = ([self.vault.bump], self.vault.to_account_info());
        let seeds = self.vault.signer_seeds(&bump);
        if self.vault_usdc.amount > 0 {
            let (from, to) = (self.vault_usdc.to_account_info(), self.owner_usdc.to_account_info());
            let (program, mint) = (&self.token_program, &*self.usdc_mint);
            Transfer { program, mint, from, to, authority: authority.clone() }
                .send_signed(self.vault_usdc.amount, &seeds)?;
        }
        let (account, destination) = (self.vault_usdc.to_account_info(), self.owner.to_account_info());
        Close { program: &self.token_program, account, destination, authority }.send_signed(&seeds)
    }
}
