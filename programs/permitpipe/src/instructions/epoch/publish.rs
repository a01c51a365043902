//! Publishes who gets what for one epoch, and pays in what that takes.
//!
//! - Only the settle authority *shall* publish, and epochs *shall* have consecutive numbers.
//! - All that the root promises *shall* be paid in at once, to a token account of that epoch alone.

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use crate::{
    error::PermitPipeError,
    event::{EpochChange, EpochChanged},
    math, seed,
    state::{Config, Epoch},
    token::Transfer,
};

/// The epoch's terms.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishEpochArgs {
    /// The last epoch's number plus 1.
    pub number: u64,
    pub root: [u8; 32],
    pub leaf_count: u32,
    /// USDC for all leaves.
    pub total_atoms: u64,
}

#[event_cpi]
#[derive(Accounts)]
#[instruction(args: PublishEpochArgs)]
pub struct PublishEpoch<'info> {
    /// Pays for both accounts.
    #[account(mut)]
    pub payer: Signer<'info>,
    pub settle_authority: Signer<'info>,
    #[account(
        mut, seeds = [seed::CONFIG], bump = config.bump,
        has_one = settle_authority @ PermitPipeError::NotSettleAuthority,
        has_one = usdc_mint,
    )]
    pub config: Box<Account<'info, Config>>,
    #[account(
        init, payer = payer, space = Epoch::size(args.leaf_count)?,
        seeds = [seed::EPOCH, &config.expect_epoch(args.number)?.to_le_bytes()], bump,
    )]
    pub epoch: Box<Account<'info, Epoch>>,
    #[account(
        init, payer = payer, seeds = [seed::REWARD, epoch.key().as_ref()], bump,
        token::mint = usdc_mint, token::authority = epoch,
    )]
    pub epoch_usdc: Box<Account<'info, TokenAccount>>,
    /// Funds the epoch; the settle authority's own.
    #[account(mut, token::mint = usdc_mint, token::authority = settle_authority)]
    pub funding: Box<Account<'info, TokenAccount>>,
    pub usdc_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handle(ctx: Context<PublishEpoch>, args: PublishEpochArgs) -> Result<()> {
    let PublishEpochArgs { number, root, leaf_count, total_atoms } = args;
    require!((1..=math::MAX_ATOMS).contains(&total_atoms), PermitPipeError::BadEpoch);
    let accounts = &mut *ctx.accounts;
    let bitmap = usize::try_from(leaf_count.div_ceil(8)).map_err(|_| PermitPipeError::BadEpoch)?;
    accounts.epoch.set_inner(Epoch {
        version: Epoch::VERSION,
        bump: ctx.bumps.epoch,
        reward_bump: ctx.bumps.epoch_usdc,
        number,
        event_seq: 0,
        root,
        leaf_count,
        total_atoms,
        claimed_atoms: 0,
        published_at: Clock::get()?.unix_timestamp,
        payer: accounts.payer.key(),
        reserved: [0; 37],
        claimed: vec![0; bitmap],
    });
    accounts.config.epoch_count = number;
    let transfer = Transfer {
        program: &accounts.token_program,
        mint: &accounts.usdc_mint,
        from: accounts.funding.to_account_info(),
        to: accounts.epoch_usdc.to_account_info(),
        authority: accounts.settle_authority.to_account_info(),
    };
    transfer.send(total_atoms)?;
    let event_seq = accounts.epoch.next_event()?;
    accounts.epoch.invariant()?;
    let (epoch, kind) = (accounts.epoch.key(), EpochChange::Published { root, leaf_count, total_atoms });
    emit_cpi!(EpochChanged { epoch, number, event_seq, kind });
    Ok(())
}
