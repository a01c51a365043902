//! The secret store's envelope: how an upstream credential is sealed, and the only way to open it.
//!
//! Two layers of XChaCha20-Poly1305. A fresh random data key seals the credential; the key-encryption key, which lives
//! in a file outside the database, seals the data key. Both layers authenticate the [`Binding`], so a row copied to
//! another owner, secret, version or upstream origin does not open, whoever can write to the database.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use permitpipe_sdk::id::{OwnerId, SecretId};
use zeroize::{Zeroize, Zeroizing};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// Why a credential or a key file was refused. Nothing here quotes a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// A short key cannot be redacted from responses without masking ordinary text.
    #[error("the key has {length} characters; at least {} are needed", SecretString::MIN_BYTES)]
    TooShort { length: usize },
    /// Longer than any provider's key.
    #[error("the key has {length} characters; at most {} are allowed", SecretString::MAX_BYTES)]
    TooLong { length: usize },
    /// Spaces, line ends and non-ASCII text cannot go into a header.
    #[error("the key's character {position} is not visible ASCII: check for a space or line end at its edges")]
    NotVisibleAscii { position: usize },
    /// The stored bytes are not what was sealed for this binding under this key-encryption key.
    #[error("the stored secret does not open: it was changed, moved, or sealed under another key-encryption key")]
    NotOpened,
    /// Others may read the file.
    #[error("{path} has mode {mode:04o}: the key-encryption key must be 0400 or 0600 (chmod 0400 {path})")]
    OpenToOthers { path: PathBuf, mode: u32 },
    /// Not 32 raw bytes in an ordinary file.
    #[error("{path} holds {actual} bytes: a key-encryption key is exactly {KEY_BYTES} raw bytes")]
    WrongLength { path: PathBuf, actual: u64 },
    /// The file could not be read or written.
    #[error("cannot {verb} the key-encryption key {path}: {cause}")]
    File { verb: &'static str, path: PathBuf, cause: io::Error },
    /// The operating system gave no random bytes.
    #[error("the operating system has no random bytes")]
    NoRandom,
}

/// An upstream credential in the clear. It has no `Debug`, `Display` or `Clone`, and is wiped when dropped.
pub struct SecretString(Zeroizing<String>);

impl SecretString {
    /// Shorter keys are refused.
    pub const MIN_BYTES: usize = 16;
    /// Longer keys are refused.
    pub const MAX_BYTES: usize = 4096;

    /// Takes a key of 16 to 4096 visible ASCII characters.
    pub fn parse(text: String) -> Result<Self, SecretError> {
        let text = Zeroizing::new(text);
        match text.len() {
            length if length < Self::MIN_BYTES => return Err(SecretError::TooShort { length }),
            length if length > Self::MAX_BYTES => return Err(SecretError::TooLong { length }),
            _ => {}
        }
        match text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            Some(position) => Err(SecretError::NotVisibleAscii { position }),
            None => Ok(Self(text)),
        }
    }

    /// The key itself; only the forwarder and the sealer have business with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What a sealed secret is bound to. All of it is authenticated by both layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding<'a> {
    pub owner_id: OwnerId,
    pub secret_id: SecretId,
    pub version: i32,
    /// The one origin the secret may be sent to, such as `https://api.openai.com`.
    pub origin: &'a str,
}

/// Which of the two ciphertexts a binding's bytes are for, so that they cannot stand in for each other.
#[derive(Clone, Copy)]
enum Layer {
    DataKey,
    Value,
}

impl Binding<'_> {
    /// One byte string per binding: fixed-width fields first, the only variable one last and with its length.
    fn canonical(&self, layer: Layer) -> Vec<u8> {
        let tag: &[u8] = match layer {
            Layer::DataKey => b"permitpipe secret v1 data key\0",
            Layer::Value => b"permitpipe secret v1 value\0",
        };
        let origin_bytes = u64::try_from(self.origin.len()).unwrap_or(u64::MAX).to_be_bytes();
        let (owner_id, secret_id) = (self.owner_id.uuid(), self.secret_id.uuid());
        let parts: [&[u8]; 6] = [
            tag,
            owner_id.as_bytes(),
            secret_id.as_bytes(),
            &self.version.to_be_bytes(),
            &origin_bytes,
            self.origin.as_bytes(),
        ];
        parts.concat()
    }
}

/// A secret as the database holds it; in each field the 24-byte nonce stands in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The data key under the key-encryption key: always 72 bytes.
    pub sealed_key: Vec<u8>,
    /// The credential under the data key.
    pub sealed: Vec<u8>,
}

/// Seals `secret` for `binding` under a data key made for this call alone.
pub fn seal(kek: &KeyEncryptionKey, binding: &Binding<'_>, secret: &SecretString) -> Result<Sealed, SecretError> {
    let data_key = random_key()?;
    Ok(Sealed {
        sealed_key: encrypt(&kek.0, &binding.canonical(Layer::DataKey), data_key.as_slice())?,
        sealed: encrypt(&data_key, &binding.canonical(Layer::Value), secret.expose().as_bytes())?,
    })
}

/// Opens what [`seal`] made for exactly this binding; anything else is [`SecretError::NotOpened`].
pub fn open(kek: &KeyEncryptionKey, binding: &Binding<'_>, sealed: &Sealed) -> Result<SecretString, SecretError> {
    let data_key = decrypt(&kek.0, &binding.canonical(Layer::DataKey), &sealed.sealed_key)?;
    let data_key: Zeroizing<[u8; KEY_BYTES]> =
        Zeroizing::new(data_key.as_slice().try_into().map_err(|_| SecretError::NotOpened)?);
    let mut value = decrypt(&data_key, &binding.canonical(Layer::Value), &sealed.sealed)?;
    let text = String::from_utf8(std::mem::take(&mut *value)).map_err(|error| {
        error.into_bytes().zeroize();
        SecretError::NotOpened
    })?;
    SecretString::parse(text)
}

/// Whether this key-encryption key made the data key of `sealed`. The credential itself stays sealed.
pub fn is_key_of(kek: &KeyEncryptionKey, binding: &Binding<'_>, sealed: &Sealed) -> bool {
    decrypt(&kek.0, &binding.canonical(Layer::DataKey), &sealed.sealed_key).is_ok()
}

/// The key that seals all data keys: 32 bytes in a file that only its owner can read.
pub struct KeyEncryptionKey(Zeroizing<[u8; KEY_BYTES]>);

impl KeyEncryptionKey {
    /// Reads the key; a file that group or others may touch is refused.
    pub fn load(path: &Path) -> Result<Self, SecretError> {
        let cannot = |cause| SecretError::File { verb: "read", path: path.into(), cause };
        let file = File::open(path).map_err(cannot)?;
        // Of the open file, not of the path: what was checked is what is read.
        let metadata = file.metadata().map_err(cannot)?;
        let mode = metadata.mode() & 0o7777;
        if !matches!(mode, 0o400 | 0o600) {
            return Err(SecretError::OpenToOthers { path: path.into(), mode });
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_BYTES + 1));
        file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
        let wrong = |_| SecretError::WrongLength { path: path.into(), actual: metadata.len() };
        Ok(Self(Zeroizing::new(bytes.as_slice().try_into().map_err(wrong)?)))
    }

    /// Makes a new key file with mode 0400. It appears complete or not at all, and never replaces an existing one:
    /// losing a key-encryption key loses every secret sealed under it.
    pub fn create(path: &Path) -> Result<Self, SecretError> {
        let cannot = |cause| SecretError::File { verb: "create", path: path.into(), cause };
        let key = random_key()?;
        let draft = path.with_extension(format!("{}.draft", std::process::id()));
        let written = write_durably(&draft, key.as_slice()).and_then(|()| fs::hard_link(&draft, path));
        let removed = match fs::remove_file(&draft) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        written.and(removed).and_then(|()| sync_folder(path)).map_err(cannot)?;
        Ok(Self(key))
    }
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn random_key() -> Result<Zeroizing<[u8; KEY_BYTES]>, SecretError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(key.as_mut_slice()).map_err(|_| SecretError::NoRandom)?;
    Ok(key)
}

fn encrypt(key: &[u8; KEY_BYTES], aad: &[u8], msg: &[u8]) -> Result<Vec<u8>, SecretError> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| SecretError::NoRandom)?;
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    let ciphertext = cipher.encrypt(&XNonce::from(nonce), Payload { msg, aad }).map_err(|_| SecretError::NotOpened)?;
    Ok([nonce.as_slice(), &ciphertext].concat())
}

fn decrypt(key: &[u8; KEY_BYTES], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(SecretError::NotOpened)?;
    if msg.len() < TAG_BYTES {
        return Err(SecretError::NotOpened);
    }
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad }).map(Zeroizing::new).map_err(|_| SecretError::NotOpened)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "sk-test-0123456789abcdefghij";

    fn kek() -> KeyEncryptionKey {
        KeyEncryptionKey(Zeroizing::new([7; KEY_BYTES]))
    }

    fn secret() -> SecretString {
        SecretString::parse(KEY.into()).unwrap()
    }

    fn binding<'a>(origin: &'a str) -> Binding<'a> {
        Binding { owner_id: OwnerId::generate(), secret_id: SecretId::generate(), version: 3, origin }
    }

    fn is_refused(kek: &KeyEncryptionKey, binding: &Binding<'_>, sealed: &Sealed) -> bool {
        matches!(open(kek, binding, sealed), Err(SecretError::NotOpened))
    }

    /// Compiles only while `SecretString` has no `Debug` and no `Display`: a second impl would be ambiguous.
    #[test]
    fn a_secret_cannot_be_printed() {
        trait Silent<Which> {
            const IS_SILENT: bool = true;
        }
        impl<T> Silent<()> for T {}
        struct Debugs;
        impl<T: std::fmt::Debug> Silent<Debugs> for T {}
        struct Displays;
        impl<T: std::fmt::Display> Silent<Displays> for T {}
        const { assert!(<SecretString as Silent<_>>::IS_SILENT) };
        const { assert!(<KeyEncryptionKey as Silent<_>>::IS_SILENT) };
    }

    #[test]
    fn what_was_sealed_opens_and_fits_its_columns() {
        let binding = binding("https://api.openai.com");
        let sealed = seal(&kek(), &binding, &secret()).unwrap();
        assert_eq!(sealed.sealed_key.len(), 72);
        assert_eq!(sealed.sealed.len(), NONCE_BYTES + KEY.len() + TAG_BYTES);
        assert_eq!(open(&kek(), &binding, &sealed).ok().unwrap().expose(), KEY);
        assert_ne!(seal(&kek(), &binding, &secret()).unwrap(), sealed, "nonces and data keys are fresh");
    }

    #[test]
    fn every_byte_of_both_fields_is_authenticated() {
        let binding = binding("https://api.openai.com");
        let sealed = seal(&kek(), &binding, &secret()).unwrap();
        for index in 0..sealed.sealed_key.len() {
            let mut bad = sealed.clone();
            bad.sealed_key[index] ^= 1;
            assert!(is_refused(&kek(), &binding, &bad), "sealed_key[{index}]");
            bad.sealed_key.truncate(index);
            assert!(is_refused(&kek(), &binding, &bad), "sealed_key cut at {index}");
        }
        for index in 0..sealed.sealed.len() {
            let mut bad = sealed.clone();
            bad.sealed[index] ^= 1;
            assert!(is_refused(&kek(), &binding, &bad), "sealed[{index}]");
            bad.sealed.truncate(index);
            assert!(is_refused(&kek(), &binding, &bad), "sealed cut at {index}");
        }
    }

    #[test]
    fn fields_of_two_rows_cannot_be_mixed() {
        let ours = binding("https://api.openai.com");
        let old = Binding { version: 2, ..ours };
        let (a, b) = (seal(&kek(), &ours, &secret()).unwrap(), seal(&kek(), &old, &secret()).unwrap());
        let same = seal(&kek(), &ours, &secret()).unwrap();
        for (key, value) in [(&a, &b), (&b, &a), (&a, &same), (&same, &a)] {
            let mixed = Sealed { sealed_key: key.sealed_key.clone(), sealed: value.sealed.clone() };
            assert!(is_refused(&kek(), &ours, &mixed));
        }
        let swapped = Sealed { sealed_key: a.sealed.clone(), sealed: a.sealed_key.clone() };
        assert!(is_refused(&kek(), &ours, &swapped));
        assert!(is_refused(&KeyEncryptionKey(Zeroizing::new([8; KEY_BYTES])), &ours, &a), "another KEK");
    }

    proptest! {
        #[test]
        fn another_binding_never_opens(version in 1..i32::MAX, origin in "[ -~]{0,40}", cut in 0usize..40) {
            let ours = Binding { version, ..binding(&origin) };
            let sealed = seal(&kek(), &ours, &secret()).unwrap();
            let longer = format!("{origin}x");
            let shorter = origin.get(..cut.min(origin.len().saturating_sub(1))).unwrap_or("!");
            for other in [
                Binding { owner_id: OwnerId::generate(), ..ours },
                Binding { secret_id: SecretId::generate(), ..ours },
                // The two ids exchanged: the fields have places, not only values.
                Binding {
                    owner_id: OwnerId::from_uuid(ours.secret_id.uuid()),
                    secret_id: SecretId::from_uuid(ours.owner_id.uuid()),
                    ..ours
                },
                Binding { version: version - 1, ..ours },
                Binding { version: version.wrapping_add(1), ..ours },
                Binding { origin: &longer, ..ours },
                Binding { origin: shorter, ..ours },
            ] {
                prop_assert!(other == ours || is_refused(&kek(), &other, &sealed), "{other:?}");
            }
        }
    }

    #[test]
    fn weak_and_unsendable_keys_are_refused() {
        let refused = |text: &str| SecretString::parse(text.into()).err().unwrap().to_string();
        assert_eq!(refused("fifteen-letters"), "the key has 15 characters; at least 16 are needed");
        assert!(refused(&"a".repeat(4097)).contains("at most 4096"));
        for bad in [
            "sk-0123456789abcd\n",
            " sk-0123456789abcd",
            "sk-0123 456789abcd",
            "sk-0123456789äbcd",
            "sk-0123456\u{7f}89abcd",
        ] {
            assert!(refused(bad).contains("not visible ASCII"), "{bad:?}");
        }
    }

    #[test]
    fn a_key_file_is_made_once_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        let made = KeyEncryptionKey::create(&path).ok().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o400);
        assert_eq!(*KeyEncryptionKey::load(&path).ok().unwrap().0, *made.0);
        let again = KeyEncryptionKey::create(&path).err().unwrap().to_string();
        assert!(again.contains("exists"), "{again}");
        assert_eq!(*KeyEncryptionKey::load(&path).ok().unwrap().0, *made.0, "the first key stands");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_key_file_that_is_wrong_says_how() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        let refused = || KeyEncryptionKey::load(&path).err().unwrap().to_string();
        assert!(refused().starts_with("cannot read the key-encryption key"));
        for (bytes, mode, said) in [
            (31, 0o400, "holds 31 bytes"),
            (33, 0o600, "holds 33 bytes"),
            (32, 0o440, "mode 0440"),
            (32, 0o644, "mode 0644"),
            (32, 0o700, "mode 0700"),
        ] {
            let _ = fs::remove_file(&path);
            fs::write(&path, vec![1; bytes]).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(refused().contains(said), "{}", refused());
        }
    }
}
