//! Instructions of relay operators, and of whoever catches one contradicting itself.

pub(crate) mod close;
pub(crate) mod register;
pub(crate) mod retire;
pub(crate) mod rotate_key;
pub(crate) mod slash;
pub(crate) mod update;

pub use close::*;
pub use register::*;
pub use retire::*;
pub use rotate_key::*;
pub use slash::*;
pub use update::*;

use anchor_lang::prelude::*;

use crate::{
    event::{RelayChange, RelayChanged},
    state::Relay,
};

/// Checks the relay and gives the event of its change.
pub(crate) fn changed(relay: &mut Account<Relay>, kind: RelayChange) -> Result<RelayChanged> {
    let event_seq = relay.next_event()?;
    relay.invariant()?;
    Ok(RelayChanged { relay: relay.key(), operator: relay.operator, event_seq, kind })
}
