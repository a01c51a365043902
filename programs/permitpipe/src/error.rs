//! Every refusal of ours, with its number. Numbers are explicit and never reused: add at the end of a group.
//!
//! Each message says what is wrong and what to do. Numbers below 6000 are Anchor's own.

use anchor_lang::prelude::*;

/// Why the program refused. 60xx is general, 61xx config, 62xx vault, 63xx settlement, 64xx stake, 65xx relay and epoch,
/// 66xx template, 67xx plan, 68xx anchor.
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
    /// Closed in the slot it was opened in, or reopened too fast: its event numbers would come twice.
    #[msg("The account was opened a moment ago; close it from the next slot on")]
    ClosedTooSoon = 6004,
    /// The record is still within its retention.
    #[msg("The record is still within the config's retention; close it after that")]
    StillRetained = 6005,

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
    #[msg(
        "Delays are 1 second to 30 days (retention and warm-up to 366), window <= withdrawal delay <= change delay; correct them"
    )]
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
    #[msg(
        "New promises are paused (vaults, deposits, stakes, relays, templates, plans); exits are not, try again after the pause"
    )]
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
    /// The guardian may not keep itself in office.
    #[msg("The guardian cannot cancel its own replacement; the admin can")]
    VetoOfReplacement = 6117,
    /// Tiers out of order.
    #[msg(
        "Tiers must rise in weight and in discount, at most 10000 basis points, unused ones last and zero; correct them"
    )]
    BadTiers = 6118,
    /// Bonds or shares out of range.
    #[msg(
        "Bonds are at least 1 atom, the slash 1 to 10000 basis points, the reporter's share at most 5000; correct them"
    )]
    BadBonds = 6119,
    /// Smallest deposits of zero, or fees beyond books.
    #[msg(
        "Smallest deposits are at least 1 atom and 1 lamport, fees at most 9223372036854775807 credits; correct them"
    )]
    BadLimits = 6120,
    /// Oracle bounds out of range.
    #[msg(
        "The oracle's age is 1 to 120 seconds, its confidence 1 to 1000 basis points, its account a real one; correct them"
    )]
    BadOracle = 6121,
    /// Only the verifier may do this.
    #[msg("The signer is not the verifier in the config (to acquit, nor the admin); sign with it")]
    NotVerifier = 6122,
    /// Small payments to it would fail.
    #[msg("The SOL treasury does not exist yet; send it the rent of an empty account first")]
    BadSolTreasury = 6123,
    /// A frozen PERMIT account could not be unstaked from.
    #[msg("The PERMIT mint has a freeze authority, which could lock stakes; give that authority up first")]
    BadPermitMint = 6124,

    /// Only the owner of the vault, stake, relay or subscription may do this.
    #[msg("The signer does not own the account; sign with its owner")]
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
    /// The account that holds the money holds less than the books say.
    #[msg(
        "The account holds less than its books say, or rent has risen by more than it holds; withdraw what is there, or report this"
    )]
    HoldingsBelowBooks = 6206,
    /// Off chain, amounts are signed 64-bit integers.
    #[msg("The cap is above 9223372036854775807 atoms; that is as good as none, use at most that")]
    CapTooLarge = 6207,
    /// A vault closes only when it is empty.
    #[msg("The vault still holds credit; withdraw it first")]
    VaultNotEmpty = 6208,
    /// Without a price, SOL could not be settled.
    #[msg("The config names no price oracle, so SOL is not taken; deposit USDC")]
    NoOracle = 6209,

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
    /// The price account is not the pinned one, or not Pyth's.
    #[msg(
        "The price account is not the one in the config, or not a push feed of the price program; pass the pinned one"
    )]
    WrongOracle = 6307,
    /// Another feed, or a layout that is not a price update.
    #[msg("The price account holds no update of the pinned feed; pass the pinned one")]
    WrongFeed = 6308,
    /// Fewer guardians signed the price than must.
    #[msg("The price update is only partially verified; wait for a fully verified one")]
    PartialVerification = 6309,
    /// A price from the future.
    #[msg("The price was published in the future; wait for the next update")]
    FuturePrice = 6310,
    /// Zero, negative, or with an exponent that no price has.
    #[msg("The price is not positive or its exponent is not within -12 to 0; wait for a sound update")]
    BadPrice = 6311,
    /// The price is too uncertain.
    #[msg("The price's confidence interval is wider than the config allows; wait for a calmer update")]
    WideConfidence = 6312,
    /// Nothing is left to pay after pricing.
    #[msg("The charge is worth less than 1 lamport at this price; settle more receipts together")]
    NothingToSettle = 6313,

    /// A request to unstake waits already.
    #[msg("A request to unstake is already waiting; take the stake out or cancel it first")]
    UnstakePending = 6400,
    /// No request waits.
    #[msg("No request to unstake is waiting; request one first")]
    NoUnstake = 6401,
    /// The cool-down is not over.
    #[msg("The stake is still cooling down; wait until it is unlocked")]
    UnstakeNotReady = 6402,
    /// More than is staked.
    #[msg("The amount is larger than the active stake; ask for at most that")]
    InsufficientStake = 6403,
    /// A registered relay's bond stays.
    #[msg("The stake bonds a relay; leave the bond in place or retire the relay first")]
    StakeBonded = 6404,
    /// A stake closes only when it is empty.
    #[msg("The stake still holds PERMIT; unstake it first")]
    StakeNotEmpty = 6405,
    /// The beneficiary is the present one already.
    #[msg("That account is the beneficiary already; nothing to do")]
    SameBeneficiary = 6406,

    /// The stake is too small to bond a relay.
    #[msg("The active stake is below the relay bond in the config; stake more first")]
    BondTooSmall = 6500,
    /// An endpoint nobody could dial.
    #[msg("The endpoint must be an https:// or wss:// URL of at most 120 printable ASCII characters; correct it")]
    BadEndpoint = 6501,
    /// The relay has been retired.
    #[msg("The relay is retired; close it and register anew")]
    RelayRetired = 6502,
    /// The relay is in service.
    #[msg("The relay is not retired; retire it first")]
    RelayNotRetired = 6503,
    /// The cool-down after retiring, or after the last change of key, is not over.
    #[msg("The relay's cool-down since its retirement or last key change is not over; wait for it")]
    RelayCoolingDown = 6504,
    /// The new key is the old one.
    #[msg("The receipt key is the present one; name a new one")]
    SameKey = 6505,
    /// The named instruction is not a plain Ed25519 verification of one signature over its own data.
    #[msg(
        "The named instruction is not an Ed25519 check of one signature within its own data; put one before this one"
    )]
    NotEd25519 = 6506,
    /// The signer of a statement is not the relay.
    #[msg("The statement was not signed by this relay's receipt key; report the relay that signed it")]
    NotRelayKey = 6507,
    /// The signed bytes are no statement of a relay.
    #[msg("The signed message is not a relay statement; statements are 102 bytes with our prefix")]
    NotStatement = 6508,
    /// Two statements that agree.
    #[msg("The two statements do not contradict each other: same stream and sequence, different content is needed")]
    NoContradiction = 6509,
    /// Nothing is left to slash.
    #[msg("The stake is empty, so nothing can be slashed")]
    NothingToSlash = 6510,
    /// A slashed relay's record stays.
    #[msg("The relay has been slashed, so its record stays; register under another operator")]
    RelaySlashed = 6511,
    /// More leaves than the bitmap may have, or none.
    #[msg("An epoch has 1 to 16384 leaves and at least 1 atom; split it")]
    BadEpoch = 6520,
    /// The number is not the next one.
    #[msg("The epoch's number is not the next one; read the config and publish in order")]
    WrongEpoch = 6521,
    /// The proof does not lead to the root.
    #[msg("The proof does not lead from this claim to the epoch's root; check index, amount, receipts and proof")]
    BadProof = 6522,
    /// Each leaf once.
    #[msg("This leaf is claimed already; each is paid once")]
    AlreadyClaimed = 6523,
    /// The root promises more than was funded.
    #[msg("The claim is more than is left in the epoch; nothing was paid, report this")]
    EpochExhausted = 6524,

    /// Not in a state that allows it.
    #[msg("The template's status does not allow this; read the template")]
    WrongTemplateStatus = 6600,
    /// Only the publisher may do this.
    #[msg("The signer did not publish the template; sign with its publisher")]
    NotPublisher = 6601,
    /// An accusation waits already.
    #[msg("The template is accused; wait until that is carried out, dropped, or lapses 14 days past its eta")]
    AlreadyAccused = 6602,
    /// No accusation waits.
    #[msg("The template is not accused, or the accusation lapsed; accuse it first")]
    NotAccused = 6603,
    /// The delay is not over.
    #[msg("The template is still in its delay; wait for its eta")]
    TemplateNotReady = 6604,

    /// A plan without a price or a period.
    #[msg("A plan costs at least 1 atom and lasts 1 minute to 366 days; correct it")]
    BadPlan = 6700,
    /// The number is not the next one.
    #[msg("The plan's number is not the next one; read the config and create in order")]
    WrongPlan = 6701,
    /// The plan is no longer sold.
    #[msg("The plan is retired; choose another one")]
    PlanRetired = 6702,
    /// The plan is sold.
    #[msg("The plan is not retired; retire it first")]
    PlanNotRetired = 6703,
    /// No periods, or more than anybody should pay ahead.
    #[msg("Buy 1 period or more, and at most 366 days ahead")]
    BadPeriods = 6704,
    /// The subscription runs.
    #[msg("The subscription has not expired; close it after that")]
    SubscriptionRunning = 6705,

    /// A log never shrinks.
    #[msg("The size is below the anchored one; a log never shrinks")]
    LogShrank = 6800,
    /// A log never forks.
    #[msg("The size is anchored with another root; a log never forks")]
    LogForked = 6801,
}

impl PermitPipeError {
    /// Every refusal, for tests that must have seen each of them.
    #[rustfmt::skip]
    pub const ALL: &'static [Self] = &[
        Self::Overflow, Self::ZeroAmount, Self::UnknownVersion, Self::InvariantViolated, Self::ClosedTooSoon,
        Self::StillRetained, Self::NotUpgradeAuthority, Self::NotAdmin,
        Self::NotGuardianOrAdmin, Self::NotAccepter, Self::DefaultAuthority, Self::BadDelay, Self::BadUsdcMint,
        Self::SameMint, Self::ChangePending, Self::NoPendingChange, Self::ChangeNotReady, Self::ChangeExpired,
        Self::DurableNonce, Self::Paused, Self::AlreadyPaused, Self::NotPaused, Self::CapNotLower,
        Self::VetoOfReplacement, Self::BadTiers, Self::BadBonds, Self::BadLimits, Self::BadOracle, Self::NotVerifier, Self::BadSolTreasury, Self::BadPermitMint,
        Self::NotOwner, Self::DepositTooSmall, Self::InsufficientBalance, Self::WithdrawalPending, Self::NoWithdrawal,
        Self::WithdrawalNotReady, Self::HoldingsBelowBooks, Self::CapTooLarge, Self::VaultNotEmpty, Self::NoOracle, Self::NotSettleAuthority,
        Self::WrongTreasury, Self::WrongSequence, Self::NoReceipts, Self::SettlementAboveBalance,
        Self::SettlementAboveSettleCap, Self::SettlementAboveOwnerCap, Self::WrongOracle, Self::WrongFeed,
        Self::PartialVerification, Self::FuturePrice, Self::BadPrice, Self::WideConfidence, Self::NothingToSettle,
        Self::UnstakePending, Self::NoUnstake, Self::UnstakeNotReady, Self::InsufficientStake, Self::StakeBonded,
        Self::StakeNotEmpty, Self::SameBeneficiary, Self::BondTooSmall, Self::BadEndpoint, Self::RelayRetired,
        Self::RelayNotRetired, Self::RelayCoolingDown, Self::SameKey, Self::NotEd25519, Self::NotRelayKey,
        Self::NotStatement, Self::NoContradiction, Self::NothingToSlash, Self::RelaySlashed, Self::BadEpoch, Self::WrongEpoch,
        Self::BadProof, Self::AlreadyClaimed, Self::EpochExhausted, Self::WrongTemplateStatus, Self::NotPublisher,
        Self::AlreadyAccused, Self::NotAccused, Self::TemplateNotReady, Self::BadPlan, Self::WrongPlan,
        Self::PlanRetired, Self::PlanNotRetired, Self::BadPeriods, Self::SubscriptionRunning, Self::LogShrank,
        Self::LogForked,
    ];
}
