//! One transaction → the events our own program emitted in it.

use permitpipe_sdk::chain::{ChainError, Event, PROGRAM_ID, decode_event};
use solana_sdk::pubkey::Pubkey;

/// What we need of a transaction, whatever the node called it.
#[derive(Clone, Debug)]
pub struct Transaction {
    pub signature: String,
    pub slot: u64,
    pub block_time: Option<i64>,
    pub is_failed: bool,
    /// The program of each instruction, in order.
    pub outer: Vec<Pubkey>,
    /// All inner instructions, in order of execution within their outer instruction.
    pub inner: Vec<Inner>,
}

#[derive(Clone, Debug)]
pub struct Inner {
    pub instruction_index: u16,
    pub inner_index: u16,
    pub program: Pubkey,
    /// Depth of the call: 1 is the outer instruction, 2 what it calls.
    pub height: u32,
    pub data: Vec<u8>,
}

/// An event and where in its transaction it stands.
#[derive(Clone, Debug)]
pub struct Seen {
    pub instruction_index: u16,
    pub inner_index: u16,
    pub event: Event,
}

/// Events in order of emission. A failed transaction changed nothing, so it has none.
///
/// Our program refuses an event call that its own event authority did not sign; that the caller was our program is
/// checked here once more.
pub fn decode(transaction: &Transaction) -> Result<Vec<Seen>, ChainError> {
    let mut seen = Vec::new();
    if transaction.is_failed {
        return Ok(seen);
    }
    for (position, inner) in transaction.inner.iter().enumerate() {
        if inner.program != PROGRAM_ID || caller(transaction, position) != Some(PROGRAM_ID) {
            continue;
        }
        if let Some(event) = decode_event(&inner.data)? {
            seen.push(Seen { instruction_index: inner.instruction_index, inner_index: inner.inner_index, event });
        }
    }
    Ok(seen)
}

/// The program that made this call: the nearest earlier call one level up, or the outer instruction.
fn caller(transaction: &Transaction, position: usize) -> Option<Pubkey> {
    let called = transaction.inner.get(position)?;
    if called.height <= 2 {
        return transaction.outer.get(usize::from(called.instruction_index)).copied();
    }
    let mut earlier = transaction.inner.iter().take(position).rev();
    let nearest = earlier
        .by_ref()
        .take_while(|one| one.instruction_index == called.instruction_index)
        .find(|one| one.height < called.height)?;
    (nearest.height.saturating_add(1) == called.height).then_some(nearest.program)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tag of an event call, then a discriminator nobody uses: decoding it fails, so failing shows it was looked at.
    const UNKNOWN: [u8; 16] = [0xe4, 0x45, 0xa5, 0x2e, 0x51, 0xcb, 0x9a, 0x1d, 1, 2, 3, 4, 5, 6, 7, 8];

    fn inner(instruction_index: u16, inner_index: u16, program: Pubkey, height: u32, data: &[u8]) -> Inner {
        Inner { instruction_index, inner_index, program, height, data: data.to_vec() }
    }

    fn transaction(outer: Vec<Pubkey>, inner: Vec<Inner>) -> Transaction {
        Transaction { signature: "s".into(), slot: 1, block_time: None, is_failed: false, outer, inner }
    }

    #[test]
    fn only_calls_of_our_program_by_our_program_are_events() {
        let (ours, other) = (PROGRAM_ID, Pubkey::new_unique());
        let tables = [
            ("called directly", vec![ours], vec![inner(0, 0, ours, 2, &UNKNOWN)], true),
            (
                "called through another program",
                vec![other],
                vec![inner(0, 0, ours, 2, &[]), inner(0, 1, ours, 3, &UNKNOWN)],
                true,
            ),
            ("another program calls us with an event", vec![other], vec![inner(0, 0, ours, 2, &UNKNOWN)], false),
            (
                "a program we call calls us",
                vec![ours],
                vec![inner(0, 0, other, 2, &[]), inner(0, 1, ours, 3, &UNKNOWN)],
                false,
            ),
            (
                "after another call came back",
                vec![ours],
                vec![inner(0, 0, other, 2, &[]), inner(0, 1, other, 3, &[]), inner(0, 2, ours, 2, &UNKNOWN)],
                true,
            ),
            (
                "the caller is of another instruction",
                vec![other, ours],
                vec![inner(0, 0, other, 2, &[]), inner(1, 0, ours, 2, &UNKNOWN)],
                true,
            ),
            ("a level is missing", vec![ours], vec![inner(0, 0, ours, 4, &UNKNOWN)], false),
            ("another program's event", vec![ours], vec![inner(0, 0, other, 2, &UNKNOWN)], false),
            ("no event at all", vec![ours], vec![inner(0, 0, ours, 2, &[9])], false),
        ];
        for (name, outer, inner, is_looked_at) in tables {
            assert_eq!(decode(&transaction(outer, inner)).is_err(), is_looked_at, "{name}");
        }
    }

    #[test]
    fn a_failed_transaction_has_no_events() {
        let mut failed = transaction(vec![PROGRAM_ID], vec![inner(0, 0, PROGRAM_ID, 2, &UNKNOWN)]);
        failed.is_failed = true;
        assert!(decode(&failed).unwrap().is_empty());
    }
}
