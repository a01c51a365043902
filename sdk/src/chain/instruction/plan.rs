//! Plans and subscriptions to them.

use solana_sdk::{instruction::Instruction, pubkey::Pubkey};

use super::{INSTRUCTIONS, SYSTEM_PROGRAM, TOKEN_PROGRAM, accounts, build, data};
use crate::chain::{
    Config, CreatePlanArgs, PROGRAM_ID, config_address, event_authority, plan_address, program, subscription_address,
};

/// Puts a plan on sale; the admin signs and pays the rent.
pub fn create_plan(admin: &Pubkey, args: CreatePlanArgs) -> Instruction {
    let accounts = accounts::CreatePlan {
        admin: *admin,
        config: config_address(),
        plan: plan_address(args.number),
        instructions: INSTRUCTIONS,
        system_program: SYSTEM_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::CreatePlan { args })
}

/// Takes a plan off sale.
pub fn retire_plan(admin: &Pubkey, number: u64) -> Instruction {
    let accounts = accounts::RetirePlan {
        admin: *admin,
        config: config_address(),
        plan: plan_address(number),
        instructions: INSTRUCTIONS,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::RetirePlan {})
}

/// Closes a retired plan after its retention; anybody may. `payer` is who paid its rent.
pub fn close_plan(number: u64, payer: &Pubkey) -> Instruction {
    let accounts = accounts::ClosePlan {
        config: config_address(),
        plan: plan_address(number),
        payer: *payer,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::ClosePlan {})
}

/// Buys `periods` of plan `number`, paid from a USDC token account of the owner.
pub fn subscribe(config: &Config, owner: &Pubkey, owner_usdc: &Pubkey, number: u64, periods: u32) -> Instruction {
    let accounts = accounts::Subscribe {
        owner: *owner,
        config: config_address(),
        plan: plan_address(number),
        subscription: subscription_address(owner),
        owner_usdc: *owner_usdc,
        treasury: config.treasury,
        usdc_mint: config.usdc_mint,
        token_program: TOKEN_PROGRAM,
        system_program: SYSTEM_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::Subscribe { args: program::SubscribeArgs { periods } })
}

/// Buys `periods` more of the plan the owner has, which is `number`.
pub fn extend_subscription(
    config: &Config,
    owner: &Pubkey,
    owner_usdc: &Pubkey,
    number: u64,
    periods: u32,
) -> Instruction {
    let accounts = accounts::ExtendSubscription {
        owner: *owner,
        config: config_address(),
        plan: plan_address(number),
        subscription: subscription_address(owner),
        owner_usdc: *owner_usdc,
        treasury: config.treasury,
        usdc_mint: config.usdc_mint,
        token_program: TOKEN_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::ExtendSubscription { args: program::ExtendSubscriptionArgs { periods } })
}

/// Closes the owner's expired subscription.
pub fn close_subscription(owner: &Pubkey) -> Instruction {
    let accounts = accounts::CloseSubscription {
        owner: *owner,
        subscription: subscription_address(owner),
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::CloseSubscription {})
}
