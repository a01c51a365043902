//! The accounts: one a file, with its fields, its transitions and its `invariant()`.

pub mod anchor;
pub mod asset;
pub mod book;
pub mod change;
pub mod config;
pub mod contradiction;
pub mod epoch;
pub mod plan;
pub mod relay;
pub mod settlement;
pub mod stake;
pub mod template;
pub mod vault;

pub use anchor::Anchor;
pub use asset::Asset;
pub use book::Book;
pub use config::Config;
pub use contradiction::Contradiction;
pub use epoch::Epoch;
pub use plan::{Plan, Subscription};
pub use relay::Relay;
pub use settlement::Settlement;
pub use stake::Stake;
pub use template::Template;
pub use vault::Vault;
