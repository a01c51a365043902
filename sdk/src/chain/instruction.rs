//! One builder per instruction of the program; each knows its accounts and their order.
//!
//! Signers are what the names say: `owner`, `operator`, `publisher`, `admin`, `by` (guardian or admin), `payer` and
//! `settle_authority`.

use anchor_lang::{InstructionData, ToAccountMetas};
use solana_sdk::{instruction::Instruction, pubkey::Pubkey};

use super::{
    PROGRAM_ID,
    program::{accounts, instruction as data},
};

mod anchor;
mod config;
mod epoch;
mod plan;
mod relay;
mod settlement;
mod stake;
mod template;
mod vault;

pub use anchor::*;
pub use config::*;
pub use epoch::*;
pub use plan::*;
pub use relay::*;
pub use settlement::*;
pub use stake::*;
pub use template::*;
pub use vault::*;

const TOKEN_PROGRAM: Pubkey = spl_token::ID;
const SYSTEM_PROGRAM: Pubkey = anchor_lang::solana_program::system_program::ID;
const INSTRUCTIONS: Pubkey = solana_sdk::sysvar::instructions::ID;

fn build(accounts: impl ToAccountMetas, data: impl InstructionData) -> Instruction {
    Instruction { program_id: PROGRAM_ID, accounts: accounts.to_account_metas(None), data: data.data() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{
        Asset, Bonds, Change, Config, Fee, Limits, SettleArgs, Tier, Timing, config_address, event_authority,
        settlement_address, vault_address, vault_usdc_address,
    };

    /// (address, signs, writable) of every account of `instruction`.
    fn accounts(instruction: &Instruction) -> Vec<(Pubkey, bool, bool)> {
        assert_eq!(instruction.program_id, PROGRAM_ID);
        instruction.accounts.iter().map(|meta| (meta.pubkey, meta.is_signer, meta.is_writable)).collect()
    }

    fn key(byte: u8) -> Pubkey {
        Pubkey::new_from_array([byte; 32])
    }

    fn config() -> Config {
        Config {
            version: Config::VERSION,
            bump: 0,
            is_paused: false,
            admin: key(1),
            guardian: key(2),
            settle_authority: key(3),
            verifier: key(7),
            usdc_mint: key(4),
            permit_mint: key(5),
            treasury: key(6),
            sol_treasury: key(8),
            insurance: key(9),
            limits: Limits {
                settle_cap_atoms: 0,
                settle_cap_lamports: 0,
                min_deposit_atoms: 1,
                min_deposit_lamports: 1,
            },
            timing: Timing {
                window_seconds: 1,
                withdrawal_delay_seconds: 1,
                change_delay_seconds: 1,
                cool_down_seconds: 1,
                warm_up_seconds: 1,
                retention_seconds: 1,
            },
            bonds: Bonds { relay_atoms: 1, template_atoms: 1, slash_basis_points: 1, reporter_basis_points: 0 },
            fee: Fee { request_credits: 0, mebibyte_credits: 0 },
            tiers: [Tier::default(); Tier::COUNT],
            oracle: None,
            pending_change: None,
            epoch_count: 0,
            plan_count: 0,
            event_seq: 0,
            reserved: [0; 376],
        }
    }

    #[test]
    fn a_settlement_names_its_accounts_in_the_order_of_the_program() {
        let args = SettleArgs { sequence: 7, amount_atoms: 1, receipt_count: 1, receipts_root: [9; 32] };
        let (owner, payer) = (key(10), key(11));
        let vault = vault_address(&owner);
        let built = settle(&config(), &owner, &payer, args);
        let expected = vec![
            (payer, true, true),
            (key(3), true, false),
            (config_address(), false, false),
            (vault, false, true),
            (vault_usdc_address(&vault), false, true),
            (key(6), false, true),
            (key(4), false, false),
            (settlement_address(&vault, 7), false, true),
            (TOKEN_PROGRAM, false, false),
            (SYSTEM_PROGRAM, false, false),
            (event_authority(), false, false),
            (PROGRAM_ID, false, false),
        ];
        assert_eq!(accounts(&built), expected);
        assert_eq!(built.data.len(), 8 + 8 + 8 + 4 + 32);
    }

    #[test]
    fn owners_instructions_name_the_owner_as_the_only_signer() {
        let (config, owner, usdc) = (config(), key(10), key(12));
        for built in [
            open_vault(&config, &owner, 1, 1),
            set_cap(&owner, Asset::Usdc, 1),
            deposit_usdc(&config, &owner, &usdc, 1),
            request_withdrawal(&owner, Asset::Sol, 1),
            cancel_withdrawal(&owner, Asset::Sol),
            execute_withdrawal(&config, &owner, &usdc),
            deposit_sol(&owner, 1),
            execute_sol_withdrawal(&owner),
            close_vault(&config, &owner, &usdc),
        ] {
            let signers: Vec<_> = accounts(&built).into_iter().filter(|account| account.1).collect();
            assert_eq!(signers.iter().map(|signer| signer.0).collect::<Vec<_>>(), [owner]);
            assert!(accounts(&built).contains(&(vault_address(&owner), false, true)));
        }
    }

    #[test]
    fn config_instructions_carry_the_instructions_sysvar() {
        let by = key(10);
        for built in [
            propose_change(&by, Change::Admin(by)),
            accept_change(&by),
            cancel_change(&by),
            pause(&by),
            unpause(&by),
            lower_settle_cap(&by, Asset::Usdc, 0),
        ] {
            let accounts = accounts(&built);
            assert_eq!(
                accounts[..3],
                [(by, true, false), (config_address(), false, true), (INSTRUCTIONS, false, false)]
            );
        }
    }
}
