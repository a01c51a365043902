//! Prints what this SDK builds and writes from fixed keys, as JSON. It is committed as `generated/vectors.json`, and
//! clients in other languages are compared with it. Data is in hex.
//!
//! | module | holds |
//! |---|---|
//! | `account` | accounts and events, as the chain carries them |
//! | `instruction` | every instruction |

mod account;
mod instruction;

use std::{collections::BTreeMap, error::Error};

use permitpipe_sdk::chain::{
    Anchor, Config, Contradiction, Epoch, Plan, Relay, Settlement, Stake, Subscription, Template, Vault,
    anchor_address, config_address, contradiction_address, epoch_address, epoch_usdc_address, plan_address,
    program_data_address, relay_address, settlement_address, stake_address, stake_permit_address, subscription_address,
    template_address, template_permit_address, vault_address, vault_usdc_address,
};
use serde_json::json;
use solana_sdk::pubkey::Pubkey;

const ADMIN: Pubkey = key(1);
const GUARDIAN: Pubkey = key(2);
const SETTLE_AUTHORITY: Pubkey = key(3);
const VERIFIER: Pubkey = key(4);
const USDC_MINT: Pubkey = key(5);
const PERMIT_MINT: Pubkey = key(6);
const TREASURY: Pubkey = key(7);
const SOL_TREASURY: Pubkey = key(8);
const INSURANCE: Pubkey = key(9);
const PRICE: Pubkey = key(10);
const OWNER: Pubkey = key(11);
const OWNER_USDC: Pubkey = key(12);
const OWNER_PERMIT: Pubkey = key(13);
const PAYER: Pubkey = key(14);
const OTHER: Pubkey = key(15);
/// A content hash, a log's id, a stream, a Merkle root.
const HASH: [u8; 32] = [16; 32];

type Named<T> = BTreeMap<&'static str, T>;

fn main() -> Result<(), Box<dyn Error>> {
    let vectors = BTreeMap::from([
        ("accounts", json!(account::accounts()?)),
        ("addresses", json!(addresses())),
        ("events", json!(account::events())),
        ("instructions", json!(instruction::instructions())),
        ("keys", json!(keys())),
        ("versions", json!(versions())),
    ]);
    println!("{}", serde_json::to_string_pretty(&vectors)?);
    Ok(())
}

const fn key(byte: u8) -> Pubkey {
    Pubkey::new_from_array([byte; 32])
}

fn keys() -> Named<String> {
    let keys = [
        ("admin", ADMIN),
        ("guardian", GUARDIAN),
        ("insurance", INSURANCE),
        ("other", OTHER),
        ("owner", OWNER),
        ("ownerPermit", OWNER_PERMIT),
        ("ownerUsdc", OWNER_USDC),
        ("payer", PAYER),
        ("permitMint", PERMIT_MINT),
        ("price", PRICE),
        ("settleAuthority", SETTLE_AUTHORITY),
        ("solTreasury", SOL_TREASURY),
        ("treasury", TREASURY),
        ("usdcMint", USDC_MINT),
        ("verifier", VERIFIER),
    ];
    keys.map(|(name, key)| (name, key.to_string())).into()
}

fn addresses() -> Named<String> {
    let (vault, stake, relay) = (vault_address(&OWNER), stake_address(&OWNER), relay_address(&OWNER));
    let (epoch, template) = (epoch_address(21), template_address(&HASH));
    let addresses = [
        ("anchor", anchor_address(&HASH)),
        ("config", config_address()),
        ("contradiction", contradiction_address(&relay, &HASH, 22)),
        ("epoch", epoch),
        ("epochUsdc", epoch_usdc_address(&epoch)),
        ("plan", plan_address(23)),
        ("programData", program_data_address()),
        ("relay", relay),
        ("settlement", settlement_address(&vault, 20)),
        ("stake", stake),
        ("stakePermit", stake_permit_address(&stake)),
        ("subscription", subscription_address(&OWNER)),
        ("template", template),
        ("templatePermit", template_permit_address(&template)),
        ("vault", vault),
        ("vaultUsdc", vault_usdc_address(&vault)),
    ];
    addresses.map(|(name, address)| (name, address.to_string())).into()
}

/// The layout of each kind of account that this SDK reads.
fn versions() -> Named<u8> {
    let versions = [
        ("anchor", Anchor::VERSION),
        ("config", Config::VERSION),
        ("contradiction", Contradiction::VERSION),
        ("epoch", Epoch::VERSION),
        ("plan", Plan::VERSION),
        ("relay", Relay::VERSION),
        ("settlement", Settlement::VERSION),
        ("stake", Stake::VERSION),
        ("subscription", Subscription::VERSION),
        ("template", Template::VERSION),
        ("vault", Vault::VERSION),
    ];
    versions.into()
}
