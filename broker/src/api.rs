//! The control API, one resource a file. Handlers parse at the edge, call one thing, and answer.

pub mod account;
pub mod audit;
pub mod epoch;
pub mod extract;
pub mod health;
pub mod leases;
pub mod owner;
pub mod policies;
pub mod receipts;
pub mod secrets;
pub mod settlements;
