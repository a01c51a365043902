//! Pays the treasury lamports for a batch of receipts.
//!
//! - Only the settle authority *shall* settle, and only to the SOL treasury in the config.
//! - It *shall* be the vault's next settlement, whatever the asset of the one before.
//! - It *shall* pay the lesser of the lamports held for the receipts and what the charge is worth at the pinned price,
//!   taken at the end of its confidence that favours the owner; a stale price *shall* leave the lamports as the bound.
//! - It *shall* take at most the balance, the config's settle cap, and what the owner's cap leaves in this window.
//! - It *shall* leave the vault its rent.
//! - It *shall* work while the program is paused: what was spent is owed.

use anchor_lang::prelude::*;

use crate::{
    error::PermitPipeError,
    event::Settled,
    instructions::vault::lamports_above_rent,
    math,
    oracle::{Quote, read_quote},
    seed,
    state::{Asset, Config, Settlement, Vault},
};

/// What is settled.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettleSolArgs {
    /// The vault's last settlement number plus 1.
    pub sequence: u64,
    /// What the receipts add up to, in credits.
    pub charge_credits: u64,
    /// The lamports held for them: the most that is paid.
    pub held_lamports: u64,
    pub receipt_count: u32,
    pub receipts_root: [u8; 32],
}

#[event_cpi]
#[derive(Accounts)]
#[instruction(args: SettleSolArgs)]
pub struct SettleSol<'info> {
    #[account(mut)]
    pub payer: Signer<'info>,
    pub settle_authority: Signer<'info>,
    #[account(
        seeds = [seed::CONFIG], bump = config.bump,
        has_one = settle_authority @ PermitPipeError::NotSettleAuthority,
        has_one = sol_treasury @ PermitPipeError::WrongTreasury,
    )]
    pub config: Box<Account<'info, Config>>,
    #[account(mut, seeds = [seed::VAULT, vault.owner.as_ref()], bump = vault.bump)]
    pub vault: Box<Account<'info, Vault>>,
    /// CHECK: pinned by the config; it only receives lamports.
    #[account(mut)]
    pub sol_treasury: UncheckedAccount<'info>,
    /// CHECK: `oracle::read_quote` checks its address, owner and every field.
    pub price: UncheckedAccount<'info>,
    // The sequence is checked here already: a replay would otherwise fail on the account that exists, unexplained.
    #[account(
        init, payer = payer, space = Settlement::SIZE,
        seeds = [seed::SETTLEMENT, vault.key().as_ref(), &vault.expect_sequence(args.sequence)?.to_le_bytes()],
        bump,
    )]
    pub settlement: Box<Account<'info, Settlement>>,
    pub system_program: Program<'info, System>,
}

pub(crate) fn handle(ctx: Context<SettleSol>, args: SettleSolArgs) -> Result<()> {
    let (accounts, now, asset) = (&mut *ctx.accounts, Clock::get()?.unix_timestamp, Asset::Sol);
    require!(args.receipt_count > 0, PermitPipeError::NoReceipts);
    let amount_atoms = accounts.price(&args, now)?;
    require!(amount_atoms <= accounts.config.settle_cap_atoms(asset), PermitPipeError::SettlementAboveSettleCap);
    accounts.vault.settle(asset, args.sequence, amount_atoms, (now, accounts.config.timing.window_seconds))?;
    // Rent may have risen since the deposit: what would leave the vault below it cannot be paid, the rest can.
    let holdings = lamports_above_rent(accounts.vault.as_ref().as_ref())?;
    require!(amount_atoms <= holdings, PermitPipeError::HoldingsBelowBooks);
    accounts.record(&args, amount_atoms, now, ctx.bumps.settlement)?;
    accounts.vault.sub_lamports(amount_atoms)?;
    accounts.sol_treasury.add_lamports(amount_atoms)?;
    let event_seq = accounts.vault.next_event()?;
    accounts.vault.invariant()?;
    let event = Settled {
        vault: accounts.vault.key(),
        owner: accounts.vault.owner,
        event_seq,
        asset,
        sequence: args.sequence,
        amount_atoms,
        charge_credits: args.charge_credits,
        receipt_count: args.receipt_count,
        receipts_root: args.receipts_root,
        settled_atoms: accounts.vault.sol.settled_atoms,
    };
    emit_cpi!(event);
    Ok(())
}

impl SettleSol<'_> {
    /// What to pay.
    fn price(&self, args: &SettleSolArgs, now: i64) -> Result<u64> {
        require!(args.charge_credits > 0 && args.held_lamports > 0, PermitPipeError::ZeroAmount);
        require!(args.charge_credits <= math::MAX_ATOMS, PermitPipeError::Overflow);
        let oracle = self.config.oracle.as_ref().ok_or(PermitPipeError::NoOracle)?;
        let lamports = match read_quote(oracle, &self.price, now)? {
            Quote::Stale => args.held_lamports,
            Quote::Fresh(price) => price.lamports_for(args.charge_credits)?.min(args.held_lamports),
        };
        require!(lamports > 0, PermitPipeError::NothingToSettle);
        Ok(lamports)
    }

    /// Writes the Settlement account.
    fn record(&mut self, args: &SettleSolArgs, amount_atoms: u64, now: i64, bump: u8) -> Result<()> {
        self.settlement.set_inner(Settlement {
            version: Settlement::VERSION,
            bump,
            asset: Asset::Sol,
            vault: self.vault.key(),
            sequence: args.sequence,
            amount_atoms,
            charge_credits: args.charge_credits,
            receipt_count: args.receipt_count,
            receipts_root: args.receipts_root,
            settled_at: now,
            payer: self.payer.key(),
            reserved: [0; 25],
        });
        self.settlement.invariant()
    }
}
