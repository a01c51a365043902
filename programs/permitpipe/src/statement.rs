//! What relays sign, and how the program knows that they did.
//!
//! A program cannot verify Ed25519 itself; the precompile does, as an instruction of its own in the same transaction,
//! which fails as a whole where a signature is wrong. So it is enough to look at that instruction: that it is the
//! precompile's, that it checked one signature, and that key and message lie in its own data, where the precompile read
//! them. An index to another instruction's data would let the precompile check one message while we read another.

use anchor_lang::prelude::*;
use solana_instructions_sysvar::load_instruction_at_checked;

use crate::error::PermitPipeError;

/// Ed25519SigVerify, the precompile.
pub const ED25519_PROGRAM: Pubkey = pubkey!("Ed25519SigVerify111111111111111111111111111");
/// What every statement begins with: a signature for anything else is never one of these.
pub const STATEMENT_PREFIX: &[u8; 30] = b"permitpipe-relay-statement-v1:";
/// "In this instruction's own data."
const OWN_DATA: u16 = u16::MAX;

/// What a relay says: at this place of this stream stands this content.
///
/// Bytes: the prefix, stream, sequence (little-endian), content; 102 in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// Which stream: a log, a lease's receipts.
    pub stream: [u8; 32],
    /// Which place in it.
    pub sequence: u64,
    /// SHA-256 of what stands there.
    pub content: [u8; 32],
}

impl Statement {
    /// Length of a statement.
    pub const BYTES: usize = 102;

    /// Reads signed bytes.
    pub fn parse(message: &[u8]) -> Result<Self> {
        Self::split(message).ok_or_else(|| PermitPipeError::NotStatement.into())
    }

    /// The bytes to sign.
    pub fn to_bytes(&self) -> Vec<u8> {
        [STATEMENT_PREFIX.as_slice(), &self.stream, &self.sequence.to_le_bytes(), &self.content].concat()
    }

    fn split(message: &[u8]) -> Option<Self> {
        let rest = message.strip_prefix(STATEMENT_PREFIX)?;
        let (stream, rest) = rest.split_first_chunk()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let content = rest.try_into().ok()?;
        Some(Self { stream: *stream, sequence: u64::from_le_bytes(*sequence), content })
    }
}

/// A message and who signed it, as the precompile verified.
pub struct Signed {
    pub key: Pubkey,
    pub message: Vec<u8>,
}

/// Reads the Ed25519 check that instruction `index` of this transaction is.
///
/// `instructions` must be the instructions sysvar; the accounts structs pin its address.
pub fn read_signed(instructions: &AccountInfo, index: usize) -> Result<Signed> {
    let check = load_instruction_at_checked(index, instructions).map_err(|_| PermitPipeError::NotEd25519)?;
    require!(check.program_id == ED25519_PROGRAM, PermitPipeError::NotEd25519);
    split_check(&check.data).ok_or_else(|| PermitPipeError::NotEd25519.into())
}

/// The precompile's data: count 1, padding 1, then seven little-endian `u16`: the offsets of signature, key and message
/// with the index of the instruction each lies in, and the message's length before its index.
fn split_check(data: &[u8]) -> Option<Signed> {
    let (header, _) = data.split_first_chunk::<16>()?;
    let [count, _, fields @ ..] = header;
    let mut fields = fields.chunks_exact(2).map(|pair| pair.try_into().map_or(0, u16::from_le_bytes));
    let mut next = || fields.next();
    let (_signature, in_signature) = (next()?, next()?);
    let (key, in_key) = (next()?, next()?);
    let (message, length, in_message) = (next()?, next()?, next()?);
    let is_plain = *count == 1 && [in_signature, in_key, in_message].iter().all(|&index| index == OWN_DATA);
    let key: [u8; 32] = slice(data, key, 32)?.try_into().ok()?;
    is_plain.then_some(Signed { key: Pubkey::new_from_array(key), message: slice(data, message, length)?.to_vec() })
}

fn slice(data: &[u8], start: u16, length: u16) -> Option<&[u8]> {
    let (start, length) = (usize::from(start), usize::from(length));
    data.get(start..start.checked_add(length)?)
}
