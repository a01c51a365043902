//! One look at the chain, top to bottom.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, stream};
use solana_sdk::pubkey::Pubkey;
use sqlx::PgConnection;

use permitpipe_sdk::chain::PROGRAM_ID;

use crate::{
    Error, RpcError,
    apply::{self, Changed, Listing},
    cursor::Cursor,
    decode::{Seen, Transaction, decode},
    reconcile::Rounds,
    source::{Listed, Source, Tip},
};

/// Transactions asked for at once; they are applied one after the other, in order.
const FETCHES: usize = 8;

/// The mirror and what one run remembers about it. All of it but the connection can be lost at no harm.
pub struct View {
    conn: PgConnection,
    source: Source,
    cursor: Cursor,
    rounds: Rounds,
    /// Final transactions after the cursor that are done: the cursor waits for another one.
    done: HashSet<String>,
    /// Confirmed transactions on show, and the slot they were seen in.
    shown: HashMap<String, u64>,
    /// Accounts that miss an event.
    gaps: BTreeSet<Pubkey>,
    /// Rows that changed in this look.
    changed: Vec<Changed>,
}

impl View {
    pub fn new(conn: PgConnection, source: Source, cursor: Cursor, reconcile_every: Duration) -> Self {
        let rounds = Rounds::new(reconcile_every);
        let (done, shown, gaps, changed) = Default::default();
        Self { conn, source, cursor, rounds, done, shown, gaps, changed }
    }

    pub async fn poll(&mut self) -> Result<(), Error> {
        let tip = self.source.finalized_tip().await?;
        if !self.cursor.accepts(tip) {
            return Ok(());
        }
        let until = self.cursor.signature.clone();
        let listed = self.source.list_finalized(&PROGRAM_ID, until.as_deref(), tip).await?;
        let pending = self.source.list_confirmed(until.as_deref(), tip).await?;

        let gaps = self.fold(&listed, Listing::Program { moves_cursor: true }).await?;
        self.fill(gaps, tip).await?;
        self.show(&pending).await?;
        self.drop_vanished(&listed, tip).await?;
        self.cursor.advance(&mut self.conn, tip).await?;

        let changed = std::mem::take(&mut self.changed);
        let missing = self.rounds.round(&mut self.conn, &self.source, tip, &changed).await?;
        for account in missing {
            self.look_for(&account, tip).await?;
        }
        Ok(())
    }

    /// Applies final transactions, oldest first. The cursor follows as long as nothing is missing.
    async fn fold(&mut self, listed: &[Listed], listing: Listing) -> Result<BTreeSet<Pubkey>, Error> {
        let Self { conn, source, cursor, done, changed, .. } = self;
        // Collected first: a lazy map would borrow what the loop changes, and its futures could not be sent.
        let is_done = |line: &Listed| line.is_failed || done.contains(&line.signature);
        let fetches: Vec<_> = listed.iter().map(|line| fetch(source, line, is_done(line)).boxed()).collect();
        let mut bodies = stream::iter(fetches).buffered(FETCHES);
        let moves_cursor = listing != Listing::Account;
        let (mut gaps, mut is_complete) = (BTreeSet::new(), moves_cursor);
        while let Some(fetched) = bodies.next().await {
            let (line, body) = fetched?;
            let mut missing = Vec::new();
            if let Some(transaction) = body {
                let events = events_of(&transaction)?;
                let listing =
                    if moves_cursor { Listing::Program { moves_cursor: is_complete } } else { Listing::Account };
                let folded = apply::finalize(conn, &transaction, &events, listing).await?;
                changed.extend(folded.changed);
                missing = folded.gaps;
            }
            is_complete &= missing.is_empty();
            if is_complete {
                cursor.signature = Some(line.signature.clone());
            } else if missing.is_empty() {
                done.insert(line.signature.clone());
            }
            gaps.extend(missing);
        }
        if moves_cursor && is_complete {
            done.clear();
        }
        Ok(gaps)
    }

    /// Looks for missing events by the account's own address: the node may have left them out of the program's list
    /// before the cursor as well as after it.
    async fn fill(&mut self, gaps: BTreeSet<Pubkey>, tip: Tip) -> Result<(), Error> {
        let mut left = BTreeSet::new();
        for account in gaps {
            if self.look_for(&account, tip).await?.contains(&account) {
                left.insert(account);
            }
        }
        for account in left.difference(&self.gaps) {
            tracing::error!(%account, "an event of this account is missing; it stands still until the node shows it");
        }
        self.gaps = left;
        Ok(())
    }

    /// Folds what the account's own list has after its last final event. Returns the accounts that still miss something.
    async fn look_for(&mut self, account: &Pubkey, tip: Tip) -> Result<BTreeSet<Pubkey>, Error> {
        let last = apply::last_signature(&mut self.conn, &account.to_string()).await?;
        let listed = self.source.list_finalized(account, last.as_deref(), tip).await?;
        self.fold(&listed, Listing::Account).await
    }

    /// Shows confirmed transactions that are not on show yet, or moved to another slot.
    async fn show(&mut self, pending: &[Listed]) -> Result<(), Error> {
        for line in pending.iter().filter(|line| !line.is_failed) {
            if self.shown.get(&line.signature) == Some(&line.slot) {
                continue;
            }
            if let Some(transaction) = self.source.transaction(line, false).await? {
                apply::show(&mut self.conn, &transaction, &events_of(&transaction)?).await?;
                self.shown.insert(line.signature.clone(), line.slot);
            }
        }
        Ok(())
    }

    async fn drop_vanished(&mut self, listed: &[Listed], tip: Tip) -> Result<(), Error> {
        let signatures: Vec<String> = listed.iter().map(|line| line.signature.clone()).collect();
        let count = apply::drop_vanished(&mut self.conn, tip.slot, &signatures).await?;
        if count > 0 {
            tracing::warn!(count, "confirmed events did not become final and are gone");
        }
        self.shown.retain(|_, slot| *slot > tip.slot);
        Ok(())
    }
}

/// The body of a final transaction; none where there is nothing to apply.
async fn fetch<'a>(
    source: &Source,
    line: &'a Listed,
    is_done: bool,
) -> Result<(&'a Listed, Option<Transaction>), RpcError> {
    if is_done {
        return Ok((line, None));
    }
    let body = source.transaction(line, true).await?.ok_or_else(|| RpcError::Withheld(line.signature.clone()))?;
    Ok((line, Some(body)))
}

fn events_of(transaction: &Transaction) -> Result<Vec<Seen>, Error> {
    decode(transaction).map_err(|cause| Error::UnknownEvent { signature: transaction.signature.clone(), cause })
}
