//! Owners with credit where no chain runs: the rows that the indexer would have written, and for many owners at once
//! also those that the broker would have posted from them.

use anyhow::Result;
use permitpipe_sdk::id::{LeaseId, OwnerId};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use crate::world::CONFIG;

/// Who funds row 1.
pub const WALLET: &str = "BenchWa11et1111111111111111111111111111111";
const VAULT: &str = "BenchVau1t11111111111111111111111111111111";
const PROGRAM: &str = "BenchProgram111111111111111111111111111111";
/// More than any run can use.
const CAP: i64 = 1_000_000_000_000_000;

/// An owner's account and one lease on it.
#[derive(Debug, Clone, Copy)]
pub struct Seat {
    pub owner_id: OwnerId,
    pub lease_id: LeaseId,
}

/// A vault with one finalized deposit. The broker that runs on this database credits it.
pub async fn deposit(pool: &PgPool, atoms: i64) -> Result<()> {
    let mut tx = pool.begin().await?;
    view_of_chain(&mut tx).await?;
    sqlx::query(
        "INSERT INTO chain.vaults (vault, wallet, event_seq, credited_atoms, cap_atoms) VALUES ($1, $2, 2, $3, $4)",
    )
    .bind(VAULT)
    .bind(WALLET)
    .bind(atoms)
    .bind(CAP)
    .execute(&mut *tx)
    .await?;
    for (seq, name) in [(1_i64, "VaultOpened"), (2, "Deposited")] {
        sqlx::query(
            "INSERT INTO chain.events (signature, instruction_index, inner_index, slot, commitment, account, event_seq,
                                       wallet, name, payload)
             VALUES ('bench-' || $1::text, 0, 0, $1, 'finalized', $2, $1, $3, $4,
                     jsonb_build_object('asset', 'usdc', 'amount_atoms', $5::bigint, 'credited_atoms', $5::bigint))",
        )
        .bind(seq)
        .bind(VAULT)
        .bind(WALLET)
        .bind(name)
        .bind(atoms)
        .execute(&mut *tx)
        .await?;
    }
    Ok(tx.commit().await?)
}

/// A config that allows everything. Nobody refreshes the cursor, so the delay is a day: the view stays good for the run.
async fn view_of_chain(connection: &mut PgConnection) -> Result<()> {
    sqlx::query("SET LOCAL ROLE permitpipe_indexer").execute(&mut *connection).await?;
    sqlx::query("INSERT INTO chain.cursor (program, genesis_hash, finalized_at) VALUES ($1, 'bench', now())")
        .bind(PROGRAM)
        .execute(&mut *connection)
        .await?;
    sqlx::query(CONFIG).bind(PROGRAM).bind(CAP).execute(&mut *connection).await?;
    Ok(())
}

/// So many owners, each with `credit` and a lease, in one transaction: indexer's rows, broker's rows, the journal.
pub async fn seats(pool: &PgPool, count: usize, credit: i64) -> Result<Vec<Seat>> {
    let seat = |_| Seat { owner_id: OwnerId::generate(), lease_id: LeaseId::generate() };
    let seats: Vec<Seat> = (0..count).map(seat).collect();
    let mut tx = pool.begin().await?;
    if sqlx::query("SELECT 1 FROM chain.cursor").fetch_optional(&mut *tx).await?.is_none() {
        view_of_chain(&mut tx).await?;
        sqlx::query("RESET ROLE").execute(&mut *tx).await?;
    }
    let owners =
        "INSERT INTO access.owners (owner_id, wallet) SELECT id, 'wallet ' || id FROM UNNEST($1::uuid[]) AS n (id)
                  WHERE $2::bigint IS NOT NULL";
    let vaults = "INSERT INTO chain.vaults (vault, wallet, event_seq, credited_atoms, cap_atoms)
                  SELECT 'vault ' || id, 'wallet ' || id, 1, $2, 1000000000000000 FROM UNNEST($1::uuid[]) AS n (id)";
    let accounts = "INSERT INTO ledger.accounts (owner_id, asset, chain, available)
                    SELECT id, 'usdc', -$2, $2 FROM UNNEST($1::uuid[]) AS n (id)";
    let journal = "INSERT INTO ledger.transfers (owner_id, transfer_id, asset, debit, credit, amount, cause, cause_id)
                   SELECT id, gen_random_uuid(), 'usdc', 'chain', 'available', $2, 'chain_event', 'vault ' || id || ':1'
                   FROM UNNEST($1::uuid[]) AS n (id)";
    for statement in [owners, vaults, accounts, journal] {
        let ids: Vec<_> = seats.iter().map(|seat| seat.owner_id.uuid()).collect();
        sqlx::query(statement).bind(ids).bind(credit).execute(&mut *tx).await?;
    }
    leases(&mut tx, &seats).await?;
    tx.commit().await?;
    sqlx::query("ANALYZE").execute(pool).await?;
    Ok(seats)
}

async fn leases(tx: &mut Transaction<'_, Postgres>, seats: &[Seat]) -> Result<()> {
    sqlx::query(
        "INSERT INTO access.leases (owner_id, lease_id, agent, service, bearer_hash, state, allowed_scopes,
                                    blocked_scopes, lease_hash, budget, expires_at)
         SELECT owner_id, lease_id, 'bench', 'openai', sha256(lease_id::text::bytea), 'active', '{chat}', '{}',
                sha256(owner_id::text::bytea), $3, now() + interval '1 day'
         FROM UNNEST($1::uuid[], $2::uuid[]) AS n (owner_id, lease_id)",
    )
    .bind(seats.iter().map(|seat| seat.owner_id.uuid()).collect::<Vec<_>>())
    .bind(seats.iter().map(|seat| seat.lease_id.uuid()).collect::<Vec<_>>())
    .bind(CAP)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
