//! Every CHECK, key and unique index of the migrations, each with an attempt to break it that must fail on it.

use std::collections::BTreeSet;

use permitpipe_tests::world::World;

mod attempt;

use attempt::ATTEMPTS;

/// A world with at least one row in every table.
async fn furnished() -> World {
    let world = World::start().await;
    world.add_openai(true).await;
    let lease = world.lease(1_000_000).await;
    assert_eq!(world.chat(lease.bearer.as_deref().unwrap()).await.status, 200);
    world.settle_down().await;
    for statement in [
        "INSERT INTO ledger.settlements (owner_id, settlement_id, vault, sequence, amount, receipt_count, receipts_root)
         SELECT owner_id, gen_random_uuid(), 'v', 1, 1, 1, sha256('') FROM access.owners",
        "INSERT INTO chain.stakes VALUES ('s', 'o', 1, true, false, 'o', 9, 5, now(), 3, NULL, NULL, 0)",
        "INSERT INTO chain.relays VALUES ('r', 'o', 1, true, false, 'key', NULL, 'https://r', NULL, 0, 0, 0)",
        "INSERT INTO chain.contradictions VALUES ('r', sha256(''), 1, 'reporter', 4, 2, 's', 1)",
        "INSERT INTO chain.epochs VALUES ('e', 1, 1, true, false, sha256(''), 4, 100, 0, 0, NULL)",
        "INSERT INTO chain.rewards VALUES (1, 0, 'r', 5, 1, 's', 1)",
        "INSERT INTO chain.templates VALUES ('t', sha256(''), 1, true, false, 'p', 7, 'published', NULL, NULL)",
        "INSERT INTO chain.plans VALUES ('p', 1, 1, true, false, 5, 60, 0, NULL)",
        "INSERT INTO chain.subscriptions VALUES ('s', 'o', 1, true, false, 1, now(), 5)",
        "INSERT INTO chain.anchors VALUES ('a', sha256(''), 1, true, false, 0, sha256(''), 1)",
        "INSERT INTO chain.settlements VALUES ('v', 1, 's', 1, 1, sha256(''), 1, 'usdc', 1)",
    ] {
        sqlx::query(statement).execute(&world.pool).await.unwrap();
    }
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_rule_of_the_schema_refuses_what_would_break_it() {
    let world = furnished().await;
    for (constraint, statement) in ATTEMPTS {
        let mut tx = world.pool.begin().await.unwrap();
        let broken = match sqlx::query(*statement).execute(&mut *tx).await {
            Ok(done) => panic!("{constraint} let {} rows through: {statement}", done.rows_affected()),
            Err(error) => error,
        };
        assert_eq!(named(&broken).as_deref(), Some(*constraint), "{statement}: {broken}");
    }
}

/// Schema and name of the rule that was broken.
fn named(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?.downcast_ref::<sqlx::postgres::PgDatabaseError>();
    Some(format!("{}.{}", error.schema()?, error.constraint()?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_rule_of_the_schema_has_an_attempt_to_break_it() {
    let world = World::start().await;
    let rules: Vec<String> = sqlx::query_scalar(
        "SELECT nspname || '.' || conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
         WHERE nspname IN ('chain', 'access', 'ledger', 'audit') AND contype IN ('c', 'u', 'p', 'f')
         UNION
         SELECT indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE nspname IN ('chain', 'access', 'ledger', 'audit') AND indisunique
           AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let rules: BTreeSet<&str> = rules.iter().map(String::as_str).collect();
    let tried: BTreeSet<&str> = ATTEMPTS.iter().map(|(constraint, _)| *constraint).collect();
    assert!(rules.len() > 80, "{rules:?}");
    assert_eq!(rules.difference(&tried).collect::<Vec<_>>(), [] as [&&str; 0], "without an attempt");
    assert_eq!(tried.difference(&rules).collect::<Vec<_>>(), [] as [&&str; 0], "not in the schema");
}
