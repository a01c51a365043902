//! The PermitPipe program: prepaid credit in one vault per owner, settled by a narrow key, always free to leave; stakes,
//! relays and their rewards, templates, plans, and the anchor of the audit log.
//!
//! | module | holds |
//! |---|---|
//! | `seed` | the seeds of every program-derived address |
//! | `state` | one account a file: fields, transitions, `invariant()` |
//! | `instructions` | one instruction a file: what it shall do, accounts, handler |
//! | `event` | one event per change, emitted by self-CPI |
//! | `error` | numbered refusals |
//! | `math` | pure integers: balances, windows, deadlines, weights, prices |
//! | `merkle` | proofs that a leaf is in a tree |
//! | `oracle` | the price of SOL |
//! | `statement` | what relays sign, and how the program knows |
//! | `nonce` | the refusal of durable nonces |
//! | `token` | one transfer of tokens |

// Anchor's entrypoint is the only `unsafe` code; builds without one forbid it altogether.
#![cfg_attr(feature = "no-entrypoint", forbid(unsafe_code))]

pub mod error;
pub mod event;
// Plural because Anchor generates a module named `instruction` beside `#[program]`.
pub mod instructions;
pub mod math;
pub mod merkle;
pub mod nonce;
pub mod oracle;
pub mod seed;
pub mod state;
pub mod statement;
pub mod token;

use anchor_lang::prelude::*;
// Anchor looks for what `#[derive(Accounts)]` generates at the crate's root.
pub use instructions::*;

declare_id!("Xz8CfnaLSsvjsrki235AhmKRU5bDaJsTmRStmmSF2w1");

/// One line per instruction; each file in `instructions/` says what its instruction does.
#[program]
pub mod permitpipe {
    use super::*;

    // Config.

    /// Sets the authorities, mints, treasuries and limits, once. See `instructions/config/initialize.rs`.
    pub fn initialize_config(ctx: Context<InitializeConfig>, args: InitializeConfigArgs) -> Result<()> {
        config::initialize::handle(ctx, args)
    }

    /// Proposes one change of the config. See `instructions/config/propose_change.rs`.
    pub fn propose_change(ctx: Context<Govern>, args: ProposeChangeArgs) -> Result<()> {
        config::propose_change::handle(ctx, args)
    }

    /// Puts the proposed change into force after its delay. See `instructions/config/accept_change.rs`.
    pub fn accept_change(ctx: Context<Govern>) -> Result<()> {
        config::accept_change::handle(ctx)
    }

    /// Drops the proposed change. See `instructions/config/cancel_change.rs`.
    pub fn cancel_change(ctx: Context<Govern>) -> Result<()> {
        config::cancel_change::handle(ctx)
    }

    /// Stops new promises. See `instructions/config/pause.rs`.
    pub fn pause(ctx: Context<Govern>) -> Result<()> {
        config::pause::handle(ctx)
    }

    /// Allows new promises again. See `instructions/config/unpause.rs`.
    pub fn unpause(ctx: Context<Govern>) -> Result<()> {
        config::unpause::handle(ctx)
    }

    /// Lowers what one settlement may take, at once. See `instructions/config/lower_settle_cap.rs`.
    pub fn lower_settle_cap(ctx: Context<Govern>, args: LowerSettleCapArgs) -> Result<()> {
        config::lower_settle_cap::handle(ctx, args)
    }

    // Vault.

    /// Opens the signer's vault and its USDC account. See `instructions/vault/open.rs`.
    pub fn open_vault(ctx: Context<OpenVault>, args: OpenVaultArgs) -> Result<()> {
        vault::open::handle(ctx, args)
    }

    /// Sets what settlements may take in one window. See `instructions/vault/set_cap.rs`.
    pub fn set_cap(ctx: Context<OwnVault>, args: SetCapArgs) -> Result<()> {
        vault::set_cap::handle(ctx, args)
    }

    /// Moves USDC of the owner into the vault. See `instructions/vault/deposit_usdc.rs`.
    pub fn deposit_usdc(ctx: Context<MoveUsdc>, args: DepositUsdcArgs) -> Result<()> {
        vault::deposit_usdc::handle(ctx, args)
    }

    /// Moves SOL of the owner into the vault. See `instructions/vault/deposit_sol.rs`.
    pub fn deposit_sol(ctx: Context<MoveSol>, args: DepositSolArgs) -> Result<()> {
        vault::deposit_sol::handle(ctx, args)
    }

    /// Starts the delay before a withdrawal. See `instructions/vault/request_withdrawal.rs`.
    pub fn request_withdrawal(ctx: Context<OwnVault>, args: RequestWithdrawalArgs) -> Result<()> {
        vault::request_withdrawal::handle(ctx, args)
    }

    /// Takes a requested withdrawal back. See `instructions/vault/cancel_withdrawal.rs`.
    pub fn cancel_withdrawal(ctx: Context<OwnVault>, args: CancelWithdrawalArgs) -> Result<()> {
        vault::cancel_withdrawal::handle(ctx, args)
    }

    /// Pays a requested withdrawal of USDC after its delay. See `instructions/vault/execute_withdrawal.rs`.
    pub fn execute_withdrawal(ctx: Context<MoveUsdc>) -> Result<()> {
        vault::execute_withdrawal::handle(ctx)
    }

    /// Pays a requested withdrawal of SOL after its delay. See `instructions/vault/execute_sol_withdrawal.rs`.
    pub fn execute_sol_withdrawal(ctx: Context<MoveSol>) -> Result<()> {
        vault::execute_sol_withdrawal::handle(ctx)
    }

    /// Closes an empty vault; its rent goes to the owner. See `instructions/vault/close.rs`.
    pub fn close_vault(ctx: Context<CloseVault>) -> Result<()> {
        vault::close::handle(ctx)
    }

    // Settlement.

    /// Pays the treasury USDC for a batch of receipts. See `instructions/settlement/settle.rs`.
    pub fn settle(ctx: Context<Settle>, args: SettleArgs) -> Result<()> {
        settlement::settle::handle(ctx, args)
    }

    /// Pays the treasury SOL for a batch of receipts. See `instructions/settlement/settle_sol.rs`.
    pub fn settle_sol(ctx: Context<SettleSol>, args: SettleSolArgs) -> Result<()> {
        settlement::settle_sol::handle(ctx, args)
    }

    /// Closes a settlement's record after its retention. See `instructions/settlement/close.rs`.
    pub fn close_settlement(ctx: Context<CloseSettlement>) -> Result<()> {
        settlement::close::handle(ctx)
    }

    // Stake.

    /// Opens the signer's stake and its PERMIT account. See `instructions/stake/open.rs`.
    pub fn open_stake(ctx: Context<OpenStake>, args: OpenStakeArgs) -> Result<()> {
        stake::open::handle(ctx, args)
    }

    /// Moves PERMIT of the owner into the stake. See `instructions/stake/add.rs`.
    pub fn add_stake(ctx: Context<MovePermit>, args: AddStakeArgs) -> Result<()> {
        stake::add::handle(ctx, args)
    }

    /// Names another beneficiary of the discount. See `instructions/stake/set_beneficiary.rs`.
    pub fn set_beneficiary(ctx: Context<OwnStake>, args: SetBeneficiaryArgs) -> Result<()> {
        stake::set_beneficiary::handle(ctx, args)
    }

    /// Starts the cool-down of some of the stake. See `instructions/stake/request_unstake.rs`.
    pub fn request_unstake(ctx: Context<OwnStake>, args: RequestUnstakeArgs) -> Result<()> {
        stake::request_unstake::handle(ctx, args)
    }

    /// Takes a request to unstake back. See `instructions/stake/cancel_unstake.rs`.
    pub fn cancel_unstake(ctx: Context<OwnStake>) -> Result<()> {
        stake::cancel_unstake::handle(ctx)
    }

    /// Pays out what has cooled down. See `instructions/stake/unstake.rs`.
    pub fn unstake(ctx: Context<MovePermit>) -> Result<()> {
        stake::unstake::handle(ctx)
    }

    /// Closes an empty stake; its rent goes to the owner. See `instructions/stake/close.rs`.
    pub fn close_stake(ctx: Context<CloseStake>) -> Result<()> {
        stake::close::handle(ctx)
    }

    // Relay.

    /// Registers the operator's relay against a bond. See `instructions/relay/register.rs`.
    pub fn register_relay(ctx: Context<RegisterRelay>, args: RegisterRelayArgs) -> Result<()> {
        relay::register::handle(ctx, args)
    }

    /// Names another endpoint of the relay. See `instructions/relay/update.rs`.
    pub fn update_relay(ctx: Context<UpdateRelay>, args: UpdateRelayArgs) -> Result<()> {
        relay::update::handle(ctx, args)
    }

    /// Names another receipt key of the relay. See `instructions/relay/rotate_key.rs`.
    pub fn rotate_relay_key(ctx: Context<RotateRelayKey>) -> Result<()> {
        relay::rotate_key::handle(ctx)
    }

    /// Takes the relay out of service and frees its bond. See `instructions/relay/retire.rs`.
    pub fn retire_relay(ctx: Context<RetireRelay>) -> Result<()> {
        relay::retire::handle(ctx)
    }

    /// Closes a retired relay; its rent goes to the operator. See `instructions/relay/close.rs`.
    pub fn close_relay(ctx: Context<CloseRelay>) -> Result<()> {
        relay::close::handle(ctx)
    }

    /// Slashes a relay that contradicted itself. See `instructions/relay/slash.rs`.
    pub fn slash_relay(ctx: Context<SlashRelay>, args: SlashRelayArgs) -> Result<()> {
        relay::slash::handle(ctx, args)
    }

    // Epoch.

    /// Publishes and funds the rewards of one epoch. See `instructions/epoch/publish.rs`.
    pub fn publish_epoch(ctx: Context<PublishEpoch>, args: PublishEpochArgs) -> Result<()> {
        epoch::publish::handle(ctx, args)
    }

    /// Pays a relay its reward for one epoch. See `instructions/epoch/claim.rs`.
    pub fn claim_reward(ctx: Context<ClaimReward>, args: ClaimRewardArgs) -> Result<()> {
        epoch::claim::handle(ctx, args)
    }

    /// Closes an epoch after its retention. See `instructions/epoch/close.rs`.
    pub fn close_epoch(ctx: Context<CloseEpoch>) -> Result<()> {
        epoch::close::handle(ctx)
    }

    // Template.

    /// Publishes a template's hash with a bond. See `instructions/template/publish.rs`.
    pub fn publish_template(ctx: Context<PublishTemplate>, args: PublishTemplateArgs) -> Result<()> {
        template::publish::handle(ctx, args)
    }

    /// Vouches for a template. See `instructions/template/verify.rs`.
    pub fn verify_template(ctx: Context<JudgeTemplate>) -> Result<()> {
        template::verify::handle(ctx)
    }

    /// Accuses a template of a fault. See `instructions/template/accuse.rs`.
    pub fn accuse_template(ctx: Context<JudgeTemplate>) -> Result<()> {
        template::accuse::handle(ctx)
    }

    /// Drops an accusation. See `instructions/template/acquit.rs`.
    pub fn acquit_template(ctx: Context<JudgeTemplate>) -> Result<()> {
        template::acquit::handle(ctx)
    }

    /// Carries an accusation out. See `instructions/template/revoke.rs`.
    pub fn revoke_template(ctx: Context<RevokeTemplate>) -> Result<()> {
        template::revoke::handle(ctx)
    }

    /// Takes a template out of the registry. See `instructions/template/retire.rs`.
    pub fn retire_template(ctx: Context<RetireTemplate>) -> Result<()> {
        template::retire::handle(ctx)
    }

    /// Gives a retired template's bond back. See `instructions/template/reclaim.rs`.
    pub fn reclaim_template(ctx: Context<ReclaimTemplate>) -> Result<()> {
        template::reclaim::handle(ctx)
    }

    // Plan.

    /// Puts a plan on sale. See `instructions/plan/create.rs`.
    pub fn create_plan(ctx: Context<CreatePlan>, args: CreatePlanArgs) -> Result<()> {
        plan::create::handle(ctx, args)
    }

    /// Takes a plan off sale. See `instructions/plan/retire.rs`.
    pub fn retire_plan(ctx: Context<RetirePlan>) -> Result<()> {
        plan::retire::handle(ctx)
    }

    /// Closes a retired plan after its retention. See `instructions/plan/close.rs`.
    pub fn close_plan(ctx: Context<ClosePlan>) -> Result<()> {
        plan::close::handle(ctx)
    }

    /// Buys a plan for some periods. See `instructions/plan/subscribe.rs`.
    pub fn subscribe(ctx: Context<Subscribe>, args: SubscribeArgs) -> Result<()> {
        plan::subscribe::handle(ctx, args)
    }

    /// Buys more periods of the same plan. See `instructions/plan/extend.rs`.
    pub fn extend_subscription(ctx: Context<ExtendSubscription>, args: ExtendSubscriptionArgs) -> Result<()> {
        plan::extend::handle(ctx, args)
    }

    /// Closes an expired subscription. See `instructions/plan/close_subscription.rs`.
    pub fn close_subscription(ctx: Context<CloseSubscription>) -> Result<()> {
        plan::close_subscription::handle(ctx)
    }

    // Anchor.

    /// Anchors a log for the first time. See `instructions/anchor/open.rs`.
    pub fn open_anchor(ctx: Context<OpenAnchor>, args: OpenAnchorArgs) -> Result<()> {
        anchor::open::handle(ctx, args)
    }

    /// Anchors a log's newer checkpoint. See `instructions/anchor/advance.rs`.
    pub fn advance_anchor(ctx: Context<AdvanceAnchor>, args: AdvanceAnchorArgs) -> Result<()> {
        anchor::advance::handle(ctx, args)
    }
}
