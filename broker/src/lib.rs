//! placeholder

pub mod forward;
pub mod meter;
pub mod secret;
pub mod service;
