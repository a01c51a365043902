//! `cli.json`: what `up` found out and every other verb needs. It holds a management key, so it is 0600.

use std::path::PathBuf;

use permitpipe_sdk::client::Client;
use serde::{Deserialize, Serialize};

use crate::{
    config::Folder,
    error::{Error, Explain},
    file,
};

/// One broker, one owner, one chain.
#[derive(Clone, Serialize, Deserialize)]
pub struct Profile {
    /// The broker's base URL.
    pub url: String,
    /// A management key of the owner.
    pub management_key: String,
    /// The owner's keypair file.
    pub wallet: PathBuf,
    /// The chain's JSON-RPC.
    pub rpc_url: String,
    /// The on-chain program.
    pub program_id: String,
    /// What vaults hold.
    pub usdc_mint: String,
}

impl Profile {
    /// Reads the profile; `None` before the first `up`.
    pub fn find(folder: &Folder) -> Result<Option<Self>, Error> {
        let path = folder.profile();
        let Some(content) = file::read_private(&path)? else { return Ok(None) };
        let damaged = || format!("{} is damaged; `permitpipe up` writes it anew once it is moved away", path.display());
        serde_json::from_slice(&content).map(Some).explain(damaged)
    }

    /// Reads the profile.
    pub fn get(folder: &Folder) -> Result<Self, Error> {
        Self::find(folder)?.ok_or_else(|| {
            Error::new(format!("no broker is known in {}", folder.path().display()))
                .advise("start one with `permitpipe up`, or name its folder with --data")
        })
    }

    /// Writes the profile.
    pub fn save(&self, folder: &Folder) -> Result<(), Error> {
        let content = serde_json::to_vec_pretty(self).explain(|| "cannot write the profile".into())?;
        file::write_private(&folder.profile(), &content)
    }

    /// A client of this broker, as this owner.
    pub fn client(&self) -> Client {
        Client::new(&self.url, &self.management_key)
    }
}
