//! One verb a file. Each has its `Args`, which clap fills, and `run`.

pub mod audit;
pub mod balance;
pub mod index;
pub mod lease;
pub mod policy;
pub mod receipt;
pub mod run;
pub mod secret;
pub mod serve;
pub mod settlement;
pub mod topup;
pub mod up;
pub mod withdraw;

use permitpipe_sdk::client::Client;
use solana_sdk::signer::keypair::Keypair;

use crate::{config::Folder, error::Error, local::keys, profile::Profile, rpc::Rpc};

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
