//! The on-chain program as the rest of the project sees it: addresses, instructions, accounts and events.
//!
//! | module | holds |
//! |---|---|
//! | `instruction` | one builder per instruction |
//! | `event` | events out of inner instructions |
//!
//! This file alone names the program's crate; a new version of the chain's libraries is a change here.

use anchor_lang::AccountDeserialize;
use permitpipe_program as program;
use solana_sdk::pubkey::Pubkey;

mod event;
pub mod instruction;

pub use event::{Event, change_payload, decode_event};
pub use program::{
    ClaimRewardArgs, CreatePlanArgs, InitializeConfigArgs, OpenAnchorArgs, PublishEpochArgs, SettleArgs, SettleSolArgs,
    SlashRelayArgs,
    error::PermitPipeError,
    event::{
        CapChanged, ConfigChange, ConfigChanged, Deposited, EpochChange, EpochChanged, LogAnchored, PlanChange,
        PlanChanged, RelayChange, RelayChanged, Settled, SettlementClosed, StakeChange, StakeChanged,
        SubscriptionChange, SubscriptionChanged, TemplateChange, TemplateChanged, VaultClosed, VaultOpened,
        WithdrawalCancelled, WithdrawalRequested, Withdrawn,
    },
    math, merkle,
    oracle::{PRICE_DISCRIMINATOR, PRICE_PROGRAM},
    reward_leaf,
    state::{
        Anchor, Asset, Book, Config, Contradiction, Epoch, Plan, Relay, Settlement, Stake, Subscription, Template,
        Vault,
        book::{PendingCap, Withdrawal},
        change::{Bonds, Change, Fee, Limits, Oracle, PendingChange, Tier, Timing},
        stake::{Position, Unlocking},
        template::TemplateStatus,
    },
    statement::{ED25519_PROGRAM, Statement},
};

/// Where the program lives, on every cluster.
pub const PROGRAM_ID: Pubkey = program::ID;

/// Why something from the chain could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The account's data is of another kind, or cut off.
    #[error("the data is not a {expected} account of the PermitPipe program; check the address and the program id")]
    NotThatAccount {
        /// The kind that was asked for.
        expected: &'static str,
    },
    /// The account was written by a program newer or older than this build.
    #[error("the {account} account has version {version}, this build reads version {known}; upgrade it")]
    UnknownVersion {
        /// The kind of account.
        account: &'static str,
        /// What the account says.
        version: u8,
        /// What this build reads.
        known: u8,
    },
    /// The program emitted an event this build does not know.
    #[error("an event with the unknown discriminator {discriminator}; upgrade this build before it goes on")]
    UnknownEvent {
        /// Up to eight bytes, in hex.
        discriminator: String,
    },
    /// A known event that does not read to its last byte.
    #[error("the event {name} is cut off or has bytes this build does not know; upgrade it")]
    MalformedEvent {
        /// The event's name.
        name: &'static str,
    },
}

/// Where the config stands.
pub fn config_address() -> Pubkey {
    address(&[program::seed::CONFIG])
}

/// Where an owner's vault stands.
pub fn vault_address(owner: &Pubkey) -> Pubkey {
    address(&[program::seed::VAULT, owner.as_ref()])
}

/// Where a vault's USDC token account stands.
pub fn vault_usdc_address(vault: &Pubkey) -> Pubkey {
    address(&[program::seed::USDC, vault.as_ref()])
}

/// Where the settlement of that number stands.
pub fn settlement_address(vault: &Pubkey, sequence: u64) -> Pubkey {
    address(&[program::seed::SETTLEMENT, vault.as_ref(), &sequence.to_le_bytes()])
}

/// Where an owner's stake stands.
pub fn stake_address(owner: &Pubkey) -> Pubkey {
    address(&[program::seed::STAKE, owner.as_ref()])
}

/// Where a stake's PERMIT token account stands.
pub fn stake_permit_address(stake: &Pubkey) -> Pubkey {
    address(&[program::seed::PERMIT, stake.as_ref()])
}

/// Where an operator's relay stands.
pub fn relay_address(operator: &Pubkey) -> Pubkey {
    address(&[program::seed::RELAY, operator.as_ref()])
}

/// Where the record of a relay's contradiction stands.
pub fn contradiction_address(relay: &Pubkey, stream: &[u8; 32], sequence: u64) -> Pubkey {
    address(&[program::seed::CONTRADICTION, relay.as_ref(), stream, &sequence.to_le_bytes()])
}

/// Where the epoch of that number stands.
pub fn epoch_address(number: u64) -> Pubkey {
    address(&[program::seed::EPOCH, &number.to_le_bytes()])
}

/// Where an epoch's USDC token account stands.
pub fn epoch_usdc_address(epoch: &Pubkey) -> Pubkey {
    address(&[program::seed::REWARD, epoch.as_ref()])
}

/// Where the template with that content hash stands.
pub fn template_address(hash: &[u8; 32]) -> Pubkey {
    address(&[program::seed::TEMPLATE, hash])
}

/// Where a template's PERMIT token account stands.
pub fn template_permit_address(template: &Pubkey) -> Pubkey {
    address(&[program::seed::BOND, template.as_ref()])
}

/// Where the plan of that number stands.
pub fn plan_address(number: u64) -> Pubkey {
    address(&[program::seed::PLAN, &number.to_le_bytes()])
}

/// Where an owner's subscription stands.
pub fn subscription_address(owner: &Pubkey) -> Pubkey {
    address(&[program::seed::SUBSCRIPTION, owner.as_ref()])
}

/// Where a log's anchor stands.
pub fn anchor_address(log: &[u8; 32]) -> Pubkey {
    address(&[program::seed::ANCHOR, log])
}

/// Where the upgradeable loader keeps the program's code and its upgrade authority.
pub fn program_data_address() -> Pubkey {
    let loader = anchor_lang::solana_program::bpf_loader_upgradeable::ID;
    Pubkey::find_program_address(&[PROGRAM_ID.as_ref()], &loader).0
}

/// Writes one reader per kind of account.
macro_rules! readers {
    ($($function:ident: $account:ident),* $(,)?) => {$(
        #[doc = concat!("Reads a ", stringify!($account), " account's data. The caller checks that [`PROGRAM_ID`] owns the account.")]
        pub fn $function(data: &[u8]) -> Result<$account, ChainError> {
            let account: $account = decode(data, stringify!($account))?;
            known(stringify!($account), account.version, $account::VERSION)?;
            Ok(account)
        }
    )*};
}

readers! {
    decode_config: Config,
    decode_vault: Vault,
    decode_settlement: Settlement,
    decode_stake: Stake,
    decode_relay: Relay,
    decode_contradiction: Contradiction,
    decode_epoch: Epoch,
    decode_template: Template,
    decode_plan: Plan,
    decode_subscription: Subscription,
    decode_anchor: Anchor,
}

fn address(seeds: &[&[u8]]) -> Pubkey {
    Pubkey::find_program_address(seeds, &PROGRAM_ID).0
}

/// The program's own address that signs its events.
fn event_authority() -> Pubkey {
    program::EVENT_AUTHORITY_AND_BUMP.0
}

fn decode<T: AccountDeserialize>(mut data: &[u8], expected: &'static str) -> Result<T, ChainError> {
    T::try_deserialize(&mut data).map_err(|_| ChainError::NotThatAccount { expected })
}

fn known(account: &'static str, version: u8, known: u8) -> Result<(), ChainError> {
    if version == known { Ok(()) } else { Err(ChainError::UnknownVersion { account, version, known }) }
}

#[cfg(test)]
mod tests {
    use anchor_lang::AccountSerialize;

    use super::*;

    fn settlement(version: u8) -> Vec<u8> {
        let settlement = Settlement {
            version,
            bump: 255,
            vault: Pubkey::new_from_array([7; 32]),
            asset: Asset::Usdc,
            sequence: 1,
            amount_atoms: 2,
            charge_credits: 2,
            receipt_count: 3,
            receipts_root: [4; 32],
            settled_at: -5,
            payer: Pubkey::new_from_array([8; 32]),
            reserved: [0; 25],
        };
        let mut data = Vec::new();
        settlement.try_serialize(&mut data).unwrap();
        data
    }

    #[test]
    fn an_account_is_read_back_as_the_program_wrote_it() {
        let data = settlement(Settlement::VERSION);
        assert_eq!(data.len(), Settlement::SIZE);
        let read = decode_settlement(&data).unwrap();
        assert_eq!((read.sequence, read.amount_atoms, read.settled_at), (1, 2, -5));
    }

    #[test]
    fn another_kind_another_version_and_cut_data_are_refused() {
        let data = settlement(Settlement::VERSION);
        assert_eq!(decode_vault(&data), Err(ChainError::NotThatAccount { expected: "Vault" }));
        assert_eq!(decode_config(&[]), Err(ChainError::NotThatAccount { expected: "Config" }));
        assert_eq!(decode_settlement(&data[..100]), Err(ChainError::NotThatAccount { expected: "Settlement" }));
        let refused = ChainError::UnknownVersion { account: "Settlement", version: 9, known: Settlement::VERSION };
        assert_eq!(decode_settlement(&settlement(9)), Err(refused));
    }

    #[test]
    fn every_vault_and_every_sequence_has_its_own_address() {
        let (a, b) = (Pubkey::new_from_array([1; 32]), Pubkey::new_from_array([2; 32]));
        let all = [
            config_address(),
            vault_address(&a),
            vault_address(&b),
            vault_usdc_address(&a),
            settlement_address(&a, 1),
            settlement_address(&a, 256),
            settlement_address(&b, 1),
            program_data_address(),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
