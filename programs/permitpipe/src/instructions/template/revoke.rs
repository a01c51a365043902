//! Carries an accusation out: the bond is forfeited to the insurance, the hash refused for ever.
//!
//! - Only the verifier *shall* revoke, from the accusation's eta on and for at most 14 days after it.
//! - The rent of the bond's account *shall* go to the publisher; the template's account stays as the record.

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use super::changed;
use crate::{
    error::PermitPipeError,
    event::TemplateChange,
    nonce::refuse_durable_nonce,
    seed,
    state::{Config, Template},
    token::{Close, Transfer},
};

#[event_cpi]
#[derive(Accounts)]
pub struct RevokeTemplate<'info> {
    pub verifier: Signer<'info>,
    #[account(
        seeds = [seed::CONFIG], bump = config.bump,
        has_one = verifier @ PermitPipeError::NotVerifier,
        has_one = permit_mint, has_one = insurance,
    )]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, seeds = [seed::TEMPLATE, template.hash.as_ref()], bump = template.bump,
        has_one = publisher @ PermitPipeError::NotPublisher,
    )]
    pub template: Box<Account<'info, Template>>,
    #[account(mut, seeds = [seed::BOND, template.key().as_ref()], bump = template.bond_bump)]
    pub template_permit: Box<Account<'info, TokenAccount>>,
    /// CHECK: pinned by the template; it only receives lamports.
    #[account(mut)]
    pub publisher: UncheckedAccount<'info>,
    #[account(mut)]
    pub insurance: Box<Account<'info, TokenAccount>>,
    pub permit_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
    /// CHECK: pinned by its address; read for the transaction's first instruction.
    #[account(address = solana_instructions_sysvar::ID)]
    pub instructions: UncheckedAccount<'info>,
}

pub(crate) fn handle(ctx: Context<RevokeTemplate>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    let forfeited_atoms = accounts.template.revoke(Clock::get()?.unix_timestamp)?;
    accounts.forfeit()?;
    let event = changed(&mut accounts.template, TemplateChange::Revoked { forfeited_atoms })?;
    emit_cpi!(event);
    Ok(())
}

impl RevokeTemplate<'_> {
    /// Everything in the bond's account to the insurance.
    fn forfeit(&self) -> Result<()> {
        let (bump, authority) = ([self.template.bump], self.template.to_account_info());
        let seeds = self.template.signer_seeds(&bump);
        let (from, to) = (self.template_permit.to_account_info(), self.insurance.to_account_info());
        let (program, mint) = (&self.token_program, &*self.permit_mint);
        Transfer { program, mint, from, to, authority: authority.clone() }
            .send_signed(self.template_permit.amount, &seeds)?;
        let (account, destination) = (self.template_permit.to_account_info(), self.publisher.to_account_info());
        Close { program, account, destination, authority }.send_signed(&seeds)
    }
}
