//! `permitpipe plan`: what the admin sells for a period, and what the wallet has bought.

use permitpipe_sdk::{
    chain::{
        self, Config, CreatePlanArgs, Plan, Subscription,
        instruction::{close_plan, close_subscription, create_plan, extend_subscription, retire_plan, subscribe},
    },
    wire::Duration,
};
use serde_json::{Value, json};
use solana_sdk::signer::Signer;

use super::{Context, Owner};
use crate::{
    amount::{Decimal, Unit},
    error::Error,
    output,
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// Show all plans
    List,
    /// Show what the wallet has bought
    Show,
    /// Buy a plan, paid from the wallet
    Buy {
        /// Number of the plan
        number: u64,
        #[command(flatten)]
        periods: Periods,
    },
    /// Buy more of the plan the wallet has
    Extend(Periods),
    /// Close the expired subscription and get its rent back
    End,
    /// As the admin: put a plan on sale
    Create(Create),
    /// As the admin: take a plan off sale; who bought it keeps it
    Retire {
        /// Number of the plan
        number: u64,
    },
    /// Close a retired plan after its retention
    Close {
        /// Number of the plan
        number: u64,
    },
}

/// For how long.
#[derive(clap::Args)]
pub struct Periods {
    /// How many periods
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    periods: u32,
}

/// Terms, which never change.
#[derive(clap::Args)]
pub struct Create {
    /// Price of one period
    #[arg(long, value_name = "USD")]
    price: Decimal,
    /// Length of one period, such as 30d; 1 minute to 366 days
    #[arg(long, value_name = "DURATION", value_parser = period)]
    period: i64,
    /// Requests that one period includes; 0 for no limit
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    requests: u64,
}

/// Does it.
pub async fn run(verb: Verb, context: &Context) -> Result<(), Error> {
    match verb {
        Verb::List => list(context).await,
        Verb::Show => show(context).await,
        Verb::Buy { number, periods } => buy(number, periods.periods, context).await,
        Verb::Extend(Periods { periods }) => extend(periods, context).await,
        Verb::End => end(context).await,
        Verb::Create(args) => create(&args, context).await,
        Verb::Retire { number } => retire(number, context).await,
        Verb::Close { number } => close(number, context).await,
    }
}

async fn list(context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    // One that is closed has left its number.
    let addresses: Vec<_> = (1..=owner.rpc.config().await?.plan_count).map(chain::plan_address).collect();
    let plans = owner.rpc.find_all(&addresses, chain::decode_plan).await?;
    if context.json {
        output::json(&json!({ "plans": plans.iter().map(json_of).collect::<Vec<_>>() }));
        return Ok(());
    }
    let row = |plan: &Plan| {
        let requests = if plan.request_limit == 0 { "no limit".into() } else { plan.request_limit.to_string() };
        let state = plan.retired_at.map_or_else(|| "on sale".into(), |at| format!("retired at {}", output::at(at)));
        [plan.number.to_string(), Unit::USD.digits(plan.price_atoms), span(plan.period_seconds), requests, state]
    };
    let headings = ["no.", "price (USD)", "period", "requests", "state"];
    output::table(
        headings,
        plans.iter().map(row).collect(),
        "no plans: the admin makes them with permitpipe plan create",
    );
    Ok(())
}

async fn show(context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let (subscription, now) = (get_subscription(&owner).await?, owner.rpc.clock().await?);
    let is_running = subscription.expires_at > now;
    if context.json {
        output::json(&subscribed(&subscription, json!({ "is_running": is_running })));
        return Ok(());
    }
    let state = if is_running { "runs until" } else { "expired at" };
    output::labelled("plan", &subscription.plan.to_string());
    output::labelled("state", &format!("{state} {}", output::at(subscription.expires_at)));
    output::labelled("paid", &Unit::USD.show(subscription.paid_atoms));
    Ok(())
}

async fn buy(number: u64, periods: u32, context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let config = owner.rpc.config().await?;
    let mut instructions = Vec::new();
    if let Some(subscription) = find_subscription(&owner).await? {
        if subscription.expires_at > owner.rpc.clock().await? {
            let (plan, until) = (subscription.plan, output::at(subscription.expires_at));
            return Err(Error::new(format!("the wallet has plan {plan} until {until}; one plan at a time"))
                .advise("permitpipe plan extend buys more of it"));
        }
        instructions.push(close_subscription(&owner.key()));
    }
    require_payable(&owner, &config, number, (periods, None)).await?;
    let usdc = owner.token_account(&config.usdc_mint);
    instructions.push(subscribe(&config, &owner.key(), &usdc, number, periods));
    let signature = owner.send(&instructions).await?;
    report(&owner, context, "bought", &signature).await
}

async fn extend(periods: u32, context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let (config, subscription) = (owner.rpc.config().await?, get_subscription(&owner).await?);
    let number = subscription.plan;
    require_payable(&owner, &config, number, (periods, Some(subscription.expires_at))).await?;
    let usdc = owner.token_account(&config.usdc_mint);
    let signature = owner.send(&[extend_subscription(&config, &owner.key(), &usdc, number, periods)]).await?;
    report(&owner, context, "extended", &signature).await
}

/// A plan that is on sale, no more periods of it than the program takes after what is paid already, and a wallet that
/// can pay them.
async fn require_payable(
    owner: &Owner,
    config: &Config,
    number: u64,
    (periods, paid_until): (u32, Option<i64>),
) -> Result<(), Error> {
    let plan = get(owner, number).await?;
    if let Some(at) = plan.retired_at {
        return Err(Error::new(format!("plan {number} is retired since {}", output::at(at)))
            .advise("choose another one: permitpipe plan list"));
    }
    let now = owner.rpc.clock().await?;
    let paid_until = paid_until.filter(|until| *until > now);
    let most = most_periods(plan.period_seconds, paid_until.map_or(0, |until| until.saturating_sub(now)));
    if i64::from(periods) > most {
        return Err(too_far(&plan, (periods, most), paid_until));
    }
    let cost = plan.price_atoms.saturating_mul(periods.into());
    owner.require_tokens(&config.usdc_mint, Unit::USD, cost, "the plan").await
}

/// `paid_until` is in the future, where something is paid already.
fn too_far(plan: &Plan, (periods, most): (u32, i64), paid_until: Option<i64>) -> Error {
    let what = format!("{periods} periods of {}", span(plan.period_seconds));
    let Some(until) = paid_until else {
        return Error::usage(format!("{what} are more than 366 days")).advise(format!("buy at most {most} periods"));
    };
    let advice = if most > 0 {
        format!("buy at most {most} more periods")
    } else {
        let from = until.saturating_add(plan.period_seconds).saturating_sub(Plan::MAX_PERIOD_SECONDS);
        format!("one more period can be bought from {} on", output::at(from))
    };
    let paid = output::at(until);
    Error::usage(format!("the plan is paid until {paid}; {what} on top are more than 366 days ahead")).advise(advice)
}

async fn report(owner: &Owner, context: &Context, stage: &str, signature: &str) -> Result<(), Error> {
    let subscription = get_subscription(owner).await?;
    let text =
        format!("plan {} until {}, transaction {signature}", subscription.plan, output::at(subscription.expires_at));
    let value = subscribed(&subscription, json!({ "stage": stage, "signature": signature }));
    context.report(stage, &text, &value);
    Ok(())
}

async fn end(context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let (expires_at, now) = (get_subscription(&owner).await?.expires_at, owner.rpc.clock().await?);
    if expires_at > now {
        return Err(Error::new(format!("the subscription runs until {}", output::at(expires_at)))
            .advise("what is paid is yours until then; end it after that"));
    }
    let signature = owner.send(&[close_subscription(&owner.key())]).await?;
    let value = json!({ "stage": "ended", "signature": signature });
    context.report("ended", &format!("the rent is back in the wallet, transaction {signature}"), &value);
    Ok(())
}

async fn create(args: &Create, context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let config = owner.rpc.config().await?;
    let price_atoms = Unit::USD.positive_atoms(&args.price, "the price")?;
    let admin = context.authority(&config.admin, "admin")?;
    let number = config.plan_count.saturating_add(1);
    let (period_seconds, request_limit) = (args.period, args.requests);
    let terms = CreatePlanArgs { number, price_atoms, period_seconds, request_limit };
    let signature = owner.rpc.send(&[create_plan(&admin.pubkey(), terms)], &[&admin]).await?.to_string();
    let text = format!("plan {number}, {} for {}", Unit::USD.show(price_atoms), span(period_seconds));
    let value = staged(json_of(&get(&owner, number).await?), "created", &signature);
    context.report("created", &format!("{text}, transaction {signature}"), &value);
    Ok(())
}

async fn retire(number: u64, context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let admin = context.authority(&owner.rpc.config().await?.admin, "admin")?;
    if get(&owner, number).await?.retired_at.is_some() {
        return Err(Error::new(format!("plan {number} is retired already")).advise("permitpipe plan close, later"));
    }
    let signature = owner.rpc.send(&[retire_plan(&admin.pubkey(), number)], &[&admin]).await?.to_string();
    let value = staged(json_of(&get(&owner, number).await?), "retired", &signature);
    context.report("retired", &format!("plan {number}, transaction {signature}"), &value);
    Ok(())
}

async fn close(number: u64, context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let plan = get(&owner, number).await?;
    let Some(retired_at) = plan.retired_at else {
        return Err(Error::new(format!("plan {number} is on sale")).advise("retire it first: permitpipe plan retire"));
    };
    let due = retired_at.saturating_add(owner.rpc.config().await?.timing.retention_seconds);
    if owner.rpc.clock().await? < due {
        return Err(
            Error::new(format!("plan {number} is kept until {}", output::at(due))).advise("close it after that")
        );
    }
    let signature = owner.send(&[close_plan(number, &plan.payer)]).await?;
    let value = json!({ "stage": "closed", "number": number, "signature": signature });
    context.report("closed", &format!("plan {number}, transaction {signature}"), &value);
    Ok(())
}

async fn find(owner: &Owner, number: u64) -> Result<Option<Plan>, Error> {
    owner.rpc.find(&chain::plan_address(number), chain::decode_plan).await
}

async fn get(owner: &Owner, number: u64) -> Result<Plan, Error> {
    find(owner, number)
        .await?
        .ok_or_else(|| Error::new(format!("there is no plan {number}")).advise("permitpipe plan list shows them"))
}

async fn find_subscription(owner: &Owner) -> Result<Option<Subscription>, Error> {
    owner.rpc.find(&chain::subscription_address(&owner.key()), chain::decode_subscription).await
}

async fn get_subscription(owner: &Owner) -> Result<Subscription, Error> {
    find_subscription(owner).await?.ok_or_else(|| {
        Error::new(format!("the wallet {} has bought no plan", owner.key())).advise("permitpipe plan buy NUMBER")
    })
}

fn json_of(plan: &Plan) -> Value {
    json!({
        "number": plan.number, "price_atoms": plan.price_atoms, "period_seconds": plan.period_seconds,
        "request_limit": plan.request_limit, "retired_at": plan.retired_at,
    })
}

fn staged(mut value: Value, stage: &str, signature: &str) -> Value {
    value["stage"] = json!(stage);
    value["signature"] = json!(signature);
    value
}

fn subscribed(subscription: &Subscription, mut value: Value) -> Value {
    value["plan"] = json!(subscription.plan);
    value["expires_at"] = json!(subscription.expires_at);
    value["paid_atoms"] = json!(subscription.paid_atoms);
    value
}

/// What the program takes as a period, in seconds.
fn period(text: &str) -> Result<i64, String> {
    let seconds = Duration::Text(text.to_owned()).seconds().and_then(|seconds| i64::try_from(seconds).ok());
    let seconds = seconds.ok_or("write a whole number and a unit, such as 12h or 30d")?;
    if (Plan::MIN_PERIOD_SECONDS..=Plan::MAX_PERIOD_SECONDS).contains(&seconds) {
        return Ok(seconds);
    }
    Err(format!("it is {seconds} s; a period lasts 60 s (1m) to {} s (366d)", Plan::MAX_PERIOD_SECONDS))
}

/// How many periods the program sells to who has paid for `ahead_seconds` from now on.
fn most_periods(period_seconds: i64, ahead_seconds: i64) -> i64 {
    let left = Plan::MAX_PERIOD_SECONDS.saturating_sub(ahead_seconds).max(0);
    left.checked_div(period_seconds).unwrap_or(0)
}

/// Seconds in the largest unit that divides them.
fn span(seconds: i64) -> String {
    let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
    let whole = units.into_iter().find(|(_, unit)| seconds > 0 && seconds % unit == 0);
    whole.map_or_else(|| format!("{seconds}s"), |(name, unit)| format!("{}{name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_what_the_program_takes() {
        for (text, seconds) in [("60s", 60), ("1m", 60), ("30d", 2_592_000), ("366d", Plan::MAX_PERIOD_SECONDS)] {
            assert_eq!(period(text), Ok(seconds));
        }
        for bad in ["59s", "367d", "0d", "-1d", "1.5h", "month", "", "99999999999999999999d"] {
            assert!(period(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_paid_already_leaves_fewer_periods() {
        let day = 86_400;
        let cases = [(30, 0, 12), (30, 6, 12), (30, 7, 11), (30, 336, 1), (30, 337, 0), (366, 0, 1), (1, 400, 0)];
        for (period, ahead, most) in cases {
            assert_eq!(most_periods(period * day, ahead * day), most, "{period} d after {ahead} d");
        }
    }

    #[test]
    fn a_span_is_shown_in_its_largest_unit() {
        for (seconds, text) in [(2_592_000, "30d"), (5_400, "90m"), (3_600, "1h"), (61, "61s"), (0, "0s")] {
            assert_eq!(span(seconds), text);
        }
    }
}
