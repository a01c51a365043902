//! A service template in the registry: its content hash, who stands for it with a bond, and whether it is verified.

use anchor_lang::prelude::*;

use super::Config;
use crate::{error::PermitPipeError, math, seed};

/// One template. Its bond sits in a token account of its own.
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Template {
    /// Layout of this account; see [`Template::VERSION`].
    pub version: u8,
    /// Canonical bump of this address.
    pub bump: u8,
    /// Canonical bump of the template's PERMIT token account.
    pub bond_bump: u8,
    /// SHA-256 of the content.
    pub hash: [u8; 32],
    /// Who published it and gets the bond back.
    pub publisher: Pubkey,
    /// Number of the last event about this account; the first follows `math::event_base` of its slot.
    pub event_seq: u64,
    /// The bond, in atoms of PERMIT; 0 once it is forfeited.
    pub bond_atoms: u64,
    /// Where it stands.
    pub status: TemplateStatus,
    /// From when on an accusation can be carried out, if one waits, in Unix seconds. While it waits nothing is verified.
    pub accused_until: Option<i64>,
    /// Room for later fields, zero until then.
    pub reserved: [u8; 59],
}

/// Where a template stands.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateStatus {
    /// Published, not looked at.
    Published,
    /// The verifier vouches for it.
    Verified,
    /// On its way out; the bond is free from then on, in Unix seconds.
    Retiring {
        /// Unix seconds.
        reclaimable_at: i64,
    },
    /// Found faulty: the bond is gone, and the hash stays refused for ever.
    Revoked,
}

impl Template {
    /// Layout number this program writes.
    pub const VERSION: u8 = 1;
    /// Bytes of the account, discriminator included.
    pub const SIZE: usize = 168;

    /// What signs for the template's address.
    pub fn signer_seeds<'a>(&'a self, bump: &'a [u8; 1]) -> [&'a [u8]; 3] {
        [seed::TEMPLATE, self.hash.as_ref(), bump]
    }

    /// Vouches for it.
    pub fn verify(&mut self, now: i64) -> Result<()> {
        require!(self.status == TemplateStatus::Published, PermitPipeError::WrongTemplateStatus);
        require!(!self.is_accused(now)?, PermitPipeError::AlreadyAccused);
        self.accused_until = None;
        self.status = TemplateStatus::Verified;
        Ok(())
    }

    /// Accuses it: from now on it is not verified, and after the delay it can be revoked. Returns when.
    pub fn accuse(&mut self, now: i64, delay_seconds: i64) -> Result<i64> {
        // Once the bond is free, it is too late: nobody may hold it by accusing again and again.
        let is_accusable = match self.status {
            TemplateStatus::Published | TemplateStatus::Verified => true,
            TemplateStatus::Retiring { reclaimable_at } => !math::is_due(now, reclaimable_at),
            TemplateStatus::Revoked => false,
        };
        require!(is_accusable, PermitPipeError::WrongTemplateStatus);
        require!(!self.is_accused(now)?, PermitPipeError::AlreadyAccused);
        let eta = math::deadline(now, delay_seconds).ok_or(PermitPipeError::Overflow)?;
        if self.status == TemplateStatus::Verified {
            self.status = TemplateStatus::Published;
        }
        self.accused_until = Some(eta);
        Ok(eta)
    }

    /// Drops the accusation.
    pub fn acquit(&mut self) -> Result<()> {
        self.accused_until.take().ok_or(PermitPipeError::NotAccused)?;
        Ok(())
    }

    /// Carries the accusation out. Returns the bond, which is forfeited.
    pub fn revoke(&mut self, now: i64) -> Result<u64> {
        require!(self.is_accused(now)?, PermitPipeError::NotAccused);
        let eta = self.accused_until.take().ok_or(PermitPipeError::NotAccused)?;
        require!(math::is_due(now, eta), PermitPipeError::TemplateNotReady);
        self.status = TemplateStatus::Revoked;
        Ok(std::mem::take(&mut self.bond_atoms))
    }

    /// Starts the delay before the bond is free. Returns when it is.
    pub fn retire(&mut self, now: i64, delay_seconds: i64) -> Result<i64> {
        let is_live = matches!(self.status, TemplateStatus::Published | TemplateStatus::Verified);
        require!(is_live, PermitPipeError::WrongTemplateStatus);
        let reclaimable_at = math::deadline(now, delay_seconds).ok_or(PermitPipeError::Overflow)?;
        self.status = TemplateStatus::Retiring { reclaimable_at };
        Ok(reclaimable_at)
    }

    /// Ends a retired template after its delay, unless it is accused. Returns the bond and numbers the last event.
    pub fn reclaim(&mut self, clock: &Clock) -> Result<(u64, u64)> {
        let TemplateStatus::Retiring { reclaimable_at } = self.status else {
            return err!(PermitPipeError::WrongTemplateStatus);
        };
        require!(math::is_due(clock.unix_timestamp, reclaimable_at), PermitPipeError::TemplateNotReady);
        require!(!self.is_accused(clock.unix_timestamp)?, PermitPipeError::AlreadyAccused);
        let event_seq = self.next_event()?;
        require!(math::is_closable(event_seq, clock.slot), PermitPipeError::ClosedTooSoon);
        Ok((std::mem::take(&mut self.bond_atoms), event_seq))
    }

    /// The number of the next event about this account.
    pub fn next_event(&mut self) -> Result<u64> {
        self.event_seq = math::next_event(self.event_seq).ok_or(PermitPipeError::Overflow)?;
        Ok(self.event_seq)
    }

    /// Checks what must hold whenever an instruction ends.
    pub fn invariant(&self) -> Result<()> {
        require!(self.version == Self::VERSION, PermitPipeError::UnknownVersion);
        let is_accused = self.accused_until.is_some();
        let is_sound = match self.status {
            TemplateStatus::Published | TemplateStatus::Retiring { .. } => self.bond_atoms > 0,
            TemplateStatus::Verified => self.bond_atoms > 0 && !is_accused,
            TemplateStatus::Revoked => self.bond_atoms == 0 && !is_accused,
        };
        require!(is_sound, PermitPipeError::InvariantViolated);
        Ok(())
    }

    /// Whether an accusation waits that has not lapsed: nobody's bond is held for ever by a verifier who never acts.
    fn is_accused(&self, now: i64) -> Result<bool> {
        let Some(eta) = self.accused_until else { return Ok(false) };
        let end = math::deadline(eta, Config::CHANGE_LIFETIME_SECONDS).ok_or(PermitPipeError::Overflow)?;
        Ok(!math::is_due(now, end))
    }
}

const _: () = assert!(Template::DISCRIMINATOR.len() + Template::INIT_SPACE == Template::SIZE);
