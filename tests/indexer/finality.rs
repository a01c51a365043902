//! What counts, and when: only what is final, only what our program said.

use permitpipe_program::event;
use solana_sdk::pubkey::Pubkey;

use crate::{mirror::Mirror, node::Node, story, story::Story};

const PENDING: &str = "SELECT count(*) FROM chain.events WHERE commitment = 'confirmed'";
const FINAL: &str = "SELECT count(*) FROM chain.events WHERE commitment = 'finalized'";
const VAULTS: &str = "SELECT count(*) FROM chain.vaults";
const CREDITED: &str = "SELECT coalesce(sum(credited_atoms), 0)::bigint FROM chain.vaults";

#[tokio::test]
async fn i15_confirmed_events_are_shown_as_pending_and_count_only_at_finality() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "i15_pending").await;
    let indexer = mirror.start();
    let mut vault = Story::new(Pubkey::new_unique());
    let opened = vault.open(1_000);
    node.land(vault.address, vec![opened]);
    let deposited = vault.deposit(700);
    node.land(vault.address, vec![deposited]);

    mirror.wait(PENDING, 2_i64).await;
    assert_eq!(mirror.one::<i64>(VAULTS).await, 0, "nothing that is not final is folded");

    node.with(|chain| chain.accounts.insert(vault.address, vault.data()));
    node.finalize();
    mirror.wait(CREDITED, 700_i64).await;
    assert_eq!((mirror.one::<i64>(PENDING).await, mirror.one::<i64>(FINAL).await), (0, 2));
    indexer.stop().await;
}

#[tokio::test]
async fn i15_a_dropped_fork_leaves_nothing_but_a_pending_row_that_vanishes() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "i15_fork").await;
    let indexer = mirror.start();
    let mut vault = Story::new(Pubkey::new_unique());
    let opened = vault.open(1_000);
    node.land(vault.address, vec![opened]);
    node.with(|chain| chain.accounts.insert(vault.address, vault.data()));
    node.finalize();
    mirror.wait(FINAL, 1_i64).await;
    let before = mirror.tables().await;

    let deposited = vault.deposit(700);
    let forked = node.land(vault.address, vec![deposited]);
    mirror.wait(PENDING, 1_i64).await;
    node.with(|chain| chain.transactions.retain(|tx| tx.signature != forked));
    node.finalize();
    mirror.wait(PENDING, 0_i64).await;
    mirror.caught_up(&node).await;
    assert_eq!(mirror.tables().await, before);
    indexer.stop().await;
}

#[tokio::test]
async fn i15_a_transaction_that_moved_to_another_slot_becomes_final_once() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "i15_moved").await;
    let indexer = mirror.start();
    let mut vault = Story::new(Pubkey::new_unique());
    let opened = vault.open(1_000);
    let signature = node.land(vault.address, vec![opened]);
    node.with(|chain| chain.accounts.insert(vault.address, vault.data()));
    mirror.wait(PENDING, 1_i64).await;
    let moved = node.with(|chain| {
        chain.slot += 5;
        let tx = chain.transactions.iter_mut().find(|tx| tx.signature == signature).unwrap();
        tx.slot = chain.slot;
        chain.slot as i64
    });
    mirror.wait("SELECT slot FROM chain.events", moved).await;
    node.finalize();
    mirror.wait(FINAL, 1_i64).await;
    assert_eq!(mirror.one::<i64>("SELECT count(*) FROM chain.events").await, 1);
    indexer.stop().await;
}

#[tokio::test]
async fn a_node_that_ignores_the_commitment_it_was_asked_for_makes_nothing_final_early() {
    let node = Node::start().await;
    node.with(|chain| chain.faults.ignores_commitment = true);
    let mirror = Mirror::of(&node, "ignores_commitment").await;
    let indexer = mirror.start();
    let mut vault = Story::new(Pubkey::new_unique());
    let opened = vault.open(1_000);
    node.land(vault.address, vec![opened]);
    mirror.wait(PENDING, 1_i64).await;
    mirror.caught_up(&node).await;
    assert_eq!(mirror.one::<i64>(FINAL).await, 0);
    indexer.stop().await;
}

#[tokio::test]
async fn failed_transactions_and_other_programs_imitations_are_not_events() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "imitations").await;
    let mut vault = Story::new(Pubkey::new_unique());
    let opened = vault.open(1_000);
    let failed = node.land(vault.address, vec![opened.clone()]);
    let imitated = node.land(vault.address, vec![opened.clone()]);
    node.with(|chain| {
        for tx in &mut chain.transactions {
            tx.is_failed = tx.signature == failed;
            if tx.signature == imitated {
                tx.caller = Pubkey::new_unique();
            }
        }
    });
    let genuine = node.land(vault.address, vec![opened]);
    node.with(|chain| chain.accounts.insert(vault.address, vault.data()));
    node.finalize();
    let indexer = mirror.start();
    mirror.wait(FINAL, 1_i64).await;
    mirror.caught_up(&node).await;
    assert_eq!(mirror.one::<i64>("SELECT count(*) FROM chain.events").await, 1);
    assert_eq!(mirror.one::<String>("SELECT signature FROM chain.events").await, genuine);
    indexer.stop().await;
}

#[tokio::test]
async fn an_unknown_event_stops_the_indexer_loudly_and_keeps_what_came_before() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "unknown_event").await;
    let mut vault = Story::new(Pubkey::new_unique());
    let opened = vault.open(1_000);
    node.land(vault.address, vec![opened]);
    let mut unknown = story::bytes(&event::VaultOpened {
        vault: vault.address,
        owner: vault.account.owner,
        event_seq: 2,
        cap_atoms: 1,
        cap_lamports: 1,
    });
    unknown[8..16].copy_from_slice(b"tomorrow");
    let signature = node.land(vault.address, vec![unknown]);
    node.finalize();

    let message = mirror.start().fails().await.to_string();
    assert!(message.contains(&signature) && message.contains("upgrade the indexer"), "{message}");
    assert_eq!(mirror.one::<i64>(FINAL).await, 1);
    let message = mirror.start().fails().await.to_string();
    assert!(message.contains(&signature), "a restart does not skip it: {message}");
}

#[tokio::test]
async fn h19_a_slot_that_goes_back_is_ignored_until_the_node_has_caught_up() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "slot_back").await;
    let indexer = mirror.start();
    let mut vault = Story::new(Pubkey::new_unique());
    let opened = vault.open(1_000);
    node.land(vault.address, vec![opened]);
    node.with(|chain| chain.accounts.insert(vault.address, vault.data()));
    node.finalize();
    mirror.wait(FINAL, 1_i64).await;
    mirror.caught_up(&node).await;
    let slot: i64 = mirror.one("SELECT finalized_slot FROM chain.cursor").await;

    node.with(|chain| chain.faults.finalized_slot = Some(3));
    let deposited = vault.deposit(10);
    node.land(vault.address, vec![deposited]);
    node.with(|chain| chain.accounts.insert(vault.address, vault.data()));
    let calls = node.calls();
    while node.calls() < calls + 10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(mirror.one::<i64>("SELECT finalized_slot FROM chain.cursor").await, slot);
    assert_eq!(mirror.one::<i64>("SELECT count(*) FROM chain.events").await, 1, "nothing such a node says is used");

    node.with(|chain| chain.faults.finalized_slot = None);
    node.finalize();
    mirror.wait(CREDITED, 10_i64).await;
    indexer.stop().await;
}

#[tokio::test]
async fn h19_the_wrong_cluster_is_refused() {
    let node = Node::start().await;
    let mut mirror = Mirror::of(&node, "wrong_cluster").await;
    mirror.config.genesis_hash = Some("mainnet".into());
    let message = mirror.start().fails().await.to_string();
    assert!(message.contains("wrong cluster") && message.contains("mainnet") && message.contains("local"), "{message}");

    mirror.config.genesis_hash = None;
    let indexer = mirror.start();
    mirror.caught_up(&node).await;
    indexer.stop().await;
    node.with(|chain| chain.genesis = "mainnet".into());
    mirror.config.genesis_hash = Some("mainnet".into());
    let message = mirror.start().fails().await.to_string();
    assert!(message.contains("the mirror has genesis hash local"), "{message}");
}

#[tokio::test]
async fn the_view_is_fresh_although_nothing_happens_and_not_when_the_chain_stands_still() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "fresh").await;
    let indexer = mirror.start();
    mirror.caught_up(&node).await;
    let first: time::OffsetDateTime = mirror.one("SELECT observed_at FROM chain.cursor").await;
    let calls = node.calls();
    while node.calls() < calls + 20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(mirror.one::<time::OffsetDateTime>("SELECT observed_at FROM chain.cursor").await, first);
    node.finalize();
    mirror.caught_up(&node).await;
    assert!(mirror.one::<time::OffsetDateTime>("SELECT observed_at FROM chain.cursor").await > first);
    let tip = node.with(|chain| chain.slot - crate::node::LAG) as i64;
    assert_eq!(
        mirror.one::<i64>("SELECT extract(epoch FROM finalized_at)::bigint FROM chain.cursor").await,
        1_700_000_000 + tip
    );
    indexer.stop().await;
}
