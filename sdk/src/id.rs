//! Typed identifiers: a prefix that names the kind, an underscore, a UUIDv7 in 32 hex digits.
//!
//! `lease_018f…` sorts by creation time and cannot be handed to a function that wants an owner.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The string is no id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {article}: expected `{prefix}_` and 32 hex digits")]
pub struct IdError {
    article: &'static str,
    prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal $article:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What every id of this kind begins with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps the UUID that the database holds.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID as the database holds it.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// A fresh id; ids made later sort later.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let error = IdError { article: $article, prefix: $prefix };
                let hex = text.strip_prefix(concat!($prefix, "_")).ok_or_else(|| error.clone())?;
                // `try_parse` takes other spellings too; one id has one spelling.
                let canonical = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                if !canonical {
                    return Err(error);
                }
                Uuid::try_parse(hex).map(Self).map_err(|_| error)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// Who funds: a wallet, or a local operator when billing is off.
    OwnerId "owner" "an owner id";
    /// A short-lived credential an agent uses.
    LeaseId "lease" "a lease id";
    /// A sealed upstream credential.
    SecretId "secret" "a secret id";
    /// The rules of one owner, in one version.
    PolicyId "policy" "a policy id";
    /// A pending debit.
    HoldId "hold" "a hold id";
    /// One request, from the first byte read to the outcome entry.
    RequestId "req" "a request id";
    /// One entry of the audit log.
    EntryId "entry" "an audit entry id";
    /// A management key (the id, never the key).
    KeyId "key" "a management key id";
    /// One broker process, for as long as it lives.
    NodeId "node" "a node id";
    /// One on-chain payment for many receipts.
    SettlementId "settlement" "a settlement id";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let id = LeaseId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn other_kinds_and_other_spellings_are_refused() {
        let hex = "0190a5c3d2b17c1e8f000123456789ab";
        assert!(format!("lease_{hex}").parse::<LeaseId>().is_ok());
        for bad in [
            format!("owner_{hex}"),
            format!("lease_{}", hex.to_uppercase()),
            "lease_0190a5c3-d2b1-7c1e-8f00-0123456789ab".into(),
            "lease_".into(),
            format!("lease_{hex}0"),
            hex.into(),
            String::new(),
        ] {
            assert!(bad.parse::<LeaseId>().is_err(), "{bad}");
        }
    }
}
