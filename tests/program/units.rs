//! Compute units of each instruction, against the committed snapshot.
//!
//! A difference is not wrong, but it must be seen: `PERMITPIPE_UPDATE=1` writes the new figures.

use std::{env, fmt::Write as _, fs};

use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{Change, instruction as build};
use solana_sdk::signer::Signer;

use crate::world::*;

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/program/compute_units.snap");

/// Name and units of each instruction, in the order of a life.
fn measure() -> Vec<(&'static str, u64)> {
    let mut world = World::bare();
    let mut rows = Vec::new();
    let mut row = |name, result: TransactionResult| rows.push((name, result.unwrap().compute_units_consumed));
    row("initialize_config", world.initialize(world.initial()));
    let (admin, guardian) = (world.admin.pubkey(), world.guardian.pubkey());
    let propose = build::propose_change(&admin, Change::Limits(Limits { settle_cap_atoms: 60 * USDC, ..LIMITS }));
    row("propose_change", world.send(std::slice::from_ref(&propose), &[2]));
    row("cancel_change", world.send(&[build::cancel_change(&guardian)], &[3]));
    world.send(&[propose], &[2]).unwrap();
    world.wait(CHANGE_DELAY_SECONDS);
    row("accept_change", world.send(&[build::accept_change(&admin)], &[2]));
    row("pause", world.send(&[build::pause(&guardian)], &[3]));
    row("unpause", world.send(&[build::unpause(&admin)], &[2]));
    row("lower_settle_cap", world.send(&[build::lower_settle_cap(&guardian, Asset::Usdc, SETTLE_CAP_ATOMS)], &[3]));
    row("open_vault", world.open(CAP_ATOMS));
    row("set_cap (raise)", world.set_cap(2 * CAP_ATOMS));
    row("set_cap (cut)", world.set_cap(CAP_ATOMS));
    row("deposit_usdc", world.deposit(100 * USDC));
    row("settle", world.settle(1, USDC));
    row("request_withdrawal", world.request(USDC));
    row("cancel_withdrawal", world.cancel());
    world.request(USDC).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    row("execute_withdrawal", world.execute());
    rows
}

#[test]
fn compute_units_are_the_ones_in_the_snapshot() {
    let mut measured = String::new();
    for (name, units) in measure() {
        writeln!(measured, "{name:<20} {units:>7}").unwrap();
    }
    println!("{measured}");
    if env::var_os("PERMITPIPE_UPDATE").is_some() {
        fs::write(SNAPSHOT, &measured).unwrap();
    }
    let committed = fs::read_to_string(SNAPSHOT).unwrap_or_default();
    // `cargo build-sbf` makes other code than the fallback, so its figures are shown but not compared.
    if env::var_os("PERMITPIPE_PLATFORM_TOOLS").is_none() {
        assert_eq!(measured, committed, "run with PERMITPIPE_UPDATE=1 if the change is meant");
    }
}

#[test]
fn compute_units_do_not_depend_on_the_run() {
    assert_eq!(measure(), measure());
}
