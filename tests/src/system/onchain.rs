//! The chain's own word, read by RPC and past all our parts. Everything is read at finality unless it says otherwise.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use permitpipe_sdk::chain::{self, Asset, Config, Settlement, Vault, instruction};
use solana_client::nonblocking::rpc_client::RpcClient;
use solana_commitment_config::CommitmentConfig;
use solana_sdk::{
    instruction::Instruction,
    pubkey::Pubkey,
    signature::{Keypair, Signature, read_keypair_file},
    signer::Signer,
    transaction::Transaction,
};

const ASSOCIATED_TOKEN_PROGRAM: Pubkey = Pubkey::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");

/// One owner on one chain.
pub struct Onchain {
    rpc: RpcClient,
    wallet: Keypair,
    config: Config,
}

/// What is where, in atoms of USDC, all at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is a token account")]
pub struct Purses {
    pub wallet: u64,
    pub vault: u64,
    pub treasury: u64,
}

impl Onchain {
    /// Reads the config, which never changes here.
    pub async fn connect(rpc_url: &str, wallet: &Path) -> Result<Self> {
        let rpc = RpcClient::new_with_commitment(rpc_url.to_owned(), CommitmentConfig::finalized());
        let wallet = read_keypair_file(wallet).map_err(|e| anyhow!("cannot read the wallet: {e}"))?;
        let confirmed = CommitmentConfig::confirmed();
        let account = rpc.get_account_with_commitment(&chain::config_address(), confirmed).await?.value;
        let config = chain::decode_config(&account.context("the program has no config")?.data)?;
        Ok(Self { rpc, wallet, config })
    }

    /// The RPC beneath.
    pub fn rpc(&self) -> &RpcClient {
        &self.rpc
    }

    /// Whose vault.
    pub fn wallet(&self) -> Pubkey {
        self.wallet.pubkey()
    }

    /// The vault's address.
    pub fn vault_address(&self) -> Pubkey {
        chain::vault_address(&self.wallet())
    }

    /// The vault, if it is open.
    pub async fn find_vault(&self) -> Result<Option<Vault>> {
        let address = self.vault_address();
        let account = self.rpc.get_account_with_commitment(&address, CommitmentConfig::finalized()).await?.value;
        Ok(account.map(|account| chain::decode_vault(&account.data)).transpose()?)
    }

    /// The vault, which must be open.
    pub async fn vault(&self) -> Result<Vault> {
        self.find_vault().await?.context("the vault is not open")
    }

    /// A settlement of this vault.
    pub async fn find_settlement(&self, sequence: u64) -> Result<Option<Settlement>> {
        let address = chain::settlement_address(&self.vault_address(), sequence);
        let account = self.rpc.get_account_with_commitment(&address, CommitmentConfig::finalized()).await?.value;
        Ok(account.map(|account| chain::decode_settlement(&account.data)).transpose()?)
    }

    /// The three purses that USDC moves between.
    pub async fn purses(&self) -> Result<Purses> {
        let vault = chain::vault_usdc_address(&self.vault_address());
        let addresses = [self.wallet_usdc(), vault, self.config.treasury];
        let found = self.rpc.get_multiple_accounts_with_commitment(&addresses, CommitmentConfig::finalized()).await?;
        // A token account: mint (32), owner (32), amount (8).
        let amount = |index: usize| {
            let account = found.value.get(index)?.as_ref()?;
            Some(u64::from_le_bytes(*account.data.get(64..72)?.first_chunk::<8>()?))
        };
        Ok(Purses { wallet: amount(0).unwrap_or(0), vault: amount(1).unwrap_or(0), treasury: amount(2).unwrap_or(0) })
    }

    /// Whether a transaction can no longer be undone.
    pub async fn is_final(&self, signature: &str) -> Result<bool> {
        let signature: Signature = signature.parse()?;
        Ok(self.rpc.confirm_transaction_with_commitment(&signature, CommitmentConfig::finalized()).await?.value)
    }

    /// Sends a deposit without waiting for it, as all that follow.
    pub async fn send_deposit(&self, amount_atoms: u64) -> Result<Signature> {
        self.send(instruction::deposit_usdc(&self.config, &self.wallet(), &self.wallet_usdc(), amount_atoms)).await
    }

    /// Asks for a withdrawal; refused while another one stands.
    pub async fn send_withdrawal_request(&self, amount_atoms: u64) -> Result<Signature> {
        self.send(instruction::request_withdrawal(&self.wallet(), Asset::Usdc, amount_atoms)).await
    }

    /// Takes the request back.
    pub async fn send_withdrawal_cancellation(&self) -> Result<Signature> {
        self.send(instruction::cancel_withdrawal(&self.wallet(), Asset::Usdc)).await
    }

    /// Pays the request out; refused before the delay is over.
    pub async fn send_withdrawal_execution(&self) -> Result<Signature> {
        self.send(instruction::execute_withdrawal(&self.config, &self.wallet(), &self.wallet_usdc())).await
    }

    async fn send(&self, instruction: Instruction) -> Result<Signature> {
        let recent = self.rpc.get_latest_blockhash().await?;
        let signed = Transaction::new_signed_with_payer(&[instruction], Some(&self.wallet()), &[&self.wallet], recent);
        Ok(self.rpc.send_transaction(&signed).await?)
    }

    fn wallet_usdc(&self) -> Pubkey {
        let (wallet, mint) = (self.wallet(), self.config.usdc_mint);
        let seeds = [wallet.as_ref(), spl_token::ID.as_ref(), mint.as_ref()];
        Pubkey::find_program_address(&seeds, &ASSOCIATED_TOKEN_PROGRAM).0
    }
}
