//! Publishes a template's content hash with a bond.
//!
//! - Each hash *shall* have one publisher, who puts up the config's bond.
//! - It *shall* be refused while the program is paused, and for ever for a hash that was revoked.

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use super::changed;
use crate::{
    error::PermitPipeError,
    event::TemplateChange,
    math, seed,
    state::{Config, Template, template::TemplateStatus},
    token::Transfer,
};

/// Which content.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishTemplateArgs {
    /// SHA-256 of the content.
    pub hash: [u8; 32],
}

#[event_cpi]
#[derive(Accounts)]
#[instruction(args: PublishTemplateArgs)]
pub struct PublishTemplate<'info> {
    /// Pays for both accounts and puts up the bond.
    #[account(mut)]
    pub publisher: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump, has_one = permit_mint)]
    pub config: Box<Account<'info, Config>>,
    #[account(init, payer = publisher, space = Template::SIZE, seeds = [seed::TEMPLATE, args.hash.as_ref()], bump)]
    pub template: Box<Account<'info, Template>>,
    #[account(
        init, payer = publisher, seeds = [seed::BOND, template.key().as_ref()], bump,
        token::mint = permit_mint, token::authority = template,
    )]
    pub template_permit: Box<Account<'info, TokenAccount>>,
    #[account(mut, token::mint = permit_mint, token::authority = publisher)]
    pub publisher_permit: Box<Account<'info, TokenAccount>>,
    pub permit_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handle(ctx: Context<PublishTemplate>, args: PublishTemplateArgs) -> Result<()> {
    let (accounts, hash) = (&mut *ctx.accounts, args.hash);
    accounts.config.require_running()?;
    let bond_atoms = accounts.config.bonds.template_atoms;
    accounts.template.set_inner(Template {
        version: Template::VERSION,
        bump: ctx.bumps.template,
        bond_bump: ctx.bumps.template_permit,
        hash,
        publisher: accounts.publisher.key(),
        event_seq: math::event_base(Clock::get()?.slot).ok_or(PermitPipeError::Overflow)?,
        bond_atoms,
        status: TemplateStatus::Published,
        accused_until: None,
        reserved: [0; 59],
    });
    let transfer = Transfer {
        program: &accounts.token_program,
        mint: &accounts.permit_mint,
        from: accounts.publisher_permit.to_account_info(),
        to: accounts.template_permit.to_account_info(),
        authority: accounts.publisher.to_account_info(),
    };
    transfer.send(bond_atoms)?;
    let event = changed(&mut accounts.template, TemplateChange::Published { hash, bond_atoms })?;
    emit_cpi!(event);
    Ok(())
}
