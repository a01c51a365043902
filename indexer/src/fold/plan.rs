//! A plan that is sold for a period. Its terms never change.

use permitpipe_sdk::chain::{Event, PlanChange, PlanChanged, decode_plan};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};

use super::{FoldError, Moment, Noun, Table, integer, same, timestamp};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub number: i64,
    pub price_atoms: i64,
    pub period_seconds: i64,
    pub request_limit: i64,
    #[serde(with = "rfc3339::option")]
    pub retired_at: Option<OffsetDateTime>,
}

impl Noun for Plan {
    const TABLE: Table = Table { name: "plans", key: "plan" };

    fn open(event: &Event, _at: &Moment) -> Result<Self, FoldError> {
        let PlanChanged { number, kind, .. } = changed(event)?;
        let PlanChange::Created { price_atoms, period_seconds, request_limit } = kind else {
            return Err(FoldError::NotOpened);
        };
        Ok(Self {
            number: integer(*number, "number")?,
            price_atoms: integer(*price_atoms, "price_atoms")?,
            period_seconds: *period_seconds,
            request_limit: integer(*request_limit, "request_limit")?,
            retired_at: None,
        })
    }

    fn change(&mut self, event: &Event, _at: &Moment) -> Result<(), FoldError> {
        let PlanChanged { number, kind, .. } = changed(event)?;
        same("number", integer(*number, "number")?, self.number)?;
        match kind {
            PlanChange::Created { .. } => Err(FoldError::NotOpened),
            PlanChange::Retired { retired_at } => match self.retired_at.replace(timestamp(*retired_at)?) {
                None => Ok(()),
                Some(_) => Err(FoldError::Twice("retiring")),
            },
            // That it is retired is a rule of the table.
            PlanChange::Closed => Ok(()),
        }
    }

    fn read(&self, data: &[u8]) -> Result<(u64, Self), FoldError> {
        let account = decode_plan(data)?;
        let read = Self {
            number: integer(account.number, "number")?,
            price_atoms: integer(account.price_atoms, "price_atoms")?,
            period_seconds: account.period_seconds,
            request_limit: integer(account.request_limit, "request_limit")?,
            retired_at: account.retired_at.map(timestamp).transpose()?,
        };
        Ok((account.event_seq, read))
    }
}

fn changed(event: &Event) -> Result<&PlanChanged, FoldError> {
    if let Event::PlanChanged(changed) = event { Ok(changed) } else { Err(FoldError::OfAnotherKind) }
}

#[cfg(test)]
mod tests {
    use solana_sdk::pubkey::Pubkey;

    use super::*;

    #[test]
    fn a_plan_keeps_its_number_and_retires_once() {
        let at = Moment { signature: "s".into(), slot: 1, time: None };
        let event = |number, kind| {
            let plan = Pubkey::new_unique();
            Event::PlanChanged(PlanChanged { plan, number, event_seq: 1, kind })
        };
        let created = PlanChange::Created { price_atoms: 5, period_seconds: 60, request_limit: 0 };
        let mut plan = Plan::open(&event(1, created.clone()), &at).unwrap();
        assert!(plan.change(&event(2, PlanChange::Closed), &at).is_err());
        assert!(plan.change(&event(1, created), &at).is_err());
        plan.change(&event(1, PlanChange::Retired { retired_at: 5 }), &at).unwrap();
        assert!(plan.change(&event(1, PlanChange::Retired { retired_at: 6 }), &at).is_err());
    }
}
