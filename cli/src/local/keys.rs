//! The keys of a local installation, one a file, 0600, made when they are first needed.
//!
//! One machine holds all of them because it plays every part. On a real cluster admin and guardian are multisigs, and
//! the mints are not ours.

use std::path::{Path, PathBuf};

use solana_sdk::{
    pubkey::Pubkey,
    signer::{Signer, keypair::Keypair},
};

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
    /// Its public key is the address of the price of SOL.
    pub sol_price: Keypair,
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
            sol_price: key("sol-price")?,
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

/// The keypair file of our folder whose public key is `wanted`.
pub fn find_signer(folder: &Folder, wanted: &Pubkey) -> Result<Option<Keypair>, Error> {
    let folder = folder.keys();
    let files = std::fs::read_dir(&folder).explain(|| format!("cannot read {}", folder.display()))?;
    for path in files.flatten().map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "json")) {
        if let Some(keypair) = find_keypair(&path)?.filter(|keypair| keypair.pubkey() == *wanted) {
            return Ok(Some(keypair));
        }
    }
    Ok(None)
}

/// Makes a keypair and writes it to our folder, under a name that ends in its public key.
pub fn create_named(folder: &Folder, name: &str) -> Result<(Keypair, PathBuf), Error> {
    file::create_folder(&folder.keys(), 0o700)?;
    let keypair = Keypair::new();
    let path = folder.keys().join(format!("{name}-{}.json", keypair.pubkey()));
    write_keypair(&path, &keypair)?;
    Ok((keypair, path))
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
    write_keypair(path, &keypair)?;
    Ok(keypair)
}

fn write_keypair(path: &Path, keypair: &Keypair) -> Result<(), Error> {
    let content = serde_json::to_vec(&keypair.to_bytes().to_vec()).explain(|| "cannot write a keypair".into())?;
    file::write_private(path, &content)
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
    fn a_signer_is_found_by_its_public_key() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::resolve(Some(folder.path())).unwrap();
        let keys = Keys::load_or_create(&folder).unwrap();
        let (made, path) = create_named(&folder, "relay").unwrap();
        assert_eq!(load_keypair(&path).unwrap().pubkey(), made.pubkey());
        for key in [&keys.admin, &made] {
            assert_eq!(find_signer(&folder, &key.pubkey()).unwrap().unwrap().pubkey(), key.pubkey());
        }
        assert!(find_signer(&folder, &Keypair::new().pubkey()).unwrap().is_none());
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
