//! Instructions of the settle authority, and the end of a settlement's record.

pub(crate) mod close;
pub(crate) mod settle;
pub(crate) mod settle_sol;

pub use close::*;
pub use settle::*;
pub use settle_sol::*;
