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

pub use event::{Event, decode_event};
pub use program::{
    InitializeConfigArgs, SettleArgs,
    error::PermitPipeError,
    event::{
        CapChanged, ConfigChange, ConfigChanged, Deposited, Settled, VaultOpened, WithdrawalCancelled,
        WithdrawalRequested, Withdrawn,
    },
    state::{
        Config, Settlement, Vault,
        config::{Change, PendingChange},
        vault::{PendingCap, Withdrawal},
    },
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

/// Where the upgradeable loader keeps the program's code and its upgrade authority.
pub fn program_data_address() -> Pubkey {
    let loader = anchor_lang::solana_program::bpf_loader_upgradeable::ID;
    Pubkey::find_program_address(&[PROGRAM_ID.as_ref()], &loader).0
}

/// Reads a Config account's data. The caller checks that [`PROGRAM_ID`] owns the account.
pub fn decode_config(data: &[u8]) -> Result<Config, ChainError> {
    let config: Config = decode(data, "Config")?;
    known("Config", config.version, Config::VERSION)?;
    Ok(config)
}

/// Reads a Vault account's data. The caller checks that [`PROGRAM_ID`] owns the account.
pub fn decode_vault(data: &[u8]) -> Result<Vault, ChainError> {
    let vault: Vault = decode(data, "Vault")?;
    known("Vault", vault.version, Vault::VERSION)?;
    Ok(vault)
}

/// Reads a Settlement account's data. The caller checks that [`PROGRAM_ID`] owns the account.
pub fn decode_settlement(data: &[u8]) -> Result<Settlement, ChainError> {
    let settlement: Settlement = decode(data, "Settlement")?;
    known("Settlement", settlement.version, Settlement::VERSION)?;
    Ok(settlement)
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
            sequence: 1,
            amount_atoms: 2,
            receipt_count: 3,
            receipts_root: [4; 32],
            settled_at: -5,
            payer: Pubkey::new_from_array([8; 32]),
            reserved: [0; 26],
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
        let refused = ChainError::UnknownVersion { account: "Settlement", version: 9, known: 1 };
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
