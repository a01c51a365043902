//! Pays a requested withdrawal after its delay.
//!
//! - It *shall* need nobody but the owner; neither a pause nor any operator can stop it.
//! - It *shall* pay min(requested, balance), to a token account of the owner and to no other.
//! - It *shall* pay once.

use anchor_lang::prelude::*;
use anchor_spl::token::{self, Mint, Token, TokenAccount, TransferChecked};

use crate::{
    error::PermitPipeError,
    event::Withdrawn,
    seed,
    state::{Config, Vault},
};

#[event_cpi]
#[derive(Accounts)]
pub struct ExecuteWithdrawal<'info> {
    pub owner: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump, has_one = usdc_mint)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, seeds = [seed::VAULT, vault.owner.as_ref()], bump = vault.bump,
        has_one = owner @ PermitPipeError::NotOwner,
    )]
    pub vault: Box<Account<'info, Vault>>,
    #[account(mut, seeds = [seed::USDC, vault.key().as_ref()], bump = vault.usdc_bump)]
    pub vault_usdc: Box<Account<'info, TokenAccount>>,
    #[account(mut, token::mint = usdc_mint, token::authority = owner)]
    pub owner_usdc: Box<Account<'info, TokenAccount>>,
    pub usdc_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
}

pub(crate) fn handle(ctx: Context<ExecuteWithdrawal>) -> Result<()> {
    let amount_atoms = ctx.accounts.vault.execute_withdrawal(Clock::get()?.unix_timestamp)?;
    ctx.accounts.transfer(amount_atoms)?;
    let vault = &mut ctx.accounts.vault;
    let event_seq = vault.next_event()?;
    vault.invariant()?;
    let (vault, owner, withdrawn_atoms) = (vault.key(), vault.owner, vault.withdrawn_atoms);
    emit_cpi!(Withdrawn { vault, owner, event_seq, amount_atoms, withdrawn_atoms });
    Ok(())
}

impl ExecuteWithdrawal<'_> {
    /// Vault's token account to the owner's, signed by the vault's address.
    fn transfer(&self, amount_atoms: u64) -> Result<()> {
        let accounts = TransferChecked {
            from: self.vault_usdc.to_account_info(),
            mint: self.usdc_mint.to_account_info(),
            to: self.owner_usdc.to_account_info(),
            authority: self.vault.to_account_info(),
        };
        let seeds: &[&[u8]] = &[seed::VAULT, self.vault.owner.as_ref(), &[self.vault.bump]];
        token::transfer_checked(
            CpiContext::new_with_signer(self.token_program.key(), accounts, &[seeds]),
            amount_atoms,
            self.usdc_mint.decimals,
        )
    }
}
