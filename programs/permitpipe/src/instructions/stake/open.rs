//! Opens the signer's stake and the PERMIT token account that belongs to it alone.
//!
//! - Each owner *shall* have one stake, for the discount of one beneficiary.
//! - It *shall* be refused while the program is paused.
//! - A stake opened again *shall* go on above every event number it used before.

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use super::changed;
use crate::{
    event::StakeChange,
    seed,
    state::{Config, Stake},
};

/// For whom.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenStakeArgs {
    /// Whose fee it discounts: the owner of a vault, often the staker.
    pub beneficiary: Pubkey,
}

#[event_cpi]
#[derive(Accounts)]
pub struct OpenStake<'info> {
    /// Pays for both accounts.
    #[account(mut)]
    pub owner: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump, has_one = permit_mint)]
    pub config: Box<Account<'info, Config>>,
    #[account(init, payer = owner, space = Stake::SIZE, seeds = [seed::STAKE, owner.key().as_ref()], bump)]
    pub stake: Box<Account<'info, Stake>>,
    #[account(
        init, payer = owner, seeds = [seed::PERMIT, stake.key().as_ref()], bump,
        token::mint = permit_mint, token::authority = stake,
    )]
    pub stake_permit: Box<Account<'info, TokenAccount>>,
    pub permit_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handle(ctx: Context<OpenStake>, args: OpenStakeArgs) -> Result<()> {
    ctx.accounts.config.require_running()?;
    let (owner, bumps) = (ctx.accounts.owner.key(), (ctx.bumps.stake, ctx.bumps.stake_permit));
    let stake = &mut ctx.accounts.stake;
    stake.set_inner(Stake::open(owner, args.beneficiary, Clock::get()?.slot, bumps)?);
    let event = changed(stake, 0, StakeChange::Opened)?;
    emit_cpi!(event);
    Ok(())
}
