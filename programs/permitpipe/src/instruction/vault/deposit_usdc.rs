//! Moves USDC from the owner's token account into the vault's.
//!
//! - It *shall* credit exactly what the transfer moved, and never what others sent to the token account.
//! - It *shall* refuse less than the config's smallest deposit, and any mint or token program but USDC's.
//! - It *shall* be refused while the program is paused.

use anchor_lang::prelude::*;
use anchor_spl::token::{self, Mint, Token, TokenAccount, TransferChecked};

use crate::{
    error::PermitPipeError,
    event::Deposited,
    seed,
    state::{Config, Vault},
};

/// How much to deposit.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepositUsdcArgs {
    pub amount_atoms: u64,
}

#[event_cpi]
#[derive(Accounts)]
pub struct DepositUsdc<'info> {
    pub owner: Signer<'info>,
    #[account(
        seeds = [seed::CONFIG], bump = config.bump,
        has_one = usdc_mint,
        constraint = !config.is_paused @ PermitPipeError::Paused,
    )]
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

pub(crate) fn handle(ctx: Context<DepositUsdc>, args: DepositUsdcArgs) -> Result<()> {
    let min_deposit_atoms = ctx.accounts.config.min_deposit_atoms;
    ctx.accounts.vault.deposit(args.amount_atoms, min_deposit_atoms)?;
    ctx.accounts.transfer(args.amount_atoms)?;
    ctx.accounts.vault_usdc.reload()?;
    let holdings_atoms = ctx.accounts.vault_usdc.amount;
    let vault = &mut ctx.accounts.vault;
    let event_seq = vault.next_event()?;
    vault.require_backed(holdings_atoms)?;
    vault.invariant()?;
    let (vault, owner, credited_atoms) = (vault.key(), vault.owner, vault.credited_atoms);
    emit_cpi!(Deposited { vault, owner, event_seq, amount_atoms: args.amount_atoms, credited_atoms });
    Ok(())
}

impl DepositUsdc<'_> {
    /// Owner's token account to the vault's, on the owner's signature.
    fn transfer(&self, amount_atoms: u64) -> Result<()> {
        let accounts = TransferChecked {
            from: self.owner_usdc.to_account_info(),
            mint: self.usdc_mint.to_account_info(),
            to: self.vault_usdc.to_account_info(),
            authority: self.owner.to_account_info(),
        };
        token::transfer_checked(
            CpiContext::new(self.token_program.key(), accounts),
            amount_atoms,
            self.usdc_mint.decimals,
        )
    }
}
