//! Takes a requested withdrawal back.
//!
//! - Only the owner *shall* cancel; the delay of a later request *shall* begin anew.

use anchor_lang::prelude::*;

use super::OwnVault;
use crate::{event::WithdrawalCancelled, state::Asset};

/// Which one.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelWithdrawalArgs {
    pub asset: Asset,
}

pub(crate) fn handle(ctx: Context<OwnVault>, args: CancelWithdrawalArgs) -> Result<()> {
    let asset = args.asset;
    let vault = &mut ctx.accounts.vault;
    let amount_atoms = vault.book(asset).cancel_withdrawal()?;
    let event_seq = vault.next_event()?;
    vault.invariant()?;
    let (vault, owner) = (vault.key(), vault.owner);
    emit_cpi!(WithdrawalCancelled { vault, owner, event_seq, asset, amount_atoms });
    Ok(())
}
