//! A relay operator: where it listens, which key signs its receipts, and what is known of it.

use anchor_lang::prelude::*;

use crate::{error::PermitPipeError, math};

/// One operator's relay. Its bond is the operator's own [`super::Stake`].
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Layout of this account; see [`Relay::VERSION`].
    pub version: u8,
    /// Canonical bump of this address.
    pub bump: u8,
    /// Who runs it.
    pub operator: Pubkey,
    /// The stake that bonds it.
    pub stake: Pubkey,
    /// Number of the last event about this account; the first follows `math::event_base` of its slot.
    pub event_seq: u64,
    /// The Ed25519 key that signs its statements.
    pub key: Pubkey,
    /// The key before that one, for which the stake still answers; the default address when there was none.
    pub previous_key: Pubkey,
    /// When the key changed last, in Unix seconds.
    pub key_changed_at: i64,
    /// When it was retired, if it was, in Unix seconds.
    pub retired_at: Option<i64>,
    /// Receipts it was paid for; counted when rewards are claimed.
    pub paid_receipts: u64,
    /// USDC it was rewarded with.
    pub rewarded_atoms: u64,
    /// Contradictions proven against it.
    pub slash_count: u32,
    /// Where it listens: an `https://` or `wss://` URL.
    #[max_len(Relay::MAX_ENDPOINT_BYTES)]
    pub endpoint: String,
    /// Room for later fields, zero until then.
    pub reserved: [u8; 77],
}

impl Relay {
    /// Layout number this program writes.
    pub const VERSION: u8 = 1;
    /// Bytes of the account, discriminator included.
    pub const SIZE: usize = 384;
    /// The longest endpoint.
    pub const MAX_ENDPOINT_BYTES: usize = 120;

    /// Names another endpoint.
    pub fn set_endpoint(&mut self, endpoint: String) -> Result<()> {
        require!(self.retired_at.is_none(), PermitPipeError::RelayRetired);
        let is_url = endpoint.starts_with("https://") || endpoint.starts_with("wss://");
        let is_short = endpoint.len() <= Self::MAX_ENDPOINT_BYTES;
        let has_host = endpoint.bytes().all(|byte| byte.is_ascii_graphic()) && !endpoint.ends_with("://");
        require!(is_url && is_short && has_host, PermitPipeError::BadEndpoint);
        self.endpoint = endpoint;
        Ok(())
    }

    /// Names another key, at most once per cool-down: the stake answers for the present key and the one before it.
    pub fn rotate_key(&mut self, key: Pubkey, now: i64, cool_down_seconds: i64) -> Result<()> {
        require!(self.retired_at.is_none(), PermitPipeError::RelayRetired);
        require!(key != self.key, PermitPipeError::SameKey);
        self.require_cool(self.key_changed_at, now, cool_down_seconds)?;
        self.previous_key = self.key;
        self.key = key;
        self.key_changed_at = now;
        Ok(())
    }

    /// Takes the relay out of service.
    pub fn retire(&mut self, now: i64) -> Result<()> {
        require!(self.retired_at.is_none(), PermitPipeError::RelayRetired);
        self.retired_at = Some(now);
        Ok(())
    }

    /// Ends a retired relay after its cool-down, and numbers its last event. One that was slashed stays for ever, so
    /// that nobody begins anew with a clean record.
    pub fn end(&mut self, clock: &Clock, cool_down_seconds: i64) -> Result<u64> {
        let retired_at = self.retired_at.ok_or(PermitPipeError::RelayNotRetired)?;
        require!(self.slash_count == 0, PermitPipeError::RelaySlashed);
        self.require_cool(retired_at, clock.unix_timestamp, cool_down_seconds)?;
        let event_seq = self.next_event()?;
        require!(math::is_closable(event_seq, clock.slot), PermitPipeError::ClosedTooSoon);
        Ok(event_seq)
    }

    /// Whether the stake answers for what `key` signed.
    pub fn answers_for(&self, key: &Pubkey) -> bool {
        *key == self.key || (*key == self.previous_key && *key != Pubkey::default())
    }

    /// Counts a reward that was paid, up to the largest number there is: counting must never stop a payment.
    pub fn reward(&mut self, amount_atoms: u64, receipt_count: u64) {
        self.rewarded_atoms = math::sum(self.rewarded_atoms, amount_atoms).unwrap_or(math::MAX_ATOMS);
        self.paid_receipts = math::sum(self.paid_receipts, receipt_count).unwrap_or(math::MAX_ATOMS);
    }

    /// Counts a contradiction that was proven.
    pub fn slash(&mut self) -> Result<()> {
        self.slash_count = self.slash_count.checked_add(1).ok_or(PermitPipeError::Overflow)?;
        Ok(())
    }

    /// The number of the next event about this account.
    pub fn next_event(&mut self) -> Result<u64> {
        self.event_seq = math::next_event(self.event_seq).ok_or(PermitPipeError::Overflow)?;
        Ok(self.event_seq)
    }

    /// Checks what must hold whenever an instruction ends.
    pub fn invariant(&self) -> Result<()> {
        require!(self.version == Self::VERSION, PermitPipeError::UnknownVersion);
        let is_sound = self.key != Pubkey::default() && self.key != self.previous_key;
        require!(is_sound, PermitPipeError::InvariantViolated);
        Ok(())
    }

    fn require_cool(&self, since: i64, now: i64, cool_down_seconds: i64) -> Result<()> {
        let end = math::deadline(since, cool_down_seconds).ok_or(PermitPipeError::Overflow)?;
        require!(math::is_due(now, end), PermitPipeError::RelayCoolingDown);
        Ok(())
    }
}

const _: () = assert!(Relay::DISCRIMINATOR.len() + Relay::INIT_SPACE == Relay::SIZE);
