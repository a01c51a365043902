//! Closes a settlement's record after its retention.
//!
//! - Anybody *shall* be able to close it, and the rent *shall* go back to who paid it.
//! - It *shall* be refused before the retention is over: until then anybody can check receipts against it.

use anchor_lang::prelude::*;

use crate::{
    event::SettlementClosed,
    seed,
    state::{Config, Settlement},
};

#[event_cpi]
#[derive(Accounts)]
pub struct CloseSettlement<'info> {
    #[account(seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, close = payer, has_one = payer,
        seeds = [seed::SETTLEMENT, settlement.vault.as_ref(), &settlement.sequence.to_le_bytes()],
        bump = settlement.bump,
    )]
    pub settlement: Box<Account<'info, Settlement>>,
    /// CHECK: pinned by the settlement; it only receives lamports.
    #[account(mut)]
    pub payer: UncheckedAccount<'info>,
}

pub(crate) fn handle(ctx: Context<CloseSettlement>) -> Result<()> {
    let settlement = &ctx.accounts.settlement;
    ctx.accounts.config.require_retained(settlement.settled_at, Clock::get()?.unix_timestamp)?;
    settlement.invariant()?;
    let (vault, sequence, settlement) = (settlement.vault, settlement.sequence, settlement.key());
    emit_cpi!(SettlementClosed { settlement, event_seq: 1, vault, sequence });
    Ok(())
}
