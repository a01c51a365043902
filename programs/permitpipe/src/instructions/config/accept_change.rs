//! Puts the proposed change into force.
//!
//! - It *shall* take effect only from its eta on, and for at most 14 days after it.
//! - A new admin *shall* accept with its own key, which proves that somebody holds it; the admin accepts the rest.
//! - What is accepted *shall* be exactly what was proposed.

use anchor_lang::prelude::*;

use super::Govern;
use crate::{event::ConfigChange, nonce::refuse_durable_nonce};

pub(crate) fn handle(ctx: Context<Govern>) -> Result<()> {
    refuse_durable_nonce(&ctx.accounts.instructions)?;
    let by = ctx.accounts.signer.key();
    let change = ctx.accounts.config.accept(&by, Clock::get()?.unix_timestamp)?;
    let event = ctx.accounts.changed(ConfigChange::Accepted { change })?;
    emit_cpi!(event);
    Ok(())
}
