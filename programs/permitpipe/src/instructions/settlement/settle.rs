//! Pays the treasury USDC for a batch of receipts.
//!
//! - Only the settle authority *shall* settle, and only to the treasury in the config.
//! - It *shall* be the vault's next settlement: a replay, or one out of turn, is refused.
//! - It *shall* take at most the balance, the config's settle cap, and what the owner's cap leaves in this window.
//! - It *shall* leave a Settlement account behind that holds the receipts' root, its rent paid by the payer.
//! - It *shall* work while the program is paused: what was spent is owed.

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use crate::{
    error::PermitPipeError,
    event::Settled,
    seed,
    state::{Asset, Config, Settlement, Vault},
    token::Transfer,
};

/// What is settled.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettleArgs {
    /// The vault's last settlement number plus 1.
    pub sequence: u64,
    pub amount_atoms: u64,
    pub receipt_count: u32,
    pub receipts_root: [u8; 32],
}

#[event_cpi]
#[derive(Accounts)]
#[instruction(args: SettleArgs)]
pub struct Settle<'info> {
    #[account(mut)]
    pub payer: Signer<'info>,
    pub settle_authority: Signer<'info>,
    #[account(
        seeds = [seed::CONFIG], bump = config.bump,
        has_one = settle_authority @ PermitPipeError::NotSettleAuthority,
        has_one = treasury @ PermitPipeError::WrongTreasury,
        has_one = usdc_mint,
    )]
    pub config: Box<Account<'info, Config>>,
    #[account(mut, seeds = [seed::VAULT, vault.owner.as_ref()], bump = vault.bump)]
    pub vault: Box<Account<'info, Vault>>,
    #[account(mut, seeds = [seed::USDC, vault.key().as_ref()], bump = vault.usdc_bump)]
    pub vault_usdc: Box<Account<'info, TokenAccount>>,
    #[account(mut)]
    pub treasury: Box<Account<'info, TokenAccount>>,
    pub usdc_mint: Box<Account<'info, Mint>>,
    // The sequence is checked here already: a replay would otherwise fail on the account that exists, unexplained.
    #[account(
        init, payer = payer, space = Settlement::SIZE,
        seeds = [seed::SETTLEMENT, vault.key().as_ref(), &vault.expect_sequence(args.sequence)?.to_le_bytes()],
        bump,
    )]
    pub settlement: Box<Account<'info, Settlement>>,
    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handle(ctx: Context<Settle>, args: SettleArgs) -> Result<()> {
    let SettleArgs { sequence, amount_atoms, receipt_count, receipts_root } = args;
    let (accounts, now, asset) = (&mut *ctx.accounts, Clock::get()?.unix_timestamp, Asset::Usdc);
    require!(receipt_count > 0, PermitPipeError::NoReceipts);
    let settle_cap_atoms = accounts.config.settle_cap_atoms(asset);
    require!(amount_atoms <= settle_cap_atoms, PermitPipeError::SettlementAboveSettleCap);
    accounts.vault.settle(asset, sequence, amount_atoms, (now, accounts.config.timing.window_seconds))?;
    accounts.record(args, now, ctx.bumps.settlement)?;
    accounts.pay(amount_atoms)?;
    accounts.vault_usdc.reload()?;
    let event_seq = accounts.vault.next_event()?;
    accounts.vault.usdc.require_backed(accounts.vault_usdc.amount)?;
    accounts.vault.invariant()?;
    let event = Settled {
        vault: accounts.vault.key(),
        owner: accounts.vault.owner,
        event_seq,
        asset,
        sequence,
        amount_atoms,
        charge_credits: amount_atoms,
        receipt_count,
        receipts_root,
        settled_atoms: accounts.vault.usdc.settled_atoms,
    };
    emit_cpi!(event);
    Ok(())
}

impl Settle<'_> {
    /// Writes the Settlement account.
    fn record(&mut self, args: SettleArgs, now: i64, bump: u8) -> Result<()> {
        self.settlement.set_inner(Settlement {
            version: Settlement::VERSION,
            bump,
            asset: Asset::Usdc,
            vault: self.vault.key(),
            sequence: args.sequence,
            amount_atoms: args.amount_atoms,
            charge_credits: args.amount_atoms,
            receipt_count: args.receipt_count,
            receipts_root: args.receipts_root,
            settled_at: now,
            payer: self.payer.key(),
            reserved: [0; 25],
        });
        self.settlement.invariant()
    }

    /// Vault's token account to the treasury, signed by the vault's address.
    fn pay(&self, amount_atoms: u64) -> Result<()> {
        let transfer = Transfer {
            program: &self.token_program,
            mint: &self.usdc_mint,
            from: self.vault_usdc.to_account_info(),
            to: self.treasury.to_account_info(),
            authority: self.vault.to_account_info(),
        };
        transfer.send_signed(amount_atoms, &self.vault.signer_seeds(&[self.vault.bump]))
    }
}
