//! Buys more periods of the same plan.
//!
//! - It *shall* happen only by the owner's hand: nothing here, or anywhere, renews by itself.
//! - It *shall* be refused for a retired plan, and while the program is paused.

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
pub struct ExtendSubscriptionArgs {
    pub periods: u32,
}

#[event_cpi]
#[derive(Accounts)]
pub struct ExtendSubscription<'info> {
    pub owner: Signer<'info>,
    #[account(
        seeds = [seed::CONFIG], bump = config.bump,
        has_one = usdc_mint,
        has_one = treasury @ PermitPipeError::WrongTreasury,
    )]
    pub config: Box<Account<'info, Config>>,
    #[account(seeds = [seed::PLAN, &subscription.plan.to_le_bytes()], bump = plan.bump)]
    pub plan: Box<Account<'info, Plan>>,
    #[account(
        mut, seeds = [seed::SUBSCRIPTION, subscription.owner.as_ref()], bump = subscription.bump,
        has_one = owner @ PermitPipeError::NotOwner,
    )]
    pub subscription: Box<Account<'info, Subscription>>,
    #[account(mut, token::mint = usdc_mint, token::authority = owner)]
    pub owner_usdc: Box<Account<'info, TokenAccount>>,
    #[account(mut)]
    pub treasury: Box<Account<'info, TokenAccount>>,
    pub usdc_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
}

pub(crate) fn handle(ctx: Context<ExtendSubscription>, args: ExtendSubscriptionArgs) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    accounts.config.require_running()?;
    let now = Clock::get()?.unix_timestamp;
    let paid_atoms = accounts.subscription.extend(&accounts.plan, args.periods, now)?;
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
    let (subscription, owner) = (accounts.subscription.key(), accounts.owner.key());
    let kind = SubscriptionChange::Extended { paid_atoms, expires_at: accounts.subscription.expires_at };
    emit_cpi!(SubscriptionChanged { subscription, owner, event_seq, kind });
    Ok(())
}
