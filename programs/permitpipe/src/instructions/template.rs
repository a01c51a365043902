//! Instructions of the registry of templates.

pub(crate) mod accuse;
pub(crate) mod acquit;
pub(crate) mod publish;
pub(crate) mod reclaim;
pub(crate) mod retire;
pub(crate) mod revoke;
pub(crate) mod verify;

pub use publish::*;
pub use reclaim::*;
pub use retire::*;
pub use revoke::*;

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::{TemplateChange, TemplateChanged},
    nonce::refuse_durable_nonce,
    seed,
    state::{Config, Template},
};

/// The accounts of instructions by which the verifier or the admin judges a template.
#[event_cpi]
#[derive(Accounts)]
pub struct JudgeTemplate<'info> {
    /// Each instruction says who that must be.
    pub signer: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    #[account(mut, seeds = [seed::TEMPLATE, template.hash.as_ref()], bump = template.bump)]
    pub template: Box<Account<'info, Template>>,
    /// CHECK: pinned by its address; read for the transaction's first instruction.
    #[account(address = solana_instructions_sysvar::ID)]
    pub instructions: UncheckedAccount<'info>,
}

impl JudgeTemplate<'_> {
    /// Refuses durable nonces, and everybody but the verifier.
    fn require_verifier(&self) -> Result<()> {
        require_keys_eq!(self.signer.key(), self.config.verifier, PermitPipeError::NotVerifier);
        refuse_durable_nonce(&self.instructions)
    }
}

/// Checks the template and gives the event of its change.
pub(crate) fn changed(template: &mut Account<Template>, kind: TemplateChange) -> Result<TemplateChanged> {
    let event_seq = template.next_event()?;
    template.invariant()?;
    Ok(TemplateChanged { template: template.key(), publisher: template.publisher, event_seq, kind })
}
