//! What tests of more than one part share. Nothing here ships.
//!
//! | module | holds |
//! |---|---|
//! | [`bench`] | what is measured, beside whom |
//! | [`postgres`] | a private Postgres for one test run |
//! | [`upstream`] | an upstream that stalls, resets, lies and reflects |
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

pub mod bench;
pub mod postgres;
pub mod upstream;
