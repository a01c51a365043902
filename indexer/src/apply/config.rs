//! The config account as it was last read.

use permitpipe_sdk::chain::{Change, Config, PROGRAM_ID, PendingChange, change_payload};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, types::Json};

use super::slot;

/// The config account as it stood at `at`; an older reading never replaces a newer one.
pub async fn put_config(conn: &mut PgConnection, at: u64, config: &Config) -> Result<(), sqlx::Error> {
    let mut commit = conn.begin().await?;
    sqlx::query("DELETE FROM chain.config WHERE program = $1 AND slot <= $2")
        .bind(PROGRAM_ID.to_string())
        .bind(slot(at))
        .execute(&mut *commit)
        .await?;
    sqlx::query(
        "INSERT INTO chain.config SELECT r.* FROM jsonb_populate_record(NULL::chain.config, $1) r
         ON CONFLICT (program) DO NOTHING",
    )
    .bind(Json(columns(at, config)))
    .execute(&mut *commit)
    .await?;
    commit.commit().await
}

fn columns(at: u64, config: &Config) -> Value {
    let Config { limits, timing, bonds, fee, .. } = config;
    let mut columns = keys(config);
    let numbers = json!({
        "slot": slot(at),
        "is_paused": config.is_paused,
        "event_seq": largest(config.event_seq),
        "settle_cap_atoms": largest(limits.settle_cap_atoms),
        "settle_cap_lamports": largest(limits.settle_cap_lamports),
        "min_deposit_atoms": largest(limits.min_deposit_atoms),
        "min_deposit_lamports": largest(limits.min_deposit_lamports),
        "window_seconds": timing.window_seconds,
        "withdrawal_delay_seconds": timing.withdrawal_delay_seconds,
        "change_delay_seconds": timing.change_delay_seconds,
        "cool_down_seconds": timing.cool_down_seconds,
        "warm_up_seconds": timing.warm_up_seconds,
        "retention_seconds": timing.retention_seconds,
        "relay_bond_atoms": largest(bonds.relay_atoms),
        "template_bond_atoms": largest(bonds.template_atoms),
        "slash_basis_points": bonds.slash_basis_points,
        "reporter_basis_points": bonds.reporter_basis_points,
        "request_fee_credits": largest(fee.request_credits),
        "mebibyte_fee_credits": largest(fee.mebibyte_credits),
        "tiers": change_payload(&Change::Tiers(config.tiers))["tiers"],
        "oracle": config.oracle.map(|oracle| change_payload(&Change::Oracle(oracle))["oracle"].clone()),
        "pending_change": config.pending_change.map(|PendingChange { change, eta }| {
            json!({ "change": change_payload(&change), "eta": eta })
        }),
        "epoch_count": largest(config.epoch_count),
        "plan_count": largest(config.plan_count),
    });
    if let (Some(columns), Value::Object(numbers)) = (columns.as_object_mut(), numbers) {
        columns.extend(numbers);
    }
    columns
}

fn keys(config: &Config) -> Value {
    json!({
        "program": PROGRAM_ID.to_string(),
        "admin": config.admin.to_string(),
        "guardian": config.guardian.to_string(),
        "settle_authority": config.settle_authority.to_string(),
        "verifier": config.verifier.to_string(),
        "usdc_mint": config.usdc_mint.to_string(),
        "permit_mint": config.permit_mint.to_string(),
        "treasury": config.treasury.to_string(),
        "sol_treasury": config.sol_treasury.to_string(),
        "insurance": config.insurance.to_string(),
    })
}

/// A limit above what the database holds is no limit at all.
fn largest(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
