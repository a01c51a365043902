//! The keys of a local installation, one a file, 0600, made when they are first needed.
//!
//! One machine holds all of them because it plays every part. On a real cluster admin and guardian are multisigs, and
//! the mints are not ours.

use std::path::{Path, PathBuf};

use solana_sdk::signer::keypair::Keypair;

use crate::{
    config::Folder,
    error::{Error, Explain},
    file,
};

/// Signers of a local installation.
pub struct Keys {
    /// The owner: funds the vault.
    pub wallet: Keypair,
    /// Upgrade authority of the program and admin of its config.
    pub admin: Keypair,
    /// May pause.
    pub guardian: Keypair,
    /// Signs settlements.
    pub settle: Keypair,
    /// Issues test USDC and test PERMIT.
    pub mint_authority: Keypair,
    /// Its public key is the address of test USDC.
    pub usdc_mint: Keypair,
    /// Its public key is the address of test PERMIT.
    pub permit_mint: Keypair,
}

impl Keys {
    /// Reads the keys, making those that are missing.
    pub fn load_or_create(folder: &Folder) -> Result<Self, Error> {
        file::create_folder(&folder.keys(), 0o700)?;
        let key = |name: &str| load_or_create_keypair(&folder.keys().join(format!("{name}.json")));
        Ok(Self {
            wallet: key("wallet")?,
            admin: key("admin")?,
            guardian: key("guardian")?,
            settle: key("settle")?,
            mint_authority: key("mint-authority")?,
            usdc_mint: key("usdc-mint")?,
            permit_mint: key("permit-mint")?,
        })
    }
}

/// The owner's keypair file.
pub fn wallet_path(folder: &Folder) -> PathBuf {
    folder.keys().join("wallet.json")
}

/// The settle authority's keypair file.
pub fn settle_path(folder: &Folder) -> PathBuf {
    folder.keys().join("settle.json")
}

/// The key-encryption key: 32 bytes, made if it is missing.
pub fn kek_path(folder: &Folder) -> Result<PathBuf, Error> {
    load_or_create_raw(folder.keys().join("kek"))
}

/// The key that signs receipts: 32 bytes, made if it is missing.
pub fn receipt_key_path(folder: &Folder) -> Result<PathBuf, Error> {
    load_or_create_raw(folder.keys().join("receipt"))
}

/// Reads a keypair file in Solana's own format.
pub fn load_keypair(path: &Path) -> Result<Keypair, Error> {
    find_keypair(path)?.ok_or_else(|| Error::new(format!("there is no keypair file {}", path.display())))
}

fn find_keypair(path: &Path) -> Result<Option<Keypair>, Error> {
    let Some(content) = file::read_private(path)? else { return Ok(None) };
    let damaged = || format!("{} is no keypair file (64 numbers in brackets)", path.display());
    let bytes: Vec<u8> = serde_json::from_slice(&content).explain(damaged)?;
    Keypair::try_from(bytes.as_slice()).map(Some).explain(damaged)
}

fn load_or_create_keypair(path: &Path) -> Result<Keypair, Error> {
    if let Some(keypair) = find_keypair(path)? {
        return Ok(keypair);
    }
    let keypair = Keypair::new();
    let content = serde_json::to_vec(&keypair.to_bytes().to_vec()).explain(|| "cannot write a keypair".into())?;
    file::write_private(path, &content)?;
    Ok(keypair)
}

fn load_or_create_raw(path: PathBuf) -> Result<PathBuf, Error> {
    if file::read_private(&path)?.is_none() {
        let mut key = [0; 32];
        getrandom::fill(&mut key).explain(|| "the system has no randomness".into())?;
        file::write_private(&path, &key)?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use solana_sdk::signer::Signer;

    use super::*;

    #[test]
    fn keys_are_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::resolve(Some(folder.path())).unwrap();
        let first = Keys::load_or_create(&folder).unwrap();
        let second = Keys::load_or_create(&folder).unwrap();
        assert_eq!(first.wallet.pubkey(), second.wallet.pubkey());
        assert_ne!(first.wallet.pubkey(), first.admin.pubkey());
        let kek = kek_path(&folder).unwrap();
        let bytes = std::fs::read(&kek).unwrap();
        assert_eq!(bytes.len(), 32);
        assert_eq!(std::fs::read(kek_path(&folder).unwrap()).unwrap(), bytes);
    }

    #[test]
    fn a_damaged_keypair_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wallet.json");
        file::write_private(&path, b"[1,2,3]").unwrap();
        assert!(load_or_create_keypair(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"[1,2,3]");
    }
}
