//! What is credit and what is not: USDC in an open vault.

use permitpipe_broker::db;
use permitpipe_tests::world::{CREDIT, Commitment, World};
use serde_json::json;

/// The last event is posted: nothing that came before it is still to come.
async fn pass(world: &World, before: i64) {
    world.mirror.deposit(&world.owner.wallet, 7).await;
    world.wait_for_account("the last deposit", &world.owner, |account| account.available == before + 7).await;
    world.check_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lamports_that_come_in_or_go_out_are_no_credit() {
    let world = World::start().await;
    let wallet = &world.owner.wallet;
    let transfers = world.count("SELECT count(*) FROM ledger.transfers").await;
    world.mirror.deposit_sol(wallet, 5_000_000).await;
    pass(&world, CREDIT).await;
    world.mirror.record_sol(wallet, Commitment::Finalized, "WithdrawalRequested", 1_000_000).await;
    world.mirror.record_sol(wallet, Commitment::Finalized, "WithdrawalCancelled", 1_000_000).await;
    world.mirror.record_sol(wallet, Commitment::Finalized, "Withdrawn", 1_000_000).await;
    pass(&world, CREDIT + 7).await;
    world.mirror.record_sol(wallet, Commitment::Confirmed, "Deposited", 9).await;
    let account = world.owner.client.account().await.unwrap();
    assert!(account.pending_deposits.is_empty(), "nor are they on their way to be: {account:?}");
    world.mirror.fork().await;
    world.mirror.record_sol(wallet, Commitment::Confirmed, "WithdrawalRequested", 1_000_000).await;
    let other = world.another_owner(9).await;
    // The other owner's deposit is posted after a look at who withdraws.
    world.mirror.deposit(&other.wallet, 1).await;
    world.wait_for_account("a round later", &other, |account| account.available == CREDIT + 1).await;
    assert_eq!(world.owner.client.account().await.unwrap().frozen, 0, "a request for SOL keeps no USDC back");
    let owners = world
        .count(
            "SELECT count(*) FROM ledger.transfers t JOIN access.owners o USING (owner_id)
                              WHERE o.wallet = (SELECT min(wallet) FROM chain.vaults WHERE sol_credited_atoms > 0)",
        )
        .await;
    assert_eq!(owners, transfers + 2, "only the two deposits of USDC moved anything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_does_not_say_of_which_asset_it_is_moves_nothing() {
    let world = World::start().await;
    let seq = world.count("SELECT event_seq + 1 FROM chain.vaults").await;
    let nameless = json!({ "amount_atoms": 5 });
    world.mirror.record(&world.owner.wallet, seq, Commitment::Finalized, "Deposited", nameless).await;
    let other = world.another_owner(9).await;
    world.mirror.deposit(&other.wallet, 1).await;
    world.wait_for_account("others go on", &other, |account| account.available == CREDIT + 1).await;
    assert_eq!(world.owner.client.account().await.unwrap().available, CREDIT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_vault_gives_no_credit_and_opened_again_it_counts_from_its_own_deposits() {
    let world = World::start().await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    let (bearer, wallet) = (lease.bearer.as_deref().unwrap(), &world.owner.wallet);
    assert_eq!(world.chat(bearer).await.status, 200);
    world.settle_down().await;
    let spent = world.owner.client.account().await.unwrap().spent;
    world.mirror.request_withdrawal(wallet, CREDIT, Commitment::Finalized).await;
    world.mirror.pay(wallet, CREDIT).await;
    // A rest of SOL that rent took does not keep it open.
    world.mirror.deposit_sol(wallet, 1_000).await;
    world.mirror.close_vault(wallet).await;
    let closed = world.wait_for_account("paid out", &world.owner, |account| account.chain == 0).await;
    assert_eq!((closed.available, closed.spent, closed.writeoff), (0, spent, -spent));
    assert!(closed.vault.is_none(), "{closed:?}");
    assert_eq!(world.chat(bearer).await.code(), "credit_exhausted");

    world.mirror.open_vault_again(wallet, 1_000).await;
    world.mirror.deposit(wallet, 300_000).await;
    let again = world.wait_for_account("the new life", &world.owner, |account| account.chain == -300_000).await;
    assert_eq!((again.available, again.writeoff), (300_000 - spent, 0), "what was owed is repaid first: {again:?}");
    assert_eq!(world.chat(bearer).await.status, 200);
    world.settle_down().await;
    world.check_books().await;
    let posted = world.count("SELECT max(event_seq) FROM ledger.posted_events").await;
    assert_eq!(posted, 1_000 * 65_536 + 2);
    // The mirror is ahead of the books: what they still show is credit no longer.
    let close = "UPDATE chain.vaults SET is_open = false, withdrawn_atoms = credited_atoms";
    sqlx::query(close).execute(&world.pool).await.unwrap();
    assert_eq!(world.chat(bearer).await.code(), "no_vault");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_event_of_a_vault_is_waited_for_unless_the_vault_was_opened_there() {
    let world = World::start().await;
    let seq = world.count("SELECT event_seq + 1 FROM chain.vaults").await;
    let usdc = |atoms: i64| json!({ "asset": "usdc", "amount_atoms": atoms });
    world.mirror.record(&world.owner.wallet, seq + 1, Commitment::Finalized, "Deposited", usdc(20)).await;
    let other = world.another_owner(9).await;
    world.mirror.deposit(&other.wallet, 1).await;
    world.wait_for_account("others go on", &other, |account| account.available == CREDIT + 1).await;
    assert_eq!(world.owner.client.account().await.unwrap().available, CREDIT, "the one before it is missing");
    world.mirror.record(&world.owner.wallet, seq, Commitment::Finalized, "Deposited", usdc(100)).await;
    world.wait_for_account("both count", &world.owner, |account| account.available == CREDIT + 120).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_outlived_once_its_vault_was_closed_and_not_before() {
    let world = World::start().await;
    let insert = "INSERT INTO ledger.settlements (owner_id, settlement_id, vault, sequence, amount, receipt_count, receipts_root)
                  SELECT owner_id, gen_random_uuid(), vault, 65536 * 1000 + 1, 1, 1, sha256('')
                  FROM access.owners JOIN chain.vaults USING (wallet)";
    let wallet = &world.owner.wallet;
    world.mirror.open_vault_again(wallet, 1_000).await;
    sqlx::query(insert).execute(&world.pool).await.unwrap();
    let batch = db::settlement::list_prepared(&world.pool, None).await.unwrap().remove(0);
    let is_outlived = async || db::settlement::is_outlived(&world.pool, &batch).await.unwrap();
    assert!(!is_outlived().await, "the opening that it counts from is no reason");
    world.mirror.deposit(wallet, 5).await;
    assert!(!is_outlived().await);
    sqlx::query("UPDATE chain.vaults SET withdrawn_atoms = 5").execute(&world.pool).await.unwrap();
    world.mirror.close_vault(wallet).await;
    assert!(is_outlived().await);
    world.mirror.open_vault_again(wallet, 2_000).await;
    assert!(is_outlived().await, "nor can it land in the next life");
}
