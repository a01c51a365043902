//! The PermitPipe program: prepaid USDC in one vault per owner, settled by a narrow key, always free to leave.
//!
//! | module | holds |
//! |---|---|
//! | `seed` | the seeds of every program-derived address |
//! | `state` | one account a file: fields, transitions, `invariant()` |
//! | `instruction` | one instruction a file: what it shall do, accounts, handler |
//! | `event` | one event per change, emitted by self-CPI |
//! | `error` | numbered refusals |
//! | `math` | pure integers: balance, windows, deadlines |
//! | `nonce` | the refusal of durable nonces in config instructions |

// Anchor's entrypoint is the only `unsafe` code; builds without one forbid it altogether.
#![cfg_attr(feature = "no-entrypoint", forbid(unsafe_code))]

pub mod error;
pub mod event;
// Anchor generates a module named `instruction` beside `#[program]`, so ours has another name than its folder.
#[path = "instruction/mod.rs"]
pub mod handler;
pub mod math;
pub mod nonce;
pub mod seed;
pub mod state;

use anchor_lang::prelude::*;
// Anchor looks for what `#[derive(Accounts)]` generates at the crate's root.
pub use handler::*;

declare_id!("Xz8CfnaLSsvjsrki235AhmKRU5bDaJsTmRStmmSF2w1");

/// One line per instruction; each file in `instruction/` says what its instruction does.
#[program]
pub mod permitpipe {
    use super::*;

    // Config.

    /// Sets the authorities, mints, treasury and limits, once. See `instruction/config/initialize.rs`.
    pub fn initialize_config(ctx: Context<InitializeConfig>, args: InitializeConfigArgs) -> Result<()> {
        config::initialize::handle(ctx, args)
    }

    /// Proposes one change of the config. See `instruction/config/propose_change.rs`.
    pub fn propose_change(ctx: Context<ProposeChange>, args: ProposeChangeArgs) -> Result<()> {
        config::propose_change::handle(ctx, args)
    }

    /// Puts the proposed change into force after its delay. See `instruction/config/accept_change.rs`.
    pub fn accept_change(ctx: Context<AcceptChange>) -> Result<()> {
        config::accept_change::handle(ctx)
    }

    /// Drops the proposed change. See `instruction/config/cancel_change.rs`.
    pub fn cancel_change(ctx: Context<CancelChange>) -> Result<()> {
        config::cancel_change::handle(ctx)
    }

    /// Stops new promises: opening vaults and deposits. See `instruction/config/pause.rs`.
    pub fn pause(ctx: Context<Pause>) -> Result<()> {
        config::pause::handle(ctx)
    }

    /// Allows new promises again. See `instruction/config/unpause.rs`.
    pub fn unpause(ctx: Context<Unpause>) -> Result<()> {
        config::unpause::handle(ctx)
    }

    /// Lowers what one settlement may take, at once. See `instruction/config/lower_settle_cap.rs`.
    pub fn lower_settle_cap(ctx: Context<LowerSettleCap>, args: LowerSettleCapArgs) -> Result<()> {
        config::lower_settle_cap::handle(ctx, args)
    }

    // Vault.

    /// Opens the signer's vault and its USDC account. See `instruction/vault/open.rs`.
    pub fn open_vault(ctx: Context<OpenVault>, args: OpenVaultArgs) -> Result<()> {
        vault::open::handle(ctx, args)
    }

    /// Sets what settlements may take in one window. See `instruction/vault/set_cap.rs`.
    pub fn set_cap(ctx: Context<SetCap>, args: SetCapArgs) -> Result<()> {
        vault::set_cap::handle(ctx, args)
    }

    /// Moves USDC of the owner into the vault. See `instruction/vault/deposit_usdc.rs`.
    pub fn deposit_usdc(ctx: Context<DepositUsdc>, args: DepositUsdcArgs) -> Result<()> {
        vault::deposit_usdc::handle(ctx, args)
    }

    /// Starts the delay before a withdrawal. See `instruction/vault/request_withdrawal.rs`.
    pub fn request_withdrawal(ctx: Context<RequestWithdrawal>, args: RequestWithdrawalArgs) -> Result<()> {
        vault::request_withdrawal::handle(ctx, args)
    }

    /// Takes a requested withdrawal back. See `instruction/vault/cancel_withdrawal.rs`.
    pub fn cancel_withdrawal(ctx: Context<CancelWithdrawal>) -> Result<()> {
        vault::cancel_withdrawal::handle(ctx)
    }

    /// Pays a requested withdrawal after its delay. See `instruction/vault/execute_withdrawal.rs`.
    pub fn execute_withdrawal(ctx: Context<ExecuteWithdrawal>) -> Result<()> {
        vault::execute_withdrawal::handle(ctx)
    }

    // Settlement.

    /// Pays the treasury for a batch of receipts. See `instruction/settlement/settle.rs`.
    pub fn settle(ctx: Context<Settle>, args: SettleArgs) -> Result<()> {
        settlement::settle::handle(ctx, args)
    }
}
