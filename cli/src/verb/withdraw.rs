//! `permitpipe withdraw`: request, delay, paid. It needs the chain alone; no broker can stop it.

use std::time::Duration;

use permitpipe_sdk::{
    chain::{
        Asset, Vault,
        instruction::{cancel_withdrawal, execute_withdrawal, request_withdrawal},
    },
    money::Credits,
};
use serde_json::json;
use solana_sdk::signer::Signer;
use spl_associated_token_account_interface::{
    address::get_associated_token_address, instruction::create_associated_token_account_idempotent,
};

use super::{Context, Owner};
use crate::{error::Error, output};

const POLL: Duration = Duration::from_millis(500);

/// How much, or what to do with a request that stands.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub struct Args {
    /// USD, such as 5 or 0.25; `all` for everything in the vault
    #[arg(conflicts_with_all = ["execute", "cancel"])]
    amount: Option<Amount>,
    /// Pay out the request whose delay is over
    #[arg(long, conflicts_with = "cancel")]
    execute: bool,
    /// Take the request back
    #[arg(long)]
    cancel: bool,
    /// Wait until the delay is over, then pay out
    #[arg(long, conflicts_with = "cancel")]
    wait: bool,
}

/// What to withdraw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Amount {
    All,
    Credits(Credits),
}

impl std::str::FromStr for Amount {
    type Err = permitpipe_sdk::money::MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" { Ok(Self::All) } else { Credits::parse_usd(text).map(Self::Credits) }
    }
}

/// Requests, executes or cancels.
pub async fn run(args: Args, context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    if args.cancel {
        return cancel(&owner, context).await;
    }
    if let Some(amount) = args.amount {
        request(&owner, amount, context, args.wait).await?;
    }
    if args.wait {
        wait(&owner, context).await?;
    }
    if args.wait || args.execute { execute(&owner, context).await } else { Ok(()) }
}

async fn request(owner: &Owner, amount: Amount, context: &Context, will_wait: bool) -> Result<(), Error> {
    let vault = vault(owner).await?;
    if vault.usdc.withdrawal.is_some() {
        return Err(Error::new("a withdrawal is requested already")
            .advise("permitpipe withdraw --execute pays it out, --cancel takes it back"));
    }
    let inside = inside(&vault)?;
    let amount = match amount {
        Amount::All => inside,
        Amount::Credits(amount) => amount,
    };
    if amount == Credits::ZERO || amount > inside {
        return Err(Error::new(format!("the vault holds {inside} USD, the withdrawal is {amount}"))
            .advise("withdraw at least 0.000001 and at most what it holds"));
    }
    let instruction = request_withdrawal(&owner.wallet.pubkey(), Asset::Usdc, amount.atoms());
    let signature = owner.rpc.send(&[instruction], &[&owner.wallet]).await?.to_string();
    let Some((_, executable_at)) = pending(&self::vault(owner).await?) else {
        return Err(Error::new("the request is not to be seen on chain").advise("look again with `permitpipe balance`"));
    };
    if context.json && !will_wait {
        output::json(
            &json!({ "stage": "requested", "signature": signature, "amount": amount, "executable_at": executable_at }),
        );
    } else if !context.json {
        let seconds = executable_at.saturating_sub(owner.rpc.clock().await?).max(0);
        output::line(format!("requested   {amount} USD, transaction {signature}"));
        output::line(format!("payable     in {seconds} s: permitpipe withdraw --execute"));
        output::line("            what was spent before is settled first; the rest is paid");
    }
    Ok(())
}

/// Until the chain's own clock has passed the delay.
async fn wait(owner: &Owner, context: &Context) -> Result<(), Error> {
    let (_, executable_at) = requested(&vault(owner).await?)?;
    while owner.rpc.clock().await? < executable_at {
        tokio::time::sleep(POLL).await;
    }
    if !context.json {
        output::line("payable     the delay is over");
    }
    Ok(())
}

async fn execute(owner: &Owner, context: &Context) -> Result<(), Error> {
    let (before, wallet) = (vault(owner).await?, owner.wallet.pubkey());
    let (_, executable_at) = requested(&before)?;
    let remaining = executable_at.saturating_sub(owner.rpc.clock().await?);
    if remaining > 0 {
        return Err(Error::new(format!("the delay is not over: {remaining} s remain"))
            .advise("permitpipe withdraw --wait waits and then pays out"));
    }
    let config = owner.rpc.config().await?;
    let destination = get_associated_token_address(&wallet, &config.usdc_mint);
    let open = create_associated_token_account_idempotent(&wallet, &wallet, &config.usdc_mint, &spl_token::ID);
    let pay = execute_withdrawal(&config, &wallet, &destination);
    let signature = owner.rpc.send(&[open, pay], &[&owner.wallet]).await?;
    let paid = vault(owner).await?.usdc.withdrawn_atoms.saturating_sub(before.usdc.withdrawn_atoms);
    let paid = Credits::parse_atoms(paid).unwrap_or(Credits::ZERO);
    if context.json {
        output::json(&json!({ "stage": "paid", "signature": signature.to_string(), "amount": paid }));
    } else {
        output::line(format!("paid        {paid} USD to {wallet}, transaction {signature}"));
    }
    Ok(())
}

async fn cancel(owner: &Owner, context: &Context) -> Result<(), Error> {
    requested(&vault(owner).await?)?;
    let instruction = cancel_withdrawal(&owner.wallet.pubkey(), Asset::Usdc);
    let signature = owner.rpc.send(&[instruction], &[&owner.wallet]).await?.to_string();
    if context.json {
        output::json(&json!({ "stage": "cancelled", "signature": signature }));
    } else {
        output::line(format!("cancelled   transaction {signature}"));
    }
    Ok(())
}

async fn vault(owner: &Owner) -> Result<Vault, Error> {
    owner.rpc.find_vault(&owner.wallet.pubkey()).await?.ok_or_else(|| {
        Error::new(format!("the wallet {} has no vault", owner.wallet.pubkey()))
            .advise("permitpipe topup AMOUNT opens one")
    })
}

fn inside(vault: &Vault) -> Result<Credits, Error> {
    let atoms =
        vault.usdc.credited_atoms.saturating_sub(vault.usdc.settled_atoms).saturating_sub(vault.usdc.withdrawn_atoms);
    Credits::parse_atoms(atoms).map_err(|e| Error::new(format!("the vault's balance cannot be shown: {e}")))
}

fn pending(vault: &Vault) -> Option<(u64, i64)> {
    vault.usdc.withdrawal.as_ref().map(|withdrawal| (withdrawal.amount_atoms, withdrawal.executable_at))
}

fn requested(vault: &Vault) -> Result<(u64, i64), Error> {
    pending(vault)
        .ok_or_else(|| Error::new("no withdrawal is requested").advise("request one: permitpipe withdraw AMOUNT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_a_word_and_anything_else_an_amount() {
        assert_eq!("all".parse(), Ok(Amount::All));
        assert_eq!("0.5".parse(), Ok(Amount::Credits(Credits::parse(500_000).unwrap())));
        assert!("ALL".parse::<Amount>().is_err());
    }
}
