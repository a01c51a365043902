//! The public contract of PermitPipe: what broker, indexer, command line and third parties agree on.
//!
//! | module | holds |
//! |---|---|
//! | [`id`] | typed identifiers |
//! | [`money`] | credits, the integer unit of money |
//! | [`bearer`] | bearer strings: form, checksum, hash |
//! | [`scope`] | what a lease may do, and which scope covers which |
//! | [`wire`] | requests and responses of the control API |
//! | [`error`] | problem+json, errors of the client |
//! | [`receipt`] | signed receipts and the root that settles them |
//! | [`client`] | a client of the control API |
//! | [`chain`] | the on-chain program: addresses, instructions, accounts, events |

pub mod bearer;
pub mod chain;
pub mod client;
pub mod error;
pub mod id;
pub mod money;
pub mod receipt;
pub mod scope;
pub mod wire;
