//! What tests of more than one part share. Nothing here ships.
//!
//! | module | holds |
//! |---|---|
//! | [`postgres`] | a private Postgres for one test run |
//! | [`upstream`] | an upstream that stalls, resets, lies and reflects |
//! | [`world`] | brokers over one database, with an owner, credit and an upstream |
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

pub mod postgres;
pub mod upstream;
pub mod world;
