//! The program's events, read from the inner instructions by which it calls itself.

use anchor_lang::{AnchorDeserialize, Discriminator, event::EVENT_IX_TAG_LE};
use serde_json::{Value, json};
use solana_sdk::pubkey::Pubkey;

use super::{
    CapChanged, ChainError, Change, ConfigChange, ConfigChanged, Deposited, Settled, VaultOpened, WithdrawalCancelled,
    WithdrawalRequested, Withdrawn,
};

/// One change on chain. Each carries its account's gapless `event_seq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A vault was opened.
    VaultOpened(VaultOpened),
    /// The owner set the cap per window.
    CapChanged(CapChanged),
    /// USDC came in.
    Deposited(Deposited),
    /// The delay before a withdrawal began.
    WithdrawalRequested(WithdrawalRequested),
    /// A requested withdrawal was taken back.
    WithdrawalCancelled(WithdrawalCancelled),
    /// A withdrawal was paid.
    Withdrawn(Withdrawn),
    /// The treasury was paid for a batch of receipts.
    Settled(Settled),
    /// The config changed, or a change of it was proposed or dropped.
    ConfigChanged(ConfigChanged),
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
    let event = if discriminator == VaultOpened::DISCRIMINATOR {
        Event::VaultOpened(read(body, "VaultOpened")?)
    } else if discriminator == CapChanged::DISCRIMINATOR {
        Event::CapChanged(read(body, "CapChanged")?)
    } else if discriminator == Deposited::DISCRIMINATOR {
        Event::Deposited(read(body, "Deposited")?)
    } else if discriminator == WithdrawalRequested::DISCRIMINATOR {
        Event::WithdrawalRequested(read(body, "WithdrawalRequested")?)
    } else if discriminator == WithdrawalCancelled::DISCRIMINATOR {
        Event::WithdrawalCancelled(read(body, "WithdrawalCancelled")?)
    } else if discriminator == Withdrawn::DISCRIMINATOR {
        Event::Withdrawn(read(body, "Withdrawn")?)
    } else if discriminator == Settled::DISCRIMINATOR {
        Event::Settled(read(body, "Settled")?)
    } else if discriminator == ConfigChanged::DISCRIMINATOR {
        Event::ConfigChanged(read(body, "ConfigChanged")?)
    } else {
        return Err(unknown(discriminator));
    };
    Ok(Some(event))
}

/// Runs the same expression for whichever event it is.
macro_rules! each {
    ($event:expr, $inner:ident => $value:expr, $config:ident => $config_value:expr) => {
        match $event {
            Event::VaultOpened($inner) => $value,
            Event::CapChanged($inner) => $value,
            Event::Deposited($inner) => $value,
            Event::WithdrawalRequested($inner) => $value,
            Event::WithdrawalCancelled($inner) => $value,
            Event::Withdrawn($inner) => $value,
            Event::Settled($inner) => $value,
            Event::ConfigChanged($config) => $config_value,
        }
    };
}

impl Event {
    /// The account the event is about: a vault, or the config.
    pub fn account(&self) -> Pubkey {
        each!(self, event => event.vault, event => event.config)
    }

    /// The event's place among those of its account; the first is 1.
    pub fn event_seq(&self) -> u64 {
        each!(self, event => event.event_seq, event => event.event_seq)
    }

    /// The wallet the event concerns; none for events of the config.
    pub fn wallet(&self) -> Option<Pubkey> {
        each!(self, event => Some(event.owner), _event => None)
    }

    /// The event's name, as in the program.
    pub fn name(&self) -> &'static str {
        match self {
            Self::VaultOpened(_) => "VaultOpened",
            Self::CapChanged(_) => "CapChanged",
            Self::Deposited(_) => "Deposited",
            Self::WithdrawalRequested(_) => "WithdrawalRequested",
            Self::WithdrawalCancelled(_) => "WithdrawalCancelled",
            Self::Withdrawn(_) => "Withdrawn",
            Self::Settled(_) => "Settled",
            Self::ConfigChanged(_) => "ConfigChanged",
        }
    }

    /// The event's own fields as JSON: integers as integers, addresses in base58, roots in hex.
    pub fn payload(&self) -> Value {
        let mut payload = match self {
            Self::VaultOpened(e) => json!({ "cap_atoms": e.cap_atoms }),
            Self::CapChanged(e) => json!({ "cap_atoms": e.cap_atoms, "effective_at": e.effective_at }),
            Self::Deposited(e) => json!({ "amount_atoms": e.amount_atoms, "credited_atoms": e.credited_atoms }),
            Self::WithdrawalRequested(e) => {
                json!({ "amount_atoms": e.amount_atoms, "executable_at": e.executable_at })
            }
            Self::WithdrawalCancelled(e) => json!({ "amount_atoms": e.amount_atoms }),
            Self::Withdrawn(e) => json!({ "amount_atoms": e.amount_atoms, "withdrawn_atoms": e.withdrawn_atoms }),
            Self::Settled(e) => json!({
                "sequence": e.sequence,
                "amount_atoms": e.amount_atoms,
                "receipt_count": e.receipt_count,
                "receipts_root": hex::encode(e.receipts_root),
                "settled_atoms": e.settled_atoms,
            }),
            Self::ConfigChanged(e) => config_payload(e),
        };
        payload["event_seq"] = json!(self.event_seq());
        match self.wallet() {
            Some(owner) => {
                payload["vault"] = json!(self.account().to_string());
                payload["owner"] = json!(owner.to_string());
            }
            None => payload["config"] = json!(self.account().to_string()),
        }
        payload
    }
}

fn config_payload(event: &ConfigChanged) -> Value {
    let mut payload = match &event.kind {
        ConfigChange::Initialized => json!({ "kind": "initialized" }),
        ConfigChange::Proposed { change, eta } => {
            json!({ "kind": "proposed", "change": change_payload(change), "eta": eta })
        }
        ConfigChange::Accepted { change } => json!({ "kind": "accepted", "change": change_payload(change) }),
        ConfigChange::Cancelled { change } => json!({ "kind": "cancelled", "change": change_payload(change) }),
        ConfigChange::Paused => json!({ "kind": "paused" }),
        ConfigChange::Unpaused => json!({ "kind": "unpaused" }),
        ConfigChange::SettleCapLowered { settle_cap_atoms } => {
            json!({ "kind": "settle_cap_lowered", "settle_cap_atoms": settle_cap_atoms })
        }
    };
    payload["by"] = json!(event.by.to_string());
    payload
}

fn change_payload(change: &Change) -> Value {
    match change {
        Change::Admin(key) => json!({ "admin": key.to_string() }),
        Change::Guardian(key) => json!({ "guardian": key.to_string() }),
        Change::SettleAuthority(key) => json!({ "settle_authority": key.to_string() }),
        Change::SettleCap(atoms) => json!({ "settle_cap_atoms": atoms }),
    }
}

/// Reads all of `body`, to the last byte.
fn read<T: AnchorDeserialize>(body: &[u8], name: &'static str) -> Result<T, ChainError> {
    T::try_from_slice(body).map_err(|_| ChainError::MalformedEvent { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Deposited` as the chain carries it, written byte by byte.
    fn deposited() -> Vec<u8> {
        let mut data = EVENT_IX_TAG_LE.to_vec();
        data.extend(Deposited::DISCRIMINATOR);
        data.extend([1; 32]); // vault
        data.extend([2; 32]); // owner
        data.extend(3u64.to_le_bytes()); // event_seq
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
            "amount_atoms": 5_000_000, "credited_atoms": u64::MAX,
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
        let event = Event::ConfigChanged(ConfigChanged {
            config: Pubkey::new_from_array([1; 32]),
            event_seq: 2,
            by: Pubkey::new_from_array([2; 32]),
            kind: ConfigChange::Proposed { change: Change::SettleCap(9), eta: 77 },
        });
        assert_eq!(event.wallet(), None);
        let payload = event.payload();
        assert_eq!((&payload["kind"], &payload["eta"]), (&json!("proposed"), &json!(77)));
        assert_eq!(payload["change"], json!({ "settle_cap_atoms": 9 }));
    }
}
