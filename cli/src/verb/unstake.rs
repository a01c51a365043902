//! `permitpipe unstake`: request, cool-down, paid. It needs the chain alone; nobody can stop it.

use std::{str::FromStr, time::Duration};

use permitpipe_sdk::chain::{
    Unlocking,
    instruction::{cancel_unstake, request_unstake, unstake},
};
use serde_json::json;

use super::{Context, stake::Staker};
use crate::{amount::Decimal, error::Error, output};

const POLL: Duration = Duration::from_millis(500);

/// How much, or what to do with a request that stands.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub struct Args {
    /// PERMIT, such as 100 or 0.5; `all` for everything that bonds no relay
    #[arg(conflicts_with_all = ["claim", "cancel"])]
    amount: Option<Amount>,
    /// Pay out the request whose cool-down is over
    #[arg(long, conflicts_with = "cancel")]
    claim: bool,
    /// Take the request back; what cooled down warms up like new stake
    #[arg(long)]
    cancel: bool,
    /// Wait until the cool-down is over, then pay out
    #[arg(long, conflicts_with = "cancel")]
    wait: bool,
}

/// How much to take out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Amount {
    All,
    Decimal(Decimal),
}

impl FromStr for Amount {
    type Err = <Decimal as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" { Ok(Self::All) } else { text.parse().map(Self::Decimal) }
    }
}

/// Requests, claims or cancels.
pub async fn run(args: Args, context: &Context) -> Result<(), Error> {
    if args.cancel {
        return cancel(context).await;
    }
    if let Some(amount) = &args.amount {
        request(amount, context, args.wait).await?;
    }
    if args.wait {
        wait(context).await?;
    }
    if args.wait || args.claim { claim(context).await } else { Ok(()) }
}

async fn request(amount: &Amount, context: &Context, will_wait: bool) -> Result<(), Error> {
    let staker = Staker::load(context).await?;
    let (position, unit) = (staker.stake()?.position, staker.unit);
    if position.unlocking.is_some() {
        return Err(Error::new("a request to unstake waits already")
            .advise("permitpipe unstake --claim pays it out, --cancel takes it back"));
    }
    let free = position.staked_atoms.saturating_sub(position.bonded_atoms);
    let atoms = match amount {
        Amount::All => free,
        Amount::Decimal(amount) => unit.atoms(amount)?,
    };
    if atoms == 0 || atoms > free {
        let error = Error::new(format!("{} can be unstaked, the request is {}", unit.show(free), unit.show(atoms)));
        return Err(if position.bonded_atoms > 0 {
            let bonded = unit.show(position.bonded_atoms);
            error.advise(format!("{bonded} bond a relay and are free once it is retired: permitpipe relay retire"))
        } else {
            error.advise("ask for at most that: permitpipe stake show")
        });
    }
    let signature = staker.owner.send(&[request_unstake(&staker.owner.key(), atoms)]).await?;
    let Unlocking { unlocks_at, .. } = requested(&Staker::load(context).await?)?;
    if context.json && will_wait {
        return Ok(());
    }
    let value = json!({
        "stage": "requested", "signature": signature, "amount_atoms": atoms, "unlocks_at": unlocks_at,
    });
    context.report("requested", &format!("{}, transaction {signature}", unit.show(atoms)), &value);
    let seconds = unlocks_at.saturating_sub(staker.owner.rpc.clock().await?).max(0);
    context.say("unlocked", &format!("in {seconds} s, {}: permitpipe unstake --claim", output::at(unlocks_at)));
    Ok(())
}

/// Until the chain's own clock has passed the cool-down.
async fn wait(context: &Context) -> Result<(), Error> {
    let staker = Staker::load(context).await?;
    let Unlocking { unlocks_at, .. } = requested(&staker)?;
    while staker.owner.rpc.clock().await? < unlocks_at {
        tokio::time::sleep(POLL).await;
    }
    context.say("unlocked", "the cool-down is over");
    Ok(())
}

async fn claim(context: &Context) -> Result<(), Error> {
    let staker = Staker::load(context).await?;
    let (owner, config) = (&staker.owner, &staker.config);
    let Unlocking { amount_atoms, unlocks_at } = requested(&staker)?;
    let remaining = unlocks_at.saturating_sub(owner.rpc.clock().await?);
    if remaining > 0 {
        let at = output::at(unlocks_at);
        return Err(Error::new(format!("the cool-down is not over: {remaining} s remain, until {at}"))
            .advise("permitpipe unstake --wait waits and then pays out"));
    }
    let mint = config.permit_mint;
    let pay = unstake(config, &owner.key(), &owner.token_account(&mint));
    let signature = owner.send(&[owner.open_token_account(&mint), pay]).await?;
    let value = json!({ "stage": "paid", "signature": signature, "amount_atoms": amount_atoms });
    let amount = staker.unit.show(amount_atoms);
    context.report("paid", &format!("{amount} to {}, transaction {signature}", owner.key()), &value);
    Ok(())
}

async fn cancel(context: &Context) -> Result<(), Error> {
    let staker = Staker::load(context).await?;
    let Unlocking { amount_atoms, .. } = requested(&staker)?;
    let signature = staker.owner.send(&[cancel_unstake(&staker.owner.key())]).await?;
    let value = json!({ "stage": "cancelled", "signature": signature, "amount_atoms": amount_atoms });
    let amount = staker.unit.show(amount_atoms);
    context.report("cancelled", &format!("{amount} are staked again, transaction {signature}"), &value);
    Ok(())
}

fn requested(staker: &Staker) -> Result<Unlocking, Error> {
    staker
        .stake()?
        .position
        .unlocking
        .ok_or_else(|| Error::new("no request to unstake waits").advise("request one: permitpipe unstake AMOUNT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_a_word_and_anything_else_an_amount() {
        assert_eq!("all".parse(), Ok(Amount::All));
        assert_eq!("1.5".parse(), Ok(Amount::Decimal("1.5".parse().unwrap())));
        assert!("everything".parse::<Amount>().is_err());
    }
}
