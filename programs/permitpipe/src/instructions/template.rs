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
    event::{TemplateChange, TemplateChanged},
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
}

/// Checks the template and gives the event of its change.
pub(crate) fn changed(template: &mut Account<Template>, kind: TemplateChange) -> Result<TemplateChanged> {
    let event_seq = template.next_event()?;
    template.invariant()?;
    Ok(TemplateChanged { template: template.key(), publisher: template.publisher, event_seq, kind })
}
