//! The `chain` schema as the indexer would have written it, in the indexer's role: no chain runs in these tests.

use permitpipe_sdk::chain::{PROGRAM_ID, vault_address};
use serde_json::{Value, json};
use solana_sdk::pubkey::Pubkey;
use sqlx::{PgPool, postgres::PgPoolOptions};

/// A vault's cap, and the guardian's: more than any test spends.
const CAP: i64 = 1_000_000_000_000;

/// A config that allows settling `$2` at once, of the program `$1`.
pub const CONFIG: &str = "
    INSERT INTO chain.config (program, slot, is_paused, event_seq, admin, guardian, settle_authority, verifier, usdc_mint,
        permit_mint, treasury, sol_treasury, insurance, settle_cap_atoms, settle_cap_lamports, min_deposit_atoms,
        min_deposit_lamports, window_seconds, withdrawal_delay_seconds, change_delay_seconds, cool_down_seconds,
        warm_up_seconds, retention_seconds, relay_bond_atoms, template_bond_atoms, slash_basis_points,
        reporter_basis_points, request_fee_credits, mebibyte_fee_credits, tiers, epoch_count, plan_count)
    VALUES ($1, 1, false, 1, 'admin', 'guardian', 'settler', 'verifier', 'mint', 'permit', 'treasury', 'sol treasury',
        'insurance', $2, 0, 1, 1, 3600, 86400, 86400, 86400, 86400, 86400, 1, 1, 5000, 1000, 0, 0, '[]', 0, 0)
    ON CONFLICT DO NOTHING";

/// How far an event has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Commitment {
    Confirmed,
    Finalized,
}

pub struct Mirror {
    pub pool: PgPool,
}

/// A wallet's address, by number.
pub fn wallet(number: u8) -> String {
    Pubkey::new_from_array([number; 32]).to_string()
}

impl Mirror {
    pub async fn connect(database_url: &str) -> Self {
        let pool = PgPoolOptions::new().max_connections(2).after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::query("SET ROLE permitpipe_indexer").execute(connection).await?;
                Ok(())
            })
        });
        let pool = pool.connect(database_url).await.unwrap();
        Self { pool }
    }

    /// The config and a cursor that has just been moved.
    pub async fn observe(&self) {
        let program = PROGRAM_ID.to_string();
        self.run(sqlx::query(CONFIG).bind(&program).bind(CAP)).await;
        let insert = "INSERT INTO chain.cursor (program, genesis_hash) VALUES ($1, 'tests')
                      ON CONFLICT (program) DO UPDATE SET observed_at = now()";
        self.run(sqlx::query(insert).bind(&program)).await;
    }

    /// Lets the view of the chain be this old.
    pub async fn set_age(&self, seconds: i64) {
        self.run(sqlx::query("UPDATE chain.cursor SET observed_at = now() - $1 * interval '1 second'").bind(seconds))
            .await;
    }

    /// What the guardian lets one settlement take; 0 stops settling.
    pub async fn set_settle_cap(&self, atoms: i64) {
        self.run(sqlx::query("UPDATE chain.config SET settle_cap_atoms = $1").bind(atoms)).await;
    }

    /// The owner's cap.
    pub async fn set_cap(&self, wallet: &str, atoms: i64) {
        self.run(sqlx::query("UPDATE chain.vaults SET cap_atoms = $2 WHERE wallet = $1").bind(wallet).bind(atoms))
            .await;
    }

    pub async fn open_vault(&self, wallet: &str) {
        let insert = "INSERT INTO chain.vaults (vault, wallet, event_seq, cap_atoms) VALUES ($1, $2, 1, $3)";
        self.run(sqlx::query(insert).bind(vault_of(wallet)).bind(wallet).bind(CAP)).await;
        self.record(wallet, 1, Commitment::Finalized, "VaultOpened", json!({ "cap_atoms": CAP })).await;
    }

    pub async fn deposit(&self, wallet: &str, atoms: i64) {
        let seq = self.next_seq(wallet).await;
        let update = "UPDATE chain.vaults SET event_seq = $2, credited_atoms = credited_atoms + $3 WHERE wallet = $1";
        self.run(sqlx::query(update).bind(wallet).bind(seq).bind(atoms)).await;
        self.record(wallet, seq, Commitment::Finalized, "Deposited", usdc(atoms)).await;
    }

    /// Lamports come in.
    pub async fn deposit_sol(&self, wallet: &str, lamports: i64) {
        let seq = self.next_seq(wallet).await;
        let update = "UPDATE chain.vaults SET event_seq = $2, sol_credited_atoms = sol_credited_atoms + $3
                      WHERE wallet = $1";
        self.run(sqlx::query(update).bind(wallet).bind(seq).bind(lamports)).await;
        self.record(wallet, seq, Commitment::Finalized, "Deposited", sol(lamports)).await;
    }

    /// The owner asks for lamports, or they are paid: nothing that concerns credits.
    pub async fn record_sol(&self, wallet: &str, commitment: Commitment, name: &str, lamports: i64) {
        let seq = self.next_seq(wallet).await;
        if commitment == Commitment::Finalized {
            let update = "UPDATE chain.vaults SET event_seq = $2 WHERE wallet = $1";
            self.run(sqlx::query(update).bind(wallet).bind(seq)).await;
        }
        self.record(wallet, seq, commitment, name, sol(lamports)).await;
    }

    /// The owner closes its empty vault.
    pub async fn close_vault(&self, wallet: &str) {
        let seq = self.next_seq(wallet).await;
        let update = "UPDATE chain.vaults SET event_seq = $2, is_open = false WHERE wallet = $1";
        self.run(sqlx::query(update).bind(wallet).bind(seq)).await;
        self.record(wallet, seq, Commitment::Finalized, "VaultClosed", json!({})).await;
    }

    /// The owner opens it again, with the numbers of a later slot.
    pub async fn open_vault_again(&self, wallet: &str, slot: i64) {
        let seq = slot * 65_536 + 1;
        let update = "UPDATE chain.vaults SET event_seq = $2, settle_sequence = $2 - 1, is_open = true,
                      credited_atoms = 0, settled_atoms = 0, withdrawn_atoms = 0, sol_credited_atoms = 0,
                      sol_settled_atoms = 0, sol_withdrawn_atoms = 0, cap_atoms = $3 WHERE wallet = $1";
        self.run(sqlx::query(update).bind(wallet).bind(seq).bind(CAP)).await;
        self.record(wallet, seq, Commitment::Finalized, "VaultOpened", json!({ "cap_atoms": CAP })).await;
    }

    /// The owner asks for its money; final, it is folded into the vault. Confirmed first and final later is one event.
    pub async fn request_withdrawal(&self, wallet: &str, atoms: i64, commitment: Commitment) {
        let seq = self.next_seq(wallet).await;
        let payload = json!({ "asset": "usdc", "amount_atoms": atoms, "executable_at": 4_000_000_000_i64 });
        self.record(wallet, seq, commitment, "WithdrawalRequested", payload).await;
        if commitment == Commitment::Finalized {
            let update = "UPDATE chain.vaults SET event_seq = $2, withdrawal_atoms = $3,
                          withdrawal_at = now() + interval '1 day' WHERE wallet = $1";
            self.run(sqlx::query(update).bind(wallet).bind(seq).bind(atoms)).await;
        }
    }

    /// The withdrawal is paid.
    pub async fn pay(&self, wallet: &str, atoms: i64) {
        let seq = self.next_seq(wallet).await;
        let update = "UPDATE chain.vaults SET event_seq = $2, withdrawn_atoms = withdrawn_atoms + $3,
                      withdrawal_atoms = NULL, withdrawal_at = NULL WHERE wallet = $1";
        self.run(sqlx::query(update).bind(wallet).bind(seq).bind(atoms)).await;
        self.record(wallet, seq, Commitment::Finalized, "Withdrawn", usdc(atoms)).await;
    }

    /// The owner changes its mind.
    pub async fn cancel_withdrawal(&self, wallet: &str, atoms: i64) {
        let seq = self.next_seq(wallet).await;
        let update = "UPDATE chain.vaults SET event_seq = $2, withdrawal_atoms = NULL, withdrawal_at = NULL
                      WHERE wallet = $1";
        self.run(sqlx::query(update).bind(wallet).bind(seq)).await;
        self.record(wallet, seq, Commitment::Finalized, "WithdrawalCancelled", usdc(atoms)).await;
    }

    /// A fork: what was only confirmed never happened.
    pub async fn fork(&self) {
        self.run(sqlx::query("DELETE FROM chain.events WHERE commitment = 'confirmed'")).await;
    }

    /// An event at its place. What stands there already becomes what is said now, as when the indexer sees it again.
    pub async fn record(&self, wallet: &str, seq: i64, commitment: Commitment, name: &str, payload: Value) {
        let vault = vault_of(wallet);
        let commitment = if commitment == Commitment::Finalized { "finalized" } else { "confirmed" };
        let insert = "INSERT INTO chain.events (signature, instruction_index, inner_index, slot, commitment, account,
                             event_seq, wallet, name, payload)
                      VALUES ($1, 0, 0, $2, $3::chain.commitment, $4, $2, $5, $6, $7)
                      ON CONFLICT (signature, instruction_index, inner_index)
                      DO UPDATE SET commitment = excluded.commitment, payload = excluded.payload";
        let signature = format!("{vault}-{seq}");
        let insert = sqlx::query(insert).bind(signature).bind(seq).bind(commitment).bind(vault);
        self.run(insert.bind(wallet).bind(name).bind(payload)).await;
    }

    async fn next_seq(&self, wallet: &str) -> i64 {
        sqlx::query_scalar("SELECT event_seq + 1 FROM chain.vaults WHERE wallet = $1")
            .bind(wallet)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn run(&self, query: sqlx::query::Query<'_, sqlx::Postgres, sqlx::postgres::PgArguments>) {
        query.execute(&self.pool).await.unwrap();
    }
}

fn usdc(atoms: i64) -> Value {
    json!({ "asset": "usdc", "amount_atoms": atoms })
}

fn sol(lamports: i64) -> Value {
    json!({ "asset": "sol", "amount_atoms": lamports })
}

fn vault_of(wallet: &str) -> String {
    vault_address(&wallet.parse().unwrap()).to_string()
}
