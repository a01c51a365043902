//! Opens the signer's vault and the USDC token account that belongs to it alone.
//!
//! - Each owner *shall* have one vault, opened by its own signature, with caps per window of its own choice.
//! - It *shall* work when somebody sent lamports to either address before.
//! - It *shall* be refused while the program is paused.
//! - A vault opened again *shall* go on above every number it used before.

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use crate::{
    event::VaultOpened,
    seed,
    state::{Config, Vault},
};

/// The caps to start with: what settlements may take in one window.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenVaultArgs {
    /// In USDC.
    pub cap_atoms: u64,
    /// In SOL.
    pub cap_lamports: u64,
}

#[event_cpi]
#[derive(Accounts)]
pub struct OpenVault<'info> {
    /// Pays for both accounts.
    #[account(mut)]
    pub owner: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump, has_one = usdc_mint)]
    pub config: Box<Account<'info, Config>>,
    #[account(init, payer = owner, space = Vault::SIZE, seeds = [seed::VAULT, owner.key().as_ref()], bump)]
    pub vault: Box<Account<'info, Vault>>,
    #[account(
        init, payer = owner, seeds = [seed::USDC, vault.key().as_ref()], bump,
        token::mint = usdc_mint, token::authority = vault,
    )]
    pub vault_usdc: Box<Account<'info, TokenAccount>>,
    pub usdc_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handle(ctx: Context<OpenVault>, args: OpenVaultArgs) -> Result<()> {
    let OpenVaultArgs { cap_atoms, cap_lamports } = args;
    ctx.accounts.config.require_running()?;
    let (owner, bumps) = (ctx.accounts.owner.key(), (ctx.bumps.vault, ctx.bumps.vault_usdc));
    let vault = &mut ctx.accounts.vault;
    vault.set_inner(Vault::open(owner, (cap_atoms, cap_lamports), &Clock::get()?, bumps)?);
    let event_seq = vault.next_event()?;
    vault.invariant()?;
    let vault = vault.key();
    emit_cpi!(VaultOpened { vault, owner, event_seq, cap_atoms, cap_lamports });
    Ok(())
}
