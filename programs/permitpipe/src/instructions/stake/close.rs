//! Closes the stake and its token account and gives the owner their rent.
//!
//! - It *shall* be refused while PERMIT is staked or cooling down, or while the stake bonds a relay.
//! - Whatever else was sent to the stake's accounts *shall* go to the owner: nobody can keep a stake from closing.

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use crate::{
    error::PermitPipeError,
    event::{StakeChange, StakeChanged},
    seed,
    state::{Config, Stake},
    token::{Close, Transfer},
};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseStake<'info> {
    #[account(mut)]
    pub owner: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump, has_one = permit_mint)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, close = owner, seeds = [seed::STAKE, stake.owner.as_ref()], bump = stake.bump,
        has_one = owner @ PermitPipeError::NotOwner,
    )]
    pub stake: Box<Account<'info, Stake>>,
    #[account(mut, seeds = [seed::PERMIT, stake.key().as_ref()], bump = stake.permit_bump)]
    pub stake_permit: Box<Account<'info, TokenAccount>>,
    /// Takes what was sent to the stake's token account by others.
    #[account(mut, token::mint = permit_mint, token::authority = owner)]
    pub owner_permit: Box<Account<'info, TokenAccount>>,
    pub permit_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
}

pub(crate) fn handle(ctx: Context<CloseStake>) -> Result<()> {
    let event_seq = ctx.accounts.stake.end(Clock::get()?.slot)?;
    ctx.accounts.stake.invariant(ctx.accounts.stake_permit.amount)?;
    ctx.accounts.sweep()?;
    let (stake, kind) = (&ctx.accounts.stake, StakeChange::Closed);
    let (owner, beneficiary, position) = (stake.owner, stake.beneficiary, stake.position);
    let stake = stake.key();
    emit_cpi!(StakeChanged { stake, owner, event_seq, kind, beneficiary, position });
    Ok(())
}

impl CloseStake<'_> {
    /// Empties and closes the token account.
    fn sweep(&self) -> Result<()> {
        let (bump, authority) = ([self.stake.bump], self.stake.to_account_info());
        let seeds = self.stake.signer_seeds(&bump);
        if self.stake_permit.amount > 0 {
            let (from, to) = (self.stake_permit.to_account_info(), self.owner_permit.to_account_info());
            let (program, mint) = (&self.token_program, &*self.permit_mint);
            Transfer { program, mint, from, to, authority: authority.clone() }
                .send_signed(self.stake_permit.amount, &seeds)?;
        }
        let (account, destination) = (self.stake_permit.to_account_info(), self.owner.to_account_info());
        Close { program: &self.token_program, account, destination, authority }.send_signed(&seeds)
    }
}
