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
