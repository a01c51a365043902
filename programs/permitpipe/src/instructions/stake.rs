//! Instructions of a staker. Unstaking needs nobody else.

pub(crate) mod add;
pub(crate) mod cancel_unstake;
pub(crate) mod close;
pub(crate) mod open;
pub(crate) mod request_unstake;
pub(crate) mod set_beneficiary;
pub(crate) mod unstake;

pub use add::*;
pub use close::*;
pub use open::*;
pub use request_unstake::*;
pub use set_beneficiary::*;

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use crate::{
    error::PermitPipeError,
    event::{StakeChange, StakeChanged},
    seed,
    state::{Config, Stake},
};

/// The accounts of instructions that change a stake and move nothing.
#[event_cpi]
#[derive(Accounts)]
pub struct OwnStake<'info> {
    pub owner: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, seeds = [seed::STAKE, stake.owner.as_ref()], bump = stake.bump,
        has_one = owner @ PermitPipeError::NotOwner,
    )]
    pub stake: Box<Account<'info, Stake>>,
    #[account(seeds = [seed::PERMIT, stake.key().as_ref()], bump = stake.permit_bump)]
    pub stake_permit: Box<Account<'info, TokenAccount>>,
}

/// The accounts of instructions that move PERMIT between an owner and its stake.
#[event_cpi]
#[derive(Accounts)]
pub struct MovePermit<'info> {
    pub owner: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump, has_one = permit_mint)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, seeds = [seed::STAKE, stake.owner.as_ref()], bump = stake.bump,
        has_one = owner @ PermitPipeError::NotOwner,
    )]
    pub stake: Box<Account<'info, Stake>>,
    #[account(mut, seeds = [seed::PERMIT, stake.key().as_ref()], bump = stake.permit_bump)]
    pub stake_permit: Box<Account<'info, TokenAccount>>,
    #[account(mut, token::mint = permit_mint, token::authority = owner)]
    pub owner_permit: Box<Account<'info, TokenAccount>>,
    pub permit_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
}

/// Checks the stake against what its token account holds, and gives the event of its change.
pub(crate) fn changed(stake: &mut Account<Stake>, holdings_atoms: u64, kind: StakeChange) -> Result<StakeChanged> {
    let event_seq = stake.next_event()?;
    stake.invariant(holdings_atoms)?;
    let (owner, beneficiary, position) = (stake.owner, stake.beneficiary, stake.position);
    Ok(StakeChanged { stake: stake.key(), owner, event_seq, kind, beneficiary, position })
}
