//! The public contract: what indexer, broker, command line and other programs share. No HTTP server, no SQL.
//!
//! | module | holds |
//! |---|---|
//! | `id` | typed identifiers |
//! | `money` | credits, in integers |
//! | `chain` | the on-chain program: addresses, instructions, accounts, events |

pub mod chain;
pub mod id;
pub mod money;
