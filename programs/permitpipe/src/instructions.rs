//! The instructions: one a file, in a folder for what they change.

pub mod anchor;
pub mod config;
pub mod epoch;
pub mod plan;
pub mod relay;
pub mod settlement;
pub mod stake;
pub mod template;
pub mod vault;

pub use anchor::*;
pub use config::*;
pub use epoch::*;
pub use plan::*;
pub use relay::*;
pub use settlement::*;
pub use stake::*;
pub use template::*;
pub use vault::*;
