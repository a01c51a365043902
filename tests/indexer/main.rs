//! The indexer against a real Postgres and a node that lies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cast;
mod finality;
mod gaps;
mod local_chain;
mod mirror;
mod node;
mod restart;
mod story;
mod whole;
