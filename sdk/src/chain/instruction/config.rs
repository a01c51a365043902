//! Instructions on the config.

use solana_sdk::{instruction::Instruction, pubkey::Pubkey};

use super::{INSTRUCTIONS, SYSTEM_PROGRAM, accounts, build, data};
use crate::chain::{
    Asset, Change, InitializeConfigArgs, PROGRAM_ID, config_address, event_authority, program, program_data_address,
};

/// What the config will point to for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mints {
    /// The mint of USDC.
    pub usdc: Pubkey,
    /// The mint of PERMIT.
    pub permit: Pubkey,
    /// The USDC token account that settlements and plans pay.
    pub treasury: Pubkey,
    /// The wallet that settlements in SOL pay.
    pub sol_treasury: Pubkey,
    /// The PERMIT token account that takes what is slashed and forfeited.
    pub insurance: Pubkey,
}

/// Creates the config; `authority` is the program's upgrade authority and pays.
pub fn initialize_config(authority: &Pubkey, mints: &Mints, args: InitializeConfigArgs) -> Instruction {
    let accounts = accounts::InitializeConfig {
        authority: *authority,
        config: config_address(),
        usdc_mint: mints.usdc,
        permit_mint: mints.permit,
        treasury: mints.treasury,
        sol_treasury: mints.sol_treasury,
        insurance: mints.insurance,
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
    build(govern(admin), data::ProposeChange { args: program::ProposeChangeArgs { change } })
}

/// Puts the proposed change into force; a new admin is the `accepter` of itself, the admin of everything else.
pub fn accept_change(accepter: &Pubkey) -> Instruction {
    build(govern(accepter), data::AcceptChange {})
}

/// Drops the proposed change.
pub fn cancel_change(by: &Pubkey) -> Instruction {
    build(govern(by), data::CancelChange {})
}

/// Stops new promises.
pub fn pause(by: &Pubkey) -> Instruction {
    build(govern(by), data::Pause {})
}

/// Allows new promises again.
pub fn unpause(admin: &Pubkey) -> Instruction {
    build(govern(admin), data::Unpause {})
}

/// Lowers what one settlement may take of an asset; 0 stops settling it.
pub fn lower_settle_cap(by: &Pubkey, asset: Asset, settle_cap_atoms: u64) -> Instruction {
    build(govern(by), data::LowerSettleCap { args: program::LowerSettleCapArgs { asset, settle_cap_atoms } })
}

fn govern(signer: &Pubkey) -> accounts::Govern {
    accounts::Govern {
        signer: *signer,
        config: config_address(),
        instructions: INSTRUCTIONS,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    }
}
