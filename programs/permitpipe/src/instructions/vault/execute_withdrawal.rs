//! Pays a requested withdrawal of USDC after its delay.
//!
//! - It *shall* need nobody but the owner; neither a pause nor any operator can stop it.
//! - It *shall* pay min(requested, balance), to a token account of the owner and to no other.
//! - It *shall* pay once.

use anchor_lang::prelude::*;

use super::MoveUsdc;
use crate::{event::Withdrawn, state::Asset, token::Transfer};

pub(crate) fn handle(ctx: Context<MoveUsdc>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let (now, holdings_atoms) = (Clock::get()?.unix_timestamp, accounts.vault_usdc.amount);
    let amount_atoms = accounts.vault.usdc.execute_withdrawal(holdings_atoms, now)?;
    let transfer = Transfer {
        program: &accounts.token_program,
        mint: &accounts.usdc_mint,
        from: accounts.vault_usdc.to_account_info(),
        to: accounts.owner_usdc.to_account_info(),
        authority: accounts.vault.to_account_info(),
    };
    transfer.send_signed(amount_atoms, &accounts.vault.signer_seeds(&[accounts.vault.bump]))?;
    let event_seq = accounts.vault.next_event()?;
    accounts.vault.invariant()?;
    let (vault, owner) = (accounts.vault.key(), accounts.vault.owner);
    let (asset, withdrawn_atoms) = (Asset::Usdc, accounts.vault.usdc.withdrawn_atoms);
    emit_cpi!(Withdrawn { vault, owner, event_seq, asset, amount_atoms, withdrawn_atoms });
    Ok(())
}
