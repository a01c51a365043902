//! One transfer between SPL token accounts, the same for USDC and PERMIT.

use anchor_lang::prelude::*;
use anchor_spl::token::{self, CloseAccount, Mint, Token, TransferChecked};

/// From where to where, and who signs for it.
pub struct Transfer<'a, 'info> {
    pub program: &'a Program<'info, Token>,
    pub mint: &'a Account<'info, Mint>,
    pub from: AccountInfo<'info>,
    pub to: AccountInfo<'info>,
    pub authority: AccountInfo<'info>,
}

impl Transfer<'_, '_> {
    /// Moves `amount_atoms` on the authority's own signature.
    pub fn send(self, amount_atoms: u64) -> Result<()> {
        self.send_signed(amount_atoms, &[])
    }

    /// Moves `amount_atoms`; the authority is our address with these seeds, bump included.
    pub fn send_signed(self, amount_atoms: u64, seeds: &[&[u8]]) -> Result<()> {
        let (mint, decimals) = (self.mint.to_account_info(), self.mint.decimals);
        let accounts = TransferChecked { from: self.from, mint, to: self.to, authority: self.authority };
        let signers = [seeds];
        let signers: &[&[&[u8]]] = if seeds.is_empty() { &[] } else { &signers };
        token::transfer_checked(
            CpiContext::new_with_signer(self.program.key(), accounts, signers),
            amount_atoms,
            decimals,
        )
    }
}

/// A token account of ours that is no longer needed, and who gets its rent.
pub struct Close<'a, 'info> {
    pub program: &'a Program<'info, Token>,
    pub account: AccountInfo<'info>,
    pub destination: AccountInfo<'info>,
    pub authority: AccountInfo<'info>,
}

impl Close<'_, '_> {
    /// Closes it; the authority is our address with these seeds, bump included. The account must hold no tokens.
    pub fn send_signed(self, seeds: &[&[u8]]) -> Result<()> {
        let Self { program, account, destination, authority } = self;
        let accounts = CloseAccount { account, destination, authority };
        token::close_account(CpiContext::new_with_signer(program.key(), accounts, &[seeds]))
    }
}
