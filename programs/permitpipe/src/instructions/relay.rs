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

use std::io;

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

/// The most bytes of an endpoint that are read at all; one beyond its own limit gets that error, not this one.
const MOST_ENDPOINT_BYTES: usize = 4_096;

/// Reads an endpoint as Borsh writes it, but allocates no more than a transaction can carry: Borsh itself would allocate
/// what the length claims, up to a mebibyte, and a program that is out of memory panics instead of refusing.
pub(crate) fn read_endpoint<R: io::Read>(reader: &mut R) -> io::Result<String> {
    let length = u32::deserialize_reader(reader)?;
    let length = usize::try_from(length).ok().filter(|&length| length <= MOST_ENDPOINT_BYTES);
    let mut bytes = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
    reader.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
}
