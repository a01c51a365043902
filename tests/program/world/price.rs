//! The price account, as Pyth's receiver program writes it.

use permitpipe_sdk::chain::PRICE_DISCRIMINATOR;
use solana_sdk::pubkey::Pubkey;

use super::{FEED_ID, PRICE, START, address};

/// What the price account says; each test changes what it is about.
#[derive(Clone)]
pub struct PriceUpdate {
    /// A push feed's is the account itself.
    pub write_authority: Pubkey,
    /// `None`: fully verified; else by how many guardians.
    pub partial: Option<u8>,
    pub feed_id: [u8; 32],
    pub price: i64,
    pub confidence: u64,
    pub exponent: i32,
    pub published_at: i64,
}

impl Default for PriceUpdate {
    fn default() -> Self {
        Self {
            write_authority: address(32),
            partial: None,
            feed_id: FEED_ID,
            price: PRICE,
            confidence: 0,
            exponent: -8,
            published_at: START,
        }
    }
}

impl PriceUpdate {
    /// As Pyth's receiver program writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let level = self.partial.map_or(vec![1], |signatures| vec![0, signatures]);
        let mut data = [PRICE_DISCRIMINATOR.as_slice(), self.write_authority.as_ref(), &level, &self.feed_id].concat();
        data.extend(self.price.to_le_bytes());
        data.extend(self.confidence.to_le_bytes());
        data.extend(self.exponent.to_le_bytes());
        data.extend(self.published_at.to_le_bytes());
        data.extend((self.published_at - 1).to_le_bytes()); // the publish time before
        data.extend(self.price.to_le_bytes()); // moving average
        data.extend(self.confidence.to_le_bytes());
        data.extend(1u64.to_le_bytes()); // slot
        data.resize(134, 0);
        data
    }
}
