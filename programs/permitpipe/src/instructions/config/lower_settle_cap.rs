//! Lowers what one settlement may take of an asset.
//!
//! - The guardian or the admin *shall* lower the cap at once, down to 0, which stops a stolen settle key.
//! - It *shall* never raise the cap: that takes a proposal and its delay.

use anchor_lang::prelude::*;

use super::Govern;
use crate::{event::ConfigChange, state::Asset};

/// The lower cap.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct LowerSettleCapArgs {
    pub asset: Asset,
    pub settle_cap_atoms: u64,
}

pub(crate) fn handle(ctx: Context<Govern>, args: LowerSettleCapArgs) -> Result<()> {
    ctx.accounts.require_guardian_or_admin()?;
    let LowerSettleCapArgs { asset, settle_cap_atoms } = args;
    ctx.accounts.config.lower_settle_cap(asset, settle_cap_atoms)?;
    let event = ctx.accounts.changed(ConfigChange::SettleCapLowered { asset, settle_cap_atoms })?;
    emit_cpi!(event);
    Ok(())
}
