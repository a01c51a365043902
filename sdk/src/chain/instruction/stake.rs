//! Instructions of a staker, who signs all of them.

use solana_sdk::{instruction::Instruction, pubkey::Pubkey};

use super::{SYSTEM_PROGRAM, TOKEN_PROGRAM, accounts, build, data};
use crate::chain::{Config, PROGRAM_ID, config_address, event_authority, program, stake_address, stake_permit_address};

/// Opens the owner's stake for the discount of `beneficiary`; the owner pays the rent of both accounts.
pub fn open_stake(config: &Config, owner: &Pubkey, beneficiary: &Pubkey) -> Instruction {
    let stake = stake_address(owner);
    let accounts = accounts::OpenStake {
        owner: *owner,
        config: config_address(),
        stake,
        stake_permit: stake_permit_address(&stake),
        permit_mint: config.permit_mint,
        token_program: TOKEN_PROGRAM,
        system_program: SYSTEM_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::OpenStake { args: program::OpenStakeArgs { beneficiary: *beneficiary } })
}

/// Moves PERMIT from the owner's token account into the stake.
pub fn add_stake(config: &Config, owner: &Pubkey, owner_permit: &Pubkey, amount_atoms: u64) -> Instruction {
    build(move_permit(config, owner, owner_permit), data::AddStake { args: program::AddStakeArgs { amount_atoms } })
}

/// Names another beneficiary of the discount.
pub fn set_beneficiary(owner: &Pubkey, beneficiary: &Pubkey) -> Instruction {
    build(own(owner), data::SetBeneficiary { args: program::SetBeneficiaryArgs { beneficiary: *beneficiary } })
}

/// Starts the cool-down of some of the stake.
pub fn request_unstake(owner: &Pubkey, amount_atoms: u64) -> Instruction {
    build(own(owner), data::RequestUnstake { args: program::RequestUnstakeArgs { amount_atoms } })
}

/// Takes the request to unstake back.
pub fn cancel_unstake(owner: &Pubkey) -> Instruction {
    build(own(owner), data::CancelUnstake {})
}

/// Pays out what has cooled down to a PERMIT token account of the owner.
pub fn unstake(config: &Config, owner: &Pubkey, owner_permit: &Pubkey) -> Instruction {
    build(move_permit(config, owner, owner_permit), data::Unstake {})
}

/// Closes the owner's empty stake; what others sent to its token account goes to `owner_permit`.
pub fn close_stake(config: &Config, owner: &Pubkey, owner_permit: &Pubkey) -> Instruction {
    let stake = stake_address(owner);
    let accounts = accounts::CloseStake {
        owner: *owner,
        config: config_address(),
        stake,
        stake_permit: stake_permit_address(&stake),
        owner_permit: *owner_permit,
        permit_mint: config.permit_mint,
        token_program: TOKEN_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::CloseStake {})
}

fn own(owner: &Pubkey) -> accounts::OwnStake {
    let stake = stake_address(owner);
    accounts::OwnStake {
        owner: *owner,
        config: config_address(),
        stake,
        stake_permit: stake_permit_address(&stake),
        event_authority: event_authority(),
        program: PROGRAM_ID,
    }
}

fn move_permit(config: &Config, owner: &Pubkey, owner_permit: &Pubkey) -> accounts::MovePermit {
    let stake = stake_address(owner);
    accounts::MovePermit {
        owner: *owner,
        config: config_address(),
        stake,
        stake_permit: stake_permit_address(&stake),
        owner_permit: *owner_permit,
        permit_mint: config.permit_mint,
        token_program: TOKEN_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    }
}
