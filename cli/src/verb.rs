//! One verb a file. Each has its `Args`, which clap fills, and `run`.

pub mod audit;
pub mod balance;
pub mod index;
pub mod lease;
pub mod plan;
pub mod policy;
pub mod receipt;
pub mod relay;
pub mod run;
pub mod secret;
pub mod serve;
pub mod settlement;
pub mod stake;
pub mod template;
pub mod tier;
pub mod topup;
pub mod unstake;
pub mod up;
pub mod vault;
pub mod withdraw;

use permitpipe_sdk::{chain::Config, client::Client};
use serde_json::Value;
use solana_sdk::{
    instruction::Instruction,
    pubkey::Pubkey,
    signer::{Signer, keypair::Keypair},
};
use spl_associated_token_account_interface::{
    address::get_associated_token_address, instruction::create_associated_token_account_idempotent,
};

use crate::{amount::Unit, config::Folder, error::Error, local::keys, output, profile::Profile, rpc::Rpc};

/// What every verb is told.
pub struct Context {
    /// Where `up` keeps everything.
    pub folder: Folder,
    /// Answer in JSON.
    pub json: bool,
}

impl Context {
    /// A client of the broker that `up` set up here.
    pub fn client(&self) -> Result<Client, Error> {
        Ok(Profile::get(&self.folder)?.client())
    }

    /// The owner's wallet, the chain it lives on, and a client of the broker that sees it there.
    pub fn owner(&self) -> Result<Owner, Error> {
        let profile = Profile::get(&self.folder)?;
        Ok(Owner {
            wallet: keys::load_keypair(&profile.wallet)?,
            rpc: Rpc::new(&profile.rpc_url),
            client: profile.client(),
        })
    }

    /// The keypair in our folder that is `authority`; `role` says what it is, such as "verifier".
    pub fn authority(&self, authority: &Pubkey, role: &str) -> Result<Keypair, Error> {
        keys::find_signer(&self.folder, authority)?.ok_or_else(|| {
            let folder = self.folder.keys();
            Error::new(format!("the {role} of this chain is {authority}, whose key is not in {}", folder.display()))
                .advise(format!("only the {role} may do this; put its keypair file (.json, mode 0600) there"))
        })
    }

    /// Says what was done: to people in a line under a label, to programs in full.
    pub fn report(&self, label: &str, text: &str, value: &Value) {
        if self.json {
            output::json(value);
        } else {
            output::labelled(label, text);
        }
    }

    /// Adds a line for people.
    pub fn say(&self, label: &str, text: &str) {
        if !self.json {
            output::labelled(label, text);
        }
    }
}

/// A wallet's address on the command line.
fn address(text: &str) -> Result<Pubkey, String> {
    text.parse().map_err(|_| "not a wallet's address: 32 bytes in base58, which are 32 to 44 characters".into())
}

/// An owner with everything needed to act on chain.
pub struct Owner {
    /// Signs.
    pub wallet: Keypair,
    /// The chain.
    pub rpc: Rpc,
    /// The broker.
    pub client: Client,
}

impl Owner {
    /// The wallet's address.
    pub fn key(&self) -> Pubkey {
        self.wallet.pubkey()
    }

    /// Signs with the wallet, sends, waits until it is confirmed, and returns the transaction's signature.
    pub async fn send(&self, instructions: &[Instruction]) -> Result<String, Error> {
        Ok(self.rpc.send(instructions, &[&self.wallet]).await?.to_string())
    }

    /// The wallet's token account for `mint`.
    pub fn token_account(&self, mint: &Pubkey) -> Pubkey {
        get_associated_token_address(&self.key(), mint)
    }

    /// Makes sure that this token account exists, before something is paid to it.
    pub fn open_token_account(&self, mint: &Pubkey) -> Instruction {
        create_associated_token_account_idempotent(&self.key(), &self.key(), mint, &spl_token::ID)
    }

    /// PERMIT, with the decimals of its mint.
    pub async fn permit(&self, config: &Config) -> Result<Unit, Error> {
        Ok(Unit::permit(self.rpc.decimals(&config.permit_mint).await?))
    }

    /// Refuses to spend more of `mint` than the wallet has; `what` reads like "the top-up".
    pub async fn require_tokens(&self, mint: &Pubkey, unit: Unit, atoms: u64, what: &str) -> Result<(), Error> {
        let held = self.rpc.token_balance(&self.token_account(mint)).await?.unwrap_or(0);
        self.require_funds(held, unit, atoms, what)
    }

    /// Refuses to spend more than is `held`.
    pub fn require_funds(&self, held: u64, unit: Unit, atoms: u64, what: &str) -> Result<(), Error> {
        if held >= atoms {
            return Ok(());
        }
        let (has, wanted) = (unit.show(held), unit.show(atoms));
        Err(Error::new(format!("the wallet {} holds {has}, {what} is {wanted}", self.key()))
            .advise(format!("send {} to the wallet first, or do with less", unit.name())))
    }
}
