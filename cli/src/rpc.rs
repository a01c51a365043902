//! The chain as the command line sees it: accounts to read, transactions to send and to wait for.

use std::time::Duration;

use permitpipe_sdk::chain::{self as program, ChainError};
use solana_client::{client_error::ClientError, nonblocking::rpc_client::RpcClient};
use solana_commitment_config::CommitmentConfig;
use solana_sdk::{
    account::Account,
    instruction::Instruction,
    pubkey::Pubkey,
    signature::Signature,
    signer::{Signer, keypair::Keypair},
    transaction::Transaction,
};

use crate::error::{Error, Explain};

/// How often we ask again.
const POLL: Duration = Duration::from_millis(200);
/// Finality takes about 13 s on a cluster; beyond this somebody should look.
const FINALITY_POLLS: u32 = 600;

/// A chain's JSON-RPC at commitment `confirmed`.
pub struct Rpc {
    client: RpcClient,
}

impl Rpc {
    /// Nothing is sent yet.
    pub fn new(url: &str) -> Self {
        let timeout = Duration::from_secs(30);
        Self {
            client: RpcClient::new_with_timeout_and_commitment(url.to_owned(), timeout, CommitmentConfig::confirmed()),
        }
    }

    /// The client beneath.
    pub fn client(&self) -> &RpcClient {
        &self.client
    }

    /// Whether the chain answers.
    pub async fn check(&self) -> Result<(), Error> {
        self.client.get_health().await.map_err(|e| self.unreachable(&e))
    }

    /// One account, if it exists.
    pub async fn find_account(&self, address: &Pubkey) -> Result<Option<Account>, Error> {
        let found = self.client.get_account_with_commitment(address, CommitmentConfig::confirmed()).await;
        Ok(found.map_err(|e| self.unreachable(&e))?.value)
    }

    /// Several accounts at one slot, in order.
    pub async fn find_accounts<const N: usize>(&self, addresses: [Pubkey; N]) -> Result<[Option<Account>; N], Error> {
        let found = self.client.get_multiple_accounts(&addresses).await.map_err(|e| self.unreachable(&e))?;
        found.try_into().map_err(|_| Error::new("the chain left out accounts that were asked for"))
    }

    /// Signs, sends, and waits until the transaction is confirmed. The first signer pays.
    pub async fn send(&self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<Signature, Error> {
        let payer = signers.first().map(|signer| signer.pubkey());
        let recent = self.client.get_latest_blockhash().await.map_err(|e| self.unreachable(&e))?;
        let mut transaction = Transaction::new_with_payer(instructions, payer.as_ref());
        transaction.try_sign(signers, recent).explain(|| "cannot sign the transaction".into())?;
        self.client.send_and_confirm_transaction(&transaction).await.map_err(|e| refused(&e))
    }

    /// Waits until the transaction can no longer be undone.
    pub async fn wait_until_final(&self, signature: &Signature) -> Result<(), Error> {
        for _ in 0..FINALITY_POLLS {
            let finalized = CommitmentConfig::finalized();
            let found = self.client.confirm_transaction_with_commitment(signature, finalized).await;
            if found.map_err(|e| self.unreachable(&e))?.value {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        Err(Error::new(format!("transaction {signature} is not final after 120 s"))
            .advise("it may still become final: look again with `permitpipe balance`"))
    }

    /// Seconds since 1970, as the chain's programs see them.
    pub async fn clock(&self) -> Result<i64, Error> {
        let account = self.find_account(&solana_sdk::sysvar::clock::ID).await?;
        // slot, epoch_start_timestamp, epoch, leader_schedule_epoch, unix_timestamp: five words of eight bytes.
        let time = account.and_then(|account| account.data.last_chunk::<8>().copied());
        time.map(i64::from_le_bytes).ok_or_else(|| Error::new("the chain has no clock"))
    }

    /// Balance of a token account in atoms; `None` when it does not exist.
    pub async fn token_balance(&self, address: &Pubkey) -> Result<Option<u64>, Error> {
        let account = self.find_account(address).await?;
        // mint (32), owner (32), amount (8): see spl_token::state::Account.
        let amount =
            |account: Account| account.data.get(64..72)?.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
        Ok(account.and_then(amount))
    }

    /// How many decimals a mint has.
    pub async fn decimals(&self, mint: &Pubkey) -> Result<u8, Error> {
        let account = self.find_account(mint).await?;
        // authority (4 + 32), supply (8), decimals (1): see spl_token::state::Mint.
        let decimals = account.and_then(|account| account.data.get(44).copied());
        decimals.ok_or_else(|| Error::new(format!("the chain has no mint {mint}")))
    }

    /// One account of our program, if it exists. Lamports that somebody sent to its address are no account of ours.
    pub async fn find<T>(
        &self,
        address: &Pubkey,
        decode: fn(&[u8]) -> Result<T, ChainError>,
    ) -> Result<Option<T>, Error> {
        let account = self.find_account(address).await?.filter(|account| account.owner == program::PROGRAM_ID);
        let decode = |account: Account| decode(&account.data).explain(|| format!("cannot read the account {address}"));
        account.map(decode).transpose()
    }

    /// Those of many accounts of our program that exist, in order; a hundred at a time, which is what a node answers.
    pub async fn find_all<T>(
        &self,
        addresses: &[Pubkey],
        decode: fn(&[u8]) -> Result<T, ChainError>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        for addresses in addresses.chunks(100) {
            let found = self.client.get_multiple_accounts(addresses).await.map_err(|e| self.unreachable(&e))?;
            let ours = addresses.iter().zip(found).filter_map(|(address, found)| Some((address, found?)));
            for (address, account) in ours.filter(|(_, account)| account.owner == program::PROGRAM_ID) {
                all.push(decode(&account.data).explain(|| format!("cannot read the account {address}"))?);
            }
        }
        Ok(all)
    }

    /// The program's config.
    pub async fn config(&self) -> Result<program::Config, Error> {
        let found = self.find(&program::config_address(), program::decode_config).await?;
        found.ok_or_else(|| {
            Error::new(format!("the program {} has no config on this chain", program::PROGRAM_ID))
                .advise("deploy and initialize it first, or let `permitpipe up` run a local chain: leave out --rpc")
        })
    }

    /// The vault of `owner`, if it is open.
    pub async fn find_vault(&self, owner: &Pubkey) -> Result<Option<program::Vault>, Error> {
        self.find(&program::vault_address(owner), program::decode_vault).await
    }

    fn unreachable(&self, cause: &ClientError) -> Error {
        // The URL may carry an api key, and the cause repeats the URL.
        let url = self.client.url();
        let (url, cause) = (url.split('?').next().unwrap_or_default(), cause.kind().to_string());
        let cause = cause.split(" for url (").next().unwrap_or_default();
        Error::new(format!("the chain at {url} does not answer: {cause}"))
    }
}

/// A transaction the chain did not take, with the words of our program where it said any.
fn refused(cause: &ClientError) -> Error {
    let text = cause.to_string();
    let words = text.split("Error Message: ").nth(1).and_then(|rest| rest.split(['\n', '"']).next());
    Error::new(format!("the chain refused the transaction: {}", words.unwrap_or(text.trim())))
}
