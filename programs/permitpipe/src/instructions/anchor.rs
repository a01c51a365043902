//! Instructions that anchor the audit log.

pub(crate) mod advance;
pub(crate) mod open;

pub use advance::*;
pub use open::*;
