//! The price of SOL on a local chain, as Pyth's receiver program would leave it there.
//!
//! Nobody publishes prices to a local chain, so each `up` writes one. Later it is stale, which the program answers by
//! taking what the broker held.

use permitpipe_sdk::chain::{PRICE_DISCRIMINATOR, PRICE_PROGRAM};
use serde_json::json;
use solana_sdk::{pubkey::Pubkey, signer::Signer};

use super::{bootstrap::cheat, keys::Keys};
use crate::{
    error::{Error, Explain},
    rpc::Rpc,
};

/// Pyth's feed of SOL in USD.
pub const SOL_USD: [u8; 32] = [
    0xef, 0x0d, 0x8b, 0x6f, 0xda, 0x2c, 0xeb, 0xa4, 0x1d, 0xa1, 0x5d, 0x40, 0x95, 0xd1, 0xda, 0x39, 0x2a, 0x0d, 0x2f,
    0x8e, 0xd0, 0xc6, 0xc7, 0xbc, 0x0f, 0x4c, 0xfa, 0xc8, 0xc2, 0x80, 0xb5, 0x6d,
];
/// 150 USD, give or take 5 cents, in units of 10^-8.
const PRICE: i64 = 15_000_000_000;
const CONFIDENCE: u64 = 5_000_000;
const EXPONENT: i32 = -8;
/// More than the rent of so small an account.
const LAMPORTS: u64 = 10_000_000;

/// Writes a price of this moment; says whether it is the first.
pub async fn write(rpc: &Rpc, keys: &Keys) -> Result<bool, Error> {
    let address = keys.sol_price.pubkey();
    let is_first = rpc.find_account(&address).await?.is_none();
    let now = rpc.clock().await?;
    let account = json!({
        "lamports": LAMPORTS, "data": hex::encode(update(&address, now)), "owner": PRICE_PROGRAM.to_string(),
        "executable": false, "rentEpoch": 0,
    });
    let written = cheat(rpc, "surfnet_setAccount", json!([address.to_string(), account])).await;
    written.explain(|| "cannot write the price of SOL".into())?;
    Ok(is_first)
}

/// A `PriceUpdateV2` as a push feed holds it, which is its own write authority: discriminator, write authority, level, feed, price, confidence, exponent, times of this and the
/// last update, moving averages, slot.
fn update(feed: &Pubkey, now: i64) -> Vec<u8> {
    let (level_full, slot) = ([1], 0u64);
    let parts: [&[u8]; 12] = [
        &PRICE_DISCRIMINATOR,
        feed.as_ref(),
        &level_full,
        &SOL_USD,
        &PRICE.to_le_bytes(),
        &CONFIDENCE.to_le_bytes(),
        &EXPONENT.to_le_bytes(),
        &now.to_le_bytes(),
        &now.to_le_bytes(),
        &PRICE.to_le_bytes(),
        &CONFIDENCE.to_le_bytes(),
        &slot.to_le_bytes(),
    ];
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_update_lies_as_pyth_lays_it_out() {
        let bytes = update(&Pubkey::new_from_array([7; 32]), 1_700_000_000);
        assert_eq!(hex::encode(SOL_USD), "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d");
        assert_eq!(bytes.len(), 8 + 32 + 1 + 32 + 8 + 8 + 4 + 8 + 8 + 8 + 8 + 8);
        assert_eq!(bytes[8..40], [7; 32]);
        assert_eq!((&bytes[..8], bytes[40], &bytes[41..73]), (&PRICE_DISCRIMINATOR[..], 1, &SOL_USD[..]));
        assert_eq!(bytes[73..81], PRICE.to_le_bytes());
        assert_eq!(bytes[93..101], 1_700_000_000i64.to_le_bytes());
    }
}
