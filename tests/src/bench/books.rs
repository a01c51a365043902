//! What must hold after a run, whichever path wrote it.

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};
use sqlx::PgPool;

/// A question to the database, and the number that is the only right answer: 0.
const FAULTS: [(&str, &str); 8] = [
    (
        "accounts that do not sum to zero",
        "SELECT count(*) FROM ledger.accounts
         WHERE chain + available + held + spent + settled + withdrawing + writeoff <> 0",
    ),
    (
        "credits spent or held beyond what came in",
        "SELECT coalesce(sum(greatest(held + spent + chain, 0)), 0)::bigint FROM ledger.accounts",
    ),
    (
        "accounts that differ from their journal",
        "SELECT count(*) FROM ledger.accounts a
         LEFT JOIN (SELECT owner_id,
                           sum(CASE WHEN credit = 'available' THEN amount WHEN debit = 'available' THEN -amount END) AS available,
                           sum(CASE WHEN credit = 'held' THEN amount WHEN debit = 'held' THEN -amount END) AS held,
                           sum(CASE WHEN credit = 'spent' THEN amount WHEN debit = 'spent' THEN -amount END) AS spent
                    FROM ledger.transfers GROUP BY owner_id) t USING (owner_id)
         WHERE (a.available, a.held, a.spent) IS DISTINCT FROM
               (coalesce(t.available, 0)::bigint, coalesce(t.held, 0)::bigint, coalesce(t.spent, 0)::bigint)",
    ),
    (
        "accounts that differ from their receipts",
        "SELECT count(*) FROM ledger.accounts a
         LEFT JOIN (SELECT owner_id, sum(amount)::bigint AS amount FROM ledger.receipts GROUP BY owner_id) r USING (owner_id)
         WHERE a.spent + a.settled <> coalesce(r.amount, 0)",
    ),
    ("leases over their budget", "SELECT count(*) FROM access.leases WHERE budget_held + budget_spent > budget"),
    ("leases with something still held", "SELECT count(*) FROM access.leases WHERE budget_held <> 0"),
    ("open holds", "SELECT count(*) FROM ledger.holds WHERE state = 'open'"),
    (
        "holds without exactly one intent and one outcome",
        "SELECT count(*) FROM ledger.holds h
         WHERE (SELECT count(*) FROM audit.entries e WHERE e.owner_id = h.owner_id AND e.request_id = h.request_id
                AND e.kind = 'intent') <> 1
            OR (SELECT count(*) FROM audit.entries e WHERE e.owner_id = h.owner_id AND e.request_id = h.request_id
                AND e.kind = 'outcome') <> 1",
    ),
];

/// Fails on the first answer that is not 0; returns all of them.
pub async fn check(pool: &PgPool) -> Result<Value> {
    // The statistics of a table that was empty a minute ago would make the last question take forever.
    sqlx::query("ANALYZE").execute(pool).await?;
    let mut answers = Map::new();
    for (what, question) in FAULTS {
        let count: i64 = sqlx::query_scalar(question).fetch_one(pool).await?;
        ensure!(count == 0, "the books are wrong: {what}: {count}");
        answers.insert(what.to_owned(), json!(count));
    }
    let holds: i64 = sqlx::query_scalar("SELECT count(*) FROM ledger.holds").fetch_one(pool).await?;
    println!(
        "  books: {holds} holds, each with one intent and one outcome; overspend 0; every sum zero; journal, receipts and balances agree"
    );
    answers.insert("holds".to_owned(), json!(holds));
    Ok(Value::Object(answers))
}
