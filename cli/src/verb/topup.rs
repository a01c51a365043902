//! `permitpipe topup AMOUNT`: USDC from the wallet into the vault, followed until it can be spent.

use std::time::Duration;

use permitpipe_sdk::{
    chain::instruction::{deposit_usdc, open_vault},
    money::Credits,
};
use serde_json::json;
use solana_sdk::{instruction::Instruction, pubkey::Pubkey, signature::Signature, signer::Signer};
use spl_associated_token_account_interface::address::get_associated_token_address;

use super::{Context, Owner};
use crate::{clock::Stopwatch, error::Error, output};

/// How long the indexer and the broker may take once the deposit is final.
const CREDIT_POLLS: u32 = 300;
const POLL: Duration = Duration::from_millis(200);

/// How much, and under which cap.
#[derive(clap::Args)]
pub struct Args {
    /// USD, such as 5 or 0.25
    amount: Credits,
    /// When the vault is opened: the most that settlements may take in one window
    #[arg(long, value_name = "USD", default_value = "1000")]
    cap: Credits,
    /// Return once the chain has confirmed the deposit
    #[arg(long)]
    no_wait: bool,
}

/// Deposits and, unless told otherwise, waits until the credit can be spent.
pub async fn run(args: Args, context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let say = |text: String| {
        if !context.json {
            output::line(text)
        }
    };
    let watch = Stopwatch::start();
    let before = credited(&owner).await?;
    let instructions = instructions(&owner, &args).await?;
    let signature = owner.rpc.send(&instructions, &[&owner.wallet]).await?;
    say(format!("confirmed   {} USD, transaction {signature} ({watch})", args.amount));
    if args.no_wait {
        return report(context, &args, &signature, None).await;
    }
    owner.rpc.wait_until_final(&signature).await?;
    say(format!("finalized   it cannot be undone any more ({watch})"));
    wait_until_credited(&owner, before.saturating_add(args.amount.get())).await?;
    say(format!("credited    it can be spent ({watch})"));
    report(context, &args, &signature, Some(&owner)).await
}

/// The deposit, after opening the vault where that is still to be done.
async fn instructions(owner: &Owner, args: &Args) -> Result<Vec<Instruction>, Error> {
    if args.amount == Credits::ZERO {
        return Err(Error::usage("the amount is 0; top up at least 0.000001 USD"));
    }
    let wallet = owner.wallet.pubkey();
    let config = owner.rpc.config().await?;
    let source = get_associated_token_address(&wallet, &config.usdc_mint);
    check_funds(owner, &source, args.amount).await?;
    let mut instructions = Vec::new();
    if owner.rpc.find_vault(&wallet).await?.is_none() {
        instructions.push(open_vault(&config, &wallet, args.cap.atoms(), 0));
    }
    instructions.push(deposit_usdc(&config, &wallet, &source, args.amount.atoms()));
    Ok(instructions)
}

async fn check_funds(owner: &Owner, source: &Pubkey, amount: Credits) -> Result<(), Error> {
    let held = owner.rpc.token_balance(source).await?.unwrap_or(0);
    if held >= amount.atoms() {
        return Ok(());
    }
    let held = Credits::parse_atoms(held).unwrap_or(Credits::ZERO);
    Err(Error::new(format!("the wallet {} holds {held} USDC, the top-up is {amount}", owner.wallet.pubkey()))
        .advise("send USDC to the wallet, or top up less"))
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

async fn report(context: &Context, args: &Args, signature: &Signature, owner: Option<&Owner>) -> Result<(), Error> {
    let available = match owner {
        Some(owner) => Some(owner.client.account().await?.available),
        None => None,
    };
    if context.json {
        let stage = if available.is_some() { "credited" } else { "confirmed" };
        let signature = signature.to_string();
        output::json(&json!({ "signature": signature, "amount": args.amount, "stage": stage, "available": available }));
    } else if let Some(available) = available {
        output::line(format!("available   {}", output::usd(available)));
    }
    Ok(())
}
