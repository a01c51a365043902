//! Slashes a relay that signed two statements that contradict each other.
//!
//! - Both statements *shall* be verified by the Ed25519 precompile in this very transaction, under a key the relay's
//!   stake answers for, and *shall* say different things about the same place of the same stream.
//! - Each contradiction *shall* be punished once, and downtime never.
//! - The reporter *shall* get its share, the insurance the rest; unlocking stake *shall* be within reach.
//! - It *shall* work while the program is paused.

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use super::changed;
use crate::{
    error::PermitPipeError,
    event::{RelayChange, StakeChange},
    instructions::stake,
    math, seed,
    state::{Config, Contradiction, Relay, Stake},
    statement::{Statement, read_signed},
    token::Transfer,
};

/// Which instructions of this transaction verified the two statements.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlashRelayArgs {
    /// Stream and sequence the statements are about; they name the record of the contradiction.
    pub stream: [u8; 32],
    pub sequence: u64,
    pub first_instruction: u8,
    pub second_instruction: u8,
}

#[event_cpi]
#[derive(Accounts)]
#[instruction(args: SlashRelayArgs)]
pub struct SlashRelay<'info> {
    /// Pays for the record.
    #[account(mut)]
    pub reporter: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump, has_one = permit_mint, has_one = insurance)]
    pub config: Box<Account<'info, Config>>,
    #[account(mut, seeds = [seed::RELAY, relay.operator.as_ref()], bump = relay.bump, has_one = stake)]
    pub relay: Box<Account<'info, Relay>>,
    #[account(mut, seeds = [seed::STAKE, relay.operator.as_ref()], bump = stake.bump)]
    pub stake: Box<Account<'info, Stake>>,
    #[account(mut, seeds = [seed::PERMIT, stake.key().as_ref()], bump = stake.permit_bump)]
    pub stake_permit: Box<Account<'info, TokenAccount>>,
    #[account(mut, token::mint = permit_mint, token::authority = reporter)]
    pub reporter_permit: Box<Account<'info, TokenAccount>>,
    #[account(mut)]
    pub insurance: Box<Account<'info, TokenAccount>>,
    pub permit_mint: Box<Account<'info, Mint>>,
    #[account(
        init, payer = reporter, space = Contradiction::SIZE,
        seeds = [
            seed::CONTRADICTION, relay.key().as_ref(), args.stream.as_ref(), &args.sequence.to_le_bytes(),
        ],
        bump,
    )]
    pub contradiction: Box<Account<'info, Contradiction>>,
    /// CHECK: pinned by its address; read for the verified statements.
    #[account(address = solana_instructions_sysvar::ID)]
    pub instructions: UncheckedAccount<'info>,
    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handle(ctx: Context<SlashRelay>, args: SlashRelayArgs) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    accounts.require_contradiction(&args)?;
    let slashed_atoms = accounts.stake.position.slash(accounts.config.bonds.slash_basis_points)?;
    let reporter_atoms = math::share(slashed_atoms, accounts.config.bonds.reporter_basis_points);
    let reporter_atoms = reporter_atoms.ok_or(PermitPipeError::Overflow)?;
    accounts.record(&args, slashed_atoms, ctx.bumps.contradiction)?;
    accounts.pay(slashed_atoms, reporter_atoms)?;
    accounts.relay.slash()?;
    accounts.stake_permit.reload()?;
    let (holdings_atoms, reporter) = (accounts.stake_permit.amount, accounts.reporter.key());
    let taken = StakeChange::Slashed { amount_atoms: slashed_atoms };
    let taken = stake::changed(&mut accounts.stake, holdings_atoms, taken)?;
    let SlashRelayArgs { stream, sequence, .. } = args;
    let kind = RelayChange::Slashed { stream, sequence, reporter, slashed_atoms, reporter_atoms };
    let slashed = changed(&mut accounts.relay, kind)?;
    emit_cpi!(taken);
    emit_cpi!(slashed);
    Ok(())
}

impl SlashRelay<'_> {
    /// Refuses anything but two statements of this relay about the same place that differ.
    fn require_contradiction(&self, args: &SlashRelayArgs) -> Result<()> {
        let first = self.statement(args.first_instruction)?;
        let second = self.statement(args.second_instruction)?;
        let place = (args.stream, args.sequence);
        let is_same_place = (first.stream, first.sequence) == place && (second.stream, second.sequence) == place;
        require!(is_same_place && first.content != second.content, PermitPipeError::NoContradiction);
        Ok(())
    }

    /// What the relay signed, as that instruction verified it.
    fn statement(&self, instruction: u8) -> Result<Statement> {
        let signed = read_signed(&self.instructions, instruction.into())?;
        require!(self.relay.answers_for(&signed.key), PermitPipeError::NotRelayKey);
        Statement::parse(&signed.message)
    }

    /// Writes the record.
    fn record(&mut self, args: &SlashRelayArgs, slashed_atoms: u64, bump: u8) -> Result<()> {
        self.contradiction.set_inner(Contradiction {
            version: Contradiction::VERSION,
            bump,
            relay: self.relay.key(),
            stream: args.stream,
            sequence: args.sequence,
            reporter: self.reporter.key(),
            slashed_atoms,
            slashed_at: Clock::get()?.unix_timestamp,
            reserved: [0; 14],
        });
        self.contradiction.invariant()
    }

    /// The reporter's share, and the rest to the insurance.
    fn pay(&self, slashed_atoms: u64, reporter_atoms: u64) -> Result<()> {
        let insured_atoms = slashed_atoms.checked_sub(reporter_atoms).ok_or(PermitPipeError::Overflow)?;
        let (bump, from) = ([self.stake.bump], self.stake_permit.to_account_info());
        let (seeds, authority) = (self.stake.signer_seeds(&bump), self.stake.to_account_info());
        let (program, mint) = (&self.token_program, &*self.permit_mint);
        let shares = [
            (self.reporter_permit.to_account_info(), reporter_atoms),
            (self.insurance.to_account_info(), insured_atoms),
        ];
        for (to, atoms) in shares {
            let (from, authority) = (from.clone(), authority.clone());
            Transfer { program, mint, from, to, authority }.send_signed(atoms, &seeds)?;
        }
        Ok(())
    }
}
