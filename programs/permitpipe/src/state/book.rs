//! What a vault did with one asset: what came in, what was settled, what was withdrawn, and what waits.
//!
//! Books count instructions, never balances, so that what anybody sends to an account of ours changes nothing.

use anchor_lang::prelude::*;

use crate::{error::PermitPipeError, math, math::Window};

/// One asset's side of a vault, in atoms of that asset.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Book {
    /// Total of all deposits.
    pub credited_atoms: u64,
    /// Total of all settlements.
    pub settled_atoms: u64,
    /// Total of all withdrawals.
    pub withdrawn_atoms: u64,
    /// What settlements may take in one window.
    pub cap_atoms: u64,
    /// A cut of the cap that waits, if any.
    pub pending_cap: Option<PendingCap>,
    /// When the present window began, in Unix seconds.
    pub window_started_at: i64,
    /// What settlements took in the present window.
    pub window_settled_atoms: u64,
    /// The withdrawal that waits, if any.
    pub withdrawal: Option<Withdrawal>,
}

/// A cut of the cap that waits for its time.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingCap {
    /// The cap from then on.
    pub cap_atoms: u64,
    /// Unix seconds.
    pub effective_at: i64,
}

/// A withdrawal that waits for its time.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawal {
    /// The most it will pay.
    pub amount_atoms: u64,
    /// Unix seconds.
    pub executable_at: i64,
}

impl Book {
    /// An empty book.
    pub fn open(cap_atoms: u64, now: i64) -> Result<Self> {
        require!(cap_atoms <= math::MAX_ATOMS, PermitPipeError::CapTooLarge);
        Ok(Self { cap_atoms, window_started_at: now, ..Self::default() })
    }

    /// What the vault still holds of the asset.
    pub fn balance_atoms(&self) -> Result<u64> {
        let balance = math::balance(self.credited_atoms, self.settled_atoms, self.withdrawn_atoms);
        Ok(balance.ok_or(PermitPipeError::InvariantViolated)?)
    }

    /// Sets the cap: a raise (or the same) at once, a cut after `delay_seconds`. Returns when it is effective.
    ///
    /// A new wish replaces a cut that still waits.
    pub fn set_cap(&mut self, cap_atoms: u64, now: i64, delay_seconds: i64) -> Result<i64> {
        require!(cap_atoms <= math::MAX_ATOMS, PermitPipeError::CapTooLarge);
        self.apply_due_cap(now);
        if cap_atoms >= self.cap_atoms {
            self.cap_atoms = cap_atoms;
            self.pending_cap = None;
            return Ok(now);
        }
        let effective_at = math::deadline(now, delay_seconds).ok_or(PermitPipeError::Overflow)?;
        self.pending_cap = Some(PendingCap { cap_atoms, effective_at });
        Ok(effective_at)
    }

    /// Books a deposit.
    pub fn deposit(&mut self, amount_atoms: u64, min_deposit_atoms: u64) -> Result<()> {
        require!(amount_atoms > 0, PermitPipeError::ZeroAmount);
        require!(amount_atoms >= min_deposit_atoms, PermitPipeError::DepositTooSmall);
        let credited = math::sum(self.credited_atoms, amount_atoms);
        self.credited_atoms = credited.ok_or(PermitPipeError::Overflow)?;
        Ok(())
    }

    /// Starts the delay before a withdrawal. Returns when it can be executed.
    pub fn request_withdrawal(&mut self, amount_atoms: u64, now: i64, delay_seconds: i64) -> Result<i64> {
        require!(self.withdrawal.is_none(), PermitPipeError::WithdrawalPending);
        require!(amount_atoms > 0, PermitPipeError::ZeroAmount);
        require!(amount_atoms <= self.balance_atoms()?, PermitPipeError::InsufficientBalance);
        let executable_at = math::deadline(now, delay_seconds).ok_or(PermitPipeError::Overflow)?;
        self.withdrawal = Some(Withdrawal { amount_atoms, executable_at });
        Ok(executable_at)
    }

    /// Takes the requested withdrawal back and says how much it was for.
    pub fn cancel_withdrawal(&mut self) -> Result<u64> {
        let withdrawal = self.withdrawal.take().ok_or(PermitPipeError::NoWithdrawal)?;
        Ok(withdrawal.amount_atoms)
    }

    /// Books the requested withdrawal and says what to pay: settlements meanwhile may have left less than was asked,
    /// and `holdings_atoms` is all there is to pay from.
    pub fn execute_withdrawal(&mut self, holdings_atoms: u64, now: i64) -> Result<u64> {
        let withdrawal = self.withdrawal.ok_or(PermitPipeError::NoWithdrawal)?;
        require!(math::is_due(now, withdrawal.executable_at), PermitPipeError::WithdrawalNotReady);
        let amount_atoms = withdrawal.amount_atoms.min(self.balance_atoms()?).min(holdings_atoms);
        let withdrawn = self.withdrawn_atoms.checked_add(amount_atoms);
        self.withdrawn_atoms = withdrawn.ok_or(PermitPipeError::Overflow)?;
        self.withdrawal = None;
        Ok(amount_atoms)
    }

    /// Books a settlement: within the balance, and within the owner's cap for the window that `now` falls in.
    pub fn settle(&mut self, amount_atoms: u64, now: i64, window_seconds: i64) -> Result<()> {
        require!(amount_atoms <= self.balance_atoms()?, PermitPipeError::SettlementAboveBalance);
        self.apply_due_cap(now);
        let window = Window { started_at: self.window_started_at, settled_atoms: self.window_settled_atoms };
        let window = window.at(now, window_seconds).and_then(|window| window.with(amount_atoms));
        let window = window.ok_or(PermitPipeError::Overflow)?;
        require!(window.settled_atoms <= self.cap_atoms, PermitPipeError::SettlementAboveOwnerCap);
        self.window_started_at = window.started_at;
        self.window_settled_atoms = window.settled_atoms;
        let settled = self.settled_atoms.checked_add(amount_atoms);
        self.settled_atoms = settled.ok_or(PermitPipeError::Overflow)?;
        Ok(())
    }

    /// Whether nothing is held and nothing waits to be paid.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.balance_atoms()? == 0 && self.withdrawal.is_none())
    }

    /// Checks that `holdings_atoms` is at least what the book says; it may be more, sent by anybody.
    pub fn require_backed(&self, holdings_atoms: u64) -> Result<()> {
        require!(holdings_atoms >= self.balance_atoms()?, PermitPipeError::HoldingsBelowBooks);
        Ok(())
    }

    /// Checks what must hold whenever an instruction ends.
    pub(super) fn invariant(&self) -> Result<()> {
        self.balance_atoms()?;
        let is_sound = self.window_settled_atoms <= self.settled_atoms
            && self.pending_cap.is_none_or(|pending| pending.cap_atoms < self.cap_atoms)
            && self.withdrawal.is_none_or(|withdrawal| withdrawal.amount_atoms > 0);
        require!(is_sound, PermitPipeError::InvariantViolated);
        Ok(())
    }

    /// Puts a cut of the cap into force once its time has come.
    fn apply_due_cap(&mut self, now: i64) {
        if let Some(pending) = self.pending_cap.filter(|pending| math::is_due(now, pending.effective_at)) {
            self.cap_atoms = pending.cap_atoms;
            self.pending_cap = None;
        }
    }
}
