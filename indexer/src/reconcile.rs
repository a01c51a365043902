//! Folded rows against accounts. Events explain, accounts are the truth: where the two differ at the same event, or an
//! account is further than any event we were shown, the row is frozen and a person has to look. For a vault that stops
//! crediting.

use std::{
    collections::HashMap,
    str::FromStr,
    time::{Duration, Instant},
};

use permitpipe_sdk::chain::{config_address, decode_config};
use solana_sdk::pubkey::Pubkey;
use sqlx::PgConnection;

use crate::{
    Error,
    apply::{self, Changed, Stored},
    clock,
    fold::{Anchor, Epoch, FoldError, Noun, Plan, Relay, Row, Stake, Subscription, Table, Template, Vault, integer},
    source::{ACCOUNTS_PER_CALL, Source, Tip},
};

/// How long an account may be ahead of its events: some nodes answer with their newest state whatever they are asked.
const GRACE_SLOTS: u64 = 64;
/// Calls per round and table; the next round goes on where this one stopped.
const CALLS_PER_ROUND: usize = 10;

/// What is remembered between rounds.
pub struct Rounds {
    every: Duration,
    due: Instant,
    /// How far each table has been compared.
    after: HashMap<&'static str, String>,
    ahead: HashMap<String, Ahead>,
}

/// An account that was seen further than its events.
struct Ahead {
    event_seq: i64,
    slot: u64,
    is_filled: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    /// The account has had more events than we have folded: at least up to this one.
    Ahead(i64),
    Different(String),
}

/// What one look works with.
struct Look<'a> {
    conn: &'a mut PgConnection,
    source: &'a Source,
    tip: Tip,
    changed: &'a [Changed],
    is_due: bool,
    /// Accounts whose events have to be looked for.
    missing: Vec<Pubkey>,
}

impl Rounds {
    pub fn new(every: Duration) -> Self {
        Self { every, due: clock::now(), after: HashMap::new(), ahead: HashMap::new() }
    }

    /// Reads the config; compares the rows that just changed and, when it is time, the next slice of all. Returns the
    /// accounts whose events have to be looked for.
    pub async fn round(
        &mut self,
        conn: &mut PgConnection,
        source: &Source,
        tip: Tip,
        changed: &[Changed],
    ) -> Result<Vec<Pubkey>, Error> {
        read_config(conn, source, tip).await?;
        let is_due = self.due <= clock::now();
        if is_due {
            self.due = clock::now().checked_add(self.every).unwrap_or_else(clock::now);
        }
        let mut look = Look { conn, source, tip, changed, is_due, missing: Vec::new() };
        self.visit::<Vault>(&mut look).await?;
        self.visit::<Stake>(&mut look).await?;
        self.visit::<Relay>(&mut look).await?;
        self.visit::<Epoch>(&mut look).await?;
        self.visit::<Template>(&mut look).await?;
        self.visit::<Plan>(&mut look).await?;
        self.visit::<Subscription>(&mut look).await?;
        self.visit::<Anchor>(&mut look).await?;
        Ok(look.missing)
    }

    async fn visit<T: Noun>(&mut self, look: &mut Look<'_>) -> Result<(), Error> {
        let ours = look.changed.iter().filter(|changed| changed.table == T::TABLE);
        let ours: Vec<String> = ours.map(|changed| changed.address.clone()).collect();
        for some in ours.chunks(ACCOUNTS_PER_CALL) {
            let rows = apply::rows_named::<T>(look.conn, some).await?;
            self.compare(look, rows).await?;
        }
        for _ in 0..if look.is_due { CALLS_PER_ROUND } else { 0 } {
            let after = self.after.entry(T::TABLE.name).or_default();
            let rows = apply::rows_after::<T>(look.conn, after, ACCOUNTS_PER_CALL).await?;
            let is_last = rows.len() < ACCOUNTS_PER_CALL;
            *after = rows.last().filter(|_| !is_last).map(|stored| stored.address.clone()).unwrap_or_default();
            self.compare(look, rows).await?;
            if is_last {
                break;
            }
        }
        Ok(())
    }

    async fn compare<T: Noun>(&mut self, look: &mut Look<'_>, rows: Vec<Stored<T>>) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = rows.iter().map(|stored| stored.address.clone()).collect();
        let accounts = look.source.accounts(&names, look.tip).await?;
        for (Stored { address, row }, data) in rows.iter().zip(&accounts.data) {
            match verdict(row, data.as_deref()) {
                Verdict::Same => drop(self.ahead.remove(address)),
                Verdict::Ahead(seq) => {
                    let seen = Ahead { event_seq: seq, slot: accounts.slot.max(look.tip.slot), is_filled: false };
                    match self.suspect(address, row.event_seq, seen, look.tip) {
                        Suspicion::Wait => {}
                        Suspicion::Look => look.missing.extend(Pubkey::from_str(address).ok()),
                        Suspicion::Freeze => {
                            let what = "the account has events that the node does not show";
                            freeze(look.conn, T::TABLE, address, what).await?;
                        }
                    }
                }
                // The node answered from before what we have folded: it says nothing about now.
                Verdict::Different(_) if accounts.slot < look.tip.slot => {}
                Verdict::Different(what) => freeze(look.conn, T::TABLE, address, &what).await?,
            }
        }
        Ok(())
    }

    /// First wait, then look for the missing events by the account's own address, only then freeze.
    fn suspect(&mut self, address: &str, folded: i64, seen: Ahead, tip: Tip) -> Suspicion {
        let Ahead { event_seq, slot, .. } = seen;
        let ahead = self.ahead.entry(address.to_owned()).or_insert(seen);
        if folded >= ahead.event_seq {
            *ahead = Ahead { event_seq, slot, is_filled: false };
        }
        if tip.slot < ahead.slot.saturating_add(GRACE_SLOTS) {
            return Suspicion::Wait;
        }
        if std::mem::replace(&mut ahead.is_filled, true) { Suspicion::Freeze } else { Suspicion::Look }
    }
}

enum Suspicion {
    Wait,
    Look,
    Freeze,
}

async fn freeze(conn: &mut PgConnection, table: Table, address: &str, what: &str) -> Result<(), sqlx::Error> {
    tracing::error!(
        table = table.name,
        address,
        what,
        "mirror and account differ; the row is frozen until a person has looked"
    );
    apply::freeze(conn, table, address).await.map(drop)
}

async fn read_config(conn: &mut PgConnection, source: &Source, tip: Tip) -> Result<(), Error> {
    let accounts = source.accounts(&[config_address().to_string()], tip).await?;
    match accounts.data.first() {
        Some(Some(data)) => match decode_config(data) {
            Ok(config) => Ok(apply::put_config(conn, accounts.slot, &config).await?),
            Err(cause) => {
                tracing::error!(%cause, "config account cannot be read; keeping what was known");
                Ok(())
            }
        },
        _ => Ok(()),
    }
}

/// An account that is gone while its row is open was closed by an event that we have yet to see, and one that is there
/// while its row is closed was opened by one.
fn verdict<T: Noun>(row: &Row<T>, data: Option<&[u8]>) -> Verdict {
    match data {
        None if row.is_open => Verdict::Ahead(row.event_seq.saturating_add(1)),
        None => Verdict::Same,
        Some(data) => compared(row, data).unwrap_or_else(|cause| Verdict::Different(cause.to_string())),
    }
}

fn compared<T: Noun>(row: &Row<T>, data: &[u8]) -> Result<Verdict, FoldError> {
    let (event_seq, account) = row.body.read(data)?;
    let event_seq = integer(event_seq, "event_seq")?;
    if event_seq > row.event_seq {
        return Ok(Verdict::Ahead(event_seq));
    }
    let is_same = row.is_open && event_seq == row.event_seq && row.body.agrees(&account);
    let different = || Verdict::Different(format!("row {row:?}, account at event {event_seq} {account:?}"));
    Ok(if is_same { Verdict::Same } else { different() })
}
