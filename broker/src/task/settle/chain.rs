//! What settling needs of the chain: a signed transaction, sending it, and its fate.

use std::{path::Path, str::FromStr};

use anyhow::{Context, Result, anyhow};
use permitpipe_sdk::chain::{self, SettleArgs};
use solana_client::{nonblocking::rpc_client::RpcClient, rpc_config::RpcSendTransactionConfig};
use solana_commitment_config::CommitmentConfig;
use solana_sdk::{
    pubkey::Pubkey,
    signature::{Keypair, Signature, read_keypair_file},
    signer::Signer,
    transaction::Transaction,
};

use crate::db::settlement::Batch;

/// What has become of a signed batch.
pub enum Fate {
    /// It is on chain, if not final yet.
    Landed,
    /// It can still land: send the same bytes again.
    Pending,
    /// It failed on chain, for good.
    Refused,
    /// It can never land: its blockhash is past, at finality.
    Expired,
}

/// One RPC endpoint and the settle authority's key.
pub struct Chain {
    rpc: RpcClient,
    authority: Keypair,
}

impl Chain {
    /// Reads the keypair file.
    pub fn new(url: &str, key: &Path) -> Result<Self> {
        let authority =
            read_keypair_file(key).map_err(|error| anyhow!("cannot read the settle key {}: {error}", key.display()))?;
        Ok(Self { rpc: RpcClient::new_with_commitment(url.to_owned(), CommitmentConfig::confirmed()), authority })
    }

    /// Signs a batch with a fresh blockhash: signature, bytes, last valid block height.
    pub async fn sign(&self, batch: &Batch) -> Result<(String, Vec<u8>, i64)> {
        let account = self.rpc.get_account(&chain::config_address()).await?;
        let config = chain::decode_config(&account.data)?;
        let owner = Pubkey::from_str(&batch.wallet).context("the owner's wallet is no address")?;
        let args = SettleArgs {
            sequence: u64::try_from(batch.sequence)?,
            amount_atoms: batch.amount.atoms(),
            receipt_count: u32::try_from(batch.receipt_count)?,
            receipts_root: batch.receipts_root,
        };
        let instruction = chain::instruction::settle(&config, &owner, &self.authority.pubkey(), args);
        let (blockhash, height) = self.rpc.get_latest_blockhash_with_commitment(CommitmentConfig::confirmed()).await?;
        let payer = self.authority.pubkey();
        let transaction =
            Transaction::new_signed_with_payer(&[instruction], Some(&payer), &[&self.authority], blockhash);
        let signature = transaction.signatures.first().ok_or_else(|| anyhow!("an unsigned transaction"))?.to_string();
        Ok((signature, bincode::serialize(&transaction)?, i64::try_from(height)?))
    }

    /// Sends the recorded bytes. A refusal by the preflight changes nothing: it is tried again until it lands or expires.
    pub async fn send(&self, batch: &Batch) -> Result<()> {
        let Some((_, bytes, _)) = &batch.signed else { return Ok(()) };
        let transaction: Transaction = bincode::deserialize(bytes)?;
        // The blockhash is taken at `confirmed`: a preflight at `finalized` would not know it yet.
        let config = RpcSendTransactionConfig {
            max_retries: Some(0),
            preflight_commitment: Some(CommitmentConfig::confirmed().commitment),
            ..RpcSendTransactionConfig::default()
        };
        let sent = self.rpc.send_transaction_with_config(&transaction, config).await;
        sent.context("the chain does not take a settlement")?;
        Ok(())
    }

    /// Asks the chain. Expired only when the chain at finality is past the last height and still knows nothing of it.
    pub async fn fate(&self, batch: &Batch) -> Result<Fate> {
        let Some((signature, _, last_height)) = &batch.signed else { return Ok(Fate::Expired) };
        // In this order: a height read after the status could be past a transaction that landed in between.
        let height = self.rpc.get_block_height_with_commitment(CommitmentConfig::finalized()).await?;
        let signature = Signature::from_str(signature).context("a recorded signature is none")?;
        let statuses = self.rpc.get_signature_statuses_with_history(&[signature]).await?.value;
        let Some(status) = statuses.into_iter().next().flatten() else {
            let is_past = i64::try_from(height).unwrap_or(i64::MAX) > *last_height;
            return Ok(if is_past { Fate::Expired } else { Fate::Pending });
        };
        if status.err.is_none() {
            return Ok(Fate::Landed);
        }
        if !status.satisfies_commitment(CommitmentConfig::finalized()) {
            return Ok(Fate::Pending);
        }
        self.after_failure(batch).await
    }

    /// Whether the finalized vault and config still let this much be taken at once. What was proven dead and does not fit
    /// any more must be cut smaller, not signed again.
    pub async fn still_fits(&self, batch: &Batch) -> Result<bool> {
        let address = Pubkey::from_str(&batch.vault).context("the vault is no address")?;
        let vault = chain::decode_vault(&self.finalized(&address).await?)?;
        let config = chain::decode_config(&self.finalized(&chain::config_address()).await?)?;
        let paid_out = vault.usdc.settled_atoms.saturating_add(vault.usdc.withdrawn_atoms);
        let balance = vault.usdc.credited_atoms.saturating_sub(paid_out);
        let is_next = vault.settle_sequence.checked_add(1) == u64::try_from(batch.sequence).ok();
        Ok(is_next && batch.amount.atoms() <= balance.min(vault.usdc.cap_atoms).min(config.limits.settle_cap_atoms))
    }

    async fn finalized(&self, address: &Pubkey) -> Result<Vec<u8>> {
        let account = self.rpc.get_account_with_commitment(address, CommitmentConfig::finalized()).await?.value;
        Ok(account.with_context(|| format!("account {address} is gone"))?.data)
    }

    /// It failed at finality; that nothing else took its place is the vault's to say.
    async fn after_failure(&self, batch: &Batch) -> Result<Fate> {
        let address = Pubkey::from_str(&batch.vault).context("the vault is no address")?;
        let vault = chain::decode_vault(&self.finalized(&address).await?)?;
        let is_taken = i64::try_from(vault.settle_sequence)? >= batch.sequence;
        Ok(if is_taken { Fate::Landed } else { Fate::Refused })
    }
}
