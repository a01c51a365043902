//! A template in the registry: its bond, and where it stands.

use permitpipe_sdk::chain::{Event, TemplateChange, TemplateChanged, TemplateStatus, decode_template};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};

use super::{FoldError, Moment, Noun, Table, bytes, expect, integer, same, timestamp};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    pub hash: String,
    pub publisher: String,
    pub bond_atoms: i64,
    pub status: Status,
    #[serde(with = "rfc3339::option")]
    pub reclaimable_at: Option<OffsetDateTime>,
    #[serde(with = "rfc3339::option")]
    pub accused_until: Option<OffsetDateTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Published,
    Verified,
    Retiring,
    Revoked,
}

impl Noun for Template {
    const TABLE: Table = Table { name: "templates", key: "template" };

    fn open(event: &Event, _at: &Moment) -> Result<Self, FoldError> {
        let TemplateChanged { publisher, kind, .. } = changed(event)?;
        let TemplateChange::Published { hash, bond_atoms } = kind else { return Err(FoldError::NotOpened) };
        Ok(Self {
            hash: bytes(hash),
            publisher: publisher.to_string(),
            bond_atoms: integer(*bond_atoms, "bond_atoms")?,
            status: Status::Published,
            reclaimable_at: None,
            accused_until: None,
        })
    }

    /// What may follow on what is the program's to say; here each step only has to be one that changes something. The
    /// rules of the table hold on top.
    fn change(&mut self, event: &Event, _at: &Moment) -> Result<(), FoldError> {
        let TemplateChanged { publisher, kind, .. } = changed(event)?;
        same("publisher", publisher.to_string(), self.publisher.clone())?;
        match kind {
            TemplateChange::Published { .. } => return Err(FoldError::NotOpened),
            TemplateChange::Verified => {
                same("status", Status::Published, self.status)?;
                // An accusation that nobody carried out has lapsed by then.
                (self.status, self.accused_until) = (Status::Verified, None);
            }
            TemplateChange::Accused { eta } => {
                if self.status == Status::Verified {
                    self.status = Status::Published;
                }
                self.accused_until = Some(timestamp(*eta)?);
            }
            TemplateChange::Acquitted => {
                self.accused_until.take().ok_or(FoldError::NothingWaits("a template is acquitted"))?;
            }
            TemplateChange::Revoked { forfeited_atoms } => {
                self.accused_until.take().ok_or(FoldError::NothingWaits("a template is revoked"))?;
                self.end_bond(*forfeited_atoms)?;
                (self.status, self.reclaimable_at) = (Status::Revoked, None);
            }
            TemplateChange::Retired { reclaimable_at } => {
                if matches!(self.status, Status::Retiring | Status::Revoked) {
                    return Err(FoldError::Twice("retiring"));
                }
                (self.status, self.reclaimable_at) = (Status::Retiring, Some(timestamp(*reclaimable_at)?));
            }
            TemplateChange::Closed { returned_atoms } => self.end_bond(*returned_atoms)?,
        }
        Ok(())
    }

    fn read(&self, data: &[u8]) -> Result<(u64, Self), FoldError> {
        let account = decode_template(data)?;
        let (status, reclaimable_at) = match account.status {
            TemplateStatus::Published => (Status::Published, None),
            TemplateStatus::Verified => (Status::Verified, None),
            TemplateStatus::Retiring { reclaimable_at } => (Status::Retiring, Some(timestamp(reclaimable_at)?)),
            TemplateStatus::Revoked => (Status::Revoked, None),
        };
        let read = Self {
            hash: bytes(&account.hash),
            publisher: account.publisher.to_string(),
            bond_atoms: integer(account.bond_atoms, "bond_atoms")?,
            status,
            reclaimable_at,
            accused_until: account.accused_until.map(timestamp).transpose()?,
        };
        Ok((account.event_seq, read))
    }
}

impl Template {
    fn end_bond(&mut self, atoms: u64) -> Result<(), FoldError> {
        expect("bond_atoms", integer(atoms, "bond_atoms")?, std::mem::take(&mut self.bond_atoms))
    }
}

fn changed(event: &Event) -> Result<&TemplateChanged, FoldError> {
    if let Event::TemplateChanged(changed) = event { Ok(changed) } else { Err(FoldError::OfAnotherKind) }
}

#[cfg(test)]
mod tests {
    use solana_sdk::pubkey::Pubkey;

    use super::*;

    #[test]
    fn a_template_goes_only_where_the_program_lets_it() {
        let at = Moment { signature: "s".into(), slot: 1, time: None };
        let (template, publisher) = (Pubkey::new_unique(), Pubkey::new_unique());
        let event = |kind| Event::TemplateChanged(TemplateChanged { template, publisher, event_seq: 1, kind });
        let published =
            Template::open(&event(TemplateChange::Published { hash: [1; 32], bond_atoms: 9 }), &at).unwrap();
        let after = |kinds: &[TemplateChange]| {
            kinds
                .iter()
                .try_fold(published.clone(), |mut row, kind| row.change(&event(kind.clone()), &at).map(|()| row))
        };
        use TemplateChange::{Accused, Acquitted, Closed, Retired, Revoked, Verified};
        let accused = Accused { eta: 5 };
        let revoked = after(&[Verified, accused.clone(), Revoked { forfeited_atoms: 9 }]).unwrap();
        assert_eq!((revoked.status, revoked.bond_atoms, revoked.accused_until), (Status::Revoked, 0, None));
        assert_eq!(after(&[Verified, accused.clone()]).unwrap().status, Status::Published);
        assert_eq!(after(&[accused.clone(), Verified]).unwrap().accused_until, None, "it had lapsed");
        let retiring = Retired { reclaimable_at: 7 };
        for refused in [
            vec![Verified, Verified],
            vec![Acquitted],
            vec![Revoked { forfeited_atoms: 9 }],
            vec![accused, Revoked { forfeited_atoms: 8 }],
            vec![retiring.clone(), retiring.clone()],
            vec![retiring, Closed { returned_atoms: 8 }],
            vec![TemplateChange::Published { hash: [1; 32], bond_atoms: 9 }],
        ] {
            assert!(after(&refused).is_err(), "{refused:?}");
        }
    }
}
