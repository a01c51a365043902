//! Everything beside vaults: what is mirrored of it, and what happens when row and account differ.

use anchor_lang::AccountSerialize;
use permitpipe_program::{event::SettlementClosed, state::Asset};
use permitpipe_sdk::chain::{
    ChainError, decode_anchor, decode_epoch, decode_plan, decode_relay, decode_stake, decode_subscription,
    decode_template, decode_vault,
};
use serde_json::{Value, json};
use solana_sdk::pubkey::Pubkey;
use sqlx::AssertSqlSafe;

use crate::{
    cast::{self, Cast},
    mirror::Mirror,
    node::Node,
    story::{Story, data},
};

const FINAL: &str = "SELECT count(*) FROM chain.events WHERE commitment = 'finalized'";
const TABLES: [(&str, &str); 8] = [
    ("vaults", "vault"),
    ("stakes", "stake"),
    ("relays", "relay"),
    ("epochs", "epoch"),
    ("templates", "template"),
    ("plans", "plan"),
    ("subscriptions", "subscription"),
    ("anchors", "anchor"),
];

/// Rows of a table that are frozen, by address.
async fn frozen(mirror: &Mirror, (table, key): (&str, &str)) -> Vec<String> {
    let query = format!("SELECT {key} FROM chain.{table} WHERE is_frozen ORDER BY 1");
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mirror.pool).await.unwrap()
}

/// Until just these rows are frozen; `step` may let time pass on the chain.
async fn until_frozen(mirror: &Mirror, table: (&str, &str), expected: &[String], step: impl Fn()) {
    let mut tries = 0;
    while frozen(mirror, table).await != expected {
        tries += 1;
        assert!(tries < 2_000, "{table:?}: {:?} is not {expected:?}", frozen(mirror, table).await);
        step();
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn played(name: &str) -> (Node, Cast, Mirror) {
    let node = Node::start().await;
    let cast = cast::play(&node);
    node.finalize();
    let mirror = Mirror::of(&node, name).await;
    (node, cast, mirror)
}

#[tokio::test]
async fn each_kind_of_account_is_mirrored_with_what_happened_to_it() {
    let (node, cast, mirror) = played("whole_mirrored").await;
    let indexer = mirror.start();
    mirror.wait(FINAL, cast.events).await;
    mirror.caught_up(&node).await;
    let row = async |query: &'static str| mirror.one::<Value>(query).await;
    let stake = "SELECT jsonb_build_array(staked_atoms, unlocking_atoms, bonded_atoms, slashed_atoms, is_open) FROM chain.stakes";
    // 900 less 50 paid; half of 850 slashed, then all but a ten-thousandth; 500 added; 300 of that bonded again.
    assert_eq!(row(stake).await, json!([500, null, 300, 850, true]));
    let relay = "SELECT jsonb_build_array(endpoint, paid_receipts, rewarded_atoms, slash_count, retired_at, is_open) FROM chain.relays";
    assert_eq!(row(relay).await, json!(["https://relay.example", 0, 0, 0, null, true]), "a new life starts anew");
    let epochs = "SELECT jsonb_agg(jsonb_build_array(number, claimed_atoms, claimed_count, unclaimed_atoms, is_open) ORDER BY number) FROM chain.epochs";
    assert_eq!(row(epochs).await, json!([[1, 100, 2, 905, false], [2, 0, 0, null, true]]));
    let rewards = "SELECT jsonb_agg(jsonb_build_array(number, leaf_index, amount_atoms, receipt_count) ORDER BY leaf_index) FROM chain.rewards";
    assert_eq!(row(rewards).await, json!([[1, 0, 40, 7], [1, 9, 60, 7]]));
    let contradictions = "SELECT jsonb_agg(jsonb_build_array(sequence::text, slashed_atoms, reporter_atoms) ORDER BY sequence) FROM chain.contradictions";
    let slashed = json!([["18446744073709551614", 425, 106], ["18446744073709551615", 425, 106]]);
    assert_eq!(row(contradictions).await, slashed);
    let templates =
        "SELECT jsonb_agg(jsonb_build_array(status, bond_atoms, is_open) ORDER BY hash) FROM chain.templates";
    assert_eq!(row(templates).await, json!([["revoked", 0, true], ["published", 250, true]]));
    let plans = "SELECT jsonb_agg(jsonb_build_array(number, price_atoms, retired_at IS NOT NULL, is_open) ORDER BY number) FROM chain.plans";
    assert_eq!(row(plans).await, json!([[1, 3_000_000, true, false], [2, 3_000_000, false, true]]));
    let bought = "SELECT jsonb_build_array(plan, paid_atoms, is_open) FROM chain.subscriptions";
    assert_eq!(row(bought).await, json!([2, 3_000_000, true]));
    assert_eq!(
        row("SELECT jsonb_build_array(size, substr(root::text, 3, 2)) FROM chain.anchors").await,
        json!([90, "03"])
    );
    let vault = "SELECT jsonb_build_array(credited_atoms, sol_credited_atoms, sol_settled_atoms, sol_cap_atoms, is_open) FROM chain.vaults";
    assert_eq!(row(vault).await, json!([70, 0, 0, 9, true]), "the second life");
    let settlements = "SELECT jsonb_agg(jsonb_build_array(asset, amount_atoms, charge_credits, is_closed) ORDER BY sequence) FROM chain.settlements";
    let expected = json!([["usdc", 200, 200, false], ["sol", 200, 1, true], ["usdc", 2, 2, false]]);
    assert_eq!(row(settlements).await, expected);
    indexer.stop().await;
}

#[tokio::test]
async fn every_open_row_agrees_with_its_account_and_one_that_does_not_is_frozen() {
    let (node, cast, mirror) = played("whole_differ").await;
    let indexer = mirror.start();
    mirror.wait(FINAL, cast.events).await;
    mirror.caught_up(&node).await;
    node.finalize();
    mirror.caught_up(&node).await;
    for table in TABLES {
        assert_eq!(frozen(&mirror, table).await, [] as [String; 0], "{table:?}");
    }
    node.with(|chain| {
        for (table, _) in TABLES {
            let account = chain.accounts.get_mut(&cast.accounts[table]).unwrap();
            *account = lied(table, account).unwrap();
        }
    });
    for table in TABLES {
        until_frozen(&mirror, table, &[cast.accounts[table.0].to_string()], || {}).await;
    }
    indexer.stop().await;
}

/// The account with something else in it, at the same event.
fn lied(table: &str, account: &[u8]) -> Result<Vec<u8>, ChainError> {
    fn with<A: AccountSerialize>(mut account: A, change: impl FnOnce(&mut A)) -> Vec<u8> {
        change(&mut account);
        data(&account)
    }
    Ok(match table {
        "vaults" => with(decode_vault(account)?, |vault| vault.sol.credited_atoms += 1),
        "stakes" => with(decode_stake(account)?, |stake| stake.position.slashed_atoms += 1),
        "relays" => with(decode_relay(account)?, |relay| relay.paid_receipts += 1),
        "epochs" => with(decode_epoch(account)?, |epoch| epoch.claimed_atoms += 1),
        "templates" => with(decode_template(account)?, |template| template.bond_atoms += 1),
        "plans" => with(decode_plan(account)?, |plan| plan.request_limit += 1),
        "subscriptions" => with(decode_subscription(account)?, |bought| bought.expires_at += 1),
        "anchors" => with(decode_anchor(account)?, |anchor| anchor.root[31] ^= 1),
        other => panic!("no account in {other}"),
    })
}

#[tokio::test]
async fn an_account_that_is_gone_though_no_event_closed_it_freezes_its_row_after_a_while() {
    let (node, cast, mirror) = played("whole_gone").await;
    let indexer = mirror.start();
    mirror.wait(FINAL, cast.events).await;
    node.with(|chain| chain.accounts.remove(&cast.accounts["plans"]));
    mirror.caught_up(&node).await;
    assert_eq!(frozen(&mirror, ("plans", "plan")).await, [] as [String; 0], "the event may only be late");
    until_frozen(&mirror, ("plans", "plan"), &[cast.accounts["plans"].to_string()], || node.finalize()).await;
    indexer.stop().await;
}

#[tokio::test]
async fn an_account_that_is_there_though_it_was_closed_freezes_its_row() {
    let (node, cast, mirror) = played("whole_there").await;
    let indexer = mirror.start();
    mirror.wait(FINAL, cast.events).await;
    let first = permitpipe_sdk::chain::plan_address(1);
    node.with(|chain| {
        let mut plan = decode_plan(&chain.accounts[&cast.accounts["plans"]]).unwrap();
        (plan.number, plan.event_seq) = (1, 3);
        chain.accounts.insert(first, data(&plan));
    });
    until_frozen(&mirror, ("plans", "plan"), &[first.to_string()], || {}).await;
    indexer.stop().await;
}

/// A vault that is opened, closed and opened again; the event that closed it can be kept back.
fn two_lives(node: &Node) -> (Story, String) {
    let owner = Pubkey::new_unique();
    let mut first = Story::new(owner);
    let events = [first.open(1_000), first.deposit(30), first.request(30, 0), first.withdraw(1_000)];
    for event in events {
        node.land(first.address, vec![event]);
    }
    let closed = first.close();
    let closed = node.land(first.address, vec![closed]);
    let mut again = Story::at(owner, node.with(|chain| chain.slot + 1));
    again.asset = Asset::Sol;
    let events = vec![again.open(1_000), again.deposit(7)];
    node.land(again.address, events);
    node.with(|chain| chain.accounts.insert(again.address, again.data()));
    node.finalize();
    (again, closed)
}

#[tokio::test]
async fn a_vault_opened_again_is_folded_only_after_the_event_that_closed_it() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "whole_reopened").await;
    let (again, closed) = two_lives(&node);
    node.with(|chain| chain.faults.hidden.insert(closed));
    let indexer = mirror.start();
    mirror.wait(FINAL, 4_i64).await;
    mirror.caught_up(&node).await;
    let row = "SELECT jsonb_build_array(credited_atoms, sol_credited_atoms, is_open, is_frozen) FROM chain.vaults";
    assert_eq!(mirror.one::<Value>(row).await, json!([30, 0, true, false]), "the second life waits");
    node.with(|chain| chain.faults.hidden.clear());
    mirror.wait(row, json!([0, 7, true, false])).await;
    let sequence: i64 = mirror.one("SELECT settle_sequence FROM chain.vaults").await;
    assert_eq!(sequence as u64, again.account.settle_sequence);
    indexer.stop().await;
}

#[tokio::test]
async fn a_whole_life_that_the_programs_list_leaves_out_is_found_before_the_next_one_counts() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "whole_life").await;
    let owner = Pubkey::new_unique();
    let mut events = 0_i64;
    for (life, is_omitted) in [(1, false), (2, true), (3, false)] {
        let mut vault = Story::at(owner, node.with(|chain| chain.slot + 1));
        let all = [vault.open(1_000), vault.deposit(life), vault.settle(life, 0), vault.close()];
        for event in all {
            let signature = node.land(vault.address, vec![event]);
            events += 1;
            if is_omitted {
                node.with(|chain| chain.faults.omitted.insert(signature));
            }
        }
        node.finalize();
    }
    let indexer = mirror.start();
    mirror.wait(FINAL, events).await;
    let settled = "SELECT jsonb_agg(amount_atoms ORDER BY sequence) FROM chain.settlements";
    assert_eq!(mirror.one::<Value>(settled).await, json!([1, 2, 3]));
    mirror.caught_up(&node).await;
    assert_eq!(mirror.one::<i64>("SELECT count(*) FROM chain.vaults WHERE is_frozen OR is_open").await, 0);
    indexer.stop().await;
}

#[tokio::test]
async fn a_settlement_is_closed_only_after_it_was_made() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "whole_settlement").await;
    let mut vault = Story::new(Pubkey::new_unique());
    let address = vault.address;
    let events = vec![vault.open(1_000), vault.deposit(30)];
    node.land(address, events);
    let settled = vault.settle(5, 0);
    let settled = node.land(address, vec![settled]);
    let settlement = permitpipe_sdk::chain::settlement_address(&address, 1);
    let closed = SettlementClosed { settlement, event_seq: 1, vault: address, sequence: 1 };
    node.land(settlement, vec![crate::story::bytes(&closed)]);
    node.with(|chain| {
        chain.accounts.insert(address, vault.data());
        chain.faults.hidden.insert(settled);
    });
    node.finalize();
    let indexer = mirror.start();
    mirror.wait(FINAL, 2_i64).await;
    mirror.wait("SELECT count(*) FROM chain.events WHERE commitment = 'confirmed'", 1_i64).await;
    node.with(|chain| chain.faults.hidden.clear());
    mirror.wait("SELECT is_closed FROM chain.settlements WHERE sequence = 1", true).await;
    assert_eq!(mirror.one::<i64>(FINAL).await, 4);
    indexer.stop().await;
}

#[tokio::test]
async fn a_row_that_breaks_a_rule_of_its_table_is_refused_and_frozen_and_others_go_on() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "whole_rule").await;
    let mut vault = Story::new(Pubkey::new_unique());
    let (opened, deposited) = (vault.open(1_000), vault.deposit(5));
    node.land(vault.address, vec![opened, deposited]);
    // It still holds something: the program would not close it.
    let event_seq = vault.account.event_seq + 1;
    let closed = permitpipe_program::event::VaultClosed { vault: vault.address, owner: vault.account.owner, event_seq };
    node.land(vault.address, vec![crate::story::bytes(&closed)]);
    let mut other = Story::new(Pubkey::new_unique());
    let opened = other.open(1_000);
    node.land(other.address, vec![opened]);
    node.finalize();
    let indexer = mirror.start();
    until_frozen(&mirror, ("vaults", "vault"), &[vault.address.to_string()], || {}).await;
    mirror.wait(FINAL, 3_i64).await;
    assert_eq!(mirror.one::<i64>("SELECT count(*) FROM chain.vaults WHERE is_open").await, 2);
    indexer.stop().await;
}
