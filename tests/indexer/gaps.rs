//! Events that are left out, come twice, come late, or do not fit the account.

use solana_sdk::pubkey::Pubkey;

use crate::{mirror::Mirror, node::Node, story::Story};

const FINAL: &str = "SELECT count(*) FROM chain.events WHERE commitment = 'finalized'";
const FROZEN: &str = "SELECT count(*) FROM chain.vaults WHERE is_frozen";
const CREDITED: &str = "SELECT coalesce(sum(credited_atoms), 0)::bigint FROM chain.vaults";
/// Numbers that are missing below the last final event of any account.
const HOLES: &str =
    "SELECT coalesce(sum(last - count), 0)::bigint FROM (SELECT max(event_seq) AS last, count(*) AS count
                     FROM chain.events WHERE commitment = 'finalized' GROUP BY account) AS per_account";

fn opened(node: &Node, cap_atoms: u64) -> Story {
    let mut vault = Story::new(Pubkey::new_unique());
    let event = vault.open(cap_atoms);
    node.land(vault.address, vec![event]);
    know(node, &vault);
    vault
}

fn deposit(node: &Node, vault: &mut Story, atoms: u64) -> String {
    let event = vault.deposit(atoms);
    let signature = node.land(vault.address, vec![event]);
    know(node, vault);
    signature
}

fn know(node: &Node, vault: &Story) {
    node.with(|chain| chain.accounts.insert(vault.address, vault.data()));
}

#[tokio::test]
async fn i12_nothing_after_a_missing_event_counts_and_other_vaults_go_on() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "i12_hidden").await;
    let (mut gappy, mut whole) = (opened(&node, 1_000), opened(&node, 1_000));
    let hidden = deposit(&node, &mut gappy, 100);
    node.with(|chain| chain.faults.hidden.insert(hidden.clone()));
    deposit(&node, &mut gappy, 20);
    deposit(&node, &mut whole, 3);
    node.finalize();
    let indexer = mirror.start();
    mirror.wait(CREDITED, 3_i64).await;
    mirror.caught_up(&node).await;
    assert_eq!(mirror.one::<i64>(CREDITED).await, 3, "the second deposit waits for the first");
    assert_eq!(mirror.one::<i64>(HOLES).await, 0);

    // A restart sees again what is folded after the gap already.
    indexer.kill().await;
    let indexer = mirror.start();
    node.finalize();
    mirror.caught_up(&node).await;
    assert_eq!((mirror.one::<i64>(CREDITED).await, mirror.one::<i64>(FROZEN).await), (3, 0));

    node.with(|chain| chain.faults.hidden.clear());
    mirror.wait(CREDITED, 123_i64).await;
    assert_eq!((mirror.one::<i64>(HOLES).await, mirror.one::<i64>(FINAL).await), (0, 5));
    assert_eq!(mirror.one::<i64>(FROZEN).await, 0);
    indexer.stop().await;
}

#[tokio::test]
async fn i12_an_event_left_out_before_the_cursor_is_found_by_the_vaults_own_address() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "i12_omitted").await;
    let (mut gappy, mut whole) = (opened(&node, 1_000), opened(&node, 1_000));
    let omitted = deposit(&node, &mut gappy, 100);
    node.with(|chain| chain.faults.omitted.insert(omitted));
    deposit(&node, &mut whole, 3);
    node.finalize();
    let indexer = mirror.start();
    mirror.wait(CREDITED, 3_i64).await;
    deposit(&node, &mut gappy, 20);
    node.finalize();
    mirror.wait(CREDITED, 123_i64).await;
    assert_eq!((mirror.one::<i64>(HOLES).await, mirror.one::<i64>(FROZEN).await), (0, 0));
    indexer.stop().await;
}

#[tokio::test]
async fn h19_a_newest_event_left_out_is_found_because_the_account_is_ahead() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "h19_ahead").await;
    let mut vault = opened(&node, 1_000);
    let omitted = deposit(&node, &mut vault, 100);
    node.with(|chain| chain.faults.omitted.insert(omitted));
    node.finalize();
    let indexer = mirror.start();
    mirror.wait(FINAL, 1_i64).await;
    mirror.caught_up(&node).await;
    assert_eq!(mirror.one::<i64>(CREDITED).await, 0);
    while mirror.one::<i64>(CREDITED).await != 100 {
        node.finalize();
        mirror.caught_up(&node).await;
    }
    assert_eq!(mirror.one::<i64>(FROZEN).await, 0);
    indexer.stop().await;
}

#[tokio::test]
async fn h19_an_event_nobody_shows_freezes_the_vault_whose_account_has_it() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "h19_hidden").await;
    let mut vault = opened(&node, 1_000);
    let _other = opened(&node, 1_000);
    let hidden = deposit(&node, &mut vault, 100);
    node.with(|chain| chain.faults.hidden.insert(hidden));
    node.finalize();
    let indexer = mirror.start();
    mirror.wait(FINAL, 2_i64).await;
    while mirror.one::<i64>(FROZEN).await == 0 {
        node.finalize();
        mirror.caught_up(&node).await;
    }
    let frozen: String = mirror.one("SELECT vault FROM chain.vaults WHERE is_frozen").await;
    assert_eq!((frozen, mirror.one::<i64>(FROZEN).await), (vault.address.to_string(), 1));
    indexer.stop().await;
}

#[tokio::test]
async fn i12_totals_that_differ_from_the_account_freeze_that_vault_alone() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "i12_differ").await;
    let (mut lied, mut honest) = (opened(&node, 1_000), opened(&node, 1_000));
    deposit(&node, &mut lied, 100);
    deposit(&node, &mut honest, 50);
    lied.account.usdc.credited_atoms = 90;
    know(&node, &lied);
    node.finalize();
    let indexer = mirror.start();
    mirror.wait(FROZEN, 1_i64).await;
    let frozen: String = mirror.one("SELECT vault FROM chain.vaults WHERE is_frozen").await;
    assert_eq!(frozen, lied.address.to_string());
    deposit(&node, &mut honest, 5);
    node.finalize();
    mirror.wait(CREDITED, 155_i64).await;
    assert_eq!(mirror.one::<i64>(FROZEN).await, 1);
    indexer.stop().await;
}

#[tokio::test]
async fn h19_an_invented_event_with_a_number_that_is_taken_freezes_the_vault_and_credits_nothing() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "h19_invented").await;
    let mut vault = opened(&node, 1_000);
    deposit(&node, &mut vault, 100);
    node.finalize();
    let indexer = mirror.start();
    mirror.wait(CREDITED, 100_i64).await;

    let mut twin = Story::new(vault.account.owner);
    twin.open(1_000);
    let invented = twin.deposit(9_999);
    node.land(vault.address, vec![invented]);
    node.finalize();
    mirror.wait(FROZEN, 1_i64).await;
    assert_eq!(mirror.one::<i64>(CREDITED).await, 100);
    indexer.stop().await;
}

#[tokio::test]
async fn i11_several_events_in_one_transaction_and_a_transaction_listed_twice_count_once() {
    let node = Node::start().await;
    node.with(|chain| (chain.faults.is_repeating, chain.faults.is_shuffling) = (true, true));
    let mirror = Mirror::of(&node, "i11_repeated").await;
    let mut vault = Story::new(Pubkey::new_unique());
    let events = vec![vault.open(1_000), vault.deposit(5), vault.deposit(6)];
    node.land(vault.address, events);
    know(&node, &vault);
    node.finalize();
    let indexer = mirror.start();
    mirror.wait(CREDITED, 11_i64).await;
    for _ in 0..3 {
        deposit(&node, &mut vault, 1);
    }
    node.finalize();
    mirror.wait(CREDITED, 14_i64).await;
    mirror.caught_up(&node).await;
    assert_eq!((mirror.one::<i64>(FINAL).await, mirror.one::<i64>(FROZEN).await), (6, 0));
    indexer.stop().await;
}
