//! Buys a plan for some periods.
//!
//! - It *shall* be paid from the owner's wallet on the owner's signature, never from a vault: credit there may be spent.
//! - It *shall* be refused for a retired plan, and while the program is paused.
//! - One plan at a time: another one can be bought once the subscription has expired and is closed.

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use crate::{
    error::PermitPipeError,
    event::{SubscriptionChange, SubscriptionChanged},
    seed,
    state::{Config, Plan, Subscription},
    token::Transfer,
};

/// For how long.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscribeArgs {
    pub periods: u32,
}

#[event_cpi]
#[derive(Accounts)]
pub struct Subscribe<'info> {
    /// Pays for the account and the plan.
    #[account(mut)]
    pub owner: Signer<'info>,
    #[account(
        seeds = [seed::CONFIG], bump = config.bump,
        has_one = usdc_mint,
        has_one = treasury @ PermitPipeError::WrongTreasury,
    )]
    pub config: Box<Account<'info, Config>>,
    #[account(seeds = [seed::PLAN, &plan.number.to_le_bytes()], bump = plan.bump)]
    pub plan: Box<Account<'info, Plan>>,
    #[account(
        init, payer = owner, space = Subscription::SIZE,
        seeds = [seed::SUBSCRIPTION, owner.key().as_ref()], bump,
    )]
    pub subscription: Box<Account<'info, Subscription>>,
    #[account(mut, token::mint = usdc_mint, token::authority = owner)]
    pub owner_usdc: Box<Account<'info, TokenAccount>>,
    #[account(mut)]
    pub treasury: Box<Account<'info, TokenAccount>>,
    pub usdc_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handle(ctx: Context<Subscribe>, args: SubscribeArgs) -> Result<()> {
    let (accounts, clock) = (&mut *ctx.accounts, Clock::get()?);
    accounts.config.require_running()?;
    let (owner, plan) = (accounts.owner.key(), accounts.plan.number);
    accounts.subscription.set_inner(Subscription::open(owner, plan, &clock, ctx.bumps.subscription)?);
    let paid_atoms = accounts.subscription.extend(&accounts.plan, args.periods, clock.unix_timestamp)?;
    let transfer = Transfer {
        program: &accounts.token_program,
        mint: &accounts.usdc_mint,
        from: accounts.owner_usdc.to_account_info(),
        to: accounts.treasury.to_account_info(),
        authority: accounts.owner.to_account_info(),
    };
    transfer.send(paid_atoms)?;
    let event_seq = accounts.subscription.next_event()?;
    accounts.subscription.invariant()?;
    let (subscription, expires_at) = (accounts.subscription.key(), accounts.subscription.expires_at);
    let kind = SubscriptionChange::Bought { plan, paid_atoms, expires_at };
    emit_cpi!(SubscriptionChanged { subscription, owner, event_seq, kind });
    Ok(())
}
