//! `permitpipe tier`: the discounts on the fee, and which one the owner's stake gives.

use permitpipe_sdk::chain::Tier;
use serde_json::{Value, json};
use solana_sdk::pubkey::Pubkey;

use super::{Context, stake::Staker};
use crate::{amount::percent, error::Error, output};

/// No arguments.
#[derive(clap::Args)]
pub struct Args {}

/// Where a weight stands among the tiers.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    weight_atoms: u64,
    discount_basis_points: u16,
    /// The next tier up, and how much weight is missing to it.
    next: Option<(Tier, u64)>,
}

/// Shows them.
pub async fn run(_: Args, context: &Context) -> Result<(), Error> {
    let staker = Staker::load(context).await?;
    let now = staker.owner.rpc.clock().await?;
    let position = staker.found.as_ref().map(|stake| stake.position).unwrap_or_default();
    let tiers: Vec<Tier> = staker.config.tiers.into_iter().filter(Tier::is_used).collect();
    let standing = Standing::of(&tiers, staker.weight(&position, now));
    let beneficiary = staker.found.as_ref().map(|stake| stake.beneficiary);
    if context.json {
        output::json(&standing.json(&tiers, position.staked_atoms, beneficiary));
        return Ok(());
    }
    let unit = staker.unit;
    let row = |tier: &Tier| {
        let is_present = standing.discount_basis_points == tier.discount_basis_points;
        let mark = if is_present { "you are here" } else { "" };
        [unit.show(tier.min_weight_atoms), percent(tier.discount_basis_points), mark.into()]
    };
    output::table(["from a weight of", "discount", ""], tiers.iter().map(row).collect(), "this chain has no tiers");
    output::line(format!(
        "your weight is {}, your discount {}",
        unit.show(standing.weight_atoms),
        percent(standing.discount_basis_points)
    ));
    if let Some((next, missing_atoms)) = standing.next {
        let (missing, discount) = (unit.show(missing_atoms), percent(next.discount_basis_points));
        // What is staked already and still warms up gets there by itself.
        let is_enough = position.staked_atoms >= next.min_weight_atoms;
        let how = match staker.full_at(&position).filter(|_| is_enough) {
            Some(at) => format!("your stake grows there by itself until {}", output::at(at)),
            None => {
                let stake_atoms = next.min_weight_atoms.saturating_sub(position.staked_atoms);
                format!("permitpipe stake {}", unit.typed(stake_atoms))
            }
        };
        output::line(format!("{missing} are missing to {discount}: {how}"));
    }
    if let Some(other) = beneficiary.filter(|wallet| *wallet != staker.owner.key()) {
        output::line(format!("the discount is for the fee of {other}, not for yours"));
    }
    Ok(())
}

impl Standing {
    /// `tiers` are those in use; they rise.
    fn of(tiers: &[Tier], weight_atoms: u64) -> Self {
        let reached = tiers.iter().rev().find(|tier| weight_atoms >= tier.min_weight_atoms);
        let next = tiers.iter().find(|tier| weight_atoms < tier.min_weight_atoms);
        Self {
            weight_atoms,
            discount_basis_points: reached.map_or(0, |tier| tier.discount_basis_points),
            next: next.map(|tier| (*tier, tier.min_weight_atoms.saturating_sub(weight_atoms))),
        }
    }

    fn json(&self, tiers: &[Tier], staked_atoms: u64, beneficiary: Option<Pubkey>) -> Value {
        let tier = |tier: &Tier| json!({ "min_weight_atoms": tier.min_weight_atoms, "discount_basis_points": tier.discount_basis_points });
        json!({
            "tiers": tiers.iter().map(tier).collect::<Vec<_>>(),
            "staked_atoms": staked_atoms,
            "weight_atoms": self.weight_atoms,
            "discount_basis_points": self.discount_basis_points,
            "missing_atoms": self.next.map(|(_, missing_atoms)| missing_atoms),
            "beneficiary": beneficiary.map(|wallet| wallet.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_stands_in_the_last_tier_that_it_reaches() {
        let tier = |min_weight_atoms, discount_basis_points| Tier { min_weight_atoms, discount_basis_points };
        let tiers = [tier(100, 500), tier(1_000, 1_000)];
        let cases =
            [(0, 0, Some(100)), (99, 0, Some(1)), (100, 500, Some(900)), (1_000, 1_000, None), (5_000, 1_000, None)];
        for (weight, discount, missing) in cases {
            let standing = Standing::of(&tiers, weight);
            let found = (standing.discount_basis_points, standing.next.map(|(_, missing)| missing));
            assert_eq!(found, (discount, missing), "{weight}");
        }
        assert_eq!(Standing::of(&[], 5).next, None);
    }
}
