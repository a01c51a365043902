//! Pays out what has cooled down.
//!
//! - It *shall* need nobody but the owner; neither a pause nor any operator can stop it.
//! - It *shall* pay once, to a token account of the owner and to no other.

use anchor_lang::prelude::*;

use super::{MovePermit, changed};
use crate::{event::StakeChange, token::Transfer};

pub(crate) fn handle(ctx: Context<MovePermit>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let amount_atoms = accounts.stake.position.unstake(Clock::get()?.unix_timestamp)?;
    let transfer = Transfer {
        program: &accounts.token_program,
        mint: &accounts.permit_mint,
        from: accounts.stake_permit.to_account_info(),
        to: accounts.owner_permit.to_account_info(),
        authority: accounts.stake.to_account_info(),
    };
    transfer.send_signed(amount_atoms, &accounts.stake.signer_seeds(&[accounts.stake.bump]))?;
    accounts.stake_permit.reload()?;
    let holdings_atoms = accounts.stake_permit.amount;
    let event = changed(&mut accounts.stake, holdings_atoms, StakeChange::Unstaked { amount_atoms })?;
    emit_cpi!(event);
    Ok(())
}
