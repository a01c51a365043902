//! What tests of more than one part share. Nothing here ships.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

pub mod postgres;
