//! Every refusal of ours, with its number. Numbers are explicit and never reused: add at the end of a group.
//!
//! Each message says what is wrong and what to do. Numbers below 6000 are Anchor's own.

use anchor_lang::prelude::*;

/// Why the program refused. 60xx is general, 61xx config, 62xx vault, 63xx settlement.
#[error_code(offset = 0)]
#[derive(PartialEq, Eq)]
pub enum PermitPipeError {
    /// A sum left the range of amounts or of times.
    #[msg("The amount is too large together with the totals; use a smaller amount")]
    Overflow = 6000,
    /// An amount of zero.
    #[msg("The amount is zero; give at least 1 atom")]
    ZeroAmount = 6001,
    /// The account was written by another version of the program.
    #[msg("The account has a version this program does not know; use the program that wrote it")]
    UnknownVersion = 6002,
    /// The account's fields contradict each other.
    #[msg("The books of the account contradict each other; nothing was changed, report this")]
    InvariantViolated = 6003,

    /// Only the upgrade authority may initialize.
    #[msg("The signer is not the upgrade authority of the program; sign with it")]
    NotUpgradeAuthority = 6100,
    /// Only the admin may do this.
    #[msg("The signer is not the admin in the config; sign with the admin")]
    NotAdmin = 6101,
    /// Only the guardian or the admin may do this.
    #[msg("The signer is neither guardian nor admin in the config; sign with one of them")]
    NotGuardianOrAdmin = 6102,
    /// A proposed admin accepts with their own key; every other change is accepted by the admin.
    #[msg("The signer may not accept this change; a new admin accepts for itself, the admin accepts the rest")]
    NotAccepter = 6103,
    /// An authority of all zeros.
    #[msg("An authority is the default address, for which nobody can sign; name a real key")]
    DefaultAuthority = 6104,
    /// The delays do not fit together.
    #[msg("Delays are 1 second to 30 days, and the withdrawal delay is at least one window; correct them")]
    BadDelay = 6105,
    /// Credits are USDC atoms one to one, so the mint needs six decimals.
    #[msg("The USDC mint does not have 6 decimals; name the real USDC mint")]
    BadUsdcMint = 6106,
    /// USDC and PERMIT share one mint.
    #[msg("USDC and PERMIT name the same mint; name two mints")]
    SameMint = 6107,
    /// A change waits already.
    #[msg("Another change is pending; accept or cancel it first")]
    ChangePending = 6108,
    /// No change waits.
    #[msg("No change is pending; propose one first")]
    NoPendingChange = 6109,
    /// The delay is not over.
    #[msg("The pending change is still in its delay; wait for its eta")]
    ChangeNotReady = 6110,
    /// The proposal lay too long.
    #[msg("The pending change is more than 14 days past its eta; cancel it and propose it again")]
    ChangeExpired = 6111,
    /// Config instructions must not be signed ahead of time.
    #[msg("The transaction advances a durable nonce; sign config instructions with a recent blockhash")]
    DurableNonce = 6112,
    /// The program is paused.
    #[msg("New vaults and deposits are paused; withdrawals are not, try again after the pause")]
    Paused = 6113,
    /// Nothing to pause.
    #[msg("The program is paused already; nothing to do")]
    AlreadyPaused = 6114,
    /// Nothing to unpause.
    #[msg("The program is not paused; nothing to do")]
    NotPaused = 6115,
    /// Raising the settle cap needs a proposal.
    #[msg("The new settle cap is not below the present one; propose a change to raise it")]
    CapNotLower = 6116,

    /// Only the vault's owner may do this.
    #[msg("The signer does not own the vault; sign with its owner")]
    NotOwner = 6200,
    /// Dust.
    #[msg("The deposit is below the smallest one the config allows; deposit more")]
    DepositTooSmall = 6201,
    /// Asked for more than is there.
    #[msg("The withdrawal is larger than the vault's balance; ask for at most the balance")]
    InsufficientBalance = 6202,
    /// A withdrawal waits already.
    #[msg("A withdrawal is already requested; execute or cancel it first")]
    WithdrawalPending = 6203,
    /// No withdrawal waits.
    #[msg("No withdrawal is requested; request one first")]
    NoWithdrawal = 6204,
    /// The delay is not over.
    #[msg("The withdrawal is still in its delay; wait until it is executable")]
    WithdrawalNotReady = 6205,
    /// The token account holds less than the books say.
    #[msg("The vault's USDC account holds less than its books say; nothing was changed, report this")]
    HoldingsBelowBooks = 6206,
    /// Off chain, amounts are signed 64-bit integers.
    #[msg("The cap is above 9223372036854775807 atoms; that is as good as none, use at most that")]
    CapTooLarge = 6207,

    /// Only the settle authority may settle.
    #[msg("The signer is not the settle authority in the config; sign with it")]
    NotSettleAuthority = 6300,
    /// Settlements go to the configured treasury and nowhere else.
    #[msg("The destination is not the treasury in the config; settle to the treasury")]
    WrongTreasury = 6301,
    /// Replayed or out of turn.
    #[msg("The sequence number is not the vault's next one; read the vault and settle in order")]
    WrongSequence = 6302,
    /// A settlement pays for receipts.
    #[msg("The settlement counts no receipts; settle only what receipts prove")]
    NoReceipts = 6303,
    /// More than the vault holds.
    #[msg("The settlement is larger than the vault's balance; settle at most the balance")]
    SettlementAboveBalance = 6304,
    /// More than any settlement may take.
    #[msg("The settlement is larger than the config's settle cap; split it, or see why the cap was lowered")]
    SettlementAboveSettleCap = 6305,
    /// More than the owner allows in one window.
    #[msg("The settlement would exceed the owner's cap for this window; wait for the next window")]
    SettlementAboveOwnerCap = 6306,
}

impl PermitPipeError {
    /// Every refusal, for tests that must have seen each of them.
    pub const ALL: &'static [Self] = &[
        Self::Overflow,
        Self::ZeroAmount,
        Self::UnknownVersion,
        Self::InvariantViolated,
        Self::NotUpgradeAuthority,
        Self::NotAdmin,
        Self::NotGuardianOrAdmin,
        Self::NotAccepter,
        Self::DefaultAuthority,
        Self::BadDelay,
        Self::BadUsdcMint,
        Self::SameMint,
        Self::ChangePending,
        Self::NoPendingChange,
        Self::ChangeNotReady,
        Self::ChangeExpired,
        Self::DurableNonce,
        Self::Paused,
        Self::AlreadyPaused,
        Self::NotPaused,
        Self::CapNotLower,
        Self::NotOwner,
        Self::DepositTooSmall,
        Self::InsufficientBalance,
        Self::WithdrawalPending,
        Self::NoWithdrawal,
        Self::WithdrawalNotReady,
        Self::HoldingsBelowBooks,
        Self::CapTooLarge,
        Self::NotSettleAuthority,
        Self::WrongTreasury,
        Self::WrongSequence,
        Self::NoReceipts,
        Self::SettlementAboveBalance,
        Self::SettlementAboveSettleCap,
        Self::SettlementAboveOwnerCap,
    ];
}
