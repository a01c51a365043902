//! One builder per instruction of the program; each knows its accounts and their order.
//!
//! Signers are what the names say: `owner`, `admin`, `by` (guardian or admin), `payer` and `settle_authority`.

use anchor_lang::{InstructionData, ToAccountMetas};
use solana_sdk::{instruction::Instruction, pubkey::Pubkey};

use super::{
    Change, Config, InitializeConfigArgs, PROGRAM_ID, SettleArgs, config_address, event_authority, program,
    program::{accounts, instruction as data},
    program_data_address, settlement_address, vault_address, vault_usdc_address,
};

const TOKEN_PROGRAM: Pubkey = spl_token::ID;
const SYSTEM_PROGRAM: Pubkey = anchor_lang::solana_program::system_program::ID;
const INSTRUCTIONS: Pubkey = solana_sdk::sysvar::instructions::ID;

/// What the config will point to for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mints {
    /// The mint of USDC.
    pub usdc: Pubkey,
    /// The mint of PERMIT.
    pub permit: Pubkey,
    /// The USDC token account that settlements pay.
    pub treasury: Pubkey,
}

/// Creates the config; `authority` is the program's upgrade authority and pays.
pub fn initialize_config(authority: &Pubkey, mints: &Mints, args: InitializeConfigArgs) -> Instruction {
    let accounts = accounts::InitializeConfig {
        authority: *authority,
        config: config_address(),
        usdc_mint: mints.usdc,
        permit_mint: mints.permit,
        treasury: mints.treasury,
        program_data: program_data_address(),
        instructions: INSTRUCTIONS,
        system_program: SYSTEM_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::InitializeConfig { args })
}

/// Proposes a change of the config.
pub fn propose_change(admin: &Pubkey, change: Change) -> Instruction {
    let accounts = accounts::ProposeChange {
        admin: *admin,
        config: config_address(),
        instructions: INSTRUCTIONS,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::ProposeChange { args: program::ProposeChangeArgs { change } })
}

/// Puts the proposed change into force; a new admin is the `accepter` of itself, the admin of everything else.
pub fn accept_change(accepter: &Pubkey) -> Instruction {
    let accounts = accounts::AcceptChange {
        accepter: *accepter,
        config: config_address(),
        instructions: INSTRUCTIONS,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::AcceptChange {})
}

/// Drops the proposed change.
pub fn cancel_change(by: &Pubkey) -> Instruction {
    let accounts = accounts::CancelChange {
        signer: *by,
        config: config_address(),
        instructions: INSTRUCTIONS,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::CancelChange {})
}

/// Stops new vaults and deposits.
pub fn pause(by: &Pubkey) -> Instruction {
    let accounts = accounts::Pause {
        signer: *by,
        config: config_address(),
        instructions: INSTRUCTIONS,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::Pause {})
}

/// Allows new vaults and deposits again.
pub fn unpause(admin: &Pubkey) -> Instruction {
    let accounts = accounts::Unpause {
        admin: *admin,
        config: config_address(),
        instructions: INSTRUCTIONS,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::Unpause {})
}

/// Lowers what one settlement may take; 0 stops settling.
pub fn lower_settle_cap(by: &Pubkey, settle_cap_atoms: u64) -> Instruction {
    let accounts = accounts::LowerSettleCap {
        signer: *by,
        config: config_address(),
        instructions: INSTRUCTIONS,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::LowerSettleCap { args: program::LowerSettleCapArgs { settle_cap_atoms } })
}

/// Opens the owner's vault; the owner pays the rent of both accounts.
pub fn open_vault(config: &Config, owner: &Pubkey, cap_atoms: u64) -> Instruction {
    let vault = vault_address(owner);
    let accounts = accounts::OpenVault {
        owner: *owner,
        config: config_address(),
        vault,
        vault_usdc: vault_usdc_address(&vault),
        usdc_mint: config.usdc_mint,
        token_program: TOKEN_PROGRAM,
        system_program: SYSTEM_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::OpenVault { args: program::OpenVaultArgs { cap_atoms } })
}

/// Sets what settlements may take in one window.
pub fn set_cap(owner: &Pubkey, cap_atoms: u64) -> Instruction {
    let accounts = accounts::SetCap {
        owner: *owner,
        config: config_address(),
        vault: vault_address(owner),
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::SetCap { args: program::SetCapArgs { cap_atoms } })
}

/// Moves USDC from the owner's token account into the vault.
pub fn deposit_usdc(config: &Config, owner: &Pubkey, owner_usdc: &Pubkey, amount_atoms: u64) -> Instruction {
    let vault = vault_address(owner);
    let accounts = accounts::DepositUsdc {
        owner: *owner,
        config: config_address(),
        vault,
        vault_usdc: vault_usdc_address(&vault),
        owner_usdc: *owner_usdc,
        usdc_mint: config.usdc_mint,
        token_program: TOKEN_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::DepositUsdc { args: program::DepositUsdcArgs { amount_atoms } })
}

/// Starts the delay before a withdrawal.
pub fn request_withdrawal(owner: &Pubkey, amount_atoms: u64) -> Instruction {
    let accounts = accounts::RequestWithdrawal {
        owner: *owner,
        config: config_address(),
        vault: vault_address(owner),
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::RequestWithdrawal { args: program::RequestWithdrawalArgs { amount_atoms } })
}

/// Takes the requested withdrawal back.
pub fn cancel_withdrawal(owner: &Pubkey) -> Instruction {
    let accounts = accounts::CancelWithdrawal {
        owner: *owner,
        vault: vault_address(owner),
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::CancelWithdrawal {})
}

/// Pays the requested withdrawal to a USDC token account of the owner.
pub fn execute_withdrawal(config: &Config, owner: &Pubkey, owner_usdc: &Pubkey) -> Instruction {
    let vault = vault_address(owner);
    let accounts = accounts::ExecuteWithdrawal {
        owner: *owner,
        config: config_address(),
        vault,
        vault_usdc: vault_usdc_address(&vault),
        owner_usdc: *owner_usdc,
        usdc_mint: config.usdc_mint,
        token_program: TOKEN_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::ExecuteWithdrawal {})
}

/// Pays the treasury from `owner`'s vault; `config.settle_authority` signs, `payer` pays the rent of the record.
pub fn settle(config: &Config, owner: &Pubkey, payer: &Pubkey, args: SettleArgs) -> Instruction {
    let vault = vault_address(owner);
    let accounts = accounts::Settle {
        payer: *payer,
        settle_authority: config.settle_authority,
        config: config_address(),
        vault,
        vault_usdc: vault_usdc_address(&vault),
        treasury: config.treasury,
        usdc_mint: config.usdc_mint,
        settlement: settlement_address(&vault, args.sequence),
        token_program: TOKEN_PROGRAM,
        system_program: SYSTEM_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::Settle { args })
}

fn build(accounts: impl ToAccountMetas, data: impl InstructionData) -> Instruction {
    Instruction { program_id: PROGRAM_ID, accounts: accounts.to_account_metas(None), data: data.data() }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            version: 1,
            bump: 0,
            is_paused: false,
            admin: key(1),
            guardian: key(2),
            settle_authority: key(3),
            usdc_mint: key(4),
            permit_mint: key(5),
            treasury: key(6),
            settle_cap_atoms: 0,
            window_seconds: 1,
            withdrawal_delay_seconds: 1,
            change_delay_seconds: 1,
            min_deposit_atoms: 1,
            pending_change: None,
            event_seq: 0,
            reserved: [0; 219],
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
            open_vault(&config, &owner, 1),
            set_cap(&owner, 1),
            deposit_usdc(&config, &owner, &usdc, 1),
            request_withdrawal(&owner, 1),
            cancel_withdrawal(&owner),
            execute_withdrawal(&config, &owner, &usdc),
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
            propose_change(&by, Change::SettleCap(1)),
            accept_change(&by),
            cancel_change(&by),
            pause(&by),
            unpause(&by),
            lower_settle_cap(&by, 0),
        ] {
            let accounts = accounts(&built);
            assert_eq!(
                accounts[..3],
                [(by, true, false), (config_address(), false, true), (INSTRUCTIONS, false, false)]
            );
        }
    }
}
