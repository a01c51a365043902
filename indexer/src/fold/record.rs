//! Rows that are written once and that no account keeps up to date: settlements, rewards, contradictions.

use permitpipe_sdk::chain::{Asset, EpochChange, EpochChanged, Event, RelayChange, RelayChanged, Settled};
use serde_json::{Value, json};

use super::{FoldError, Moment, bytes, integer};

/// One row for a table of schema `chain`, its columns as JSON.
pub struct Record {
    pub table: &'static str,
    pub row: Value,
}

/// The record that an event leaves beside its account's row, if any.
pub fn record(event: &Event, at: &Moment) -> Result<Option<Record>, FoldError> {
    let (table, mut row) = match event {
        Event::Settled(settled) => ("settlements", settlement(settled)?),
        Event::EpochChanged(changed) => match reward(changed)? {
            Some(row) => ("rewards", row),
            None => return Ok(None),
        },
        Event::RelayChanged(changed) => match contradiction(changed)? {
            Some(row) => ("contradictions", row),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    row["signature"] = json!(at.signature);
    row["slot"] = json!(at.slot);
    Ok(Some(Record { table, row }))
}

fn settlement(settled: &Settled) -> Result<Value, FoldError> {
    let asset = match settled.asset {
        Asset::Usdc => "usdc",
        Asset::Sol => "sol",
    };
    Ok(json!({
        "vault": settled.vault.to_string(),
        "sequence": integer(settled.sequence, "sequence")?,
        "asset": asset,
        "amount_atoms": integer(settled.amount_atoms, "amount_atoms")?,
        "charge_credits": integer(settled.charge_credits, "charge_credits")?,
        "receipt_count": settled.receipt_count,
        "receipts_root": bytes(&settled.receipts_root),
        "is_closed": false,
    }))
}

fn reward(changed: &EpochChanged) -> Result<Option<Value>, FoldError> {
    let EpochChange::Claimed { index, relay, amount_atoms, receipt_count } = &changed.kind else { return Ok(None) };
    Ok(Some(json!({
        "number": integer(changed.number, "number")?,
        "leaf_index": index,
        "relay": relay.to_string(),
        "amount_atoms": integer(*amount_atoms, "amount_atoms")?,
        "receipt_count": integer(*receipt_count, "receipt_count")?,
    })))
}

fn contradiction(changed: &RelayChanged) -> Result<Option<Value>, FoldError> {
    let RelayChange::Slashed { stream, sequence, reporter, slashed_atoms, reporter_atoms } = &changed.kind else {
        return Ok(None);
    };
    Ok(Some(json!({
        "relay": changed.relay.to_string(),
        "stream": bytes(stream),
        "sequence": sequence,
        "reporter": reporter.to_string(),
        "slashed_atoms": integer(*slashed_atoms, "slashed_atoms")?,
        "reporter_atoms": integer(*reporter_atoms, "reporter_atoms")?,
    })))
}
