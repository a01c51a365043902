//! placeholder
pub mod action;
pub mod estimate;
pub mod meter;
pub mod path;
pub mod policy;
pub mod service;
pub mod yaml;
