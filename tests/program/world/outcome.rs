//! What came of a transaction.

use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{self, Event, PermitPipeError};

/// The one event of a transaction that went through.
pub fn event(result: TransactionResult) -> Event {
    let meta = result.unwrap_or_else(|failure| panic!("{:?}\n{:#?}", failure.err, failure.meta.logs));
    let inner = meta.inner_instructions.iter().flatten();
    let mut events: Vec<Event> =
        inner.filter_map(|inner| chain::decode_event(&inner.instruction.data).unwrap()).collect();
    assert_eq!(events.len(), 1, "one event per change: {events:?}");
    events.remove(0)
}

/// The custom error number of a transaction that was refused.
pub fn code(result: TransactionResult) -> u32 {
    let failure = result.expect_err("must be refused");
    match failure.err {
        solana_sdk::transaction::TransactionError::InstructionError(
            _,
            solana_sdk::instruction::InstructionError::Custom(code),
        ) => code,
        other => panic!("refused without a number: {other:?}\n{:#?}", failure.meta.logs),
    }
}

/// Asserts that a transaction was refused with this error of ours.
pub fn refused(result: TransactionResult, error: PermitPipeError) {
    assert_eq!(code(result), u32::from(error), "expected {error:?}: {error}");
}
