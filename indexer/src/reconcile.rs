//! Folded rows against accounts. Events explain, accounts are the truth: where the two differ at the same event, or an
//! account is further than any event we were shown, the vault is frozen and a person has to look.

use std::{
    collections::HashMap,
    str::FromStr,
    time::{Duration, Instant},
};

use permitpipe_sdk::chain::{self, config_address, decode_config, decode_vault};
use solana_sdk::pubkey::Pubkey;
use sqlx::PgConnection;

use crate::{
    Error, apply, clock,
    fold::{FoldError, Vault, integer, waiting},
    source::{ACCOUNTS_PER_CALL, Source, Tip},
};

/// How long an account may be ahead of its events: some nodes answer with their newest state whatever they are asked.
const GRACE_SLOTS: u64 = 64;
/// Calls per round; the next round goes on where this one stopped.
const CALLS_PER_ROUND: usize = 10;

/// What is remembered between rounds.
pub struct Rounds {
    every: Duration,
    due: Instant,
    after: String,
    ahead: HashMap<String, Ahead>,
}

/// An account that was seen further than its events.
struct Ahead {
    event_seq: u64,
    slot: u64,
    is_filled: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    /// The account has had more events than we have folded.
    Ahead(u64),
    Different(String),
}

impl Rounds {
    pub fn new(every: Duration) -> Self {
        Self { every, due: clock::now(), after: String::new(), ahead: HashMap::new() }
    }

    /// Reads the config; compares the vaults that just changed and, when it is time, the next slice of all. Returns the
    /// vaults whose events have to be looked for.
    pub async fn round(
        &mut self,
        conn: &mut PgConnection,
        source: &Source,
        tip: Tip,
        changed: &[String],
    ) -> Result<Vec<Pubkey>, Error> {
        read_config(conn, source, tip).await?;
        let mut missing = Vec::new();
        for some in changed.chunks(ACCOUNTS_PER_CALL) {
            let rows = apply::vaults_named(conn, some).await?;
            missing.extend(self.compare(conn, source, tip, rows).await?);
        }
        if self.due > clock::now() {
            return Ok(missing);
        }
        self.due = clock::now().checked_add(self.every).unwrap_or_else(clock::now);
        for _ in 0..CALLS_PER_ROUND {
            let rows = apply::vaults_after(conn, &self.after, ACCOUNTS_PER_CALL).await?;
            let is_last = rows.len() < ACCOUNTS_PER_CALL;
            self.after = rows.last().filter(|_| !is_last).map(|(vault, _)| vault.clone()).unwrap_or_default();
            missing.extend(self.compare(conn, source, tip, rows).await?);
            if is_last {
                break;
            }
        }
        Ok(missing)
    }

    async fn compare(
        &mut self,
        conn: &mut PgConnection,
        source: &Source,
        tip: Tip,
        rows: Vec<(String, Vault)>,
    ) -> Result<Vec<Pubkey>, Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<String> = rows.iter().map(|(name, _)| name.clone()).collect();
        let accounts = source.accounts(&names, tip).await?;
        let mut missing = Vec::new();
        for ((name, row), data) in rows.iter().zip(&accounts.data) {
            match verdict(row, data.as_deref()) {
                Verdict::Same => drop(self.ahead.remove(name)),
                Verdict::Ahead(seq) => match self.suspect(name, row, seq, accounts.slot.max(tip.slot), tip) {
                    Suspicion::Wait => {}
                    Suspicion::Look => missing.extend(Pubkey::from_str(name).ok()),
                    Suspicion::Freeze => {
                        freeze(conn, name, "the account has events that the node does not show").await?
                    }
                },
                // The node answered from before what we have folded: it says nothing about now.
                Verdict::Different(_) if accounts.slot < tip.slot => {}
                Verdict::Different(what) => freeze(conn, name, &what).await?,
            }
        }
        Ok(missing)
    }

    /// First wait, then look for the missing events by the vault's own address, only then freeze.
    fn suspect(&mut self, name: &str, row: &Vault, event_seq: u64, slot: u64, tip: Tip) -> Suspicion {
        let ahead = self.ahead.entry(name.to_owned()).or_insert(Ahead { event_seq, slot, is_filled: false });
        if integer(ahead.event_seq, "event_seq").is_ok_and(|seq| row.event_seq >= seq) {
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

async fn freeze(conn: &mut PgConnection, vault: &str, what: &str) -> Result<(), sqlx::Error> {
    tracing::error!(vault, what, "mirror and account differ; vault frozen until a person has looked");
    apply::freeze(conn, vault).await.map(drop)
}

async fn read_config(conn: &mut PgConnection, source: &Source, tip: Tip) -> Result<(), Error> {
    let accounts = source.accounts(&[config_address().to_string()], tip).await?;
    match accounts.data.first() {
        Some(Some(data)) => match decode_config(data) {
            Ok(config) => apply::put_config(conn, accounts.slot, &config).await,
            Err(cause) => {
                tracing::error!(%cause, "config account cannot be read; keeping what was known");
                Ok(())
            }
        },
        _ => Ok(()),
    }
}

fn verdict(row: &Vault, data: Option<&[u8]>) -> Verdict {
    let Some(data) = data else { return Verdict::Different("there is no such account".to_owned()) };
    let compared = match decode_vault(data) {
        Ok(account) => compare(row, &account),
        Err(cause) => return Verdict::Different(cause.to_string()),
    };
    compared.unwrap_or_else(|cause| Verdict::Different(cause.to_string()))
}

fn compare(row: &Vault, account: &chain::Vault) -> Result<Verdict, FoldError> {
    let event_seq = integer(account.event_seq, "event_seq")?;
    if event_seq > row.event_seq {
        return Ok(Verdict::Ahead(account.event_seq));
    }
    let pending_cap = account.usdc.pending_cap.map(|cut| waiting(cut.cap_atoms, cut.effective_at)).transpose()?;
    let withdrawal =
        account.usdc.withdrawal.map(|asked| waiting(asked.amount_atoms, asked.executable_at)).transpose()?;
    let cap_atoms = integer(account.usdc.cap_atoms, "cap_atoms")?;
    let mut theirs = Vault {
        wallet: account.owner.to_string(),
        event_seq,
        settle_sequence: integer(account.settle_sequence, "settle_sequence")?,
        credited_atoms: integer(account.usdc.credited_atoms, "credited_atoms")?,
        settled_atoms: integer(account.usdc.settled_atoms, "settled_atoms")?,
        withdrawn_atoms: integer(account.usdc.withdrawn_atoms, "withdrawn_atoms")?,
        cap_atoms,
        pending_cap,
        withdrawal,
    };
    if row.has_same_cap(cap_atoms, pending_cap) {
        (theirs.cap_atoms, theirs.pending_cap) = (row.cap_atoms, row.pending_cap);
    }
    Ok(if *row == theirs { Verdict::Same } else { Verdict::Different(format!("row {row:?}, account {theirs:?}")) })
}
