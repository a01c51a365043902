//! Gives a retired template's bond back and closes its accounts.
//!
//! - It *shall* need nobody but the publisher, after the cool-down and unless an accusation waits.
//! - An accusation that nobody carried out in time *shall* not hold the bond.

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use crate::{
    error::PermitPipeError,
    event::{TemplateChange, TemplateChanged},
    seed,
    state::{Config, Template},
    token::{Close, Transfer},
};

#[event_cpi]
#[derive(Accounts)]
pub struct ReclaimTemplate<'info> {
    #[account(mut)]
    pub publisher: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump, has_one = permit_mint)]
    pub config: Box<Account<'info, Config>>,
    #[account(
        mut, close = publisher, seeds = [seed::TEMPLATE, template.hash.as_ref()], bump = template.bump,
        has_one = publisher @ PermitPipeError::NotPublisher,
    )]
    pub template: Box<Account<'info, Template>>,
    #[account(mut, seeds = [seed::BOND, template.key().as_ref()], bump = template.bond_bump)]
    pub template_permit: Box<Account<'info, TokenAccount>>,
    #[account(mut, token::mint = permit_mint, token::authority = publisher)]
    pub publisher_permit: Box<Account<'info, TokenAccount>>,
    pub permit_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
}

pub(crate) fn handle(ctx: Context<ReclaimTemplate>) -> Result<()> {
    let (returned_atoms, event_seq) = ctx.accounts.template.reclaim(&Clock::get()?)?;
    ctx.accounts.give_back()?;
    let (template, publisher) = (ctx.accounts.template.key(), ctx.accounts.template.publisher);
    emit_cpi!(TemplateChanged { template, publisher, event_seq, kind: TemplateChange::Closed { returned_atoms } });
    Ok(())
}

impl ReclaimTemplate<'_> {
    /// Everything in the bond's account to the publisher.
    fn give_back(&self) -> Result<()> {
        let (bump, authority) = ([self.template.bump], self.template.to_account_info());
        let seeds = self.template.signer_seeds(&bump);
        let (from, to) = (self.template_permit.to_account_info(), self.publisher_permit.to_account_info());
        let (program, mint) = (&self.token_program, &*self.permit_mint);
        Transfer { program, mint, from, to, authority: authority.clone() }
            .send_signed(self.template_permit.amount, &seeds)?;
        let (account, destination) = (self.template_permit.to_account_info(), self.publisher.to_account_info());
        Close { program, account, destination, authority }.send_signed(&seeds)
    }
}
