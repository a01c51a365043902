//! The instructions, one a file: what it *shall* do, `Args`, `Accounts` whose constraints do all they can, and the
//! handler: pure transition on the state, transfer, `invariant()`, event.

pub mod config;
pub mod settlement;
pub mod vault;

pub use config::*;
pub use settlement::*;
pub use vault::*;
