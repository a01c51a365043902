//! The forwarder against an upstream that stalls, resets, lies and echoes: how each exchange ends, and what the agent saw.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod abandon;
mod answer;
mod dial;
mod misbehave;
mod rig;
