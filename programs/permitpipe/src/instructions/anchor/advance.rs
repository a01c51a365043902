//! Anchors a log's newer checkpoint.
//!
//! - A smaller size, or another root for the same size, *shall* be refused: the log can neither shrink nor fork.
//! - The same checkpoint again *shall* be accepted: sending twice does no harm.

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::LogAnchored,
    seed,
    state::{Anchor, Config},
};

/// The checkpoint.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdvanceAnchorArgs {
    pub size: u64,
    pub root: [u8; 32],
}

#[event_cpi]
#[derive(Accounts)]
pub struct AdvanceAnchor<'info> {
    pub settle_authority: Signer<'info>,
    #[account(
        seeds = [seed::CONFIG], bump = config.bump,
        has_one = settle_authority @ PermitPipeError::NotSettleAuthority,
    )]
    pub config: Box<Account<'info, Config>>,
    #[account(mut, seeds = [seed::ANCHOR, anchor.log.as_ref()], bump = anchor.bump)]
    pub anchor: Box<Account<'info, Anchor>>,
}

pub(crate) fn handle(ctx: Context<AdvanceAnchor>, args: AdvanceAnchorArgs) -> Result<()> {
    let anchor = &mut ctx.accounts.anchor;
    let AdvanceAnchorArgs { size, root } = args;
    anchor.advance(size, root, Clock::get()?.slot)?;
    let event_seq = anchor.next_event()?;
    anchor.invariant()?;
    let (log, anchor) = (anchor.log, anchor.key());
    emit_cpi!(LogAnchored { anchor, log, event_seq, size, root });
    Ok(())
}
