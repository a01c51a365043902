//! `permitpipe topup AMOUNT`: USDC or SOL from the wallet into the vault, followed until it can be spent.

use std::time::Duration;

use permitpipe_sdk::{
    chain::{
        Config, Vault,
        instruction::{deposit_sol, deposit_usdc, open_vault, set_cap},
    },
    wire::Account,
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

/// A final deposit of USDC on its way into the ledger.
struct Deposit {
    signature: String,
    atoms: u64,
    /// The ledger before it was sent.
    before: Account,
    /// The vault's total of deposits on chain with it; `None` where the vault is gone already.
    credited_atoms: Option<u64>,
}

/// Deposits and, unless told otherwise, waits until the credit can be spent.
pub async fn run(args: Args, context: &Context) -> Result<(), Error> {
    let (owner, unit) = (context.owner()?, args.asset.unit());
    let watch = Stopwatch::start();
    let atoms = unit.positive_atoms(&args.amount, "the top-up")?;
    let is_followed = !args.no_wait && args.asset == Kind::Usdc;
    let before = if is_followed { Some(owner.client.account().await?) } else { None };
    let instructions = instructions(&owner, &args, atoms).await?;
    let signature = owner.rpc.send(&instructions, &[&owner.wallet]).await?;
    context.say("confirmed", &format!("{}, transaction {signature} ({watch})", unit.show(atoms)));
    if args.no_wait {
        return report(context, (args.asset, atoms), &signature, "confirmed", None);
    }
    owner.rpc.wait_until_final(&signature).await?;
    context.say("finalized", &format!("it cannot be undone any more ({watch})"));
    let Some(before) = before else {
        return report(context, (args.asset, atoms), &signature, "finalized", None);
    };
    let credited_atoms = owner.rpc.find_vault(&owner.key()).await?.map(|vault| vault.usdc.credited_atoms);
    let deposit = Deposit { signature: signature.to_string(), atoms, before, credited_atoms };
    let available = deposit.wait_until_posted(&owner).await?;
    context.say("credited", &format!("it can be spent ({watch})"));
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

impl Deposit {
    /// Returns what is available with it.
    async fn wait_until_posted(&self, owner: &Owner) -> Result<i64, Error> {
        for _ in 0..CREDIT_POLLS {
            let account = owner.client.account().await?;
            if self.is_posted(&account) {
                return Ok(account.available);
            }
            tokio::time::sleep(POLL).await;
        }
        Err(Error::new("the deposit is final on chain, but not credited after 60 s")
            .advise("is the indexer running? `permitpipe balance` shows when it is credited"))
    }

    /// The clearing account is negative by what came in and has not gone out, over all lives of the wallet's vault, so
    /// the deposit lowers it by itself; other deposits at the same time may lower it further. A withdrawal that is
    /// posted at the same time raises it again: then the deposit is in where the vault's row, at finality, has the
    /// total that the chain has, and more is available than before.
    fn is_posted(&self, now: &Account) -> bool {
        if now.pending_deposits.iter().any(|pending| pending.signature == self.signature) {
            return false;
        }
        let atoms = i128::from(self.atoms);
        let has_fallen = i128::from(self.before.chain) - i128::from(now.chain) >= atoms;
        let has_total = now.vault.as_ref().zip(self.credited_atoms).is_some_and(|(vault, credited_atoms)| {
            u64::try_from(vault.credited_atoms).is_ok_and(|total| total >= credited_atoms)
        });
        has_fallen || (has_total && now.available > self.before.available)
    }
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
            "signature": signature, "asset": asset, "amount_atoms": atoms, "stage": stage, "available": available,
        }));
    } else if let Some(available) = available {
        output::labelled("available", &output::usd(available));
    } else if stage == "finalized" {
        output::labelled("vault", "permitpipe balance shows it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use permitpipe_sdk::wire::{PendingDeposit, Vault};

    use super::*;

    fn account(chain: i64, available: i64, credited_atoms: i64) -> Account {
        let vault = Vault {
            address: "v".into(),
            credited_atoms,
            settled_atoms: 0,
            withdrawn_atoms: 0,
            cap_atoms: 0,
            withdrawal_atoms: None,
            withdrawal_at: None,
        };
        Account { chain, available, vault: Some(vault), ..Account::default() }
    }

    fn deposit(before: Account, credited_atoms: u64) -> Deposit {
        Deposit { signature: "s".into(), atoms: 5, before, credited_atoms: Some(credited_atoms) }
    }

    #[test]
    fn a_deposit_into_a_vault_that_was_opened_again_is_seen_in_the_ledger() {
        // Of 20 in the former life 8 were settled and 12 taken out: the row is gone, the ledger goes on.
        let deposit = deposit(Account { chain: -8, ..Account::default() }, 5);
        assert!(!deposit.is_posted(&Account { chain: -8, ..Account::default() }));
        assert!(!deposit.is_posted(&account(-8, 0, 5)), "in the row, not in the ledger");
        assert!(!deposit.is_posted(&account(-8, 0, 20)), "the row of the former life");
        assert!(deposit.is_posted(&account(-13, 5, 5)));
        assert!(deposit.is_posted(&account(-20, 12, 12)), "with somebody else's");
    }

    #[test]
    fn a_deposit_is_seen_beside_a_withdrawal() {
        let deposit = deposit(Account { withdrawing: 7, ..account(-10, 3, 10) }, 15);
        assert!(!deposit.is_posted(&account(-3, 3, 15)), "only the withdrawal is in the ledger");
        assert!(deposit.is_posted(&account(-8, 8, 15)));
    }

    #[test]
    fn a_deposit_that_is_still_pending_is_not_posted() {
        let deposit = deposit(account(-10, 3, 10), 15);
        let pending = |signature: &str| PendingDeposit { signature: signature.into(), amount: 5, slot: 1 };
        let now = |signature: &str| Account { pending_deposits: vec![pending(signature)], ..account(-15, 8, 15) };
        assert!(!deposit.is_posted(&now("s")), "that was somebody else's");
        assert!(deposit.is_posted(&now("t")));
    }
}
