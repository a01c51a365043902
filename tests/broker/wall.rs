//! What the database itself refuses, whatever a broker's code would do: writes from the wrong role.

use permitpipe_tests::world::World;

/// The role, what it may not do, and why.
const WALLS: [(&str, &str, &str); 24] = [
    (
        "permitpipe_broker",
        "INSERT INTO chain.settlements VALUES ('v', 1, 's', 1, 1, '', 1)",
        "settlements come from the chain",
    ),
    ("permitpipe_broker", "INSERT INTO chain.events SELECT * FROM chain.events", "so do events"),
    ("permitpipe_broker", "UPDATE chain.vaults SET credited_atoms = credited_atoms + 1", "and credit"),
    ("permitpipe_broker", "UPDATE chain.config SET settle_cap_atoms = 1", "and caps"),
    ("permitpipe_broker", "UPDATE chain.stakes SET weight_atoms = staked_atoms", "and discounts"),
    ("permitpipe_broker", "UPDATE chain.subscriptions SET expires_at = 'infinity'", "and what was bought"),
    ("permitpipe_broker", "INSERT INTO chain.templates SELECT * FROM chain.templates", "and who is vouched for"),
    ("permitpipe_broker", "UPDATE chain.relays SET endpoint = 'https://elsewhere'", "and who carries traffic"),
    ("permitpipe_broker", "DELETE FROM chain.contradictions", "and who lied"),
    ("permitpipe_broker", "INSERT INTO chain.rewards SELECT * FROM chain.rewards", "and who was paid"),
    ("permitpipe_broker", "UPDATE chain.anchors SET size = 0", "and what was witnessed"),
    ("permitpipe_broker", "UPDATE chain.cursor SET observed_at = now()", "and how fresh the view is"),
    ("permitpipe_broker", "DELETE FROM chain.events", "nothing is unseen"),
    ("permitpipe_broker", "UPDATE audit.entries SET body = ''", "the log is append-only"),
    ("permitpipe_broker", "DELETE FROM audit.entries", "the log is append-only"),
    ("permitpipe_broker", "UPDATE ledger.transfers SET amount = 1", "so is the journal"),
    ("permitpipe_broker", "DELETE FROM ledger.transfers", "so is the journal"),
    ("permitpipe_broker", "UPDATE ledger.posted_events SET event_seq = 9", "what is posted stays posted"),
    ("permitpipe_broker", "DELETE FROM ledger.holds", "holds end, they do not vanish"),
    ("permitpipe_indexer", "INSERT INTO ledger.accounts SELECT * FROM ledger.accounts", "the indexer moves no money"),
    ("permitpipe_indexer", "UPDATE ledger.accounts SET available = 1", "the indexer moves no money"),
    ("permitpipe_indexer", "SELECT 1 FROM access.secret_versions", "nor does it see secrets"),
    ("permitpipe_indexer", "INSERT INTO audit.entries SELECT * FROM audit.entries", "nor does it write the log"),
    ("permitpipe_indexer", "UPDATE access.leases SET budget = 1", "nor does it grant"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_can_write_its_own_tables_only() {
    let world = World::start().await;
    world.add_openai(true).await;
    for (role, statement, why) in WALLS {
        let mut tx = world.pool.begin().await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("SET LOCAL ROLE {role}"))).execute(&mut *tx).await.unwrap();
        let refused = sqlx::query(statement).execute(&mut *tx).await.expect_err(why);
        let code = refused.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
        assert_eq!(code, "42501", "{role}: {statement}: {refused}");
    }
}

/// A table without a wall would be found here: every grant is one that this list names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_role_has_a_right_that_is_not_meant() {
    let world = World::start().await;
    let unmeant: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT grantee::text, table_schema || '.' || table_name, privilege_type::text
         FROM information_schema.role_table_grants
         WHERE grantee IN ('permitpipe_broker', 'permitpipe_indexer', 'PUBLIC')
           AND table_schema NOT IN ('pg_catalog', 'information_schema')
           AND NOT (grantee = 'permitpipe_indexer' AND table_schema = 'chain'
                    AND privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))
           AND NOT (grantee = 'permitpipe_broker' AND table_schema = 'chain' AND privilege_type = 'SELECT')
           AND NOT (grantee = 'permitpipe_broker' AND table_schema IN ('access', 'ledger')
                    AND privilege_type IN ('SELECT', 'INSERT')
                 OR grantee = 'permitpipe_broker' AND table_schema IN ('access', 'ledger')
                    AND privilege_type = 'UPDATE' AND table_name NOT IN ('transfers', 'posted_events'))
           AND NOT (grantee = 'permitpipe_broker' AND table_schema = 'audit'
                    AND privilege_type IN ('SELECT', 'INSERT'))",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(unmeant, []);
}
