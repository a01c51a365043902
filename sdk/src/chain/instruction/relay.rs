//! Instructions of relay operators, and of whoever catches one contradicting itself.

use solana_sdk::{instruction::Instruction, pubkey::Pubkey};

use super::{INSTRUCTIONS, SYSTEM_PROGRAM, TOKEN_PROGRAM, accounts, build, data};
use crate::chain::{
    Config, PROGRAM_ID, SlashRelayArgs, config_address, contradiction_address, event_authority, program, relay_address,
    stake_address, stake_permit_address,
};

/// Registers the operator's relay; `key` signs too, the operator pays the rent.
pub fn register_relay(operator: &Pubkey, key: &Pubkey, endpoint: &str) -> Instruction {
    let stake = stake_address(operator);
    let accounts = accounts::RegisterRelay {
        operator: *operator,
        key: *key,
        config: config_address(),
        stake,
        stake_permit: stake_permit_address(&stake),
        relay: relay_address(operator),
        system_program: SYSTEM_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::RegisterRelay { args: program::RegisterRelayArgs { endpoint: endpoint.to_owned() } })
}

/// Names another endpoint.
pub fn update_relay(operator: &Pubkey, endpoint: &str) -> Instruction {
    let accounts = accounts::UpdateRelay {
        operator: *operator,
        relay: relay_address(operator),
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::UpdateRelay { args: program::UpdateRelayArgs { endpoint: endpoint.to_owned() } })
}

/// Names another receipt key, which signs too.
pub fn rotate_relay_key(operator: &Pubkey, key: &Pubkey) -> Instruction {
    let accounts = accounts::RotateRelayKey {
        operator: *operator,
        key: *key,
        config: config_address(),
        relay: relay_address(operator),
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::RotateRelayKey {})
}

/// Takes the relay out of service and frees its bond for unstaking.
pub fn retire_relay(operator: &Pubkey) -> Instruction {
    let stake = stake_address(operator);
    let accounts = accounts::RetireRelay {
        operator: *operator,
        stake,
        stake_permit: stake_permit_address(&stake),
        relay: relay_address(operator),
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::RetireRelay {})
}

/// Closes a retired relay after its cool-down.
pub fn close_relay(operator: &Pubkey) -> Instruction {
    let accounts = accounts::CloseRelay {
        operator: *operator,
        config: config_address(),
        relay: relay_address(operator),
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::CloseRelay {})
}

/// Who reports which relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Signs, pays the record's rent.
    pub reporter: Pubkey,
    /// A PERMIT token account of the reporter, for its share.
    pub reporter_permit: Pubkey,
    /// The operator of the relay.
    pub operator: Pubkey,
}

/// Slashes a relay; `args` names the two instructions of the same transaction that [`verify_statement`] built.
pub fn slash_relay(config: &Config, report: &Report, args: SlashRelayArgs) -> Instruction {
    let (relay, stake) = (relay_address(&report.operator), stake_address(&report.operator));
    let accounts = accounts::SlashRelay {
        reporter: report.reporter,
        config: config_address(),
        relay,
        stake,
        stake_permit: stake_permit_address(&stake),
        reporter_permit: report.reporter_permit,
        insurance: config.insurance,
        permit_mint: config.permit_mint,
        contradiction: contradiction_address(&relay, &args.stream, args.sequence),
        instructions: INSTRUCTIONS,
        token_program: TOKEN_PROGRAM,
        system_program: SYSTEM_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::SlashRelay { args })
}

/// Has the Ed25519 precompile verify that `key` signed `message`.
pub fn verify_statement(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> Instruction {
    solana_ed25519_program::new_ed25519_instruction_with_signature(message, signature, key)
}
