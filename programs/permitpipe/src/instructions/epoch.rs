//! Instructions of relay rewards.

pub(crate) mod claim;
pub(crate) mod close;
pub(crate) mod publish;

pub use claim::*;
pub use close::*;
pub use publish::*;
