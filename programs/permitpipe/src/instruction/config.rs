//! Instructions on the config. All of them refuse a transaction that advances a durable nonce.

pub mod accept_change;
pub mod cancel_change;
pub mod initialize;
pub mod lower_settle_cap;
pub mod pause;
pub mod propose_change;
pub mod unpause;

pub use accept_change::*;
pub use cancel_change::*;
pub use initialize::*;
pub use lower_settle_cap::*;
pub use pause::*;
pub use propose_change::*;
pub use unpause::*;
