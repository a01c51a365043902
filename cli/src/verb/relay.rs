//! `permitpipe relay`: a relay against a bond out of the wallet's stake, its rewards, and reports against others.

mod claim;
mod report;

use std::path::PathBuf;

use permitpipe_sdk::chain::{
    self, Relay,
    instruction::{close_relay, register_relay, retire_relay, rotate_relay_key, update_relay},
};
use serde_json::json;
use solana_sdk::{
    pubkey::Pubkey,
    signer::{Signer, keypair::Keypair},
};

use super::{Context, Owner, stake::Staker};
use crate::{amount::Unit, error::Error, local::keys, output};

/// What becomes of a relay that was slashed.
const RECORD_STAYS: &str = "the record stays for ever; another relay needs another wallet";

/// What to do.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// Register the wallet's relay; the bond stays in the wallet's stake
    Register(Register),
    /// Name another endpoint
    Update {
        /// Where it listens from now on
        #[arg(long, value_name = "URL", value_parser = endpoint)]
        endpoint: String,
    },
    /// Name another receipt key; once per cool-down
    RotateKey(KeySource),
    /// Take the relay out of service and free its bond
    Retire,
    /// Close the retired relay after the cool-down and get its rent back
    Close,
    /// Show a relay
    Show {
        /// Whose [default: the wallet's own]
        #[arg(value_parser = super::address)]
        operator: Option<Pubkey>,
    },
    /// Take the relay's reward of one epoch
    Claim(claim::Claim),
    /// Report a relay that signed two contradicting statements; its stake is slashed
    Report(report::Report),
}

/// Where it listens, and with which key it signs.
#[derive(clap::Args)]
pub struct Register {
    /// An https:// or wss:// URL
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    endpoint: String,
    #[command(flatten)]
    key: KeySource,
}

/// The Ed25519 key that signs the relay's statements.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub struct KeySource {
    /// A keypair file in Solana's format
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Make a key; its file is named in the answer
    #[arg(long)]
    new_key: bool,
}

/// Does it.
pub async fn run(verb: Verb, context: &Context) -> Result<(), Error> {
    match verb {
        Verb::Register(args) => register(&args, context).await,
        Verb::Update { endpoint } => update(&endpoint, context).await,
        Verb::RotateKey(source) => rotate_key(&source, context).await,
        Verb::Retire => retire(context).await,
        Verb::Close => close(context).await,
        Verb::Show { operator } => show(operator, context).await,
        Verb::Claim(args) => claim::run(&args, context).await,
        Verb::Report(args) => report::run(&args, context).await,
    }
}

async fn register(args: &Register, context: &Context) -> Result<(), Error> {
    let staker = Staker::load(context).await?;
    let (owner, unit, bond) = (&staker.owner, staker.unit, staker.config.bonds.relay_atoms);
    if let Some(relay) = find(owner, &owner.key()).await? {
        if relay.slash_count > 0 {
            return Err(slashed());
        }
        let advice = if relay.retired_at.is_some() { "permitpipe relay close" } else { "permitpipe relay show" };
        return Err(Error::new("the wallet has a relay already; one wallet runs one relay").advise(advice));
    }
    let staked = staker.found.as_ref().map_or(0, |stake| stake.position.staked_atoms);
    if staked < bond {
        let missing = unit.typed(bond.saturating_sub(staked));
        return Err(Error::new(format!(
            "a relay's bond is {}, the wallet has staked {}",
            unit.show(bond),
            unit.show(staked)
        ))
        .advise(format!("stake the rest: permitpipe stake {missing}")));
    }
    let (key, file) = args.key.load(context)?;
    let instruction = register_relay(&owner.key(), &key.pubkey(), &args.endpoint);
    let signature = owner.rpc.send(&[instruction], &[&owner.wallet, &key]).await?.to_string();
    let value = json!({
        "stage": "registered", "signature": signature, "operator": owner.key().to_string(),
        "endpoint": args.endpoint, "key": key.pubkey().to_string(), "key_file": file, "bond_atoms": bond,
    });
    context.report("registered", &format!("{}, transaction {signature}", args.endpoint), &value);
    context.say("bonded", &format!("{} of the stake, until the relay is retired", unit.show(bond)));
    context.say("key", &format!("{} in {}", key.pubkey(), file.display()));
    Ok(())
}

async fn update(endpoint: &str, context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    get_in_service(&owner).await?;
    let signature = owner.send(&[update_relay(&owner.key(), endpoint)]).await?;
    let value = json!({ "stage": "updated", "signature": signature, "endpoint": endpoint });
    context.report("updated", &format!("{endpoint}, transaction {signature}"), &value);
    Ok(())
}

async fn rotate_key(source: &KeySource, context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let relay = get_in_service(&owner).await?;
    let cool_at = relay.key_changed_at.saturating_add(owner.rpc.config().await?.timing.cool_down_seconds);
    require_due(&owner, cool_at, "the key changed too recently").await?;
    let (key, file) = source.load(context)?;
    if key.pubkey() == relay.key {
        return Err(Error::usage("that is the present key").advise("name another one, or let --new-key make it"));
    }
    let instruction = rotate_relay_key(&owner.key(), &key.pubkey());
    let signature = owner.rpc.send(&[instruction], &[&owner.wallet, &key]).await?.to_string();
    let value = json!({
        "stage": "rotated", "signature": signature, "key": key.pubkey().to_string(), "key_file": file,
        "previous_key": relay.key.to_string(),
    });
    context.report("rotated", &format!("to {} in {}, transaction {signature}", key.pubkey(), file.display()), &value);
    context.say("", &format!("the stake still answers for what {} signed", relay.key));
    Ok(())
}

async fn retire(context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    get_in_service(&owner).await?;
    let signature = owner.send(&[retire_relay(&owner.key())]).await?;
    let cool_down = owner.rpc.config().await?.timing.cool_down_seconds;
    let relay = get(&owner, &owner.key()).await?;
    let closable_at = relay.retired_at.filter(|_| relay.slash_count == 0).map(|at| at.saturating_add(cool_down));
    let value = json!({ "stage": "retired", "signature": signature, "closable_at": closable_at });
    context.report("retired", &format!("the bond can be unstaked, transaction {signature}"), &value);
    let closable = closable_at.map(|at| format!("from {} on: permitpipe relay close", output::at(at)));
    let closable = closable.unwrap_or_else(|| format!("never, as it was slashed: {RECORD_STAYS}"));
    context.say("closable", &closable);
    Ok(())
}

async fn close(context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let relay = get(&owner, &owner.key()).await?;
    if relay.slash_count > 0 {
        return Err(slashed());
    }
    let Some(retired_at) = relay.retired_at else {
        return Err(Error::new("the relay is in service").advise("retire it first: permitpipe relay retire"));
    };
    let closable_at = retired_at.saturating_add(owner.rpc.config().await?.timing.cool_down_seconds);
    require_due(&owner, closable_at, "the relay was retired too recently").await?;
    let signature = owner.send(&[close_relay(&owner.key())]).await?;
    let value = json!({ "stage": "closed", "signature": signature });
    context.report("closed", &format!("the rent is back in the wallet, transaction {signature}"), &value);
    Ok(())
}

async fn show(operator: Option<Pubkey>, context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let relay = get(&owner, &operator.unwrap_or(owner.key())).await?;
    if context.json {
        let previous = (relay.previous_key != Pubkey::default()).then(|| relay.previous_key.to_string());
        output::json(&json!({
            "operator": relay.operator.to_string(), "endpoint": relay.endpoint, "key": relay.key.to_string(),
            "previous_key": previous, "key_changed_at": relay.key_changed_at, "retired_at": relay.retired_at,
            "paid_receipts": relay.paid_receipts, "rewarded_atoms": relay.rewarded_atoms,
            "slash_count": relay.slash_count,
        }));
        return Ok(());
    }
    let state = relay.retired_at.map_or_else(|| "in service".into(), |at| format!("retired at {}", output::at(at)));
    let times = format!("{} times", relay.slash_count);
    let rows = [
        ("operator", relay.operator.to_string()),
        ("state", state),
        ("endpoint", relay.endpoint.clone()),
        ("key", format!("{}, since {}", relay.key, output::at(relay.key_changed_at))),
        ("rewarded", format!("{} for {} receipts", Unit::USD.show(relay.rewarded_atoms), relay.paid_receipts)),
        ("slashed", if relay.slash_count == 0 { times } else { format!("{times}: {RECORD_STAYS}") }),
    ];
    rows.iter().for_each(|(label, text)| output::labelled(label, text));
    Ok(())
}

impl KeySource {
    /// The key, and the file it lies in. A new one is written down before anybody hears of it.
    fn load(&self, context: &Context) -> Result<(Keypair, PathBuf), Error> {
        match &self.key {
            Some(path) => Ok((keys::load_keypair(path)?, path.clone())),
            None => keys::create_named(&context.folder, "relay"),
        }
    }
}

/// What the program takes as an endpoint.
fn endpoint(text: &str) -> Result<String, String> {
    let (most, bytes) = (Relay::MAX_ENDPOINT_BYTES, text.len());
    if bytes > most {
        return Err(format!("it has {bytes} bytes, {most} is the limit"));
    }
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("wss://"));
    match host {
        Some(host) if !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(text.to_owned()),
        _ => Err("write an https:// or wss:// URL in printable ASCII".into()),
    }
}

async fn find(owner: &Owner, operator: &Pubkey) -> Result<Option<Relay>, Error> {
    owner.rpc.find(&chain::relay_address(operator), chain::decode_relay).await
}

async fn get(owner: &Owner, operator: &Pubkey) -> Result<Relay, Error> {
    find(owner, operator).await?.ok_or_else(|| {
        Error::new(format!("{operator} has no relay"))
            .advise("permitpipe relay register --endpoint URL --new-key registers the wallet's")
    })
}

async fn get_in_service(owner: &Owner) -> Result<Relay, Error> {
    let relay = get(owner, &owner.key()).await?;
    match relay.retired_at {
        None => Ok(relay),
        Some(_) if relay.slash_count > 0 => Err(slashed()),
        Some(at) => Err(Error::new(format!("the relay is retired since {}", output::at(at)))
            .advise("close it and register anew: permitpipe relay close")),
    }
}

/// The program lets nobody begin anew with a clean record.
fn slashed() -> Error {
    Error::new("the wallet's relay was slashed, so its record stays: it can be neither closed nor registered anew")
        .advise("register a relay with another wallet, in another folder (--data)")
}

async fn require_due(owner: &Owner, at: i64, problem: &str) -> Result<(), Error> {
    let remaining = at.saturating_sub(owner.rpc.clock().await?);
    if remaining <= 0 {
        return Ok(());
    }
    Err(Error::new(format!("{problem}: {remaining} s of the cool-down remain"))
        .advise(format!("try again at {}", output::at(at))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_what_the_program_takes() {
        for good in ["https://relay.example", "wss://relay.example:8443/v1", &format!("https://{}", "a".repeat(112))] {
            assert_eq!(endpoint(good).as_deref(), Ok(good));
        }
        for bad in ["", "https://", "http://relay.example", "https://re lay", "https://réseau", "relay.example"] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
        let refused = endpoint(&format!("https://{}", "a".repeat(113))).unwrap_err();
        assert!(refused.contains("121 bytes") && refused.contains("120"), "{refused}");
    }
}
