//! The owner's own audit: every receipt checked by its signature, every batch of them against the chain.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use ed25519_dalek::VerifyingKey;
use permitpipe_sdk::{
    id::LeaseId,
    receipt::{Receipt, receipts_root, verify_chain},
    wire::{Account, ReceiptPage, Settlement},
};

use super::onchain::Onchain;

/// Checks signatures, sequence and running totals of every lease; returns the sum over all and the number of leases.
pub fn verify_receipts(page: &ReceiptPage) -> Result<(i64, usize)> {
    let key: [u8; 32] = hex::decode(&page.public_key)?.try_into().ok().context("the broker's key is not 32 bytes")?;
    let key = VerifyingKey::from_bytes(&key)?;
    let mut leases: BTreeMap<LeaseId, Vec<Receipt>> = BTreeMap::new();
    for receipt in &page.receipts {
        leases.entry(receipt.body.lease_id).or_default().push(receipt.clone());
    }
    let mut sum = 0;
    for (lease_id, receipts) in &leases {
        sum += verify_chain(receipts, &key).with_context(|| format!("the receipts of {lease_id}"))?.get();
    }
    Ok((sum, leases.len()))
}

/// Checks each settlement against the account that the chain keeps of it, and its root against the receipts it pays.
/// `receipts` are all of the owner's, by lease and sequence as the API gives them; each must be paid by one of these.
pub async fn verify_settlements(chain: &Onchain, settlements: &[Settlement], receipts: &[Receipt]) -> Result<()> {
    let mut paid_in_all = 0;
    for settlement in settlements {
        let sequence = u64::try_from(settlement.sequence)?;
        let landed = chain.find_settlement(sequence).await?;
        let landed = landed.with_context(|| format!("settlement {sequence} is not on chain"))?;
        let is_paid = |receipt: &&Receipt| receipt.settlement_id == Some(settlement.settlement_id);
        let paid: Vec<&Receipt> = receipts.iter().filter(is_paid).collect();
        ensure!(paid.len() == usize::try_from(landed.receipt_count)?, "settlement {sequence} pays other receipts");
        let hashes: Vec<[u8; 32]> = paid.iter().map(|receipt| receipt.body.hash()).collect();
        let amount: u64 = paid.iter().map(|receipt| receipt.body.amount.atoms()).sum();
        ensure!(
            landed.receipts_root == receipts_root(&hashes),
            "settlement {sequence}: the root is not of its receipts"
        );
        ensure!(landed.amount_atoms == amount, "settlement {sequence}: {} paid for {amount}", landed.amount_atoms);
        ensure!(settlement.amount.atoms() == amount && hex::encode(landed.receipts_root) == settlement.receipts_root);
        ensure!(settlement.state == "finalized", "settlement {sequence} is {} in the ledger", settlement.state);
        paid_in_all += paid.len();
    }
    ensure!(paid_in_all == receipts.len(), "{paid_in_all} of {} receipts are paid", receipts.len());
    Ok(())
}

/// The sum of the double entry's columns, which is always zero.
pub fn column_sum(account: &Account) -> i64 {
    let Account { chain, available, held, spent, settled, withdrawing, writeoff, .. } = account;
    chain + available + held + spent + settled + withdrawing + writeoff
}
