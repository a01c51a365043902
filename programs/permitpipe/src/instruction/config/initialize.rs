//! Creates the config.
//!
//! - It *shall* succeed once, and only for the program's upgrade authority, so that nobody can get in first.
//! - It *shall* refuse a USDC mint without 6 decimals, a treasury of another mint, and PERMIT being USDC.
//! - It *shall* refuse delays outside of 1 second to 30 days, and a withdrawal delay shorter than the window.

use anchor_lang::{prelude::*, solana_program::bpf_loader_upgradeable};
use anchor_spl::token::{Mint, TokenAccount};

use crate::{
    error::PermitPipeError,
    event::{ConfigChange, ConfigChanged},
    nonce::refuse_durable_nonce,
    seed,
    state::Config,
};

/// What the config starts with.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitializeConfigArgs {
    pub admin: Pubkey,
    pub guardian: Pubkey,
    pub settle_authority: Pubkey,
    pub settle_cap_atoms: u64,
    pub window_seconds: i64,
    pub withdrawal_delay_seconds: i64,
    pub change_delay_seconds: i64,
    pub min_deposit_atoms: u64,
}

#[event_cpi]
#[derive(Accounts)]
pub struct InitializeConfig<'info> {
    /// Pays for the account.
    #[account(mut)]
    pub authority: Signer<'info>,
    #[account(init, payer = authority, space = Config::SIZE, seeds = [seed::CONFIG], bump)]
    pub config: Box<Account<'info, Config>>,
    #[account(constraint = usdc_mint.decimals == 6 @ PermitPipeError::BadUsdcMint)]
    pub usdc_mint: Box<Account<'info, Mint>>,
    pub permit_mint: Box<Account<'info, Mint>>,
    #[account(token::mint = usdc_mint)]
    pub treasury: Box<Account<'info, TokenAccount>>,
    #[account(
        seeds = [crate::ID.as_ref()], bump, seeds::program = bpf_loader_upgradeable::ID,
        constraint = program_data.upgrade_authority_address == Some(authority.key()) @ PermitPipeError::NotUpgradeAuthority,
    )]
    pub program_data: Box<Account<'info, ProgramData>>,
    /// CHECK: pinned by its address; read for the transaction's first instruction.
    #[account(address = solana_instructions_sysvar::ID)]
    pub instructions: UncheckedAccount<'info>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handle(ctx: Context<InitializeConfig>, args: InitializeConfigArgs) -> Result<()> {
    refuse_durable_nonce(&ctx.accounts.instructions)?;
    let accounts = &mut *ctx.accounts;
    accounts.config.set_inner(Config {
        version: Config::VERSION,
        bump: ctx.bumps.config,
        is_paused: false,
        admin: args.admin,
        guardian: args.guardian,
        settle_authority: args.settle_authority,
        usdc_mint: accounts.usdc_mint.key(),
        permit_mint: accounts.permit_mint.key(),
        treasury: accounts.treasury.key(),
        settle_cap_atoms: args.settle_cap_atoms,
        window_seconds: args.window_seconds,
        withdrawal_delay_seconds: args.withdrawal_delay_seconds,
        change_delay_seconds: args.change_delay_seconds,
        min_deposit_atoms: args.min_deposit_atoms,
        pending_change: None,
        event_seq: 0,
        reserved: [0; 219],
    });
    let event_seq = accounts.config.next_event()?;
    accounts.config.invariant()?;
    let (config, by) = (accounts.config.key(), accounts.authority.key());
    emit_cpi!(ConfigChanged { config, event_seq, by, kind: ConfigChange::Initialized });
    Ok(())
}
