//! What `permitpipe up` runs beside itself: a private Postgres, a local chain, the keys both need.

pub mod bootstrap;
pub mod chain;
pub mod keys;
pub mod machine;
pub mod parts;
pub mod postgres;
pub mod price;
pub mod setup;
