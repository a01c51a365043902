//! Money on its way back to its owner, and what the broker may still promise meanwhile.

use permitpipe_sdk::wire::Account;
use permitpipe_tests::{
    upstream::Mode,
    world::{CREDIT, Commitment, World, chat, eventually, within},
};
use serde_json::json;

/// The accounts that a withdrawal moves: free, on its way, kept back.
fn standing(account: &Account) -> (i64, i64, i64) {
    (account.available, account.withdrawing, account.frozen)
}

async fn wait_for(world: &World, what: &str, expected: (i64, i64, i64)) {
    world.wait_for_account(what, &world.owner, |account| standing(account) == expected).await;
    world.check_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmed_withdrawal_keeps_credit_from_new_holds_and_a_fork_gives_it_back() {
    let world = World::start().await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    let bearer = lease.bearer.as_deref().unwrap();
    world.mirror.request_withdrawal(&world.owner.wallet, CREDIT, Commitment::Confirmed).await;
    wait_for(&world, "confirmed, it is kept back but not moved", (CREDIT, 0, CREDIT)).await;
    let refused = world.chat(bearer).await;
    assert_eq!((refused.status, refused.code().as_str()), (402, "credit_exhausted"), "{}", refused.text());
    assert!(world.upstream.received().is_empty());

    world.mirror.fork().await;
    wait_for(&world, "a fork leaves no trace", (CREDIT, 0, 0)).await;
    assert_eq!(world.chat(bearer).await.status, 200);
    world.settle_down().await;
    assert_eq!(world.count("SELECT count(*) FROM ledger.transfers WHERE 'withdrawing' IN (debit, credit)").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_final_withdrawal_takes_what_is_free_and_ended_holds_fill_the_rest() {
    let world = World::tuned(2, |_| {}).await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    world.upstream.set_mode(Mode::stall_before_head());
    let call = tokio::spawn(world.chat_request(0, lease.bearer.as_deref().unwrap(), &chat()).send());
    within("the upstream has it", world.upstream.wait_for_requests(1)).await;
    let held = world.owner.client.account().await.unwrap().held;
    assert!(held > 0);

    let wallet = &world.owner.wallet;
    world.mirror.request_withdrawal(wallet, CREDIT, Commitment::Confirmed).await;
    wait_for(&world, "kept back", (CREDIT - held, 0, CREDIT)).await;
    world.mirror.request_withdrawal(wallet, CREDIT, Commitment::Finalized).await;
    wait_for(&world, "what is free moves at finality", (0, CREDIT - held, held)).await;
    call.abort();
    let spent = eventually("the hold ends", || async {
        let account = world.owner.client.account().await.unwrap();
        if account.held == 0 && account.available == 0 { Ok(account.spent) } else { Err(format!("{account:?}")) }
    })
    .await;
    wait_for(&world, "what the hold gave back follows", (0, CREDIT - spent, spent)).await;

    // Paid in full before it could be settled: what was spent is written off, visibly, and repaid by the next deposit.
    world.mirror.pay(wallet, CREDIT).await;
    let paid = world.wait_for_account("paid", &world.owner, |account| account.chain == 0 && account.frozen == 0).await;
    assert_eq!((standing(&paid), paid.spent, paid.writeoff), ((0, 0, 0), spent, -spent), "{paid:?}");
    world.mirror.deposit(wallet, 1_000).await;
    let after = world.wait_for_account("the next deposit", &world.owner, |account| account.chain == -1_000).await;
    assert_eq!((standing(&after), after.writeoff), ((1_000 - spent, 0, 0), 0), "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partial_withdrawal_leaves_the_rest_spendable_and_a_cancelled_one_returns() {
    let world = World::start().await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    let wallet = &world.owner.wallet;
    world.mirror.request_withdrawal(wallet, 1_000_000, Commitment::Finalized).await;
    wait_for(&world, "only what was asked for moves", (CREDIT - 1_000_000, 1_000_000, 0)).await;
    assert_eq!(world.chat(lease.bearer.as_deref().unwrap()).await.status, 200, "the rest can be spent");
    world.settle_down().await;
    let spent = world.owner.client.account().await.unwrap().spent;
    world.mirror.cancel_withdrawal(wallet, 1_000_000).await;
    wait_for(&world, "cancelled, it is free again", (CREDIT - spent, 0, 0)).await;
    world.mirror.request_withdrawal(wallet, 2_000_000, Commitment::Finalized).await;
    wait_for(&world, "asked for again", (CREDIT - spent - 2_000_000, 2_000_000, 0)).await;
    world.mirror.pay(wallet, 2_000_000).await;
    wait_for(&world, "paid", (CREDIT - spent - 2_000_000, 0, 0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_seen_again_move_nothing_again() {
    let world = World::tuned(2, |_| {}).await;
    let wallet = &world.owner.wallet;
    world.mirror.request_withdrawal(wallet, 1_000_000, Commitment::Finalized).await;
    wait_for(&world, "requested", (CREDIT - 1_000_000, 1_000_000, 0)).await;
    world.mirror.pay(wallet, 1_000_000).await;
    wait_for(&world, "paid", (CREDIT - 1_000_000, 0, 0)).await;
    let transfers = world.count("SELECT count(*) FROM ledger.transfers").await;
    // A rebuilt mirror shows every event again, from the first.
    let deposit = json!({ "asset": "usdc", "amount_atoms": CREDIT });
    world.mirror.record(wallet, 2, Commitment::Finalized, "Deposited", deposit).await;
    sqlx::query("CREATE TABLE again AS SELECT * FROM chain.events").execute(&world.pool).await.unwrap();
    sqlx::query("DELETE FROM chain.events").execute(&world.pool).await.unwrap();
    sqlx::query("INSERT INTO chain.events SELECT * FROM again").execute(&world.pool).await.unwrap();
    // A new deposit behind them shows that the posting has passed them all.
    world.mirror.deposit(wallet, 7).await;
    wait_for(&world, "only the new one counts", (CREDIT - 1_000_000 + 7, 0, 0)).await;
    assert_eq!(world.count("SELECT count(*) FROM ledger.transfers").await, transfers + 1);
}

/// One node looks at what is asked for, then waits for the account; meanwhile another posts the payment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_another_node_posts_meanwhile_is_not_kept_back_a_second_time() {
    let world = World::start().await;
    let wallet = &world.owner.wallet;
    world.mirror.request_withdrawal(wallet, 1_000_000, Commitment::Finalized).await;
    wait_for(&world, "requested", (CREDIT - 1_000_000, 1_000_000, 0)).await;
    let mut other = world.pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM ledger.accounts FOR UPDATE").execute(&mut *other).await.unwrap();
    eventually("the broker waits for the account", || async {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                       AND wait_event_type = 'Lock' AND query LIKE '%FROM ledger.accounts%FOR UPDATE%'";
        if world.count(waiting).await > 0 { Ok(()) } else { Err(String::new()) }
    })
    .await;
    world.mirror.pay(wallet, 1_000_000).await;
    for statement in [
        "INSERT INTO ledger.posted_events SELECT o.owner_id, e.account, e.event_seq, e.signature FROM access.owners o,
             chain.events e WHERE e.name = 'Withdrawn'",
        "INSERT INTO ledger.transfers SELECT owner_id, gen_random_uuid(), 'usdc', 'withdrawing', 'chain', 1000000,
             'chain_event', 'withdrawn' FROM access.owners",
        "UPDATE ledger.accounts SET withdrawing = withdrawing - 1000000, chain = chain + 1000000",
    ] {
        sqlx::query(statement).execute(&mut *other).await.unwrap();
    }
    other.commit().await.unwrap();
    world.mirror.deposit(wallet, 7).await;
    wait_for(&world, "paid once", (CREDIT - 1_000_000 + 7, 0, 0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_that_cannot_be_posted_stops_alone() {
    let world = World::start().await;
    let other = world.another_owner(9).await;
    // Posting goes by the vault's address: whichever comes first must not hold up the other.
    for (broken, sound) in [(&world.owner, &other), (&other, &world.owner)] {
        let before = sound.client.account().await.unwrap().available;
        let seq = world.count("SELECT max(event_seq) + 1 FROM chain.events").await;
        world.mirror.record(&broken.wallet, seq, Commitment::Finalized, "Deposited", json!({ "amount": 5 })).await;
        world.mirror.deposit(&sound.wallet, 100).await;
        world.wait_for_account("the sound vault", sound, |account| account.available == before + 100).await;
        sqlx::query("DELETE FROM chain.events WHERE payload ? 'amount'").execute(&world.pool).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_hold_is_taken_on_a_view_of_the_chain_that_is_too_old_or_stopped() {
    let world = World::start().await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    let bearer = lease.bearer.as_deref().unwrap();
    // The delay is a day; five minutes of it are spoken for by the longest hold, five seconds by settling.
    for (age, status) in [(86_400 - 305 - 60, 200), (86_400 - 305 + 1, 503), (86_400 * 2, 503), (0, 200)] {
        world.mirror.set_age(age).await;
        let answer = world.chat(bearer).await;
        assert_eq!(answer.status, status, "{age} s: {}", answer.text());
        assert_eq!(answer.headers.contains_key("retry-after"), status == 503);
    }
    world.settle_down().await;
    let seen = world.upstream.received().len();
    world.mirror.set_settle_cap(0).await;
    assert_eq!(world.chat(bearer).await.code(), "settlement_cap_reached", "the guardian stopped settling");
    world.mirror.set_settle_cap(1_000_000_000).await;
    world.mirror.set_cap(&world.owner.wallet, 100).await;
    assert_eq!(world.chat(bearer).await.code(), "settlement_cap_reached", "beyond the owner's cap");
    sqlx::query("UPDATE chain.vaults SET cap_atoms = 1000000000, is_frozen = true").execute(&world.pool).await.unwrap();
    assert_eq!(world.chat(bearer).await.code(), "settlement_cap_reached", "the mirror and the chain differ");
    sqlx::query("DELETE FROM chain.vaults").execute(&world.pool).await.unwrap();
    assert_eq!(world.chat(bearer).await.code(), "no_vault");
    assert_eq!(world.upstream.received().len(), seen, "none of these was dialled");
    world.settle_down().await;
}
