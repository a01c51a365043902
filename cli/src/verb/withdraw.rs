//! `permitpipe withdraw`: request, delay, paid. It needs the chain alone; no broker can stop it.

use std::{str::FromStr, time::Duration};

use permitpipe_sdk::chain::{
    Book, Vault, Withdrawal,
    instruction::{cancel_withdrawal, execute_sol_withdrawal, execute_withdrawal, request_withdrawal},
};
use serde_json::json;

use super::{Context, Owner};
use crate::{
    amount::{Decimal, Kind, inside},
    error::Error,
    output,
};

const POLL: Duration = Duration::from_millis(500);

/// How much, or what to do with a request that stands.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    what: What,
    /// Of which asset: usdc or sol
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    asset: Kind,
}

/// Exactly what is asked for; at least one of them.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
struct What {
    /// USD, such as 5 or 0.25 (with --asset sol in SOL); `all` for everything in the vault
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

/// One owner's exit in one asset.
struct Exit<'a> {
    owner: Owner,
    asset: Kind,
    context: &'a Context,
}

/// Requests, executes or cancels.
pub async fn run(args: Args, context: &Context) -> Result<(), Error> {
    let exit = Exit { owner: context.owner()?, asset: args.asset, context };
    let What { amount, execute, cancel, wait } = args.what;
    if cancel {
        return exit.cancel().await;
    }
    if let Some(amount) = amount {
        exit.request(&amount, wait).await?;
    }
    if wait {
        exit.wait().await?;
    }
    if wait || execute { exit.execute().await } else { Ok(()) }
}

impl Exit<'_> {
    async fn request(&self, amount: &Amount, will_wait: bool) -> Result<(), Error> {
        let (book, unit, flag) = (self.book().await?, self.asset.unit(), self.asset.flag());
        if book.withdrawal.is_some() {
            return Err(Error::new("a withdrawal is requested already").advise(format!(
                "permitpipe withdraw --execute{flag} pays it out, permitpipe withdraw --cancel{flag} takes it back"
            )));
        }
        let inside = inside(&book);
        let atoms = match amount {
            Amount::All => inside,
            Amount::Decimal(amount) => unit.atoms(amount)?,
        };
        if atoms == 0 || atoms > inside {
            let (holds, wanted) = (unit.show(inside), unit.show(atoms));
            return Err(Error::new(format!("the vault holds {holds}, the withdrawal is {wanted}"))
                .advise(format!("withdraw at least {} and at most what it holds", unit.typed(1))));
        }
        let signature = self.owner.send(&[request_withdrawal(&self.owner.key(), self.asset.asset(), atoms)]).await?;
        let Some(Withdrawal { executable_at, .. }) = self.book().await?.withdrawal else {
            return Err(
                Error::new("the request is not to be seen on chain").advise("look again with `permitpipe balance`")
            );
        };
        if self.context.json && !will_wait {
            output::json(&json!({
                "stage": "requested", "signature": signature, "asset": self.asset.name(), "amount_atoms": atoms,
                "executable_at": executable_at,
            }));
        } else if !self.context.json {
            let seconds = executable_at.saturating_sub(self.owner.rpc.clock().await?).max(0);
            output::labelled("requested", &format!("{}, transaction {signature}", unit.show(atoms)));
            output::labelled("payable", &format!("in {seconds} s: permitpipe withdraw --execute{flag}"));
            output::labelled("", "what was spent before is settled first; the rest is paid");
        }
        Ok(())
    }

    /// Until the chain's own clock has passed the delay.
    async fn wait(&self) -> Result<(), Error> {
        let executable_at = self.requested(&self.book().await?)?.executable_at;
        while self.owner.rpc.clock().await? < executable_at {
            tokio::time::sleep(POLL).await;
        }
        self.context.say("payable", "the delay is over");
        Ok(())
    }

    async fn execute(&self) -> Result<(), Error> {
        let (owner, wallet, unit) = (&self.owner, self.owner.key(), self.asset.unit());
        let before = self.book().await?;
        let remaining = self.requested(&before)?.executable_at.saturating_sub(owner.rpc.clock().await?);
        if remaining > 0 {
            return Err(Error::new(format!("the delay is not over: {remaining} s remain"))
                .advise(format!("permitpipe withdraw --wait{} waits and then pays out", self.asset.flag())));
        }
        let instructions = match self.asset {
            Kind::Usdc => {
                let config = owner.rpc.config().await?;
                let destination = owner.token_account(&config.usdc_mint);
                vec![owner.open_token_account(&config.usdc_mint), execute_withdrawal(&config, &wallet, &destination)]
            }
            Kind::Sol => vec![execute_sol_withdrawal(&wallet)],
        };
        let signature = owner.send(&instructions).await?;
        let paid = self.book().await?.withdrawn_atoms.saturating_sub(before.withdrawn_atoms);
        self.context.report(
            "paid",
            &format!("{} to {wallet}, transaction {signature}", unit.show(paid)),
            &json!({ "stage": "paid", "signature": signature, "asset": self.asset.name(), "amount_atoms": paid }),
        );
        Ok(())
    }

    async fn cancel(&self) -> Result<(), Error> {
        self.requested(&self.book().await?)?;
        let signature = self.owner.send(&[cancel_withdrawal(&self.owner.key(), self.asset.asset())]).await?;
        let value = json!({ "stage": "cancelled", "signature": signature, "asset": self.asset.name() });
        self.context.report("cancelled", &format!("transaction {signature}"), &value);
        Ok(())
    }

    async fn book(&self) -> Result<Book, Error> {
        Ok(*self.asset.book(&vault(&self.owner).await?))
    }

    fn requested(&self, book: &Book) -> Result<Withdrawal, Error> {
        book.withdrawal.ok_or_else(|| {
            let advice = format!("request one: permitpipe withdraw AMOUNT{}", self.asset.flag());
            Error::new("no withdrawal is requested").advise(advice)
        })
    }
}

/// The owner's vault, which must be open.
pub async fn vault(owner: &Owner) -> Result<Vault, Error> {
    owner.rpc.find_vault(&owner.key()).await?.ok_or_else(|| {
        Error::new(format!("the wallet {} has no vault", owner.key())).advise("permitpipe topup AMOUNT opens one")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_a_word_and_anything_else_an_amount() {
        assert_eq!("all".parse(), Ok(Amount::All));
        assert_eq!("0.5".parse(), Ok(Amount::Decimal("0.5".parse().unwrap())));
        assert!("ALL".parse::<Amount>().is_err());
    }
}
