//! The newest anchored checkpoint of an audit log: it only grows.

use permitpipe_sdk::chain::{Event, LogAnchored, decode_anchor};
use serde::{Deserialize, Serialize};

use super::{FoldError, Moment, Noun, Table, bytes, integer, same};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    pub log: String,
    pub size: i64,
    pub root: String,
    pub slot: i64,
}

impl Noun for Anchor {
    const TABLE: Table = Table { name: "anchors", key: "anchor" };

    fn open(event: &Event, at: &Moment) -> Result<Self, FoldError> {
        let LogAnchored { log, size, root, .. } = anchored(event)?;
        Ok(Self { log: bytes(log), size: integer(*size, "size")?, root: bytes(root), slot: at.slot })
    }

    fn change(&mut self, event: &Event, at: &Moment) -> Result<(), FoldError> {
        let after = Self::open(event, at)?;
        same("log", &after.log, &self.log)?;
        if after.size < self.size {
            return Err(FoldError::Contradiction { what: "size", event: after.size, row: self.size });
        }
        if after.size == self.size {
            same("root", &after.root, &self.root)?;
        }
        *self = after;
        Ok(())
    }

    fn read(&self, data: &[u8]) -> Result<(u64, Self), FoldError> {
        let account = decode_anchor(data)?;
        let read = Self {
            log: bytes(&account.log),
            size: integer(account.size, "size")?,
            root: bytes(&account.root),
            slot: integer(account.slot, "slot")?,
        };
        Ok((account.event_seq, read))
    }
}

fn anchored(event: &Event) -> Result<&LogAnchored, FoldError> {
    if let Event::LogAnchored(anchored) = event { Ok(anchored) } else { Err(FoldError::OfAnotherKind) }
}

#[cfg(test)]
mod tests {
    use solana_sdk::pubkey::Pubkey;

    use super::*;

    #[test]
    fn a_log_neither_shrinks_nor_forks_nor_becomes_another() {
        let at = Moment { signature: "s".into(), slot: 7, time: None };
        let event = |log: u8, size, root: u8| {
            let (anchor, log, root) = (Pubkey::new_from_array([1; 32]), [log; 32], [root; 32]);
            Event::LogAnchored(LogAnchored { anchor, log, event_seq: 1, size, root })
        };
        let mut row = Anchor::open(&event(1, 5, 1), &at).unwrap();
        for refused in [event(1, 4, 2), event(1, 5, 2), event(2, 6, 2)] {
            assert!(row.clone().change(&refused, &at).is_err(), "{refused:?}");
        }
        row.change(&event(1, 5, 1), &at).unwrap();
        row.change(&event(1, 6, 2), &at).unwrap();
        assert_eq!((row.size, row.slot), (6, 7));
    }
}
