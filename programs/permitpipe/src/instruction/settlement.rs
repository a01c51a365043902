//! Instructions of the settle authority.

pub mod settle;

pub use settle::*;
