//! Instructions of a vault's owner, who signs all of them.

use solana_sdk::{instruction::Instruction, pubkey::Pubkey};

use super::{SYSTEM_PROGRAM, TOKEN_PROGRAM, accounts, build, data};
use crate::chain::{
    Asset, Config, PROGRAM_ID, config_address, event_authority, program, vault_address, vault_usdc_address,
};

/// Opens the owner's vault with its caps per window; the owner pays the rent of both accounts.
pub fn open_vault(config: &Config, owner: &Pubkey, cap_atoms: u64, cap_lamports: u64) -> Instruction {
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
    build(accounts, data::OpenVault { args: program::OpenVaultArgs { cap_atoms, cap_lamports } })
}

/// Sets what settlements may take of an asset in one window.
pub fn set_cap(owner: &Pubkey, asset: Asset, cap_atoms: u64) -> Instruction {
    build(own(owner), data::SetCap { args: program::SetCapArgs { asset, cap_atoms } })
}

/// Moves USDC from the owner's token account into the vault.
pub fn deposit_usdc(config: &Config, owner: &Pubkey, owner_usdc: &Pubkey, amount_atoms: u64) -> Instruction {
    let args = program::DepositUsdcArgs { amount_atoms };
    build(move_usdc(config, owner, owner_usdc), data::DepositUsdc { args })
}

/// Moves lamports from the owner into the vault.
pub fn deposit_sol(owner: &Pubkey, lamports: u64) -> Instruction {
    build(move_sol(owner), data::DepositSol { args: program::DepositSolArgs { lamports } })
}

/// Starts the delay before a withdrawal of an asset.
pub fn request_withdrawal(owner: &Pubkey, asset: Asset, amount_atoms: u64) -> Instruction {
    build(own(owner), data::RequestWithdrawal { args: program::RequestWithdrawalArgs { asset, amount_atoms } })
}

/// Takes the requested withdrawal of an asset back.
pub fn cancel_withdrawal(owner: &Pubkey, asset: Asset) -> Instruction {
    build(own(owner), data::CancelWithdrawal { args: program::CancelWithdrawalArgs { asset } })
}

/// Pays the requested withdrawal of USDC to a token account of the owner.
pub fn execute_withdrawal(config: &Config, owner: &Pubkey, owner_usdc: &Pubkey) -> Instruction {
    build(move_usdc(config, owner, owner_usdc), data::ExecuteWithdrawal {})
}

/// Pays the requested withdrawal of SOL to the owner.
pub fn execute_sol_withdrawal(owner: &Pubkey) -> Instruction {
    build(move_sol(owner), data::ExecuteSolWithdrawal {})
}

/// Closes the owner's empty vault; what others sent to its token account goes to `owner_usdc`.
pub fn close_vault(config: &Config, owner: &Pubkey, owner_usdc: &Pubkey) -> Instruction {
    let vault = vault_address(owner);
    let accounts = accounts::CloseVault {
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
    build(accounts, data::CloseVault {})
}

fn own(owner: &Pubkey) -> accounts::OwnVault {
    accounts::OwnVault {
        owner: *owner,
        config: config_address(),
        vault: vault_address(owner),
        event_authority: event_authority(),
        program: PROGRAM_ID,
    }
}

fn move_usdc(config: &Config, owner: &Pubkey, owner_usdc: &Pubkey) -> accounts::MoveUsdc {
    let vault = vault_address(owner);
    accounts::MoveUsdc {
        owner: *owner,
        config: config_address(),
        vault,
        vault_usdc: vault_usdc_address(&vault),
        owner_usdc: *owner_usdc,
        usdc_mint: config.usdc_mint,
        token_program: TOKEN_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    }
}

fn move_sol(owner: &Pubkey) -> accounts::MoveSol {
    accounts::MoveSol {
        owner: *owner,
        config: config_address(),
        vault: vault_address(owner),
        system_program: SYSTEM_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    }
}
