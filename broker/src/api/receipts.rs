//! `/v1/receipts`: signed on reading, since Ed25519 always gives the same signature for the same bytes.

use axum::{Json, extract::State};
use permitpipe_sdk::{
    id::SettlementId,
    receipt::{Receipt, ReceiptBody},
    wire,
};

use super::extract::Owner;
use crate::{app::App, db, error::Error};

/// The owner's receipts by lease and sequence, at most 10,000.
pub async fn list(State(app): State<App>, owner: Owner) -> Result<Json<wire::ReceiptPage>, Error> {
    let bodies = db::settlement::list_receipts(&app.pool, owner.id, 10_000).await?;
    let receipt = |(body, settlement_id): (ReceiptBody, Option<SettlementId>)| Receipt {
        settlement_id,
        ..body.sign(&app.receipt_key)
    };
    let receipts = bodies.into_iter().map(receipt).collect();
    let public_key = hex::encode(app.receipt_key.verifying_key().to_bytes());
    Ok(Json(wire::ReceiptPage { receipts, public_key }))
}
