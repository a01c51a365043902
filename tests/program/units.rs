//! Compute units of each instruction and sizes of each account, against the committed snapshot.
//!
//! A difference is not wrong, but it must be seen: `PERMITPIPE_UPDATE=1` writes the new figures. Where an instruction can
//! cost more or less, the row is its worst case and says so.

use std::{collections::BTreeSet, env, fmt::Write as _, fs};

use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{self, Change, instruction as build};
use solana_sdk::{instruction::Instruction, pubkey::Pubkey, signer::Signer};

use crate::{
    ground::{
        market::{HASH, LOG, PLAN},
        reward::Rewards,
        *,
    },
    world::*,
};

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/program/compute_units.snap");
/// What any instruction gets without asking for more.
const GRANTED_UNITS: u64 = 200_000;

/// Name and figure of each row, in the order of a life.
#[derive(Default, Debug, PartialEq, Eq)]
struct Figures {
    units: Vec<(&'static str, u64)>,
    bytes: Vec<(&'static str, usize)>,
}

impl Figures {
    fn row(&mut self, name: &'static str, result: TransactionResult) {
        self.units.push((name, result.unwrap_or_else(|failure| panic!("{name}: {failure:?}")).compute_units_consumed));
    }

    fn size(&mut self, name: &'static str, world: &World, address: &Pubkey) {
        self.bytes.push((name, world.data(address).len()));
    }
}

fn measure() -> Figures {
    let mut figures = Figures::default();
    let mut world = config(&mut figures);
    vault(&mut figures, &mut world);
    stake(&mut figures);
    relay(&mut figures);
    epoch(&mut figures);
    template(&mut figures);
    plan(&mut figures);
    anchor(&mut figures);
    figures
}

fn config(figures: &mut Figures) -> World {
    let mut world = World::bare();
    figures.row("initialize_config", world.initialize(world.initial()));
    let (admin, guardian) = (world.admin.pubkey(), world.guardian.pubkey());
    let propose = build::propose_change(&admin, Change::Limits(Limits { settle_cap_atoms: 60 * USDC, ..LIMITS }));
    figures.row("propose_change", world.send(std::slice::from_ref(&propose), &[2]));
    figures.row("cancel_change", world.send(&[build::cancel_change(&guardian)], &[3]));
    world.send(&[propose], &[2]).unwrap();
    world.wait(CHANGE_DELAY_SECONDS);
    figures.row("accept_change", world.send(&[build::accept_change(&admin)], &[2]));
    figures.row("pause", world.send(&[build::pause(&guardian)], &[3]));
    figures.row("unpause", world.send(&[build::unpause(&admin)], &[2]));
    let lower = build::lower_settle_cap(&guardian, Asset::Usdc, SETTLE_CAP_ATOMS);
    figures.row("lower_settle_cap", world.send(&[lower], &[3]));
    figures.size("Config", &world, &chain::config_address());
    world
}

fn vault(figures: &mut Figures, world: &mut World) {
    let (owner, vault) = (world.owner.pubkey(), world.vault_address());
    figures.row("open_vault", world.open(CAP_ATOMS));
    figures.size("Vault", world, &vault);
    figures.size("(token account)", world, &world.vault_usdc());
    figures.row("set_cap (raise)", world.set_cap(2 * CAP_ATOMS));
    figures.row("set_cap (cut)", world.set_cap(CAP_ATOMS));
    figures.row("deposit_usdc", world.deposit(100 * USDC));
    figures.row("deposit_sol", world.send(&[build::deposit_sol(&owner, SOL)], &[6]));
    figures.row("settle", world.settle(1, USDC));
    world.put_price(&PriceUpdate { published_at: START + CHANGE_DELAY_SECONDS, ..PriceUpdate::default() });
    figures.row("settle_sol (fresh price)", world.settle_sol(2, 1_500_000, SOL));
    figures.size("Settlement", world, &chain::settlement_address(&vault, 1));
    figures.row("request_withdrawal", world.request(99 * USDC));
    figures.row("cancel_withdrawal", world.cancel());
    world.request(99 * USDC).unwrap();
    let left = world.vault().sol.balance_atoms().unwrap();
    world.send(&[build::request_withdrawal(&owner, Asset::Sol, left)], &[6]).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    figures.row("execute_withdrawal", world.execute());
    figures.row("execute_sol_withdrawal", world.send(&[build::execute_sol_withdrawal(&owner)], &[6]));
    world.put_tokens(world.vault_usdc(), world.usdc, vault, 1);
    world.next_slot();
    let close = build::close_vault(&world.config(), &owner, &world.owner_usdc);
    figures.row("close_vault (and sweep)", world.send(&[close], &[6]));
    world.wait(RETENTION_SECONDS);
    let close = build::close_settlement(&vault, 1, &world.payer.pubkey());
    figures.row("close_settlement", world.send(&[close], &[7]));
}

fn stake(figures: &mut Figures) {
    let mut world = World::configured();
    figures.row("open_stake", world.open_stake());
    figures.size("Stake", &world, &world.stake_address());
    world.add_stake(PERMIT).unwrap();
    world.wait(WARM_UP_SECONDS / 3);
    figures.row("add_stake", world.add_stake(STAKED_ATOMS));
    figures.row("set_beneficiary", world.set_beneficiary(&world.mallory.pubkey()));
    world.wait(WARM_UP_SECONDS / 3);
    figures.row("request_unstake", world.request_unstake(STAKED_ATOMS));
    figures.row("cancel_unstake", world.cancel_unstake());
    world.request_unstake(STAKED_ATOMS + PERMIT).unwrap();
    world.wait(COOL_DOWN_SECONDS);
    figures.row("unstake", world.unstake());
    world.put_tokens(world.stake_permit(), world.permit, world.stake_address(), 1);
    world.next_slot();
    figures.row("close_stake (and sweep)", world.close_stake());
}

fn relay(figures: &mut Figures) {
    let mut world = World::staked();
    let longest = format!("https://{}", "a".repeat(112));
    let register = world.register_instruction(&longest);
    figures.row("register_relay", world.send(&[register], &[6, RELAY_KEY]));
    figures.size("Relay", &world, &world.relay_address());
    figures.row("update_relay", world.update_relay(&longest));
    world.wait(COOL_DOWN_SECONDS);
    figures.row("rotate_relay_key", world.rotate(NEXT_KEY));
    world.request_unstake(200 * PERMIT).unwrap();
    // Both keys, active and unlocking stake.
    figures.row("slash_relay (with checks)", world.slash(1, [said(RELAY_KEY, 1, 1), said(NEXT_KEY, 1, 2)]));
    figures.size("Contradiction", &world, &chain::contradiction_address(&world.relay_address(), &STREAM, 1));
    // A slashed relay is never closed.
    let mut world = World::relayed();
    figures.row("retire_relay", world.retire_relay());
    world.wait(COOL_DOWN_SECONDS);
    world.next_slot();
    figures.row("close_relay", world.close_relay());
}

fn epoch(figures: &mut Figures) {
    let mut world = World::relayed();
    let small = Rewards::of(world.relay_address(), 1, 1);
    figures.row("publish_epoch (1 leaf)", world.publish(&small));
    figures.size("Epoch (1 leaf)", &world, &chain::epoch_address(1));
    figures.row("claim_reward (1 leaf)", world.claim(1, small.claim(0)));
    let large = Rewards::of(world.relay_address(), 2, 16_384);
    figures.row("publish_epoch (16384)", world.publish(&large));
    figures.size("Epoch (16384 leaves)", &world, &chain::epoch_address(2));
    figures.row("claim_reward (16384)", world.claim(2, large.claim(16_383)));
    world.wait(RETENTION_SECONDS);
    figures.row("close_epoch (with a rest)", world.close_epoch(2));
}

fn template(figures: &mut Figures) {
    let mut world = World::configured();
    figures.row("publish_template", world.publish_template());
    figures.size("Template", &world, &chain::template_address(&HASH));
    figures.row("verify_template", world.verify());
    figures.row("accuse_template", world.accuse());
    figures.row("acquit_template", world.acquit(2));
    world.accuse().unwrap();
    world.wait(CHANGE_DELAY_SECONDS);
    figures.row("revoke_template", world.revoke());
    let mut world = World::published();
    figures.row("retire_template", world.retire_template());
    world.wait(COOL_DOWN_SECONDS);
    world.next_slot();
    figures.row("reclaim_template", world.reclaim());
}

fn plan(figures: &mut Figures) {
    let mut world = World::configured();
    figures.row("create_plan", world.create_plan(PLAN));
    figures.size("Plan", &world, &chain::plan_address(1));
    figures.row("subscribe", world.subscribe(1));
    figures.size("Subscription", &world, &chain::subscription_address(&world.owner.pubkey()));
    figures.row("extend_subscription", world.extend(1));
    figures.row("retire_plan", world.retire_plan(1));
    world.wait(2 * PLAN.period_seconds);
    world.next_slot();
    figures.row("close_plan", world.close_plan(1));
    figures.row("close_subscription", world.close_subscription());
}

fn anchor(figures: &mut Figures) {
    let mut world = World::configured();
    figures.row("open_anchor", world.open_anchor(1, [1; 32]));
    figures.size("Anchor", &world, &chain::anchor_address(&LOG));
    figures.row("advance_anchor", world.advance(2, [2; 32]));
}

#[test]
fn compute_units_and_sizes_are_the_ones_in_the_snapshot() {
    let figures = measure();
    let mut measured = String::from("# compute units\n");
    for (name, units) in &figures.units {
        writeln!(measured, "{name:<26} {units:>7}").unwrap();
    }
    writeln!(measured, "\n# bytes of the account, and its rent in lamports").unwrap();
    let world = World::bare();
    for (name, bytes) in &figures.bytes {
        let lamports = world.svm.minimum_balance_for_rent_exemption(*bytes);
        writeln!(measured, "{name:<26} {bytes:>7} {lamports:>10}").unwrap();
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
fn compute_units_do_not_depend_on_the_run_and_no_instruction_needs_more_than_it_is_granted() {
    let figures = measure();
    assert_eq!(figures, measure());
    for (name, units) in figures.units {
        assert!(units < GRANTED_UNITS, "{name}: {units}");
    }
}

#[test]
fn every_instruction_of_the_program_is_measured() {
    let source = include_str!("../../programs/permitpipe/src/lib.rs");
    let named = source.lines().filter_map(|line| line.strip_prefix("    pub fn ")?.split_once('('));
    let named: BTreeSet<&str> = named.map(|(name, _)| name).collect();
    let figures = measure();
    let measured = figures.units.iter().filter_map(|(name, _)| name.split(' ').next());
    assert_eq!(measured.collect::<BTreeSet<_>>(), named);
}

#[test]
fn the_largest_transactions_fit_one_packet() {
    let mut world = World::relayed();
    let rewards = Rewards::of(world.relay_address(), 1, 16_384);
    world.publish(&rewards).unwrap();
    let claim = world.claim_instruction(1, rewards.claim(16_383));
    let report = world.slash_instruction(1, (0, 1));
    let longest = world.register_instruction(&format!("https://{}", "a".repeat(112)));
    let transactions: [(&str, Vec<Instruction>, &[u8]); 3] = [
        ("a claim with the deepest proof", vec![claim], &[6]),
        ("a report with its two checks", vec![said(RELAY_KEY, 1, 1), said(RELAY_KEY, 1, 2), report], &[7]),
        ("a relay with the longest endpoint", vec![longest], &[6, RELAY_KEY]),
    ];
    for (what, instructions, signers) in transactions {
        let bytes = legacy_bytes(&instructions, signers);
        println!("{what}: {bytes} bytes");
        assert!(bytes <= PACKET_BYTES, "{what}: {bytes}");
    }
}

/// `28421` as a person writes it: `28,421`.
fn grouped(figure: u64) -> String {
    let digits = figure.to_string();
    let head = digits.len() % 3;
    let groups = digits.as_bytes()[head..].chunks(3).map(|group| std::str::from_utf8(group).unwrap());
    let first = (head > 0).then(|| &digits[..head]);
    first.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

#[test]
fn the_readme_tells_the_figures_of_the_snapshot() {
    let readme = include_str!("../../programs/permitpipe/README.md");
    let committed = fs::read_to_string(SNAPSHOT).unwrap();
    let rows = committed.lines().skip(1).take_while(|row| !row.is_empty());
    let told = |row: &str| {
        let (name, units) = row.rsplit_once(' ').unwrap();
        format!("`{}` {} ", name.trim(), grouped(units.parse().unwrap()))
    };
    let missing: Vec<String> = rows.map(told).filter(|told| !readme.contains(told)).collect();
    assert!(missing.is_empty(), "programs/permitpipe/README.md does not say: {missing:#?}");
}
