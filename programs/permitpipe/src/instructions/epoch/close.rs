//! Closes an epoch after its retention.
//!
//! - What nobody claimed *shall* go to the treasury, and the rent of both accounts back to who paid it.
//! - Anybody *shall* be able to close it, but not before the retention is over.

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use crate::{
    error::PermitPipeError,
    event::{EpochChange, EpochChanged},
    seed,
    state::{Config, Epoch},
    token::{Close, Transfer},
};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseEpoch<'info> {
    #[account(
        seeds = [seed::CONFIG], bump = config.bump,
        has_one = usdc_mint,
        has_one = treasury @ PermitPipeError::WrongTreasury,
    )]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, close = payer, has_one = payer,
        seeds = [seed::EPOCH, &epoch.number.to_le_bytes()], bump = epoch.bump,
    )]
    pub epoch: Box<Account<'info, Epoch>>,
    #[account(mut, seeds = [seed::REWARD, epoch.key().as_ref()], bump = epoch.reward_bump)]
    pub epoch_usdc: Box<Account<'info, TokenAccount>>,
    #[account(mut)]
    pub treasury: Box<Account<'info, TokenAccount>>,
    /// CHECK: pinned by the epoch; it only receives lamports.
    #[account(mut)]
    pub payer: UncheckedAccount<'info>,
    pub usdc_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
}

pub(crate) fn handle(ctx: Context<CloseEpoch>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    accounts.config.require_retained(accounts.epoch.published_at, Clock::get()?.unix_timestamp)?;
    let event_seq = accounts.epoch.next_event()?;
    accounts.epoch.invariant()?;
    let unclaimed_atoms = accounts.epoch_usdc.amount;
    accounts.sweep()?;
    let (epoch, number) = (accounts.epoch.key(), accounts.epoch.number);
    emit_cpi!(EpochChanged { epoch, number, event_seq, kind: EpochChange::Closed { unclaimed_atoms } });
    Ok(())
}

impl CloseEpoch<'_> {
    /// Empties and closes the token account.
    fn sweep(&self) -> Result<()> {
        let (number, bump) = (self.epoch.number.to_le_bytes(), [self.epoch.bump]);
        let (seeds, authority) = ([seed::EPOCH, &number, &bump], self.epoch.to_account_info());
        if self.epoch_usdc.amount > 0 {
            let (from, to) = (self.epoch_usdc.to_account_info(), self.treasury.to_account_info());
            let (program, mint) = (&self.token_program, &*self.usdc_mint);
            Transfer { program, mint, from, to, authority: authority.clone() }
                .send_signed(self.epoch_usdc.amount, &seeds)?;
        }
        let (account, destination) = (self.epoch_usdc.to_account_info(), self.payer.to_account_info());
        Close { program: &self.token_program, account, destination, authority }.send_signed(&seeds)
    }
}
