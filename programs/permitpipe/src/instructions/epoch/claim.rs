//! Pays a relay its reward for one epoch.
//!
//! - The proof *shall* lead from exactly this claim, at its place, to the epoch's root, and each leaf *shall* pay once.
//! - It *shall* pay to a token account of the operator and to no other, also while the program is paused.
//! - The receipts paid for *shall* count for the relay's reputation.

use anchor_lang::prelude::*;
use anchor_spl::token::{Mint, Token, TokenAccount};

use crate::{
    error::PermitPipeError,
    event::{EpochChange, EpochChanged, RelayChange},
    instructions::relay,
    math, merkle, seed,
    state::{Config, Epoch, Relay},
    token::Transfer,
};

/// The leaf, without the relay, and its proof.
#[derive(AnchorSerialize, AnchorDeserialize, Debug, Clone, PartialEq, Eq)]
pub struct ClaimRewardArgs {
    pub index: u32,
    pub amount_atoms: u64,
    pub receipt_count: u64,
    /// Siblings from the leaf up.
    pub proof: Vec<[u8; 32]>,
}

#[event_cpi]
#[derive(Accounts)]
pub struct ClaimReward<'info> {
    pub operator: Signer<'info>,
    #[account(seeds = [seed::CONFIG], bump = config.bump, has_one = usdc_mint)]
    pub config: Box<Account<'info, Config>>,
    #[account(mut, seeds = [seed::EPOCH, &epoch.number.to_le_bytes()], bump = epoch.bump)]
    pub epoch: Box<Account<'info, Epoch>>,
    #[account(mut, seeds = [seed::REWARD, epoch.key().as_ref()], bump = epoch.reward_bump)]
    pub epoch_usdc: Box<Account<'info, TokenAccount>>,
    #[account(
        mut, seeds = [seed::RELAY, relay.operator.as_ref()], bump = relay.bump,
        has_one = operator @ PermitPipeError::NotOwner,
    )]
    pub relay: Box<Account<'info, Relay>>,
    #[account(mut, token::mint = usdc_mint, token::authority = operator)]
    pub operator_usdc: Box<Account<'info, TokenAccount>>,
    pub usdc_mint: Box<Account<'info, Mint>>,
    pub token_program: Program<'info, Token>,
}

pub(crate) fn handle(ctx: Context<ClaimReward>, args: ClaimRewardArgs) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let ClaimRewardArgs { index, amount_atoms, receipt_count, ref proof } = args;
    let (number, relay) = (accounts.epoch.number, accounts.relay.key());
    let leaf = reward_leaf(number, index, &relay, (amount_atoms, receipt_count));
    let root = merkle::root(index, accounts.epoch.leaf_count, leaf, proof);
    require!(root == Some(accounts.epoch.root), PermitPipeError::BadProof);
    require!(receipt_count <= math::MAX_ATOMS, PermitPipeError::Overflow);
    accounts.epoch.claim(index, amount_atoms)?;
    accounts.relay.reward(amount_atoms, receipt_count);
    accounts.pay(amount_atoms)?;
    let event_seq = accounts.epoch.next_event()?;
    accounts.epoch.invariant()?;
    let (epoch, kind) = (accounts.epoch.key(), EpochChange::Claimed { index, relay, amount_atoms, receipt_count });
    let rewarded = RelayChange::Rewarded { epoch: number, amount_atoms, receipt_count };
    let rewarded = relay::changed(&mut accounts.relay, rewarded)?;
    emit_cpi!(EpochChanged { epoch, number, event_seq, kind });
    emit_cpi!(rewarded);
    Ok(())
}

/// Hash of a claim's leaf. Its content: epoch 8, index 4, relay 32, amount 8, receipts 8, numbers little-endian.
pub fn reward_leaf(epoch: u64, index: u32, relay: &Pubkey, (amount_atoms, receipt_count): (u64, u64)) -> [u8; 32] {
    let content: [&[u8]; 5] = [
        &epoch.to_le_bytes(),
        &index.to_le_bytes(),
        relay.as_ref(),
        &amount_atoms.to_le_bytes(),
        &receipt_count.to_le_bytes(),
    ];
    merkle::leaf(&content.concat())
}

impl ClaimReward<'_> {
    /// The epoch's token account to the operator's, signed by the epoch's address.
    fn pay(&self, amount_atoms: u64) -> Result<()> {
        let transfer = Transfer {
            program: &self.token_program,
            mint: &self.usdc_mint,
            from: self.epoch_usdc.to_account_info(),
            to: self.operator_usdc.to_account_info(),
            authority: self.epoch.to_account_info(),
        };
        transfer.send_signed(amount_atoms, &[seed::EPOCH, &self.epoch.number.to_le_bytes(), &[self.epoch.bump]])
    }
}
