//! The accounts: one a file, with its fields, its transitions and its `invariant()`.

pub mod config;
pub mod settlement;
pub mod vault;

pub use config::Config;
pub use settlement::Settlement;
pub use vault::Vault;
