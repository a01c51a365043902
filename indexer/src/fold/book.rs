//! One asset's side of a vault.

use permitpipe_sdk::chain;
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};

use super::{FoldError, integer, positive, sum, timestamp};

/// Columns of one asset, in its atoms. A cut of the cap, and a withdrawal, has an amount and a time or neither.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    pub credited_atoms: i64,
    pub settled_atoms: i64,
    pub withdrawn_atoms: i64,
    pub cap_atoms: i64,
    pub pending_cap_atoms: Option<i64>,
    #[serde(with = "rfc3339::option")]
    pub pending_cap_at: Option<OffsetDateTime>,
    pub withdrawal_atoms: Option<i64>,
    #[serde(with = "rfc3339::option")]
    pub withdrawal_at: Option<OffsetDateTime>,
}

impl Book {
    pub fn open(cap_atoms: u64) -> Result<Self, FoldError> {
        Ok(Self {
            credited_atoms: 0,
            settled_atoms: 0,
            withdrawn_atoms: 0,
            cap_atoms: integer(cap_atoms, "cap_atoms")?,
            pending_cap_atoms: None,
            pending_cap_at: None,
            withdrawal_atoms: None,
            withdrawal_at: None,
        })
    }

    /// As the program does it: a cut that is due counts first; then a raise is effective at once, a cut waits.
    pub fn set_cap(&mut self, cap_atoms: u64, at: i64, now: Option<OffsetDateTime>) -> Result<(), FoldError> {
        let (wish, at) = (integer(cap_atoms, "cap_atoms")?, timestamp(at)?);
        if let (Some(atoms), Some(due)) = (self.pending_cap_atoms, self.pending_cap_at)
            && now.is_some_and(|now| now >= due)
        {
            self.cap_atoms = atoms;
        }
        let is_cut = wish < self.cap_atoms;
        (self.pending_cap_atoms, self.pending_cap_at) = (is_cut.then_some(wish), is_cut.then_some(at));
        if !is_cut {
            self.cap_atoms = wish;
        }
        Ok(())
    }

    pub fn deposit(&mut self, amount: u64, credited: u64) -> Result<(), FoldError> {
        self.credited_atoms = total("credited_atoms", self.credited_atoms, amount, credited)?;
        Ok(())
    }

    pub fn request_withdrawal(&mut self, amount: u64, at: i64) -> Result<(), FoldError> {
        if self.withdrawal_atoms.is_some() {
            return Err(FoldError::Twice("a request"));
        }
        self.withdrawal_atoms = Some(positive("withdrawal", integer(amount, "withdrawal")?)?);
        self.withdrawal_at = Some(timestamp(at)?);
        Ok(())
    }

    pub fn cancel_withdrawal(&mut self, amount: u64) -> Result<(), FoldError> {
        let asked = self.end_withdrawal("a withdrawal is cancelled")?;
        super::expect("withdrawal", integer(amount, "withdrawal")?, asked)
    }

    /// Pays at most what was asked for.
    pub fn withdraw(&mut self, amount: u64, withdrawn: u64) -> Result<(), FoldError> {
        let asked = self.end_withdrawal("a withdrawal is paid")?;
        let paid = integer(amount, "withdrawal")?;
        if paid > asked {
            return Err(FoldError::Contradiction { what: "withdrawal", event: paid, row: asked });
        }
        self.withdrawn_atoms = total("withdrawn_atoms", self.withdrawn_atoms, amount, withdrawn)?;
        self.check()
    }

    pub fn settle(&mut self, amount: u64, settled: u64) -> Result<(), FoldError> {
        positive("settlement", integer(amount, "settlement")?)?;
        self.settled_atoms = total("settled_atoms", self.settled_atoms, amount, settled)?;
        self.check()
    }

    /// As the account says it.
    pub fn read(book: &chain::Book) -> Result<Self, FoldError> {
        let atoms = |atoms: u64| integer(atoms, "atoms");
        Ok(Self {
            credited_atoms: atoms(book.credited_atoms)?,
            settled_atoms: atoms(book.settled_atoms)?,
            withdrawn_atoms: atoms(book.withdrawn_atoms)?,
            cap_atoms: atoms(book.cap_atoms)?,
            pending_cap_atoms: book.pending_cap.map(|cut| atoms(cut.cap_atoms)).transpose()?,
            pending_cap_at: book.pending_cap.map(|cut| timestamp(cut.effective_at)).transpose()?,
            withdrawal_atoms: book.withdrawal.map(|asked| atoms(asked.amount_atoms)).transpose()?,
            withdrawal_at: book.withdrawal.map(|asked| timestamp(asked.executable_at)).transpose()?,
        })
    }

    /// The cap and what waits to replace it are told apart by a clock, and the program looks at it only when it acts:
    /// a cut whose time has come may or may not be in force yet on either side.
    pub fn agrees(&self, other: &Self) -> bool {
        self == other || self.promoted() == *other || *self == other.promoted()
    }

    fn promoted(&self) -> Self {
        let cap_atoms = self.pending_cap_atoms.unwrap_or(self.cap_atoms);
        Self { cap_atoms, pending_cap_atoms: None, pending_cap_at: None, ..self.clone() }
    }

    fn end_withdrawal(&mut self, what: &'static str) -> Result<i64, FoldError> {
        self.withdrawal_at = None;
        self.withdrawal_atoms.take().ok_or(FoldError::NothingWaits(what))
    }

    fn check(&self) -> Result<(), FoldError> {
        let spent = self.settled_atoms.saturating_add(self.withdrawn_atoms);
        if spent > self.credited_atoms {
            return Err(FoldError::Contradiction { what: "spent", event: spent, row: self.credited_atoms });
        }
        Ok(())
    }
}

/// The new total: what the event says, provided that it is the old one plus the amount.
fn total(what: &'static str, before: i64, amount: u64, after: u64) -> Result<i64, FoldError> {
    let after = integer(after, what)?;
    super::expect(what, after, sum(what, before, amount)?).map(|()| after)
}

/// The columns of SOL are those of USDC with a prefix.
pub mod sol {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer, de, ser};
    use serde_json::Value;

    use super::Book;

    pub fn serialize<S: Serializer>(book: &Book, to: S) -> Result<S::Ok, S::Error> {
        let columns = serde_json::to_value(book).map_err(ser::Error::custom)?;
        to.collect_map(columns.as_object().into_iter().flatten().map(|(name, value)| (format!("sol_{name}"), value)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Book, D::Error> {
        let columns: BTreeMap<String, Value> = Deserialize::deserialize(from)?;
        let ours = columns.into_iter().filter_map(|(name, value)| Some((name.strip_prefix("sol_")?.to_owned(), value)));
        serde_json::from_value(Value::Object(ours.collect())).map_err(de::Error::custom)
    }
}
