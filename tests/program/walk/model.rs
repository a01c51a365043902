//! The naive model: what the rules say, in plain numbers, with no thought for bytes, accounts or speed.
//!
//! | module | holds |
//! |---|---|
//! | `config` | changes, pause, caps |
//! | `vault` | deposits, withdrawals, settlements of both assets |
//! | `stake` | weight, cool-down, relays, slashing |
//! | `registry` | epochs, templates, plans, subscriptions, anchors |

mod config;
mod registry;
mod stake;
mod vault;

use std::collections::{BTreeMap, BTreeSet};

pub use config::{Change, Config};
pub use registry::{Epoch, Plan, Subscription, Template};
pub use stake::{Relay, Stake};
pub use vault::{Book, Vault};

use crate::world::{Asset, PriceUpdate};

/// `Err` says which rule refuses.
pub type Verdict = Result<(), &'static str>;

/// Numbers wide enough that no sum of the program's can leave them.
pub type Number = i128;

/// Refuses with `why` unless `holds`.
pub fn rule(holds: bool, why: &'static str) -> Verdict {
    if holds { Ok(()) } else { Err(why) }
}

/// Everything the program knows, and every token it can move.
#[derive(Clone)]
pub struct Model {
    pub now: i64,
    pub slot: u64,
    pub config: Config,
    pub people: Vec<Person>,
    pub price: PriceUpdate,
    /// USDC of the treasury, lamports of the SOL treasury, PERMIT of the insurance.
    pub treasury: Number,
    pub sol_treasury: Number,
    pub insurance: Number,
    /// By settle authority.
    pub funding: BTreeMap<u8, Number>,
    /// By person and sequence: when it was settled.
    pub settlements: BTreeMap<(usize, u64), i64>,
    pub epochs: BTreeMap<u64, Epoch>,
    pub contradictions: BTreeSet<(usize, u8, u64)>,
    pub templates: BTreeMap<u8, Template>,
    pub plans: BTreeMap<u64, Plan>,
    /// By log: size and root.
    pub anchors: BTreeMap<u8, (u64, u8)>,
}

/// Somebody with a wallet: owner, staker, operator, publisher and subscriber at once.
#[derive(Clone, Default)]
pub struct Person {
    pub usdc: Number,
    pub permit: Number,
    pub vault: Option<Vault>,
    pub stake: Option<Stake>,
    pub relay: Option<Relay>,
    pub subscription: Option<Subscription>,
}

/// The largest amount the program books.
pub const MOST: Number = i64::MAX as Number;

impl Model {
    pub fn person(&mut self, who: usize) -> &mut Person {
        &mut self.people[who]
    }

    /// The first number of an account opened now is the one after this.
    pub fn base(&self) -> u64 {
        self.slot << 16
    }

    pub fn running(&self) -> Verdict {
        rule(!self.config.is_paused, "paused")
    }

    /// How many lamports the charge is worth, at most; `None` where the price is stale.
    pub fn lamports_for(&self, charge: Number) -> Result<Option<Number>, &'static str> {
        let update = &self.price;
        let age = Number::from(self.now) - Number::from(update.published_at);
        rule(update.partial.is_none(), "partially verified")?;
        rule(age >= -10, "from the future")?;
        rule(update.price > 0 && (-12..=0).contains(&update.exponent), "no price")?;
        if age >= Number::from(self.config.oracle.max_age_seconds) {
            return Ok(None);
        }
        let (price, confidence) = (Number::from(update.price), Number::from(update.confidence));
        let widest = price * Number::from(self.config.oracle.max_confidence_basis_points) / 10_000;
        rule(confidence <= widest, "too uncertain")?;
        let digits = u32::try_from(-update.exponent).unwrap() + 3;
        let lamports = charge * Number::from(10u64).pow(digits) / (price + confidence);
        rule(lamports <= Number::from(u64::MAX), "does not fit")?;
        Ok(Some(lamports))
    }
}

/// What an owner holds of an asset, by the books.
pub fn balance(vault: &Vault, asset: Asset) -> Number {
    let book = vault.book(asset);
    book.credited - book.settled - book.withdrawn
}
