//! Pays a requested withdrawal of SOL after its delay.
//!
//! - It *shall* need nobody but the owner; neither a pause nor any operator can stop it.
//! - It *shall* pay min(requested, balance) to the owner, and leave the vault its rent, whatever rent costs by then.
//! - It *shall* pay once.

use anchor_lang::prelude::*;

use super::{MoveSol, lamports_above_rent};
use crate::{event::Withdrawn, state::Asset};

pub(crate) fn handle(ctx: Context<MoveSol>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let holdings = lamports_above_rent(accounts.vault.as_ref().as_ref())?;
    let amount_atoms = accounts.vault.sol.execute_withdrawal(holdings, Clock::get()?.unix_timestamp)?;
    accounts.vault.sub_lamports(amount_atoms)?;
    accounts.owner.add_lamports(amount_atoms)?;
    let event_seq = accounts.vault.next_event()?;
    accounts.vault.invariant()?;
    let (vault, owner) = (accounts.vault.key(), accounts.vault.owner);
    let (asset, withdrawn_atoms) = (Asset::Sol, accounts.vault.sol.withdrawn_atoms);
    emit_cpi!(Withdrawn { vault, owner, event_seq, asset, amount_atoms, withdrawn_atoms });
    Ok(())
}
