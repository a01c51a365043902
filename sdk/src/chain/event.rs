//! The program's events, read from the inner instructions by which it calls itself.
//!
//! | module | holds |
//! |---|---|
//! | `payload` | an event's own fields as JSON |

mod payload;

use anchor_lang::{AnchorDeserialize, Discriminator, event::EVENT_IX_TAG_LE};
use serde_json::{Value, json};
use solana_sdk::pubkey::Pubkey;

pub use self::payload::change_payload;
use super::{
    CapChanged, ChainError, ConfigChanged, Deposited, EpochChanged, LogAnchored, PlanChanged, RelayChanged, Settled,
    SettlementClosed, StakeChanged, SubscriptionChanged, TemplateChanged, VaultClosed, VaultOpened,
    WithdrawalCancelled, WithdrawalRequested, Withdrawn,
};

/// Writes the enum and what all kinds have in common: which field is the account, and which, if any, the wallet.
macro_rules! events {
    ($($name:ident: $account:ident $(of $wallet:ident)?, $what:literal;)*) => {
        /// One change on chain. Each carries its account's gapless `event_seq`.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event {
            $(#[doc = $what] $name($name),)*
        }

        impl Event {
            /// The account the event is about.
            pub fn account(&self) -> Pubkey {
                match self { $(Self::$name(event) => event.$account,)* }
            }

            /// The event's place among those of its account.
            pub fn event_seq(&self) -> u64 {
                match self { $(Self::$name(event) => event.event_seq,)* }
            }

            /// The wallet the event concerns, where it concerns one.
            pub fn wallet(&self) -> Option<Pubkey> {
                match self { $(Self::$name(_event) => [$(_event.$wallet,)?].first().copied(),)* }
            }

            /// The event's name, as in the program.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            /// The event's own fields as JSON: integers as integers, addresses in base58, hashes in hex.
            pub fn payload(&self) -> Value {
                let mut payload = match self { $(Self::$name(event) => payload::Payload::payload(event),)* };
                payload["event_seq"] = json!(self.event_seq());
                match self { $(Self::$name(event) => {
                    payload[stringify!($account)] = json!(event.$account.to_string());
                    $(payload[stringify!($wallet)] = json!(event.$wallet.to_string());)?
                })* }
                payload
            }
        }

        fn read(discriminator: &[u8], body: &[u8]) -> Result<Option<Event>, ChainError> {
            $(if discriminator == $name::DISCRIMINATOR {
                // To the last byte: what this build does not know, it must not pass over.
                let event = $name::try_from_slice(body);
                let event = event.map_err(|_| ChainError::MalformedEvent { name: stringify!($name) })?;
                return Ok(Some(Event::$name(event)));
            })*
            Ok(None)
        }
    };
}

events! {
    VaultOpened: vault of owner, "A vault was opened.";
    CapChanged: vault of owner, "The owner set the cap per window.";
    Deposited: vault of owner, "Credit came in.";
    WithdrawalRequested: vault of owner, "The delay before a withdrawal began.";
    WithdrawalCancelled: vault of owner, "A requested withdrawal was taken back.";
    Withdrawn: vault of owner, "A withdrawal was paid.";
    Settled: vault of owner, "The treasury was paid for a batch of receipts.";
    VaultClosed: vault of owner, "A vault was closed.";
    SettlementClosed: settlement, "A settlement's account was closed.";
    ConfigChanged: config, "The config changed, or a change of it was proposed or dropped.";
    StakeChanged: stake of owner, "A stake changed.";
    RelayChanged: relay of operator, "A relay changed.";
    EpochChanged: epoch, "An epoch of rewards changed.";
    TemplateChanged: template of publisher, "A template changed.";
    PlanChanged: plan, "A plan changed.";
    SubscriptionChanged: subscription of owner, "A subscription changed.";
    LogAnchored: anchor, "A log's newest checkpoint was anchored.";
}

/// Reads the data of one inner instruction **of the program itself**; the caller checks whose instruction it is.
///
/// `None`: not an event. An event of a kind or a length this build does not know is an error: skipping it would leave a
/// hole in the account's sequence.
pub fn decode_event(data: &[u8]) -> Result<Option<Event>, ChainError> {
    let Some(rest) = data.strip_prefix(EVENT_IX_TAG_LE) else {
        return Ok(None);
    };
    let unknown = |bytes: &[u8]| ChainError::UnknownEvent { discriminator: hex::encode(bytes) };
    let (discriminator, body) = rest.split_at_checked(8).ok_or_else(|| unknown(rest))?;
    read(discriminator, body)?.map(Some).ok_or_else(|| unknown(discriminator))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{Change, ConfigChange, Limits};

    /// `Deposited` as the chain carries it, written byte by byte.
    fn deposited() -> Vec<u8> {
        let mut data = EVENT_IX_TAG_LE.to_vec();
        data.extend(Deposited::DISCRIMINATOR);
        data.extend([1; 32]); // vault
        data.extend([2; 32]); // owner
        data.extend(3u64.to_le_bytes()); // event_seq
        data.push(1); // asset
        data.extend(5_000_000u64.to_le_bytes()); // amount_atoms
        data.extend(u64::MAX.to_le_bytes()); // credited_atoms
        data
    }

    #[test]
    fn an_event_built_by_hand_is_read() {
        let event = decode_event(&deposited()).unwrap().unwrap();
        let (vault, owner) = (Pubkey::new_from_array([1; 32]), Pubkey::new_from_array([2; 32]));
        assert_eq!((event.account(), event.wallet(), event.event_seq()), (vault, Some(owner), 3));
        assert_eq!(event.name(), "Deposited");
        let expected = json!({
            "vault": vault.to_string(), "owner": owner.to_string(), "event_seq": 3,
            "asset": "sol", "amount_atoms": 5_000_000, "credited_atoms": u64::MAX,
        });
        assert_eq!(event.payload(), expected);
    }

    #[test]
    fn data_without_the_tag_is_no_event() {
        assert_eq!(decode_event(&[]), Ok(None));
        assert_eq!(decode_event(&deposited()[8..]), Ok(None));
    }

    #[test]
    fn unknown_kinds_stop_the_reader() {
        let mut data = deposited();
        data[8..16].copy_from_slice(&[0xab; 8]);
        let unknown = |hex: &str| Err(ChainError::UnknownEvent { discriminator: hex.into() });
        assert_eq!(decode_event(&data), unknown("abababababababab"));
        assert_eq!(decode_event(&data[..11]), unknown("ababab"));
    }

    #[test]
    fn an_event_too_short_or_too_long_stops_the_reader() {
        let (mut data, malformed) = (deposited(), Err(ChainError::MalformedEvent { name: "Deposited" }));
        assert_eq!(decode_event(&data[..data.len() - 1]), malformed);
        data.push(0);
        assert_eq!(decode_event(&data), malformed);
    }

    #[test]
    fn a_change_of_the_config_says_what_it_was() {
        let limits =
            Limits { settle_cap_atoms: 9, settle_cap_lamports: 8, min_deposit_atoms: 7, min_deposit_lamports: 6 };
        let event = Event::ConfigChanged(ConfigChanged {
            config: Pubkey::new_from_array([1; 32]),
            event_seq: 2,
            by: Pubkey::new_from_array([2; 32]),
            kind: ConfigChange::Proposed { change: Change::Limits(limits), eta: 77 },
        });
        assert_eq!(event.wallet(), None);
        let payload = event.payload();
        assert_eq!((&payload["kind"], &payload["eta"]), (&json!("proposed"), &json!(77)));
        assert_eq!(
            payload["change"],
            json!({
                "limits": {
                    "settle_cap_atoms": 9, "settle_cap_lamports": 8, "min_deposit_atoms": 7, "min_deposit_lamports": 6,
                },
            })
        );
    }
}
