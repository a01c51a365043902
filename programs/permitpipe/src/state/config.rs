//! Who may do what, and within which limits. One per program.
//!
//! Changes are proposed, wait, and are then accepted; only steps that take power away (pause, a lower settle cap) work
//! at once. The delays themselves are fixed for ever when the config is made.

use anchor_lang::prelude::*;

use crate::{error::PermitPipeError, math};

/// The program's authorities, mints, limits and delays.
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Config {
    /// Layout of this account; see [`Config::VERSION`].
    pub version: u8,
    /// Canonical bump of this address.
    pub bump: u8,
    /// While set, no vault is opened and nothing is deposited. Never stops withdrawals or settlements.
    pub is_paused: bool,
    /// Proposes and accepts changes.
    pub admin: Pubkey,
    /// May pause, lower the settle cap and cancel changes; nothing else.
    pub guardian: Pubkey,
    /// Signs settlements.
    pub settle_authority: Pubkey,
    /// The mint of USDC; 1 atom is 1 credit.
    pub usdc_mint: Pubkey,
    /// The mint of PERMIT.
    pub permit_mint: Pubkey,
    /// The USDC token account that settlements pay; fixed for ever.
    pub treasury: Pubkey,
    /// The most one settlement may take; 0 stops settling.
    pub settle_cap_atoms: u64,
    /// Length of the window that owners' caps count in.
    pub window_seconds: i64,
    /// From the request of a withdrawal to its payment, and from the request of a cap cut to its effect.
    pub withdrawal_delay_seconds: i64,
    /// From the proposal of a change to its acceptance.
    pub change_delay_seconds: i64,
    /// The smallest deposit.
    pub min_deposit_atoms: u64,
    /// The change that waits, if any.
    pub pending_change: Option<PendingChange>,
    /// Number of the last event about this account; the first is 1.
    pub event_seq: u64,
    /// Room for later fields, zero until then.
    pub reserved: [u8; 219],
}

/// A change that waits for its time.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingChange {
    /// What will change.
    pub change: Change,
    /// From when on it can be accepted, in Unix seconds.
    pub eta: i64,
}

/// What can be changed, and to what.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Another admin, who must accept it.
    Admin(Pubkey),
    /// Another guardian.
    Guardian(Pubkey),
    /// Another settle authority.
    SettleAuthority(Pubkey),
    /// Another settle cap, in atoms.
    SettleCap(u64),
}

impl Config {
    /// Layout number this program writes.
    pub const VERSION: u8 = 1;
    /// Bytes of the account, discriminator included.
    pub const SIZE: usize = 512;
    /// The longest window or delay: nobody's exit may be locked away by a number.
    pub const MAX_DELAY_SECONDS: i64 = 30 * 24 * 60 * 60;
    /// How long after its eta a change can still be accepted.
    pub const CHANGE_LIFETIME_SECONDS: i64 = 14 * 24 * 60 * 60;

    /// Whether `key` may take power away.
    pub fn is_guardian_or_admin(&self, key: &Pubkey) -> bool {
        *key == self.guardian || *key == self.admin
    }

    /// Puts `change` on the shelf and says when it can be accepted.
    pub fn propose(&mut self, change: Change, now: i64) -> Result<i64> {
        require!(self.pending_change.is_none(), PermitPipeError::ChangePending);
        change.check()?;
        let eta = math::deadline(now, self.change_delay_seconds).ok_or(PermitPipeError::Overflow)?;
        self.pending_change = Some(PendingChange { change, eta });
        Ok(eta)
    }

    /// Applies the waiting change if it is due and `by` may accept it.
    pub fn accept(&mut self, by: &Pubkey, now: i64) -> Result<Change> {
        let PendingChange { change, eta } = self.pending_change.ok_or(PermitPipeError::NoPendingChange)?;
        let accepter = if let Change::Admin(new) = change { new } else { self.admin };
        require!(*by == accepter, PermitPipeError::NotAccepter);
        require!(math::is_due(now, eta), PermitPipeError::ChangeNotReady);
        let end = math::deadline(eta, Self::CHANGE_LIFETIME_SECONDS).ok_or(PermitPipeError::Overflow)?;
        require!(!math::is_due(now, end), PermitPipeError::ChangeExpired);
        match change {
            Change::Admin(key) => self.admin = key,
            Change::Guardian(key) => self.guardian = key,
            Change::SettleAuthority(key) => self.settle_authority = key,
            Change::SettleCap(atoms) => self.settle_cap_atoms = atoms,
        }
        self.pending_change = None;
        Ok(change)
    }

    /// Drops the waiting change.
    pub fn cancel(&mut self) -> Result<Change> {
        let pending = self.pending_change.take().ok_or(PermitPipeError::NoPendingChange)?;
        Ok(pending.change)
    }

    /// Stops new promises.
    pub fn pause(&mut self) -> Result<()> {
        require!(!self.is_paused, PermitPipeError::AlreadyPaused);
        self.is_paused = true;
        Ok(())
    }

    /// Allows new promises again.
    pub fn unpause(&mut self) -> Result<()> {
        require!(self.is_paused, PermitPipeError::NotPaused);
        self.is_paused = false;
        Ok(())
    }

    /// Lowers what one settlement may take, at once; never raises it.
    pub fn lower_settle_cap(&mut self, settle_cap_atoms: u64) -> Result<()> {
        require!(settle_cap_atoms < self.settle_cap_atoms, PermitPipeError::CapNotLower);
        self.settle_cap_atoms = settle_cap_atoms;
        Ok(())
    }

    /// The number of the next event about this account.
    pub fn next_event(&mut self) -> Result<u64> {
        self.event_seq = self.event_seq.checked_add(1).ok_or(PermitPipeError::Overflow)?;
        Ok(self.event_seq)
    }

    /// Checks what must hold whenever an instruction ends.
    pub fn invariant(&self) -> Result<()> {
        require!(self.version == Self::VERSION, PermitPipeError::UnknownVersion);
        for authority in [self.admin, self.guardian, self.settle_authority] {
            require!(authority != Pubkey::default(), PermitPipeError::DefaultAuthority);
        }
        let delays = [self.window_seconds, self.withdrawal_delay_seconds, self.change_delay_seconds];
        let is_in_range = delays.iter().all(|seconds| (1..=Self::MAX_DELAY_SECONDS).contains(seconds));
        // One full window must fit before any exit, so that what was spent can be settled first.
        let fits_window = self.withdrawal_delay_seconds >= self.window_seconds;
        require!(is_in_range && fits_window, PermitPipeError::BadDelay);
        require!(self.usdc_mint != self.permit_mint, PermitPipeError::SameMint);
        require!(self.min_deposit_atoms > 0, PermitPipeError::ZeroAmount);
        Ok(())
    }
}

impl Change {
    /// Refuses an authority nobody can sign for.
    fn check(&self) -> Result<()> {
        match self {
            Self::Admin(key) | Self::Guardian(key) | Self::SettleAuthority(key) => {
                require!(*key != Pubkey::default(), PermitPipeError::DefaultAuthority);
            }
            Self::SettleCap(_) => {}
        }
        Ok(())
    }
}

const _: () = assert!(Config::DISCRIMINATOR.len() + Config::INIT_SPACE == Config::SIZE);
