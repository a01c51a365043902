//! The only place of the indexer that reads a clock: how long something takes or has been. What counts on chain is
//! decided by slots, never by this.
#![allow(clippy::disallowed_methods, reason = "this is the replacement that the lint names")]

use std::time::Instant;

/// Now, for measuring spans.
pub fn now() -> Instant {
    Instant::now()
}
