//! Gathers captured receipts into batches, signs them for the chain, and posts them when they are final.
//!
//! The signed bytes are on record before they are sent, and the same bytes are sent until they land or are proven dead:
//! a new blockhash is taken only when the chain itself has passed the old one. The vault's sequence makes a second
//! landing impossible. Nothing is decided because time passed.

mod chain;

use std::path::Path;

use permitpipe_sdk::{
    id::{OwnerId, RequestId, SettlementId},
    money::Credits,
    receipt::receipts_root,
};
use serde_json::json;
use sqlx::Connection;

use self::chain::{Chain, Fate};
use crate::{
    app::App,
    audit::{Entry, EntryKind, Subject},
    db::{
        self,
        ledger::TransferRow,
        settlement::{Batch, Debtor, Unsettled},
    },
    ledger,
};

/// Most receipts in one batch.
const MOST: i64 = 10_000;

/// One settling node at a time: two could sign one batch twice. The key is ours alone.
const LEADER: i64 = 0x7065_726d_6974_0001;

/// The settle authority at work.
pub struct Settler {
    app: App,
    chain: Chain,
}

impl Settler {
    /// Loads the settle authority's key.
    pub fn new(app: App, key: &Path) -> anyhow::Result<Self> {
        let chain = Chain::new(&app.config.rpc_url, key)?;
        Ok(Self { app, chain })
    }

    /// One round, if no other node is at it.
    pub async fn run(&self) -> anyhow::Result<()> {
        let mut leader = self.app.pool.acquire().await?;
        if !db::settlement::try_lead(&mut leader, LEADER).await? {
            return Ok(());
        }
        let round = self.round().await;
        // The lock belongs to the session: one that cannot be unlocked is closed.
        if db::settlement::stop_leading(&mut leader, LEADER).await.is_err() {
            let _ = leader.detach().close().await;
        }
        round
    }

    async fn round(&self) -> anyhow::Result<()> {
        // One vault that cannot settle must not keep the others from it: page by owner, and go on.
        let mut after = None;
        while let Some(page) = some(db::settlement::list_debtors(&self.app.pool, after).await?) {
            for debtor in &page {
                self.report(self.prepare(debtor).await);
            }
            after = page.last().map(|debtor| OwnerId::from_uuid(debtor.owner_id));
        }
        let mut after = None;
        while let Some(page) = some(db::settlement::list_prepared(&self.app.pool, after).await?) {
            after = page.last().map(|batch| batch.owner_id);
            for batch in page {
                self.report(self.drive(batch).await);
            }
        }
        Ok(())
    }

    fn report(&self, step: anyhow::Result<()>) {
        if let Err(error) = step {
            tracing::warn!(error = format!("{error:#}"), "a settlement waits");
        }
    }

    /// Puts a batch on record: the oldest receipts that fit what the chain lets us take at once.
    async fn prepare(&self, debtor: &Debtor) -> anyhow::Result<()> {
        let owner_id = OwnerId::from_uuid(debtor.owner_id);
        let limit = debtor.balance.min(debtor.cap_atoms).min(debtor.settle_cap_atoms);
        let mut tx = self.app.pool.begin().await?;
        let mut receipts = fit(db::settlement::lock_unsettled(&mut tx, owner_id, MOST).await?, limit);
        // The order of the root: one that the owner can repeat from the receipts alone.
        receipts.sort_by_key(|receipt| (receipt.lease_id, receipt.sequence));
        let amount: i64 = receipts.iter().map(|receipt| receipt.amount.get()).sum();
        if amount == 0 {
            return Ok(());
        }
        let hashes: Vec<[u8; 32]> = receipts.iter().map(|receipt| receipt.hash).collect();
        let batch = Batch {
            owner_id,
            settlement_id: SettlementId::generate(),
            vault: debtor.vault.clone(),
            wallet: debtor.wallet.clone(),
            sequence: debtor.settle_sequence.saturating_add(1),
            amount: Credits::parse(amount)?,
            receipt_count: i64::try_from(receipts.len())?,
            receipts_root: receipts_root(&hashes),
            signed: None,
        };
        db::settlement::insert(&mut tx, &batch, &receipts).await?;
        db::audit::insert(&mut tx, &[&entry(&batch, EntryKind::SettlementPrepared)]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes a batch one step further.
    async fn drive(&self, mut batch: Batch) -> anyhow::Result<()> {
        // In this order: asked last, it could be closed after a settlement that we did not see.
        let is_outlived = db::settlement::is_outlived(&self.app.pool, &batch).await?;
        if let Some((root, amount, is_usdc)) = db::settlement::find_final(&self.app.pool, &batch).await? {
            anyhow::ensure!(
                is_usdc && root == batch.receipts_root && amount == batch.amount.get(),
                "vault {} settled something else at sequence {}: is another broker settling with our key?",
                batch.vault,
                batch.sequence
            );
            return self.finalize(&batch).await;
        }
        if is_outlived {
            return Ok(db::settlement::abandon(&self.app.pool, &batch).await?);
        }
        let fate = match &batch.signed {
            None => Fate::Expired,
            Some(_) => self.chain.fate(&batch).await?,
        };
        match fate {
            Fate::Landed => Ok(()), // the indexer will show it when it is final
            Fate::Pending => self.chain.send(&batch).await,
            Fate::Refused => Ok(db::settlement::abandon(&self.app.pool, &batch).await?),
            Fate::Expired if batch.signed.is_some() && !self.chain.still_fits(&batch).await? => {
                Ok(db::settlement::abandon(&self.app.pool, &batch).await?)
            }
            Fate::Expired => {
                batch.signed = Some(self.chain.sign(&batch).await?);
                db::settlement::record_signed(&self.app.pool, &batch).await?;
                self.chain.send(&batch).await
            }
        }
    }

    /// `spent → settled`, once.
    async fn finalize(&self, batch: &Batch) -> anyhow::Result<()> {
        let mut tx = self.app.pool.begin().await?;
        let mut balances = db::ledger::lock_account(&mut tx, batch.owner_id).await?;
        if !db::settlement::finalize(&mut tx, batch).await? {
            return Ok(());
        }
        let transfers = ledger::settle(batch.amount);
        balances.apply(&transfers)?;
        let cause_id = batch.settlement_id.to_string();
        let journal: Vec<TransferRow> = transfers
            .into_iter()
            .map(|transfer| TransferRow {
                owner_id: batch.owner_id,
                transfer,
                cause: "settlement",
                cause_id: cause_id.clone(),
            })
            .collect();
        db::ledger::post(&mut tx, batch.owner_id, &balances, &journal).await?;
        db::audit::insert(&mut tx, &[&entry(batch, EntryKind::SettlementFinalized)]).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn entry(batch: &Batch, kind: EntryKind) -> Entry {
    let subject = Subject { owner_id: batch.owner_id, request_id: RequestId::generate(), lease_id: None };
    let facts = json!({
        "settlement_id": batch.settlement_id, "vault": batch.vault, "sequence": batch.sequence,
        "amount": batch.amount, "receipt_count": batch.receipt_count,
        "receipts_root": hex::encode(batch.receipts_root),
    });
    Entry::new(subject, kind, &facts)
}

/// The oldest receipts whose sum is within `limit`. One is never split, and one that is too large for now does not keep
/// those behind it waiting.
fn fit(receipts: Vec<Unsettled>, limit: i64) -> Vec<Unsettled> {
    let mut left = limit;
    let mut takes = |receipt: &Unsettled| match left.checked_sub(receipt.amount.get()) {
        Some(rest) if rest >= 0 => {
            left = rest;
            true
        }
        _ => false,
    };
    receipts.into_iter().filter(|receipt| takes(receipt)).collect()
}

fn some<T>(page: Vec<T>) -> Option<Vec<T>> {
    Some(page).filter(|page| !page.is_empty())
}

#[cfg(test)]
mod tests {
    use permitpipe_sdk::id::LeaseId;

    use super::*;

    #[test]
    fn a_batch_is_the_oldest_receipts_that_fit_the_limit() {
        let receipt = |amount| Unsettled {
            lease_id: LeaseId::from_uuid(uuid::Uuid::nil()),
            sequence: 1,
            amount: Credits::parse(amount).unwrap(),
            hash: [0; 32],
        };
        let all = vec![receipt(5), receipt(7), receipt(1)];
        for (limit, fits) in
            [(0, vec![]), (4, vec![1]), (5, vec![5]), (6, vec![5, 1]), (12, vec![5, 7]), (13, vec![5, 7, 1])]
        {
            let amounts: Vec<i64> = fit(all.clone(), limit).iter().map(|receipt| receipt.amount.get()).collect();
            assert_eq!(amounts, fits, "{limit}");
        }
    }
}
