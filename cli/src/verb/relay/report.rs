//! `permitpipe relay report`: two signed statements that contradict each other, as evidence against a relay.

use std::{
    fs,
    path::{Path, PathBuf},
};

use permitpipe_sdk::chain::{
    self, Contradiction, SlashRelayArgs, Statement,
    instruction::{self, slash_relay, verify_statement},
};
use serde::Deserialize;
use serde_json::json;
use solana_sdk::{pubkey::Pubkey, signature::Signature};

use super::{Owner, get};
use crate::{
    error::{Error, Explain},
    verb::Context,
};

/// Against whom, by which two statements.
#[derive(clap::Args)]
pub struct Report {
    /// The wallet that runs the relay
    #[arg(value_parser = crate::verb::address)]
    operator: Pubkey,
    /// JSON with key, signature and message, in hex
    #[arg(long, value_name = "FILE")]
    first: PathBuf,
    /// The one that contradicts it
    #[arg(long, value_name = "FILE")]
    second: PathBuf,
}

/// The file.
#[derive(Deserialize)]
struct Content {
    key: String,
    signature: String,
    message: String,
}

/// A statement and its signature, which is good.
struct Signed {
    key: [u8; 32],
    signature: [u8; 64],
    message: Vec<u8>,
    statement: Statement,
}

/// Checks the evidence as the program will, then reports.
pub async fn run(args: &Report, context: &Context) -> Result<(), Error> {
    let (first, second) = (read(&args.first)?, read(&args.second)?);
    require_contradiction(&first.statement, &second.statement)?;
    let owner = context.owner()?;
    let relay = get(&owner, &args.operator).await?;
    for Signed { key, .. } in [&first, &second] {
        let key = Pubkey::new_from_array(*key);
        if !relay.answers_for(&key) {
            return Err(Error::new(format!("the relay's stake does not answer for the key {key}"))
                .advise(format!("its key is {}; report the relay that signed", relay.key)));
        }
    }
    let signature = send(&owner, &args.operator, &first, &second).await?;
    let record = find_record(&owner, &args.operator, &first.statement).await?;
    let slashed_atoms = record.map_or(0, |record| record.slashed_atoms);
    let unit = owner.permit(&owner.rpc.config().await?).await?;
    let value = json!({ "stage": "slashed", "signature": signature, "slashed_atoms": slashed_atoms });
    let amount = unit.show(slashed_atoms);
    context.report("slashed", &format!("{amount} of {}, transaction {signature}", args.operator), &value);
    Ok(())
}

/// Both checks of the precompile first, so that the program finds them at 0 and 1.
async fn send(owner: &Owner, operator: &Pubkey, first: &Signed, second: &Signed) -> Result<String, Error> {
    if find_record(owner, operator, &first.statement).await?.is_some() {
        return Err(Error::new("this contradiction was reported already").advise("each is punished once"));
    }
    let config = owner.rpc.config().await?;
    let report = instruction::Report {
        reporter: owner.key(),
        reporter_permit: owner.token_account(&config.permit_mint),
        operator: *operator,
    };
    let Statement { stream, sequence, .. } = first.statement;
    let args = SlashRelayArgs { stream, sequence, first_instruction: 0, second_instruction: 1 };
    let check = |signed: &Signed| verify_statement(&signed.key, &signed.signature, &signed.message);
    let instructions = [
        check(first),
        check(second),
        owner.open_token_account(&config.permit_mint),
        slash_relay(&config, &report, args),
    ];
    owner.send(&instructions).await
}

async fn find_record(owner: &Owner, operator: &Pubkey, statement: &Statement) -> Result<Option<Contradiction>, Error> {
    let relay = chain::relay_address(operator);
    let address = chain::contradiction_address(&relay, &statement.stream, statement.sequence);
    owner.rpc.find(&address, chain::decode_contradiction).await
}

fn read(path: &Path) -> Result<Signed, Error> {
    let bytes = fs::read(path).explain(|| format!("cannot read {}", path.display()))?;
    parse(&bytes).map_err(|problem| Error::usage(format!("{} is no evidence: {problem}", path.display())))
}

fn parse(bytes: &[u8]) -> Result<Signed, String> {
    let Content { key, signature, message } = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    let key = fixed::<32>(&key).ok_or("its key is not 64 digits of hex")?;
    let signature = fixed::<64>(&signature).ok_or("its signature is not 128 digits of hex")?;
    let message = hex::decode(&message).map_err(|_| "its message is not hex")?;
    let statement = Statement::parse(&message).map_err(|_| {
        format!("its message is no relay statement; those have {} bytes and our prefix", Statement::BYTES)
    })?;
    if !Signature::from(signature).verify(&key, &message) {
        return Err("its key did not sign its message".into());
    }
    Ok(Signed { key, signature, message, statement })
}

fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    hex::decode(text).ok()?.try_into().ok()
}

/// The same place of the same stream, and something else there.
fn require_contradiction(first: &Statement, second: &Statement) -> Result<(), Error> {
    let place = |statement: &Statement| (statement.stream, statement.sequence);
    let problem = if place(first) != place(second) {
        "the two statements are about different places"
    } else if first.content == second.content {
        "the two statements say the same"
    } else {
        return Ok(());
    };
    Err(Error::usage(problem).advise("a contradiction is the same stream and sequence with different content"))
}

#[cfg(test)]
mod tests {
    use solana_sdk::signer::{Signer, keypair::Keypair};

    use super::*;

    fn statement(sequence: u64, content: u8) -> Statement {
        Statement { stream: [1; 32], sequence, content: [content; 32] }
    }

    fn file(key: &Keypair, message: &[u8]) -> serde_json::Value {
        let signature: [u8; 64] = key.sign_message(message).into();
        let (key, signature) = (hex::encode(key.pubkey().to_bytes()), hex::encode(signature));
        json!({ "key": key, "signature": signature, "message": hex::encode(message) })
    }

    #[test]
    fn evidence_is_a_statement_that_its_key_signed() {
        let key = Keypair::new();
        let good = file(&key, &statement(7, 1).to_bytes());
        let signed = parse(good.to_string().as_bytes()).unwrap();
        assert_eq!((signed.statement.sequence, signed.key), (7, key.pubkey().to_bytes()));
        let foreign = file(&key, b"not a statement");
        let mut forged = good.clone();
        forged["key"] = file(&Keypair::new(), b"")["key"].clone();
        let mut cut = good.clone();
        cut["signature"] = json!("ab");
        for (bad, word) in [(foreign, "102 bytes"), (forged, "did not sign"), (cut, "128 digits"), (json!({}), "key")] {
            let refused = parse(bad.to_string().as_bytes()).err().unwrap();
            assert!(refused.contains(word), "{refused}");
        }
    }

    #[test]
    fn only_different_content_at_the_same_place_contradicts() {
        assert!(require_contradiction(&statement(7, 1), &statement(7, 2)).is_ok());
        for (second, word) in [(statement(7, 1), "the same"), (statement(8, 2), "different places")] {
            assert!(require_contradiction(&statement(7, 1), &second).unwrap_err().problem().contains(word));
        }
    }
}
