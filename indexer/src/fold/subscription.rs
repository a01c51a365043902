//! Until when an owner has paid for a plan.

use permitpipe_sdk::chain::{Event, SubscriptionChange, SubscriptionChanged, decode_subscription};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};

use super::{FoldError, Moment, Noun, Table, integer, same, sum, timestamp};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub owner: String,
    pub plan: i64,
    #[serde(with = "rfc3339")]
    pub expires_at: OffsetDateTime,
    pub paid_atoms: i64,
}

impl Noun for Subscription {
    const TABLE: Table = Table { name: "subscriptions", key: "subscription" };

    fn open(event: &Event, _at: &Moment) -> Result<Self, FoldError> {
        let SubscriptionChanged { owner, kind, .. } = changed(event)?;
        let SubscriptionChange::Bought { plan, paid_atoms, expires_at } = kind else {
            return Err(FoldError::NotOpened);
        };
        Ok(Self {
            owner: owner.to_string(),
            plan: integer(*plan, "plan")?,
            expires_at: timestamp(*expires_at)?,
            paid_atoms: integer(*paid_atoms, "paid_atoms")?,
        })
    }

    fn change(&mut self, event: &Event, _at: &Moment) -> Result<(), FoldError> {
        let SubscriptionChanged { owner, kind, .. } = changed(event)?;
        same("owner", owner.to_string(), self.owner.clone())?;
        match kind {
            SubscriptionChange::Bought { .. } => Err(FoldError::NotOpened),
            SubscriptionChange::Extended { paid_atoms, expires_at } => {
                let expires_at = timestamp(*expires_at)?;
                if expires_at <= self.expires_at {
                    let (event, row) = (expires_at.unix_timestamp(), self.expires_at.unix_timestamp());
                    return Err(FoldError::Contradiction { what: "expires_at", event, row });
                }
                self.expires_at = expires_at;
                self.paid_atoms = sum("paid_atoms", self.paid_atoms, *paid_atoms)?;
                Ok(())
            }
            SubscriptionChange::Closed => Ok(()),
        }
    }

    fn read(&self, data: &[u8]) -> Result<(u64, Self), FoldError> {
        let account = decode_subscription(data)?;
        let read = Self {
            owner: account.owner.to_string(),
            plan: integer(account.plan, "plan")?,
            expires_at: timestamp(account.expires_at)?,
            paid_atoms: integer(account.paid_atoms, "paid_atoms")?,
        };
        Ok((account.event_seq, read))
    }
}

fn changed(event: &Event) -> Result<&SubscriptionChanged, FoldError> {
    if let Event::SubscriptionChanged(changed) = event { Ok(changed) } else { Err(FoldError::OfAnotherKind) }
}

#[cfg(test)]
mod tests {
    use solana_sdk::pubkey::Pubkey;

    use super::*;

    #[test]
    fn what_is_paid_adds_up_and_the_end_only_moves_on() {
        let at = Moment { signature: "s".into(), slot: 1, time: None };
        let owner = Pubkey::new_unique();
        let event = |kind| {
            let subscription = Pubkey::new_from_array([1; 32]);
            Event::SubscriptionChanged(SubscriptionChanged { subscription, owner, event_seq: 1, kind })
        };
        let bought = event(SubscriptionChange::Bought { plan: 1, paid_atoms: 5, expires_at: 100 });
        let mut row = Subscription::open(&bought, &at).unwrap();
        let extended = |expires_at| event(SubscriptionChange::Extended { paid_atoms: 10, expires_at });
        row.change(&extended(300), &at).unwrap();
        assert_eq!((row.paid_atoms, row.expires_at.unix_timestamp()), (15, 300));
        assert!(row.change(&extended(300), &at).is_err());
        assert!(row.change(&bought, &at).is_err());
    }
}
