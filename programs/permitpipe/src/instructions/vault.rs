//! Instructions of a vault's owner. None of them needs anybody else.

pub(crate) mod cancel_withdrawal;
pub(crate) mod close;
pub(crate) mod deposit_sol;
pub(crate) mod deposit_usdc;
pub(crate) mod execute_sol_withdrawal;
pub(crate) mod execute_withdrawal;
pub(crate) mod open;
pub(crate) mod request_withdrawal;
pub(crate) mod set_cap;

pub use cancel_withdrawal::*;
pub use close::*;
pub use deposit_sol::*;
pub use deposit_usdc::*;
pub use open::*;
pub use request_withdrawal::*;
pub use set_cap::*;

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use crate::{
    error::PermitPipeError,
    seed,
    state::{Config, Vault},
};

/// The accounts of instructions that change a vault and move nothing.
#[event_cpi]
#[derive(Accounts)]
pub struct OwnVault<'info> {
    pub owner: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, seeds = [seed::VAULT, vault.owner.as_ref()], bump = vault.bump,
        has_one = owner @ PermitPipeError::NotOwner,
    )]
    pub vault: Box<Account<'info, Vault>>,
}

/// The accounts of instructions that move USDC between an owner and its vault.
#[event_cpi]
#[derive(Accounts)]
pub struct MoveUsdc<'info> {
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

/// The accounts of instructions that move lamports between an owner and its vault.
#[event_cpi]
#[derive(Accounts)]
pub struct MoveSol<'info> {
    #[account(mut)]
    pub owner: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, seeds = [seed::VAULT, vault.owner.as_ref()], bump = vault.bump,
        has_one = owner @ PermitPipeError::NotOwner,
    )]
    pub vault: Box<Account<'info, Vault>>,
    pub system_program: Program<'info, System>,
}

/// The lamports of a vault that are not its rent: the SOL it holds, and what anybody sent to it.
pub(crate) fn lamports_above_rent(vault: &AccountInfo) -> Result<u64> {
    Ok(vault.lamports().saturating_sub(Rent::get()?.minimum_balance(vault.data_len())))
}
