//! `permitpipe lease request|list|revoke`.

use std::process::ExitCode;

use permitpipe_sdk::{
    client::Client,
    id::LeaseId,
    money::Credits,
    wire::{AskLease, Duration, Lease},
};

use super::Context;
use crate::{
    error::Error,
    output::{self, usd},
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// Ask for a lease; its bearer is shown once
    Request(Request),
    /// Show all leases
    List,
    /// End leases; returns when no call on them can go out any more
    Revoke {
        /// Ids, as `lease list` shows them
        #[arg(required = true)]
        ids: Vec<LeaseId>,
    },
}

/// What is asked for.
#[derive(clap::Args)]
pub struct Request {
    /// Name of the agent
    #[arg(long)]
    agent: String,
    /// Service, such as openai
    #[arg(long)]
    service: String,
    /// What it may do, such as chat or rpc.read.*; may be repeated
    #[arg(long = "scope", required = true)]
    scopes: Vec<String>,
    #[command(flatten)]
    limits: Limits,
}

/// What every lease is limited by.
#[derive(clap::Args, Clone)]
pub struct Limits {
    /// How long it lives, such as 90s, 30m or 1h
    #[arg(long, default_value = "30m", value_parser = duration)]
    pub ttl: Duration,
    /// What it may cost
    #[arg(long, value_name = "USD", default_value = "0.10")]
    pub budget: Credits,
    /// What it is for; recorded in the audit log
    #[arg(long)]
    pub intent: Option<String>,
}

/// Does it.
pub async fn run(verb: Verb, context: &Context) -> Result<ExitCode, Error> {
    let client = context.client()?;
    match verb {
        Verb::Request(request) => return ask(request, &client, context.json).await,
        Verb::List => list(&client.list_leases().await?, context.json),
        Verb::Revoke { ids } => revoke(&ids, &client, context.json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A lease that is active now. One that is not is an error which says, scope by scope, why.
pub async fn get_active(client: &Client, ask: &AskLease) -> Result<Lease, Error> {
    let lease = client.ask_lease(ask).await?;
    if lease.bearer.is_some() {
        return Ok(lease);
    }
    let reasons: Vec<String> =
        lease.blocked_scopes.iter().map(|b| format!("`{}` by rule `{}`: {}", b.scope, b.rule, b.reason)).collect();
    let status = lease.status.as_deref().unwrap_or(&lease.state);
    Err(Error::new(format!("the lease for {} is {status}; {}", lease.service, reasons.join("; ")))
        .advise("ask for less, or change the policy: permitpipe policy apply FILE"))
}

/// The body of a request.
pub fn asked(agent: &str, service: &str, scopes: Vec<String>, limits: &Limits) -> AskLease {
    AskLease {
        agent: agent.to_owned(),
        service: service.to_owned(),
        scopes,
        duration: limits.ttl.clone(),
        budget_usd: limits.budget.to_string(),
        intent: limits.intent.clone(),
    }
}

async fn ask(request: Request, client: &Client, as_json: bool) -> Result<ExitCode, Error> {
    let lease = client.ask_lease(&asked(&request.agent, &request.service, request.scopes, &request.limits)).await?;
    // A refusal is an answer, and is shown as one; but a script must notice it.
    let code = if lease.bearer.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if as_json {
        output::json(&lease);
    } else {
        show(&lease);
    }
    Ok(code)
}

fn show(lease: &Lease) {
    let mut rows = vec![
        ("lease", lease.lease_id.to_string()),
        ("status", lease.status.clone().unwrap_or_else(|| lease.state.clone())),
        ("allowed", lease.allowed_scopes.join(" ")),
    ];
    rows.extend(
        lease.blocked_scopes.iter().map(|b| ("blocked", format!("{} by rule {}: {}", b.scope, b.rule, b.reason))),
    );
    rows.extend(lease.notes.iter().map(|note| ("note", note.clone())));
    rows.push(("budget", usd(lease.budget.get())));
    rows.push(("expires", output::moment(lease.expires_at)));
    if let Some(bearer) = &lease.bearer {
        rows.push(("base URL", lease.base_url.clone()));
        rows.push(("bearer", bearer.clone()));
    }
    for (name, value) in rows {
        output::line(format!("{name:<10}{value}"));
    }
}

fn list(leases: &[Lease], as_json: bool) {
    if as_json {
        return output::json(&leases);
    }
    let row = |lease: &Lease| {
        [
            lease.lease_id.to_string(),
            lease.agent.clone(),
            lease.service.clone(),
            lease.state.clone(),
            lease.allowed_scopes.join(" "),
            format!("{} of {}", lease.budget_spent, lease.budget),
            output::moment(lease.expires_at),
        ]
    };
    let headings = ["lease", "agent", "service", "state", "scopes", "spent (USD)", "expires"];
    output::table(headings, leases.iter().map(row).collect(), "no leases yet: permitpipe lease request --help");
}

async fn revoke(ids: &[LeaseId], client: &Client, as_json: bool) -> Result<(), Error> {
    for id in ids {
        let lease = client.revoke_lease(*id).await?;
        if as_json {
            output::json(&lease);
        } else {
            output::line(format!("{} is {}", lease.lease_id, lease.state));
        }
    }
    Ok(())
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = Duration::Text(text.to_owned());
    match duration.seconds() {
        Some(_) => Ok(duration),
        None => Err("write a whole number and a unit, such as 90s, 30m or 1h".into()),
    }
}
