//! Anchors of the audit log; `config.settle_authority` signs.

use solana_sdk::{instruction::Instruction, pubkey::Pubkey};

use super::{SYSTEM_PROGRAM, accounts, build, data};
use crate::chain::{Config, OpenAnchorArgs, PROGRAM_ID, anchor_address, config_address, event_authority, program};

/// Anchors a log for the first time; `payer` pays the rent.
pub fn open_anchor(config: &Config, payer: &Pubkey, args: OpenAnchorArgs) -> Instruction {
    let accounts = accounts::OpenAnchor {
        payer: *payer,
        settle_authority: config.settle_authority,
        config: config_address(),
        anchor: anchor_address(&args.log),
        system_program: SYSTEM_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::OpenAnchor { args })
}

/// Anchors a log's newer checkpoint.
pub fn advance_anchor(config: &Config, log: &[u8; 32], size: u64, root: [u8; 32]) -> Instruction {
    let accounts = accounts::AdvanceAnchor {
        settle_authority: config.settle_authority,
        config: config_address(),
        anchor: anchor_address(log),
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::AdvanceAnchor { args: program::AdvanceAnchorArgs { size, root } })
}
