//! Closes an expired subscription and gives the owner its rent.
//!
//! - It *shall* be refused before the expiry: nobody loses what they paid for by mistake.

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::{SubscriptionChange, SubscriptionChanged},
    seed,
    state::Subscription,
};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseSubscription<'info> {
    #[account(mut)]
    pub owner: Signer<'info>,
    #[account(
        mut, close = owner, seeds = [seed::SUBSCRIPTION, subscription.owner.as_ref()], bump = subscription.bump,
        has_one = owner @ PermitPipeError::NotOwner,
    )]
    pub subscription: Box<Account<'info, Subscription>>,
}

pub(crate) fn handle(ctx: Context<CloseSubscription>) -> Result<()> {
    let subscription = &mut ctx.accounts.subscription;
    let event_seq = subscription.end(&Clock::get()?)?;
    subscription.invariant()?;
    let (subscription, owner) = (subscription.key(), subscription.owner);
    emit_cpi!(SubscriptionChanged { subscription, owner, event_seq, kind: SubscriptionChange::Closed });
    Ok(())
}
