//! The price of SOL, out of Pyth's `PriceUpdateV2` account that the config pins.
//!
//! Layout (Pyth's Solana receiver, borsh): discriminator 8, write authority 32, verification level (0 and a count of
//! signatures, or 1 for full), feed id 32, price i64, confidence u64, exponent i32, publish time i64, and more that is
//! not needed here. One account is pinned, and it must be a push feed, which is its own write authority: anybody may
//! move it forward, nobody back, so whoever settles can hardly choose among updates.

use anchor_lang::prelude::*;

use crate::{error::PermitPipeError, math, state::change::Oracle};

/// Pyth's receiver program, the same on every cluster.
pub const PRICE_PROGRAM: Pubkey = pubkey!("rec5EKMGg6MxZYaMdyBfgwp4d5rB9T1VQH5pJv5LtFJ");
/// First 8 bytes of SHA-256 of `account:PriceUpdateV2`.
pub const PRICE_DISCRIMINATOR: [u8; 8] = [34, 241, 35, 99, 157, 126, 244, 205];
/// A price may be this far ahead of the chain's clock, which is the median of many: seconds.
const CLOCK_TOLERANCE_SECONDS: i64 = 10;

/// What the price account says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// The price is too old to bound anything.
    Stale,
    /// A price to go by.
    Fresh(Price),
}

/// The most that a SOL is worth by the update, in `value × 10^exponent` dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    value: u64,
    exponent: i32,
}

impl Price {
    /// How many lamports the charge is worth, rounded down in favour of the owner.
    pub fn lamports_for(&self, charge_credits: u64) -> Result<u64> {
        Ok(math::lamports(charge_credits, self.value, self.exponent).ok_or(PermitPipeError::Overflow)?)
    }
}

/// The fields of an update that matter, as they stand in the account after its discriminator.
#[derive(AnchorDeserialize)]
struct Update {
    write_authority: Pubkey,
    level: Level,
    feed_id: [u8; 32],
    price: i64,
    confidence: u64,
    exponent: i32,
    published_at: i64,
}

#[derive(AnchorDeserialize, PartialEq, Eq)]
enum Level {
    Partial { _signatures: u8 },
    Full,
}

/// Reads the pinned price account; refuses everything but a sound update of the pinned feed.
pub fn read_quote(oracle: &Oracle, account: &AccountInfo, now: i64) -> Result<Quote> {
    require_keys_eq!(*account.key, oracle.account, PermitPipeError::WrongOracle);
    require_keys_eq!(*account.owner, PRICE_PROGRAM, PermitPipeError::WrongOracle);
    let data = account.try_borrow_data()?;
    let mut data = data.strip_prefix(&PRICE_DISCRIMINATOR).ok_or(PermitPipeError::WrongFeed)?;
    let update = Update::deserialize(&mut data).map_err(|_| PermitPipeError::WrongFeed)?;
    require_keys_eq!(update.write_authority, oracle.account, PermitPipeError::WrongOracle);
    require!(update.feed_id == oracle.feed_id, PermitPipeError::WrongFeed);
    require!(update.level == Level::Full, PermitPipeError::PartialVerification);
    check(oracle, &update, now)
}

/// Whether the price can be gone by. The owner pays, so the highest price within the confidence counts.
fn check(oracle: &Oracle, update: &Update, now: i64) -> Result<Quote> {
    let age = now.checked_sub(update.published_at).ok_or(PermitPipeError::FuturePrice)?;
    require!(age >= -CLOCK_TOLERANCE_SECONDS, PermitPipeError::FuturePrice);
    let price = u64::try_from(update.price).ok().filter(|&price| price > 0).ok_or(PermitPipeError::BadPrice)?;
    require!((-12..=0).contains(&update.exponent), PermitPipeError::BadPrice);
    if age >= oracle.max_age_seconds {
        return Ok(Quote::Stale);
    }
    let widest = math::share(price, oracle.max_confidence_basis_points).ok_or(PermitPipeError::Overflow)?;
    require!(update.confidence <= widest, PermitPipeError::WideConfidence);
    let value = price.checked_add(update.confidence).ok_or(PermitPipeError::BadPrice)?;
    Ok(Quote::Fresh(Price { value, exponent: update.exponent }))
}
