//! Instructions on the config. All of them refuse a transaction that advances a durable nonce.

pub(crate) mod accept_change;
pub(crate) mod cancel_change;
pub(crate) mod initialize;
pub(crate) mod lower_settle_cap;
pub(crate) mod pause;
pub(crate) mod propose_change;
pub(crate) mod unpause;

pub use initialize::*;
pub use lower_settle_cap::*;
pub use propose_change::*;

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::{ConfigChange, ConfigChanged},
    nonce::refuse_durable_nonce,
    seed,
    state::Config,
};

/// The accounts of every instruction that changes the config.
#[event_cpi]
#[derive(Accounts)]
pub struct Govern<'info> {
    /// Each instruction says who that must be.
    pub signer: Signer<'info>,
    #[account(mut, seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    /// CHECK: pinned by its address; read for the transaction's first instruction.
    #[account(address = solana_instructions_sysvar::ID)]
    pub instructions: UncheckedAccount<'info>,
}

impl Govern<'_> {
    /// Refuses durable nonces, and everybody but the admin.
    fn require_admin(&self) -> Result<()> {
        require_keys_eq!(self.signer.key(), self.config.admin, PermitPipeError::NotAdmin);
        refuse_durable_nonce(&self.instructions)
    }

    /// Refuses durable nonces, and everybody but guardian and admin.
    fn require_guardian_or_admin(&self) -> Result<()> {
        let is_either = self.config.is_guardian_or_admin(&self.signer.key());
        require!(is_either, PermitPipeError::NotGuardianOrAdmin);
        refuse_durable_nonce(&self.instructions)
    }

    /// Checks the config and gives the event of its change.
    fn changed(&mut self, kind: ConfigChange) -> Result<ConfigChanged> {
        let event_seq = self.config.next_event()?;
        self.config.invariant()?;
        Ok(ConfigChanged { config: self.config.key(), event_seq, by: self.signer.key(), kind })
    }
}
