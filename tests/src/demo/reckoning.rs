//! Where everything stood at the beginning, and whether it adds up at the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Result, ensure};
use permitpipe_sdk::{
    id::{HoldId, RequestId},
    receipt::Receipt,
    wire::{Account, Settlement},
};

use super::{
    owner::{TOP_UP_ATOMS, usd},
    stage::Scene,
    teller::Teller,
};
use crate::system::{
    book::{column_sum, verify_receipts, verify_settlements},
    onchain::Purses,
    until,
};

const PATIENCE: Duration = Duration::from_secs(90);

/// Before the first act. An earlier run may have left anything.
pub struct Opening {
    purses: Purses,
    receipts: BTreeSet<HoldId>,
    last_sequence: i64,
}

impl Opening {
    /// Brings what an earlier run began to its end, then looks at everything.
    pub async fn read(scene: &Scene, teller: &Teller) -> Result<Self> {
        if scene.chain.find_vault().await?.is_some_and(|vault| vault.usdc.withdrawal.is_some()) {
            teller.did("an earlier run left a withdrawal request: it is taken back");
            scene.cli.json(&["withdraw", "--cancel"]).await?;
        }
        until("what an earlier run left is settled", PATIENCE, || async {
            let account = scene.client.account().await?;
            let is_at_rest = account.held == 0 && account.spent == 0 && account.withdrawing == 0 && account.frozen == 0;
            Ok((is_at_rest && account.pending_deposits.is_empty()).then_some(()))
        })
        .await?;
        let receipts = scene.client.receipts().await?.receipts;
        let settlements = scene.client.settlements().await?.settlements;
        let opening = Self {
            purses: scene.chain.purses().await?,
            receipts: receipts.iter().map(|receipt| receipt.body.hold_id).collect(),
            last_sequence: settlements.iter().map(|settlement| settlement.sequence).max().unwrap_or(0),
        };
        let earlier = opening.receipts.len();
        teller.did(&format!("before      {}, {earlier} receipts of earlier runs", show(&opening.purses)));
        Ok(opening)
    }

    /// Waits until all is settled, and checks it by what the chain itself holds.
    pub async fn settle(&self, scene: &Scene, teller: &Teller) -> Result<()> {
        until("everything captured is settled and final", PATIENCE, || async {
            let account = scene.client.account().await?;
            Ok((account.spent == 0 && account.held == 0).then_some(()))
        })
        .await?;
        let page = scene.client.receipts().await?;
        let (_, leases) = verify_receipts(&page)?;
        teller.proves(&format!(
            "{} receipts on {leases} leases: each signed, gapless, linked to the one before, with the right total",
            page.receipts.len()
        ));
        let (receipts, settlements) = (self.new_receipts(page.receipts), self.new_settlements(scene).await?);
        for settlement in &settlements {
            let signature = settlement.signature.as_deref().unwrap_or_default();
            teller.did(&format!(
                "settled     no. {}: {} USD for {} receipts, transaction {signature}",
                settlement.sequence,
                usd(settlement.amount.get()),
                settlement.receipt_count
            ));
        }
        verify_settlements(&scene.chain, &settlements, &receipts).await?;
        teller.proves("the roots on chain are those of these receipts, and their sums are what was taken");
        let settled: u64 = settlements.iter().map(|settlement| settlement.amount.atoms()).sum();
        let treasury = scene.chain.purses().await?.treasury;
        ensure!(treasury - self.purses.treasury == settled, "the treasury got something else than {settled}");
        teller.proves(&format!("the treasury got exactly that: {settled} atoms of USDC"));
        Ok(())
    }

    fn new_receipts(&self, mut receipts: Vec<Receipt>) -> Vec<Receipt> {
        receipts.retain(|receipt| !self.receipts.contains(&receipt.body.hold_id));
        receipts
    }

    async fn new_settlements(&self, scene: &Scene) -> Result<Vec<Settlement>> {
        let mut settlements = scene.client.settlements().await?.settlements;
        settlements.retain(|settlement| settlement.sequence > self.last_sequence && settlement.state != "abandoned");
        settlements.sort_by_key(|settlement| settlement.sequence);
        Ok(settlements)
    }

    /// Chain, ledger, receipts and audit log, one against the other.
    pub async fn close(&self, scene: &Scene, teller: &Teller) -> Result<()> {
        let account = until("the withdrawal is final and in the ledger", PATIENCE, || async {
            let account = scene.client.account().await?;
            let is_empty = account.withdrawing == 0 && account.available == 0 && account.frozen == 0;
            Ok((is_empty && scene.chain.purses().await?.vault == 0).then_some(account))
        })
        .await?;
        self.check_chain(scene, teller).await?;
        check_ledger(scene, teller, &account).await?;
        check_audit(scene, teller).await
    }

    async fn check_chain(&self, scene: &Scene, teller: &Teller) -> Result<()> {
        let (vault, now) = (scene.chain.vault().await?, scene.chain.purses().await?);
        teller.did(&format!("after       {}", show(&now)));
        let (credited, settled, withdrawn) =
            (vault.usdc.credited_atoms, vault.usdc.settled_atoms, vault.usdc.withdrawn_atoms);
        ensure!(credited == settled + withdrawn, "{credited} credited, {settled} settled, {withdrawn} withdrawn");
        ensure!(now.treasury == settled, "the treasury holds {}, {settled} was settled", now.treasury);
        let total = |purses: &Purses| purses.wallet + purses.vault + purses.treasury;
        ensure!(total(&now) == total(&self.purses), "atoms appeared or vanished");
        let spent = now.treasury - self.purses.treasury;
        ensure!(now.wallet + spent == self.purses.wallet + self.purses.vault, "the wallet paid not what was spent");
        let top_up = u64::try_from(TOP_UP_ATOMS)?;
        teller.did(&format!("this run    {top_up} in = {spent} settled + {} back", top_up + self.purses.vault - spent));
        teller.proves(&format!("on chain: deposits {credited} = withdrawn {withdrawn} + settled {settled}"));
        Ok(())
    }
}

async fn check_ledger(scene: &Scene, teller: &Teller, account: &Account) -> Result<()> {
    let vault = scene.chain.vault().await?;
    let (settled, inside) =
        (i64::try_from(vault.usdc.settled_atoms)?, vault.usdc.credited_atoms - vault.usdc.withdrawn_atoms);
    ensure!(column_sum(account) == 0, "the columns sum to {}", column_sum(account));
    ensure!(
        account.settled == settled && account.chain == -i64::try_from(inside)?,
        "chain and ledger differ: {account:?}"
    );
    let rest = [account.available, account.held, account.spent, account.withdrawing, account.frozen, account.writeoff];
    ensure!(rest == [0; 6], "something is left: {account:?}");
    teller.proves(&format!(
        "in the ledger: chain {} + settled {} = 0, nothing anywhere else",
        account.chain, account.settled
    ));
    let (receipts, _) = verify_receipts(&scene.client.receipts().await?)?;
    ensure!(receipts == settled, "receipts sum to {receipts}, {settled} was settled");
    teller.proves(&format!("all receipts ever sum to what was ever settled: {receipts}"));
    Ok(())
}

/// Every call that reached its intent has exactly one outcome.
async fn check_audit(scene: &Scene, teller: &Teller) -> Result<()> {
    let (mut after, mut calls, mut entries) = (None, BTreeMap::<RequestId, (u32, u32)>::new(), 0_usize);
    loop {
        let page = scene.client.audit_trail(after, 500).await?;
        entries += page.entries.len();
        for entry in &page.entries {
            match entry.kind.as_str() {
                "intent" => calls.entry(entry.request_id).or_default().0 += 1,
                "outcome" => calls.entry(entry.request_id).or_default().1 += 1,
                _ => {}
            }
        }
        after = page.entries.last().map(|entry| entry.entry_id);
        if page.entries.len() < 500 {
            break;
        }
    }
    ensure!(calls.values().all(|call| *call == (1, 1)), "calls without exactly one intent and one outcome: {calls:?}");
    teller.proves(&format!("{entries} audit entries; each of {} calls has one intent and one outcome", calls.len()));
    Ok(())
}

fn show(purses: &Purses) -> String {
    let Purses { wallet, vault, treasury } = purses;
    format!("wallet {wallet}, vault {vault}, treasury {treasury} atoms of USDC")
}
