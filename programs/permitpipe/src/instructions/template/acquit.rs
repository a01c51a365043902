//! Drops an accusation.
//!
//! - The verifier or the admin *shall* be able to: the publisher can appeal to the admin during the delay.
//! - It *shall* not verify the template again; that is the verifier's to do.

use anchor_lang::prelude::*;

use super::{JudgeTemplate, changed};
use crate::{error::PermitPipeError, event::TemplateChange, nonce::refuse_durable_nonce};

pub(crate) fn handle(ctx: Context<JudgeTemplate>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let (signer, config) = (accounts.signer.key(), &accounts.config);
    require!(signer == config.verifier || signer == config.admin, PermitPipeError::NotVerifier);
    refuse_durable_nonce(&accounts.instructions)?;
    accounts.template.acquit()?;
    let event = changed(&mut accounts.template, TemplateChange::Acquitted)?;
    emit_cpi!(event);
    Ok(())
}
