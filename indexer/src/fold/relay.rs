//! A relay: where it listens, which key signs for it, what it was paid and how often it contradicted itself.

use permitpipe_sdk::chain::{Event, RelayChange, RelayChanged, decode_relay};
use serde::{Deserialize, Serialize};
use solana_sdk::pubkey::Pubkey;
use time::{OffsetDateTime, serde::rfc3339};

use super::{FoldError, Moment, Noun, Table, integer, same, sum, timestamp};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relay {
    pub operator: String,
    pub key: String,
    pub previous_key: Option<String>,
    pub endpoint: String,
    #[serde(with = "rfc3339::option")]
    pub retired_at: Option<OffsetDateTime>,
    pub paid_receipts: i64,
    pub rewarded_atoms: i64,
    pub slash_count: i64,
}

impl Noun for Relay {
    const TABLE: Table = Table { name: "relays", key: "relay" };

    fn open(event: &Event, _at: &Moment) -> Result<Self, FoldError> {
        let RelayChanged { operator, kind, .. } = changed(event)?;
        let RelayChange::Registered { key, endpoint } = kind else { return Err(FoldError::NotOpened) };
        Ok(Self {
            operator: operator.to_string(),
            key: key.to_string(),
            previous_key: None,
            endpoint: endpoint.clone(),
            retired_at: None,
            paid_receipts: 0,
            rewarded_atoms: 0,
            slash_count: 0,
        })
    }

    fn change(&mut self, event: &Event, _at: &Moment) -> Result<(), FoldError> {
        let RelayChanged { operator, kind, .. } = changed(event)?;
        same("operator", operator.to_string(), self.operator.clone())?;
        match kind {
            RelayChange::Registered { .. } => return Err(FoldError::NotOpened),
            RelayChange::EndpointChanged { endpoint } => self.endpoint.clone_from(endpoint),
            RelayChange::KeyChanged { key } => {
                self.previous_key = Some(std::mem::replace(&mut self.key, key.to_string()));
            }
            RelayChange::Retired { retired_at } => {
                if self.retired_at.replace(timestamp(*retired_at)?).is_some() {
                    return Err(FoldError::Twice("retiring"));
                }
            }
            RelayChange::Rewarded { amount_atoms, receipt_count, .. } => {
                // As the program counts: up to the largest number there is, so that counting stops no payment.
                let (amount, receipts) =
                    (integer(*amount_atoms, "amount_atoms")?, integer(*receipt_count, "receipts")?);
                self.rewarded_atoms = self.rewarded_atoms.saturating_add(amount);
                self.paid_receipts = self.paid_receipts.saturating_add(receipts);
            }
            RelayChange::Slashed { .. } => self.slash_count = sum("slash_count", self.slash_count, 1)?,
            // That it is retired is a rule of the table.
            RelayChange::Closed => {}
        }
        Ok(())
    }

    fn read(&self, data: &[u8]) -> Result<(u64, Self), FoldError> {
        let account = decode_relay(data)?;
        let has_previous = account.previous_key != Pubkey::default();
        let read = Self {
            operator: account.operator.to_string(),
            key: account.key.to_string(),
            previous_key: has_previous.then(|| account.previous_key.to_string()),
            endpoint: account.endpoint,
            retired_at: account.retired_at.map(timestamp).transpose()?,
            paid_receipts: integer(account.paid_receipts, "paid_receipts")?,
            rewarded_atoms: integer(account.rewarded_atoms, "rewarded_atoms")?,
            slash_count: account.slash_count.into(),
        };
        Ok((account.event_seq, read))
    }
}

fn changed(event: &Event) -> Result<&RelayChanged, FoldError> {
    if let Event::RelayChanged(changed) = event { Ok(changed) } else { Err(FoldError::OfAnotherKind) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_keeps_its_former_key_counts_what_it_gets_and_retires_once() {
        let at = Moment { signature: "s".into(), slot: 1, time: None };
        let [relay, operator, first, second] = std::array::from_fn(|index| Pubkey::new_from_array([index as u8; 32]));
        let event = |kind| Event::RelayChanged(RelayChanged { relay, operator, event_seq: 1, kind });
        let registered = event(RelayChange::Registered { key: first, endpoint: "https://r".into() });
        let mut row = Relay::open(&registered, &at).unwrap();
        let rewarded = RelayChange::Rewarded { epoch: 1, amount_atoms: 5, receipt_count: 2 };
        for kind in [RelayChange::KeyChanged { key: second }, rewarded.clone(), rewarded] {
            row.change(&event(kind), &at).unwrap();
        }
        assert_eq!((row.key.clone(), row.previous_key.clone()), (second.to_string(), Some(first.to_string())));
        assert_eq!((row.rewarded_atoms, row.paid_receipts), (10, 4));
        row.change(&event(RelayChange::Retired { retired_at: 5 }), &at).unwrap();
        assert!(row.change(&event(RelayChange::Retired { retired_at: 6 }), &at).is_err());
        assert!(row.change(&registered, &at).is_err());
        let most = RelayChange::Rewarded { epoch: 1, amount_atoms: i64::MAX as u64, receipt_count: i64::MAX as u64 };
        row.change(&event(most), &at).unwrap();
        assert_eq!((row.rewarded_atoms, row.paid_receipts), (i64::MAX, i64::MAX));
        let beyond = RelayChange::Rewarded { epoch: 1, amount_atoms: u64::MAX, receipt_count: 0 };
        assert!(row.change(&event(beyond), &at).is_err());
    }
}
