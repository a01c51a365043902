//! All parts as processes of their own, and what happens to them when one is killed.
//!
//! | module | holds |
//! |---|---|
//! | [`world`] | one installation in a temporary folder: its parts, started and killed one by one |
//! | [`workload`] | agents that call, an owner that pays, issues and revokes, an upstream that misbehaves |
//! | [`chain_verbs`] | every verb that needs the chain alone, against the real one |
//! | [`invariant`] | what must hold at every moment, and what must hold once nothing moves |
//! | [`walk`] | kills at random moments |
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod chain_verbs;
mod invariant;
mod walk;
mod workload;
mod world;
