//! Registers the operator's relay against a bond out of its stake.
//!
//! - The operator's active stake *shall* be at least the bond in the config, and the bond *shall* stay staked.
//! - The receipt key *shall* sign too: nobody registers a key it does not hold.
//! - It *shall* be refused while the program is paused.

use anchor_lang::prelude::*;
use anchor_spl::token::TokenAccount;

use super::changed;
use crate::{
    error::PermitPipeError,
    event::{RelayChange, StakeChange},
    instructions::stake,
    math, seed,
    state::{Config, Relay, Stake},
};

/// Where it listens.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, PartialEq, Eq)]
pub struct RegisterRelayArgs {
    /// An `https://` or `wss://` URL of at most 120 bytes.
    // (The interface description knows plain strings only.)
    #[cfg_attr(not(feature = "idl-build"), borsh(deserialize_with = "super::read_endpoint"))]
    pub endpoint: String,
}

#[event_cpi]
#[derive(Accounts)]
pub struct RegisterRelay<'info> {
    /// Pays for the account.
    #[account(mut)]
    pub operator: Signer<'info>,
    /// The Ed25519 key that will sign the relay's statements.
    pub key: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump)]
    pub config: Box<Account<'info, Config>>,
    #[account(mut, seeds = [seed::STAKE, operator.key().as_ref()], bump = stake.bump)]
    pub stake: Box<Account<'info, Stake>>,
    #[account(seeds = [seed::PERMIT, stake.key().as_ref()], bump = stake.permit_bump)]
    pub stake_permit: Box<Account<'info, TokenAccount>>,
    #[account(init, payer = operator, space = Relay::SIZE, seeds = [seed::RELAY, operator.key().as_ref()], bump)]
    pub relay: Box<Account<'info, Relay>>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handle(ctx: Context<RegisterRelay>, args: RegisterRelayArgs) -> Result<()> {
    let (accounts, clock) = (&mut *ctx.accounts, Clock::get()?);
    accounts.config.require_running()?;
    accounts.stake.position.bond(accounts.config.bonds.relay_atoms)?;
    accounts.relay.set_inner(Relay {
        version: Relay::VERSION,
        bump: ctx.bumps.relay,
        operator: accounts.operator.key(),
        stake: accounts.stake.key(),
        event_seq: math::event_base(clock.slot).ok_or(PermitPipeError::Overflow)?,
        key: accounts.key.key(),
        previous_key: Pubkey::default(),
        key_changed_at: clock.unix_timestamp,
        retired_at: None,
        paid_receipts: 0,
        rewarded_atoms: 0,
        slash_count: 0,
        endpoint: String::new(),
        reserved: [0; 77],
    });
    accounts.relay.set_endpoint(args.endpoint)?;
    let (key, endpoint) = (accounts.key.key(), accounts.relay.endpoint.clone());
    let bonded = stake::changed(&mut accounts.stake, accounts.stake_permit.amount, StakeChange::Bonded)?;
    let registered = changed(&mut accounts.relay, RelayChange::Registered { key, endpoint })?;
    emit_cpi!(bonded);
    emit_cpi!(registered);
    Ok(())
}
