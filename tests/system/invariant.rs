//! What must hold at every moment, and what must hold once nothing moves.

use std::{collections::HashMap, sync::atomic::Ordering, time::Duration};

use permitpipe_tests::system::{
    book::{column_sum, verify_receipts},
    until,
};
use sqlx::{AssertSqlSafe, Executor, PgPool};

use crate::{
    workload::Tally,
    world::{UPSTREAM_KEY, World},
};

/// Recovery fences the dead after 2 s; finality and settling take some more.
const REST_WITHIN: Duration = Duration::from_secs(90);

/// Each counts the rows that break a rule, and all see the same moment.
const ALWAYS: &[(&str, &str)] = &[
    (
        "the columns of every account sum to zero",
        "SELECT count(*) FROM ledger.accounts
         WHERE chain + available + held + spent + settled + withdrawing + writeoff <> 0",
    ),
    (
        "every column is the sum of its journal",
        "WITH moves AS (SELECT owner_id, credit AS kind, amount FROM ledger.transfers
                        UNION ALL SELECT owner_id, debit, -amount FROM ledger.transfers),
              sums AS (SELECT owner_id, kind, sum(amount) AS sum FROM moves GROUP BY owner_id, kind),
              columns AS (SELECT a.owner_id, k.kind, k.amount FROM ledger.accounts a CROSS JOIN LATERAL (VALUES
                 ('chain'::ledger.account_kind, chain), ('available', available), ('held', held), ('spent', spent),
                 ('settled', settled), ('withdrawing', withdrawing), ('writeoff', writeoff)) k (kind, amount))
         SELECT count(*) FROM columns c FULL JOIN sums s USING (owner_id, kind)
         WHERE coalesce(c.amount, 0) <> coalesce(s.sum, 0)",
    ),
    (
        "what is held is the sum of open holds",
        "SELECT count(*) FROM ledger.accounts a WHERE a.held <>
           (SELECT coalesce(sum(amount), 0) FROM ledger.holds h WHERE h.owner_id = a.owner_id AND h.state = 'open')",
    ),
    (
        "a lease's budget is held and spent by its holds",
        "SELECT count(*) FROM access.leases l LEFT JOIN LATERAL
           (SELECT coalesce(sum(budget) FILTER (WHERE state = 'open'), 0) AS held,
                   coalesce(sum(captured_budget), 0) AS spent FROM ledger.holds h WHERE h.lease_id = l.lease_id) s ON true
         WHERE l.budget_held <> s.held OR l.budget_spent <> s.spent OR l.budget_held + l.budget_spent > l.budget",
    ),
    (
        "an intent without outcome is an open hold, and the other way round",
        "WITH open AS (SELECT request_id FROM audit.entries WHERE kind = 'intent'
                       EXCEPT SELECT request_id FROM audit.entries WHERE kind = 'outcome')
         SELECT count(*) FROM open o FULL JOIN (SELECT request_id FROM ledger.holds WHERE state = 'open') h
           USING (request_id) WHERE o.request_id IS NULL OR h.request_id IS NULL",
    ),
    (
        "no outcome without intent",
        "SELECT count(*) FROM (SELECT request_id FROM audit.entries WHERE kind = 'outcome'
                       EXCEPT SELECT request_id FROM audit.entries WHERE kind = 'intent') o",
    ),
    (
        "receipts are gapless on every lease and add up",
        "SELECT count(*) FROM access.leases l LEFT JOIN LATERAL
           (SELECT count(*) AS count, coalesce(max(sequence), 0) AS last, coalesce(sum(amount), 0) AS sum
            FROM ledger.receipts r WHERE r.lease_id = l.lease_id) s ON true
         WHERE s.count <> s.last OR l.receipt_seq <> s.last OR l.receipt_total <> s.sum",
    ),
    (
        "every ended hold that was or may have been dialled has one receipt of its amount",
        "SELECT count(*) FROM ledger.holds h FULL JOIN ledger.receipts r USING (owner_id, hold_id)
         WHERE (h.state IN ('captured', 'expired')) IS DISTINCT FROM (r.hold_id IS NOT NULL)
            OR (r.hold_id IS NOT NULL AND h.captured IS DISTINCT FROM r.amount)",
    ),
    (
        "receipts are spent or settled, none is written off, and settled is what batches say",
        "SELECT count(*) FROM ledger.accounts a
         WHERE a.writeoff <> 0 OR a.spent + a.settled <>
                 (SELECT coalesce(sum(amount), 0) FROM ledger.receipts r WHERE r.owner_id = a.owner_id)
            OR a.settled <> (SELECT coalesce(sum(amount), 0) FROM ledger.settlements s
                             WHERE s.owner_id = a.owner_id AND s.state = 'finalized')",
    ),
    (
        "credit is finalized deposits less finalized withdrawals, each once",
        "SELECT count(*) FROM ledger.accounts a JOIN access.owners o USING (owner_id) WHERE -a.chain <>
           (SELECT coalesce(sum((e.payload->>'amount_atoms')::bigint * CASE e.name WHEN 'Withdrawn' THEN -1 ELSE 1 END), 0)
            FROM chain.events e JOIN ledger.posted_events p ON p.vault = e.account AND p.event_seq = e.event_seq
            WHERE e.wallet = o.wallet AND e.name IN ('Deposited', 'Withdrawn') AND e.commitment = 'finalized'
              AND e.payload->>'asset' = 'usdc')",
    ),
];

/// At any moment, also while a part is gone.
pub async fn check_always(pool: &PgPool) {
    let mut tx = pool.begin().await.unwrap();
    tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await.unwrap();
    for (rule, query) in ALWAYS {
        let broken: i64 =
            sqlx::query_scalar(*query).fetch_one(&mut *tx).await.unwrap_or_else(|e| panic!("{rule}: {e}"));
        assert_eq!(broken, 0, "{rule}: {broken} rows do not obey");
    }
}

/// Once nobody calls any more: everything resolves without help, and the chain agrees with the ledger.
pub async fn check_at_rest(world: &World, tally: &Tally) {
    let pool = world.database().await;
    withdraw_no_more(world).await;
    let rested = until("holds resolve and all is settled", REST_WITHIN, || async {
        let account = world.client.account().await?;
        let is_at_rest = account.held == 0 && account.spent == 0 && account.pending_deposits.is_empty();
        let vault = world.chain.vault().await?;
        let inside = i64::try_from(vault.usdc.credited_atoms - vault.usdc.withdrawn_atoms)?;
        let is_free = account.withdrawing == 0 && account.frozen == 0;
        Ok((is_at_rest && is_free && -account.chain == inside).then_some((account, vault)))
    });
    let (account, vault) = match rested.await {
        Ok(rested) => rested,
        Err(error) => panic!("{error}\n{:#?}\n{}", world.client.account().await, world.last_words()),
    };
    check_always(&pool).await;
    let open = count(&pool, "SELECT count(*) FROM ledger.holds WHERE state = 'open'").await;
    assert_eq!((open, column_sum(&account)), (0, 0), "open holds, sum of columns");
    let settled = i64::try_from(vault.usdc.settled_atoms).unwrap();
    assert_eq!(account.settled, settled, "settled in the ledger and on chain");
    assert_eq!(
        world.chain.purses().await.unwrap().treasury,
        vault.usdc.settled_atoms,
        "the treasury holds what was settled"
    );
    let (receipts, leases) = verify_receipts(&world.client.receipts().await.unwrap()).unwrap();
    assert_eq!(receipts, settled, "receipts sum to what was settled");
    let calls = check_calls(world, tally, &pool).await;
    println!("    at rest: {leases} leases with receipts, {settled} credits settled, {calls}");
    println!(
        "    vault: {} in, {} out; refused: {}",
        vault.usdc.credited_atoms,
        vault.usdc.withdrawn_atoms,
        refusals(&pool).await
    );
}

/// Takes back what was asked for and not paid.
async fn withdraw_no_more(world: &World) {
    let withdrawn = until("no withdrawal is asked for", REST_WITHIN, || async {
        let vault = world.chain.vault().await?;
        if vault.usdc.withdrawal.is_some() {
            // It may have been paid just now, or taken back already.
            let _ = world.chain.send_withdrawal_cancellation().await;
        }
        // What the load sent last may not be final yet.
        let pending = world.client.account().await?.vault.and_then(|seen| seen.withdrawal_atoms);
        Ok((vault.usdc.withdrawal.is_none() && pending.is_none()).then_some(()))
    });
    withdrawn.await.unwrap();
}

/// Intents, outcomes, what the upstream received and what agents saw, one against the other.
async fn check_calls(world: &World, tally: &Tally, pool: &PgPool) -> String {
    let intents = count(pool, "SELECT count(*) FROM audit.entries WHERE kind = 'intent'").await;
    let ended = async |end: &str| {
        let query = format!(
            "SELECT count(*) FROM audit.entries
             WHERE kind = 'outcome' AND convert_from(body, 'UTF8')::jsonb->>'end' = '{end}'"
        );
        count(pool, &query).await
    };
    let (completed, crashed) = (ended("completed").await, ended("crashed").await);
    let paid = count(pool, "SELECT count(*) FROM ledger.holds WHERE state IN ('captured', 'expired')").await;
    let received = world.upstream.received();
    let arrived = i64::try_from(received.len()).unwrap();
    assert!(arrived <= paid && paid <= intents, "{arrived} calls arrived, {paid} were paid for, {intents} intents");
    assert!(arrived >= completed, "{arrived} calls arrived, {completed} outcomes say completed");
    let seen = i64::try_from(tally.completed.load(Ordering::SeqCst)).unwrap();
    assert!(seen <= completed + crashed, "agents saw {seen} answers, {completed} completed and {crashed} crashed");
    assert!(received.iter().all(|request| request.credential() == Some(format!("Bearer {UPSTREAM_KEY}"))));
    let mut times = HashMap::<&[u8], u32>::new();
    for request in &received {
        *times.entry(&request.body).or_default() += 1;
    }
    assert!(times.values().all(|count| *count == 1), "a call was dialled twice");
    let sent = tally.sent.load(Ordering::SeqCst);
    format!("{sent} calls sent, {intents} intents, {arrived} arrived, {completed} completed, {crashed} crashed")
}

async fn count(pool: &PgPool, query: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(pool).await.unwrap()
}

/// How often which refusal was given, so that a walk which mostly refused is seen.
async fn refusals(pool: &PgPool) -> String {
    let query =
        "SELECT string_agg(code || ' ' || count, ', ') FROM (SELECT convert_from(body, 'UTF8')::jsonb->>'code' AS code,
                 count(*) FROM audit.entries WHERE kind = 'refusal' GROUP BY 1 ORDER BY 2 DESC) r";
    sqlx::query_scalar::<_, Option<String>>(query).fetch_one(pool).await.unwrap().unwrap_or_default()
}
