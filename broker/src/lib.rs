//! The broker: checks every request against lease and policy, holds its worst case, forwards it with the key injected,
//! meters it, charges it, and records it.
//!
//! | module | holds |
//! |---|---|
//! | [`pipeline`] | one request, top to bottom |
//! | [`authenticate`], [`receive`], [`authorize`], [`estimate`], [`reserve`], [`forward`], [`meter`], [`capture`] | its phases |
//! | [`action`], [`path`], [`service`] | what is asked: operations of an upstream, as its template names them |
//! | [`policy`], [`yaml`] | the owner's rules: document, compile, evaluate |
//! | [`ledger`], [`plan`] | double entry and one commit's admissions, pure |
//! | [`train`] | the commit train: many requests, one transaction |
//! | [`audit`], [`refusal`], [`secret`] | log entries; refusals on record; envelope encryption |
//! | [`node`] | heartbeat, fence, streams that can be cut |
//! | [`db`] | all SQL |
//! | [`api`], [`router`], [`serve`] | the control API; every route on one page; the listener |
//! | [`task`] | loops: beat, expire, post, settle |
//! | [`app`], [`config`], [`clock`], [`spawn`], [`error`] | what everything shares |

pub mod action;
pub mod api;
pub mod app;
pub mod audit;
pub mod authenticate;
pub mod authorize;
pub mod capture;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod estimate;
pub mod forward;
pub mod ledger;
pub mod meter;
pub mod node;
pub mod path;
pub mod pipeline;
pub mod plan;
pub mod policy;
pub mod receive;
pub mod refusal;
pub mod reserve;
pub mod router;
pub mod secret;
pub mod serve;
pub mod service;
pub mod spawn;
pub mod task;
pub mod train;
pub mod yaml;

pub use serve::{bootstrap_owner, serve};
