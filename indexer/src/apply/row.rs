//! Rows of any kind of account, and records that are written once. A row goes to Postgres as JSON: its fields are the
//! columns of its table, and the names of both are constants of this crate.

use permitpipe_sdk::chain::{Event, SettlementClosed};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Connection, PgConnection, error::ErrorKind, types::Json};

use crate::fold::{FoldError, Moment, Noun, Record, Row, Table, record};

/// A row and the address of its account.
#[derive(sqlx::FromRow)]
pub struct Stored<T: Noun> {
    pub address: String,
    pub row: Json<Row<T>>,
}

/// Folds the event into its account's row; then the record that the event leaves beside it.
pub(super) async fn fold<T: Noun>(
    conn: &mut PgConnection,
    event: &Event,
    at: &Moment,
) -> Result<Result<(), FoldError>, sqlx::Error> {
    let address = event.account().to_string();
    let before = find::<T>(conn, &address).await?;
    let folded = Row::fold(before.as_ref(), event, at).and_then(|row| Ok((row, record(event, at)?)));
    let (row, record) = match folded {
        Ok(folded) => folded,
        Err(contradiction) => return Ok(Err(contradiction)),
    };
    put(conn, &address, &row).await?;
    if let Some(record) = record {
        insert(conn, &record).await?;
    }
    Ok(Ok(()))
}

/// Marks a settlement whose account is gone. Its own event may be shown before the one that made it.
pub(super) async fn close_settlement(
    conn: &mut PgConnection,
    closed: &SettlementClosed,
) -> Result<Result<(), FoldError>, sqlx::Error> {
    let Ok(sequence) = i64::try_from(closed.sequence) else { return Ok(Err(FoldError::TooLarge("sequence"))) };
    let done = sqlx::query(
        "UPDATE chain.settlements SET is_closed = true WHERE vault = $1 AND sequence = $2 AND NOT is_closed",
    )
    .bind(closed.vault.to_string())
    .bind(sequence)
    .execute(conn)
    .await?;
    Ok(if done.rows_affected() > 0 { Ok(()) } else { Err(FoldError::NotYet) })
}

/// The rule of the schema that a row would have broken.
pub(super) fn broken_rule(error: &sqlx::Error) -> Option<FoldError> {
    let error = error.as_database_error()?;
    match error.kind() {
        ErrorKind::UniqueViolation | ErrorKind::CheckViolation | ErrorKind::NotNullViolation => {
            Some(FoldError::Rule(error.constraint().unwrap_or(error.message()).to_owned()))
        }
        _ => None,
    }
}

/// Marks the row as not to be relied on (for a vault: stops crediting) until a person has looked. True when it was not
/// marked already.
pub async fn freeze(conn: &mut PgConnection, table: Table, address: &str) -> Result<bool, sqlx::Error> {
    let Table { name, key } = table;
    let update = format!("UPDATE chain.{name} SET is_frozen = true WHERE {key} = $1 AND NOT is_frozen");
    let done = sqlx::query(AssertSqlSafe(update)).bind(address).execute(conn).await?;
    Ok(done.rows_affected() > 0)
}

/// Up to `count` rows after this address, in order, without those that are frozen already.
pub async fn rows_after<T: Noun>(
    conn: &mut PgConnection,
    after: &str,
    count: usize,
) -> Result<Vec<Stored<T>>, sqlx::Error> {
    let Table { name, key } = T::TABLE;
    let select = format!(
        "SELECT {key} AS address, to_jsonb(t) AS row FROM chain.{name} t WHERE {key} > $1 AND NOT is_frozen
         ORDER BY {key} LIMIT $2"
    );
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    sqlx::query_as(AssertSqlSafe(select)).bind(after).bind(count).fetch_all(conn).await
}

/// These rows, without those that are frozen already.
pub async fn rows_named<T: Noun>(conn: &mut PgConnection, names: &[String]) -> Result<Vec<Stored<T>>, sqlx::Error> {
    let Table { name, key } = T::TABLE;
    let select = format!(
        "SELECT {key} AS address, to_jsonb(t) AS row FROM chain.{name} t WHERE {key} = ANY ($1) AND NOT is_frozen"
    );
    sqlx::query_as(AssertSqlSafe(select)).bind(names).fetch_all(conn).await
}

/// Forgets everything, so that it is read again.
pub async fn clear(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut commit = conn.begin().await?;
    sqlx::raw_sql(
        "DELETE FROM chain.events; DELETE FROM chain.vaults; DELETE FROM chain.settlements; DELETE FROM chain.stakes;
         DELETE FROM chain.relays; DELETE FROM chain.contradictions; DELETE FROM chain.epochs;
         DELETE FROM chain.rewards; DELETE FROM chain.templates; DELETE FROM chain.plans;
         DELETE FROM chain.subscriptions; DELETE FROM chain.anchors; DELETE FROM chain.config;
         DELETE FROM chain.cursor",
    )
    .execute(&mut *commit)
    .await?;
    commit.commit().await
}

async fn find<T: Noun>(conn: &mut PgConnection, address: &str) -> Result<Option<Row<T>>, sqlx::Error> {
    let Table { name, key } = T::TABLE;
    let select = format!("SELECT to_jsonb(t) FROM chain.{name} t WHERE {key} = $1 FOR UPDATE");
    let row: Option<Json<Row<T>>> =
        sqlx::query_scalar(AssertSqlSafe(select)).bind(address).fetch_optional(conn).await?;
    Ok(row.map(|row| row.0))
}

async fn put<T: Noun>(conn: &mut PgConnection, address: &str, row: &Row<T>) -> Result<(), sqlx::Error> {
    let Table { name, key } = T::TABLE;
    let columns = serde_json::to_value(row).map_err(|cause| sqlx::Error::Encode(Box::new(cause)))?;
    let mut columns: Map<String, Value> = columns.as_object().cloned().unwrap_or_default();
    let set: Vec<String> = columns.keys().map(|column| format!("{column} = excluded.{column}")).collect();
    columns.insert(key.to_owned(), Value::from(address));
    let upsert = format!(
        "INSERT INTO chain.{name} SELECT r.* FROM jsonb_populate_record(NULL::chain.{name}, $1) r
         ON CONFLICT ({key}) DO UPDATE SET {}",
        set.join(", ")
    );
    sqlx::query(AssertSqlSafe(upsert)).bind(Json(columns)).execute(conn).await.map(drop)
}

async fn insert(conn: &mut PgConnection, record: &Record) -> Result<(), sqlx::Error> {
    let Record { table, row } = record;
    let insert = format!("INSERT INTO chain.{table} SELECT r.* FROM jsonb_populate_record(NULL::chain.{table}, $1) r");
    sqlx::query(AssertSqlSafe(insert)).bind(Json(row)).execute(conn).await.map(drop)
}
