//! Settlements, and the end of their records.

use solana_sdk::{instruction::Instruction, pubkey::Pubkey};

use super::{SYSTEM_PROGRAM, TOKEN_PROGRAM, accounts, build, data};
use crate::chain::{
    Config, PROGRAM_ID, SettleArgs, SettleSolArgs, config_address, event_authority, settlement_address, vault_address,
    vault_usdc_address,
};

/// Pays the treasury USDC from `owner`'s vault; `config.settle_authority` signs, `payer` pays the rent of the record.
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

/// Pays the treasury SOL from `owner`'s vault at the price in the config's oracle account; signers as for [`settle`].
pub fn settle_sol(config: &Config, owner: &Pubkey, payer: &Pubkey, args: SettleSolArgs) -> Instruction {
    let vault = vault_address(owner);
    let accounts = accounts::SettleSol {
        payer: *payer,
        settle_authority: config.settle_authority,
        config: config_address(),
        vault,
        sol_treasury: config.sol_treasury,
        price: config.oracle.map_or_else(Pubkey::default, |oracle| oracle.account),
        settlement: settlement_address(&vault, args.sequence),
        system_program: SYSTEM_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::SettleSol { args })
}

/// Closes a settlement's record after its retention; anybody may. `payer` is who paid its rent.
pub fn close_settlement(vault: &Pubkey, sequence: u64, payer: &Pubkey) -> Instruction {
    let accounts = accounts::CloseSettlement {
        config: config_address(),
        settlement: settlement_address(vault, sequence),
        payer: *payer,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::CloseSettlement {})
}
