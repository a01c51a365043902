//! Sets what settlements may take of one asset from the vault in one window.
//!
//! - A raise *shall* be effective at once, and *shall* drop a cut that still waits.
//! - A cut *shall* be effective after the withdrawal delay: what was spent under the old cap can still be settled.

use anchor_lang::prelude::*;

use super::OwnVault;
use crate::{event::CapChanged, state::Asset};

/// The cap wished for.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetCapArgs {
    pub asset: Asset,
    /// What settlements may take in one window, in atoms of the asset.
    pub cap_atoms: u64,
}

pub(crate) fn handle(ctx: Context<OwnVault>, args: SetCapArgs) -> Result<()> {
    let SetCapArgs { asset, cap_atoms } = args;
    let delay_seconds = ctx.accounts.config.timing.withdrawal_delay_seconds;
    let vault = &mut ctx.accounts.vault;
    let effective_at = vault.book(asset).set_cap(cap_atoms, Clock::get()?.unix_timestamp, delay_seconds)?;
    let event_seq = vault.next_event()?;
    vault.invariant()?;
    let (vault, owner) = (vault.key(), vault.owner);
    emit_cpi!(CapChanged { vault, owner, event_seq, asset, cap_atoms, effective_at });
    Ok(())
}
