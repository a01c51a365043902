//! `permitpipe stake`: PERMIT from the wallet into the owner's stake, which discounts somebody's fee.

use permitpipe_sdk::chain::{
    self, Config, Position, Stake,
    instruction::{add_stake, close_stake, open_stake, set_beneficiary},
};
use serde_json::{Value, json};
use solana_sdk::{instruction::Instruction, pubkey::Pubkey};

use super::{Context, Owner};
use crate::{
    amount::{Decimal, Unit, percent},
    error::Error,
    output,
};

/// How much, or what else; without either the stake is shown.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    /// PERMIT, such as 100 or 0.5; opens the stake where there is none
    amount: Option<Decimal>,
    /// Whose fee it discounts, a wallet [default: the staker's own]; naming another one starts the weight anew
    #[arg(long = "for", value_name = "WALLET", value_parser = super::address)]
    beneficiary: Option<Pubkey>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// What else to do.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// Show the stake: what counts, what is bonded, what is on its way out
    Show,
    /// Close the empty stake and get its rent back
    Close,
}

/// Does it.
pub async fn run(args: Args, context: &Context) -> Result<(), Error> {
    match args {
        Args { verb: Some(Verb::Close), .. } => close(context).await,
        Args { verb: Some(Verb::Show), .. } | Args { amount: None, beneficiary: None, .. } => show(context).await,
        Args { amount, beneficiary, .. } => add(amount.as_ref(), beneficiary, context).await,
    }
}

async fn add(amount: Option<&Decimal>, beneficiary: Option<Pubkey>, context: &Context) -> Result<(), Error> {
    let staker = Staker::load(context).await?;
    let owner = &staker.owner;
    let atoms = amount.map(|amount| staker.unit.positive_atoms(amount, "the stake")).transpose()?;
    let mint = staker.config.permit_mint;
    owner.require_tokens(&mint, staker.unit, atoms.unwrap_or(0), "what is to be staked").await?;
    let mut instructions = staker.beneficiary(beneficiary);
    if instructions.is_empty() && atoms.is_none() {
        return Err(Error::usage("the stake serves that wallet already").advise("nothing to do: permitpipe stake show"));
    }
    if let Some(atoms) = atoms {
        instructions.push(add_stake(&staker.config, &owner.key(), &owner.token_account(&mint), atoms));
    }
    let signature = owner.send(&instructions).await?;
    let staker = Staker { found: find(owner).await?, ..staker };
    let (stake, now) = (staker.stake()?, staker.owner.rpc.clock().await?);
    let (stage, what) = match atoms {
        Some(atoms) => ("staked", staker.unit.show(atoms)),
        None => ("assigned", format!("to {}", stake.beneficiary)),
    };
    let value = staker.json(stake, now, json!({ "stage": stage, "signature": signature, "amount_atoms": atoms }));
    context.report(stage, &format!("{what}, transaction {signature}"), &value);
    context.say("in all", &staker.unit.show(stake.position.staked_atoms));
    if let Some(at) = staker.full_at(&stake.position) {
        context.say("full weight", &format!("from {} on", output::at(at)));
    }
    Ok(())
}

async fn show(context: &Context) -> Result<(), Error> {
    let staker = Staker::load(context).await?;
    let (stake, now) = (staker.stake()?, staker.owner.rpc.clock().await?);
    if context.json {
        output::json(&staker.json(stake, now, json!({})));
        return Ok(());
    }
    let (position, unit) = (&stake.position, staker.unit);
    let weight_atoms = staker.weight(position, now);
    let discount = percent(staker.config.discount_basis_points(weight_atoms));
    let full = staker.full_at(position).map(|at| format!("; all of it from {} on", output::at(at)));
    let means = format!("counts now, a discount of {discount}{}", full.unwrap_or_default());
    let mut rows = vec![
        ["staked".into(), unit.show(position.staked_atoms), format!("for the fee of {}", stake.beneficiary)],
        ["weight".into(), unit.show(weight_atoms), means],
    ];
    if position.bonded_atoms > 0 {
        rows.push(["bonded".into(), unit.show(position.bonded_atoms), "part of it: bonds a relay and stays".into()]);
    }
    if let Some(unlocking) = position.unlocking {
        let means = format!("from {} on: permitpipe unstake --claim", output::at(unlocking.unlocks_at));
        rows.push(["unlocking".into(), unit.show(unlocking.amount_atoms), means]);
    }
    if position.slashed_atoms > 0 {
        rows.push(["slashed".into(), unit.show(position.slashed_atoms), "lost to contradictions of a relay".into()]);
    }
    output::table(["what", "amount", "means"], rows, "");
    Ok(())
}

async fn close(context: &Context) -> Result<(), Error> {
    let staker = Staker::load(context).await?;
    let (owner, config, position) = (&staker.owner, &staker.config, &staker.stake()?.position);
    let held = position.staked_atoms.saturating_add(position.unlocking.map_or(0, |unlocking| unlocking.amount_atoms));
    if position.bonded_atoms > 0 {
        return Err(Error::new("the stake bonds a relay").advise("retire the relay first: permitpipe relay retire"));
    }
    if held > 0 {
        return Err(Error::new(format!("the stake still holds {}", staker.unit.show(held)))
            .advise("take it out first: permitpipe unstake all --wait"));
    }
    let mint = config.permit_mint;
    let close = close_stake(config, &owner.key(), &owner.token_account(&mint));
    let signature = owner.send(&[owner.open_token_account(&mint), close]).await?;
    let value = json!({ "stage": "closed", "signature": signature });
    context.report("closed", &format!("the rent is back in the wallet, transaction {signature}"), &value);
    Ok(())
}

/// The owner as a staker, with what the chain says.
pub struct Staker {
    /// Whose stake it is.
    pub owner: Owner,
    /// The program's config.
    pub config: Config,
    /// PERMIT.
    pub unit: Unit,
    /// The stake, if it is open.
    pub found: Option<Stake>,
}

impl Staker {
    /// Reads it all.
    pub async fn load(context: &Context) -> Result<Self, Error> {
        let owner = context.owner()?;
        let config = owner.rpc.config().await?;
        Ok(Self { unit: owner.permit(&config).await?, found: find(&owner).await?, owner, config })
    }

    /// The stake, which must be open.
    pub fn stake(&self) -> Result<&Stake, Error> {
        self.found.as_ref().ok_or_else(|| {
            Error::new(format!("the wallet {} has no stake", self.owner.key()))
                .advise("permitpipe stake AMOUNT opens one")
        })
    }

    /// What counts for the discount at `now`.
    pub fn weight(&self, position: &Position, now: i64) -> u64 {
        position.weight_at(now, self.config.timing.warm_up_seconds).unwrap_or(0)
    }

    /// From when on everything counts that is staked now; `None` where that is nothing.
    pub fn full_at(&self, position: &Position) -> Option<i64> {
        let full_at = position.weighed_at.saturating_add(self.config.timing.warm_up_seconds);
        (position.staked_atoms > 0).then_some(full_at)
    }

    /// The stake for programs, with `more` in it.
    pub fn json(&self, stake: &Stake, now: i64, more: Value) -> Value {
        let position = &stake.position;
        let weight_atoms = self.weight(position, now);
        let unlocking =
            position.unlocking.map(|u| json!({ "amount_atoms": u.amount_atoms, "unlocks_at": u.unlocks_at }));
        let mut value = json!({
            "owner": stake.owner.to_string(),
            "beneficiary": stake.beneficiary.to_string(),
            "staked_atoms": position.staked_atoms,
            "weight_atoms": weight_atoms,
            "full_weight_at": self.full_at(position),
            "discount_basis_points": self.config.discount_basis_points(weight_atoms),
            "bonded_atoms": position.bonded_atoms,
            "unlocking": unlocking,
            "slashed_atoms": position.slashed_atoms,
        });
        if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
            value.extend(more);
        }
        value
    }

    /// Opens the stake where there is none, or names another beneficiary where another one is wanted.
    fn beneficiary(&self, wanted: Option<Pubkey>) -> Vec<Instruction> {
        let owner = self.owner.key();
        match (&self.found, wanted) {
            (None, wanted) => vec![open_stake(&self.config, &owner, &wanted.unwrap_or(owner))],
            (Some(stake), Some(wanted)) if stake.beneficiary != wanted => vec![set_beneficiary(&owner, &wanted)],
            _ => Vec::new(),
        }
    }
}

async fn find(owner: &Owner) -> Result<Option<Stake>, Error> {
    owner.rpc.find(&chain::stake_address(&owner.key()), chain::decode_stake).await
}
