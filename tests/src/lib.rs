//! What tests of more than one part share. Nothing here ships.
//!
//! | module | holds |
//! |---|---|
//! | [`bench`] | what is measured, beside whom |
//! | [`demo`] | the main job end to end, every step printed with what it proves |
//! | [`postgres`] | a private Postgres for one test run |
//! | [`random`] | one seed, one walk |
//! | [`system`] | all parts as processes of their own, and what is asked of them |
//! | [`upstream`] | an upstream that stalls, resets, lies and reflects |
//! | [`world`] | brokers over one database, with an owner, credit and an upstream |
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

pub mod bench;
pub mod demo;
pub mod postgres;
pub mod random;
pub mod system;
pub mod upstream;
pub mod world;
