//! Rewards of relays.

use solana_sdk::{instruction::Instruction, pubkey::Pubkey};

use super::{SYSTEM_PROGRAM, TOKEN_PROGRAM, accounts, build, data};
use crate::chain::{
    ClaimRewardArgs, Config, PROGRAM_ID, PublishEpochArgs, config_address, epoch_address, epoch_usdc_address,
    event_authority, relay_address,
};

/// Publishes and funds an epoch; `config.settle_authority` signs and owns `funding`, `payer` pays the rent.
pub fn publish_epoch(config: &Config, payer: &Pubkey, funding: &Pubkey, args: PublishEpochArgs) -> Instruction {
    let epoch = epoch_address(args.number);
    let accounts = accounts::PublishEpoch {
        payer: *payer,
        settle_authority: config.settle_authority,
        config: config_address(),
        epoch,
        epoch_usdc: epoch_usdc_address(&epoch),
        funding: *funding,
        usdc_mint: config.usdc_mint,
        token_program: TOKEN_PROGRAM,
        system_program: SYSTEM_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::PublishEpoch { args })
}

/// Pays the operator's relay its reward for epoch `number`, to a USDC token account of the operator.
pub fn claim_reward(
    config: &Config,
    operator: &Pubkey,
    operator_usdc: &Pubkey,
    number: u64,
    args: ClaimRewardArgs,
) -> Instruction {
    let epoch = epoch_address(number);
    let accounts = accounts::ClaimReward {
        operator: *operator,
        config: config_address(),
        epoch,
        epoch_usdc: epoch_usdc_address(&epoch),
        relay: relay_address(operator),
        operator_usdc: *operator_usdc,
        usdc_mint: config.usdc_mint,
        token_program: TOKEN_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::ClaimReward { args })
}

/// Closes an epoch after its retention; anybody may. `payer` is who paid its rent.
pub fn close_epoch(config: &Config, number: u64, payer: &Pubkey) -> Instruction {
    let epoch = epoch_address(number);
    let accounts = accounts::CloseEpoch {
        config: config_address(),
        epoch,
        epoch_usdc: epoch_usdc_address(&epoch),
        treasury: config.treasury,
        payer: *payer,
        usdc_mint: config.usdc_mint,
        token_program: TOKEN_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::CloseEpoch {})
}
