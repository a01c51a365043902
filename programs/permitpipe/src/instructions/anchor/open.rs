//! Anchors a log for the first time.
//!
//! - Only the settle authority *shall* open anchors: nobody can occupy a log's place.

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::LogAnchored,
    seed,
    state::{Anchor, Config},
};

/// Which log, and its checkpoint.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenAnchorArgs {
    /// SHA-256 of the log's origin.
    pub log: [u8; 32],
    pub size: u64,
    pub root: [u8; 32],
}

#[event_cpi]
#[derive(Accounts)]
#[instruction(args: OpenAnchorArgs)]
pub struct OpenAnchor<'info> {
    #[account(mut)]
    pub payer: Signer<'info>,
    pub settle_authority: Signer<'info>,
    #[account(
        seeds = [seed::CONFIG], bump = config.bump,
        has_one = settle_authority @ PermitPipeError::NotSettleAuthority,
    )]
    pub config: Box<Account<'info, Config>>,
    #[account(init, payer = payer, space = Anchor::SIZE, seeds = [seed::ANCHOR, args.log.as_ref()], bump)]
    pub anchor: Box<Account<'info, Anchor>>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handle(ctx: Context<OpenAnchor>, args: OpenAnchorArgs) -> Result<()> {
    let (anchor, slot) = (&mut ctx.accounts.anchor, Clock::get()?.slot);
    let OpenAnchorArgs { log, size, root } = args;
    let (version, bump) = (Anchor::VERSION, ctx.bumps.anchor);
    anchor.set_inner(Anchor { version, bump, log, event_seq: 0, size: 0, root, slot, reserved: [0; 30] });
    anchor.advance(size, root, slot)?;
    let event_seq = anchor.next_event()?;
    anchor.invariant()?;
    let anchor = anchor.key();
    emit_cpi!(LogAnchored { anchor, log, event_seq, size, root });
    Ok(())
}
