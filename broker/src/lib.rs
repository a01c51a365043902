//! placeholder

pub mod action;
pub mod estimate;
pub mod forward;
pub mod meter;
pub mod path;
pub mod secret;
pub mod service;
pub mod yaml;
