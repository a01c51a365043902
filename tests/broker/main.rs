//! Real brokers over a real Postgres, in front of an upstream that misbehaves on request.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

mod asset;
mod budget;
mod canary;
mod commit;
mod constraint;
mod fence;
mod key;
mod misbehave;
mod refusal;
mod revoke;
mod stream;
mod wall;
mod withdrawal;
