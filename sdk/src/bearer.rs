//! Bearer strings: a prefix that secret scanners know, 32 random bytes in base62, a checksum.
//!
//! `pp_lease_` names a lease, `pp_live_sk_` a management key. The checksum lets a typo or a truncated paste be told
//! from an unknown bearer without asking the database. Only the SHA-256 of the whole string is ever stored.

use std::fmt;

use sha2::{Digest, Sha256};

/// Base62 digits of 32 bytes, and of the CRC-32 behind them.
const BODY: usize = 43;
const CHECK: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a bearer opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerKind {
    /// One lease: the data plane.
    Lease,
    /// The control API of one owner.
    Management,
}

impl BearerKind {
    /// How strings of this kind begin.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Lease => "pp_lease_",
            Self::Management => "pp_live_sk_",
        }
    }
}

/// A bearer that is well formed. Whether anybody knows it is the database's to say.
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer {
    kind: BearerKind,
    text: String,
}

/// Not one of our bearers, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// No prefix of ours: it may be a key for something else.
    #[error("not a PermitPipe bearer: it begins with neither `pp_lease_` nor `pp_live_sk_`")]
    Foreign,
    /// Ours, but a digit is missing or wrong.
    #[error("the bearer is damaged: its checksum does not match; copy it again as a whole")]
    Damaged,
}

impl Bearer {
    /// A new bearer from 32 bytes of the system's randomness.
    pub fn from_entropy(kind: BearerKind, entropy: &[u8; 32]) -> Self {
        let body = base62(entropy, BODY);
        let check = base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK);
        Self { kind, text: format!("{}{body}{check}", kind.prefix()) }
    }

    /// Checks prefix, alphabet, length and checksum.
    pub fn parse(text: &str) -> Result<Self, BearerError> {
        let kind = [BearerKind::Lease, BearerKind::Management]
            .into_iter()
            .find(|kind| text.starts_with(kind.prefix()))
            .ok_or(BearerError::Foreign)?;
        let digits = text.strip_prefix(kind.prefix()).ok_or(BearerError::Foreign)?;
        let (body, check) = digits.split_at_checked(BODY).ok_or(BearerError::Damaged)?;
        if check != base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK) {
            return Err(BearerError::Damaged);
        }
        Ok(Self { kind, text: text.to_owned() })
    }

    /// Which door it is for.
    pub const fn kind(&self) -> BearerKind {
        self.kind
    }

    /// The string itself, to hand out once or to send.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What is stored and looked up instead of the string.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }
}

impl fmt::Debug for Bearer {
    /// Never the digits: bearers end up in logs through `{:?}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.kind.prefix())
    }
}

/// Big-endian bytes as exactly `width` base62 digits.
fn base62(bytes: &[u8], width: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits = vec![b'0'; width];
    for digit in digits.iter_mut().rev() {
        let mut remainder: u32 = 0;
        for byte in &mut number {
            let value = (remainder << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = ALPHABET.get(usize::try_from(remainder).unwrap_or(0)).copied().unwrap_or(b'0');
    }
    String::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_survives_being_written_and_read() {
        for entropy in [[0; 32], [255; 32], std::array::from_fn(|i| u8::try_from(i).unwrap())] {
            let bearer = Bearer::from_entropy(BearerKind::Lease, &entropy);
            assert_eq!(bearer.expose().len(), "pp_lease_".len() + BODY + CHECK);
            assert_eq!(Bearer::parse(bearer.expose()), Ok(bearer));
        }
    }

    #[test]
    fn every_single_wrong_digit_is_noticed() {
        let bearer = Bearer::from_entropy(BearerKind::Management, &[7; 32]);
        let text = bearer.expose();
        for at in "pp_live_sk_".len()..text.len() {
            let mut wrong = text.as_bytes().to_vec();
            wrong[at] = if wrong[at] == b'x' { b'y' } else { b'x' };
            assert_eq!(Bearer::parse(&String::from_utf8(wrong).unwrap()), Err(BearerError::Damaged));
            assert_eq!(Bearer::parse(&text[..at]), Err(BearerError::Damaged));
        }
        assert_eq!(Bearer::parse("sk-live-123"), Err(BearerError::Foreign));
        assert_eq!(Bearer::parse("pp_lease_ä"), Err(BearerError::Damaged));
    }

    #[test]
    fn debug_shows_no_digit() {
        assert_eq!(format!("{:?}", Bearer::from_entropy(BearerKind::Lease, &[1; 32])), "pp_lease_…");
    }
}
