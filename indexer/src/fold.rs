//! Pure: an account's row and its next event give its next row. The same events in the same order always give the same
//! row, whatever the clock says: the only time used is the block's.
//!
//! | module    | holds                                                                             |
//! |-----------|-----------------------------------------------------------------------------------|
//! | `life`    | which events open or close an account, and which number comes next                |
//! | `vault`, `stake`, `relay`, `epoch`, `template`, `plan`, `subscription`, `anchor` | one row type each |
//! | `book`    | a vault's columns of one asset                                                    |
//! | `record`  | rows that are written once: settlements, rewards, contradictions                  |
//!
//! A row's fields are the columns of its table: rows travel to and from Postgres as JSON.

mod anchor;
mod book;
mod epoch;
mod life;
mod plan;
mod record;
mod relay;
mod stake;
mod subscription;
mod template;
mod vault;

use std::fmt::Debug;

use permitpipe_sdk::chain::{ChainError, Event};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::OffsetDateTime;

pub use self::{
    anchor::Anchor,
    epoch::Epoch,
    life::{Last, Place, place},
    plan::Plan,
    record::{Record, record},
    relay::Relay,
    stake::Stake,
    subscription::Subscription,
    template::Template,
    vault::Vault,
};

/// A table of schema `chain` with one row per account, and the column that holds the account's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    pub key: &'static str,
}

/// When and where an event happened.
#[derive(Clone, Debug)]
pub struct Moment {
    pub signature: String,
    pub slot: i64,
    /// The block's time, where the node tells it.
    pub time: Option<OffsetDateTime>,
}

/// One kind of account.
pub trait Noun: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static {
    /// Where its rows are.
    const TABLE: Table;

    /// What the event that opens an account says of it.
    fn open(event: &Event, at: &Moment) -> Result<Self, FoldError>;

    /// What any later event changes, the closing one included.
    fn change(&mut self, event: &Event, at: &Moment) -> Result<(), FoldError>;

    /// The number of the account's last event, and the row that the account's data would have; what accounts do not say
    /// is taken from this row.
    fn read(&self, data: &[u8]) -> Result<(u64, Self), FoldError>;

    /// Whether the account as it stands says the same as this row.
    fn agrees(&self, account: &Self) -> bool {
        self == account
    }
}

/// A row without its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row<T> {
    pub event_seq: i64,
    /// While the account exists.
    pub is_open: bool,
    /// Set where row and account were found apart, until a person has looked.
    pub is_frozen: bool,
    #[serde(flatten)]
    pub body: T,
}

impl<T: Noun> Row<T> {
    /// The row after `event`.
    pub fn fold(before: Option<&Self>, event: &Event, at: &Moment) -> Result<Self, FoldError> {
        let event_seq = integer(event.event_seq(), "event_seq")?;
        let last = before.map(|row| Last { event_seq: row.event_seq, is_open: row.is_open });
        if place(last, event_seq, event) != Place::Next {
            let row = last.map_or(0, |last| last.event_seq);
            return Err(FoldError::Contradiction { what: "event_seq", event: event_seq, row });
        }
        let body = match before.filter(|row| row.is_open) {
            Some(_) if life::opens(event) => return Err(FoldError::NotOpened),
            Some(row) => {
                let mut body = row.body.clone();
                body.change(event, at)?;
                body
            }
            None => T::open(event, at)?,
        };
        let is_frozen = before.is_some_and(|row| row.is_frozen);
        Ok(Self { event_seq, is_open: !life::closes(event), is_frozen, body })
    }
}

/// The events do not tell one story: what we were given is not what the program did.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    #[error("number does not fit: {0}")]
    TooLarge(&'static str),
    #[error("{what}: the event says {event}, the events before it say {row}")]
    Contradiction { what: &'static str, event: i64, row: i64 },
    #[error("{0} is not what it was before the event, and the event does not change it")]
    Differs(&'static str),
    #[error("{0} is zero")]
    Zero(&'static str),
    #[error("an account's first event opens it and no later one does, unless it was closed")]
    NotOpened,
    #[error("{0}, but nothing waits for it")]
    NothingWaits(&'static str),
    #[error("{0} happens once, and it has happened")]
    Twice(&'static str),
    #[error("the event belongs to an account of another kind")]
    OfAnotherKind,
    #[error("the row would break the rule {0}")]
    Rule(String),
    #[error("the account cannot be read: {0}")]
    Unreadable(#[from] ChainError),
    #[error("what it closes is not known yet")]
    NotYet,
}

/// Atoms and sequence numbers as the database holds them.
pub fn integer(value: u64, what: &'static str) -> Result<i64, FoldError> {
    i64::try_from(value).map_err(|_| FoldError::TooLarge(what))
}

fn timestamp(seconds: i64) -> Result<OffsetDateTime, FoldError> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| FoldError::TooLarge("time"))
}

/// Bytes as Postgres reads and shows them in JSON.
fn bytes(bytes: &[u8]) -> String {
    bytes.iter().fold(String::from("\\x"), |text, byte| text + &format!("{byte:02x}"))
}

fn positive(what: &'static str, value: i64) -> Result<i64, FoldError> {
    if value > 0 { Ok(value) } else { Err(FoldError::Zero(what)) }
}

fn expect(what: &'static str, event: i64, row: i64) -> Result<(), FoldError> {
    if event == row { Ok(()) } else { Err(FoldError::Contradiction { what, event, row }) }
}

fn same<T: PartialEq>(what: &'static str, event: T, row: T) -> Result<(), FoldError> {
    if event == row { Ok(()) } else { Err(FoldError::Differs(what)) }
}

/// `total` and `amount` more.
fn sum(what: &'static str, total: i64, amount: u64) -> Result<i64, FoldError> {
    total.checked_add(integer(amount, what)?).ok_or(FoldError::TooLarge(what))
}

/// `total` and `amount` less, not below zero.
fn difference(what: &'static str, total: i64, amount: u64) -> Result<i64, FoldError> {
    let amount = integer(amount, what)?;
    let left = total.checked_sub(amount).filter(|left| *left >= 0);
    left.ok_or(FoldError::Contradiction { what, event: amount, row: total })
}
