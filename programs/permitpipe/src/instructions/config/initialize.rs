//! Creates the config.
//!
//! - It *shall* succeed once, and only for the program's upgrade authority, so that nobody can get in first.
//! - It *shall* refuse a USDC mint without 6 decimals, a PERMIT mint that somebody can freeze, a treasury or insurance of another mint, and PERMIT being USDC.
//! - It *shall* refuse limits, delays, bonds, tiers and an oracle out of their bounds.

use anchor_lang::{prelude::*, solana_program::bpf_loader_upgradeable};
use anchor_spl::token::{Mint, TokenAccount};

use crate::{
    error::PermitPipeError,
    event::{ConfigChange, ConfigChanged},
    nonce::refuse_durable_nonce,
    seed,
    state::{
        Config,
        change::{Bonds, Fee, Limits, Oracle, Tier, Timing},
    },
};

/// What the config starts with.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitializeConfigArgs {
    pub admin: Pubkey,
    pub guardian: Pubkey,
    pub settle_authority: Pubkey,
    pub verifier: Pubkey,
    pub limits: Limits,
    pub timing: Timing,
    pub bonds: Bonds,
    pub fee: Fee,
    pub tiers: [Tier; Tier::COUNT],
    pub oracle: Option<Oracle>,
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
    #[account(constraint = permit_mint.freeze_authority.is_none() @ PermitPipeError::BadPermitMint)]
    pub permit_mint: Box<Account<'info, Mint>>,
    #[account(token::mint = usdc_mint)]
    pub treasury: Box<Account<'info, TokenAccount>>,
    /// A wallet that exists: a payment smaller than the rent of an empty account would fail.
    #[account(constraint = sol_treasury.lamports() >= Rent::get()?.minimum_balance(0) @ PermitPipeError::BadSolTreasury)]
    pub sol_treasury: SystemAccount<'info>,
    #[account(token::mint = permit_mint)]
    pub insurance: Box<Account<'info, TokenAccount>>,
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
        verifier: args.verifier,
        usdc_mint: accounts.usdc_mint.key(),
        permit_mint: accounts.permit_mint.key(),
        treasury: accounts.treasury.key(),
        sol_treasury: accounts.sol_treasury.key(),
        insurance: accounts.insurance.key(),
        limits: args.limits,
        timing: args.timing,
        bonds: args.bonds,
        fee: args.fee,
        tiers: args.tiers,
        oracle: args.oracle,
        pending_change: None,
        epoch_count: 0,
        plan_count: 0,
        event_seq: 0,
        reserved: [0; 376],
    });
    let event_seq = accounts.config.next_event()?;
    accounts.config.invariant()?;
    let (config, by) = (accounts.config.key(), accounts.authority.key());
    emit_cpi!(ConfigChanged { config, event_seq, by, kind: ConfigChange::Initialized });
    Ok(())
}
