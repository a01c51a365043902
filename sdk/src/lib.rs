//! placeholder
pub mod id;
pub mod money;
pub mod scope;
