//! `permitpipe topup AMOUNT`: USDC or SOL from the wallet into the vault, followed until it can be spent.

use std::time::Duration;

use permitpipe_sdk::chain::{
    Config, Vault,
    instruction::{deposit_sol, deposit_usdc, open_vault, set_cap},
};
use serde_json::json;
use solana_sdk::{instruction::Instruction, signature::Signature};

use super::{Context, Owner};
use crate::{
    amount::{Decimal, Kind},
    clock::Stopwatch,
    error::Error,
    output,
};

/// How long the indexer and the broker may take once the deposit is final.
const CREDIT_POLLS: u32 = 300;
const POLL: Duration = Duration::from_millis(200);
/// What a wallet must keep for rent and fees when it deposits SOL.
const LAMPORTS_TO_KEEP: u64 = 10_000_000;

/// How much, and under which cap.
#[derive(clap::Args)]
pub struct Args {
    /// USD, such as 5 or 0.25; with --asset sol in SOL
    amount: Decimal,
    /// What to move: usdc or sol
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    asset: Kind,
    /// With the first deposit: the most that settlements may take in one window [default: 1000 USD, 10 SOL]
    #[arg(long, value_name = "AMOUNT")]
    cap: Option<Decimal>,
    /// Return once the chain has confirmed the deposit
    #[arg(long)]
    no_wait: bool,
}

/// Deposits and, unless told otherwise, waits until the credit can be spent.
pub async fn run(args: Args, context: &Context) -> Result<(), Error> {
    let (owner, unit) = (context.owner()?, args.asset.unit());
    let watch = Stopwatch::start();
    let atoms = unit.positive_atoms(&args.amount, "the top-up")?;
    let is_followed = !args.no_wait && args.asset == Kind::Usdc;
    let before = if is_followed { credited(&owner).await? } else { 0 };
    let instructions = instructions(&owner, &args, atoms).await?;
    let signature = owner.rpc.send(&instructions, &[&owner.wallet]).await?;
    context.say("confirmed", &format!("{}, transaction {signature} ({watch})", unit.show(atoms)));
    if args.no_wait {
        return report(context, (args.asset, atoms), &signature, "confirmed", None);
    }
    owner.rpc.wait_until_final(&signature).await?;
    context.say("finalized", &format!("it cannot be undone any more ({watch})"));
    if !is_followed {
        return report(context, (args.asset, atoms), &signature, "finalized", None);
    }
    wait_until_credited(&owner, before.saturating_add_unsigned(atoms)).await?;
    context.say("credited", &format!("it can be spent ({watch})"));
    let available = owner.client.account().await?.available;
    report(context, (args.asset, atoms), &signature, "credited", Some(available))
}

/// The deposit, after opening the vault and setting the asset's cap where that is still to be done.
async fn instructions(owner: &Owner, args: &Args, atoms: u64) -> Result<Vec<Instruction>, Error> {
    let (wallet, config) = (owner.key(), owner.rpc.config().await?);
    require_funds(owner, &config, args.asset, atoms).await?;
    let cap = args.cap.clone().unwrap_or_else(|| usual_cap(args.asset));
    let cap_atoms = args.asset.unit().atoms(&cap)?;
    let mut instructions = Vec::new();
    match owner.rpc.find_vault(&wallet).await? {
        None => {
            let caps = if args.asset == Kind::Usdc { (cap_atoms, 0) } else { (0, cap_atoms) };
            instructions.push(open_vault(&config, &wallet, caps.0, caps.1));
        }
        Some(vault) if is_untouched(&vault, args.asset) => {
            instructions.push(set_cap(&wallet, args.asset.asset(), cap_atoms));
        }
        Some(_) if args.cap.is_some() => {
            let flag = args.asset.flag();
            return Err(Error::usage("the vault has its cap already")
                .advise(format!("change it with `permitpipe vault cap {cap}{flag}`, then top up without --cap")));
        }
        Some(_) => {}
    }
    instructions.push(match args.asset {
        Kind::Usdc => deposit_usdc(&config, &wallet, &owner.token_account(&config.usdc_mint), atoms),
        Kind::Sol => deposit_sol(&wallet, atoms),
    });
    Ok(instructions)
}

fn usual_cap(asset: Kind) -> Decimal {
    Decimal::whole(if asset == Kind::Usdc { 1_000 } else { 10 })
}

/// A vault is opened for one asset; the other one gets its cap with its first deposit.
fn is_untouched(vault: &Vault, asset: Kind) -> bool {
    let book = asset.book(vault);
    book.credited_atoms == 0 && book.cap_atoms == 0
}

async fn require_funds(owner: &Owner, config: &Config, asset: Kind, atoms: u64) -> Result<(), Error> {
    let unit = asset.unit();
    if asset == Kind::Usdc {
        return owner.require_tokens(&config.usdc_mint, unit, atoms, "the top-up").await;
    }
    if config.oracle.is_none() {
        return Err(Error::new("this chain's config names no price of SOL, so SOL is not taken")
            .advise("top up USDC: permitpipe topup AMOUNT"));
    }
    let held = owner.rpc.find_account(&owner.key()).await?.map_or(0, |account| account.lamports);
    let what = format!("the top-up, with {} for rent and fees,", unit.show(LAMPORTS_TO_KEEP));
    owner.require_funds(held, unit, atoms.saturating_add(LAMPORTS_TO_KEEP), &what)
}

/// Everything that was ever credited to the vault, as the broker knows it.
async fn credited(owner: &Owner) -> Result<i64, Error> {
    Ok(owner.client.account().await?.vault.map_or(0, |vault| vault.credited_atoms))
}

async fn wait_until_credited(owner: &Owner, target: i64) -> Result<(), Error> {
    for _ in 0..CREDIT_POLLS {
        let account = owner.client.account().await?;
        // The clearing account is negative by what came in and has not gone out: when it agrees with the vault, every
        // finalized event is in the ledger.
        let is_posted = account.vault.is_some_and(|vault| {
            let inside = vault.credited_atoms.saturating_sub(vault.withdrawn_atoms);
            vault.credited_atoms >= target && account.chain.saturating_neg() == inside
        });
        if is_posted {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
    Err(Error::new("the deposit is final on chain, but not credited after 60 s")
        .advise("is the indexer running? `permitpipe balance` shows when it is credited"))
}

fn report(
    context: &Context,
    (asset, atoms): (Kind, u64),
    signature: &Signature,
    stage: &str,
    available: Option<i64>,
) -> Result<(), Error> {
    if context.json {
        let (signature, asset) = (signature.to_string(), asset.name());
        output::json(&json!({
            "signature": signature, "asset": asset, "amount": atoms, "stage": stage, "available": available,
        }));
    } else if let Some(available) = available {
        output::labelled("available", &output::usd(available));
    } else if stage == "finalized" {
        output::labelled("vault", "permitpipe balance shows it");
    }
    Ok(())
}
