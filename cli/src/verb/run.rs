//! `permitpipe run -- CMD`: a command that holds leases instead of keys, and loses them when it ends.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
    os::unix::process::ExitStatusExt,
    process::{ExitCode, ExitStatus},
};

use permitpipe_sdk::{client::Client, wire::Lease};
use rustix::process::{Pid, Signal};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use super::{
    Context,
    lease::{self, Limits},
};
use crate::{
    error::{Error, Explain},
    output,
};

/// As which agent, with what, and what to run.
#[derive(clap::Args)]
pub struct Args {
    /// Name of the agent
    #[arg(long)]
    agent: String,
    /// Service, such as openai; may be repeated
    #[arg(long = "service", required = true)]
    services: Vec<String>,
    /// What it may do, such as chat, or SERVICE/SCOPE for one service alone; may be repeated [default: *]
    #[arg(long = "scope")]
    scopes: Vec<String>,
    #[command(flatten)]
    limits: Limits,
    /// The command and its arguments
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// Requests the leases, runs the command, revokes the leases; ends as the command ended.
pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Error> {
    let client = context.client()?;
    let mut leases = Vec::new();
    let ended = match request(&args, &client, &mut leases).await {
        Ok(()) => execute(&args.command, &leases).await,
        Err(error) => Err(error),
    };
    let revoked = revoke(&leases, &client).await;
    let code = ended?;
    // The command has ended well or badly; that a lease outlives it until its TTL is worth a word, not its exit code.
    if let Err(error) = revoked {
        error.print(context.json);
    }
    Ok(code)
}

/// Pushes each lease as it comes, so that those are revoked too that came before a failure.
async fn request(args: &Args, client: &Client, leases: &mut Vec<Lease>) -> Result<(), Error> {
    for service in &args.services {
        let scopes = scopes_for(service, &args.scopes)?;
        leases.push(lease::get_active(client, &lease::asked(&args.agent, service, scopes, &args.limits)).await?);
    }
    Ok(())
}

/// Scopes named for this service, or for no service in particular.
fn scopes_for(service: &str, scopes: &[String]) -> Result<Vec<String>, Error> {
    if scopes.is_empty() {
        return Ok(vec!["*".into()]);
    }
    let named = |scope: &String| match scope.split_once('/') {
        Some((of, scope)) => (of == service).then(|| scope.to_owned()),
        None => Some(scope.clone()),
    };
    let scopes: Vec<String> = scopes.iter().filter_map(named).collect();
    if scopes.is_empty() {
        return Err(
            Error::usage(format!("no --scope is meant for {service}")).advise(format!("add --scope {service}/SCOPE"))
        );
    }
    Ok(scopes)
}

/// What the command finds in its environment: the names that the services' own SDKs read, and ours.
fn variables(leases: &[Lease]) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    // The first lease of several keeps the names they share.
    let mut set = |name: String, value: &str| {
        variables.entry(name).or_insert_with(|| value.to_owned());
    };
    for lease in leases {
        let bearer = lease.bearer.as_deref().unwrap_or_default();
        let service: String = lease
            .service
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        set(format!("{service}_BASE_URL"), &lease.base_url);
        set(format!("{service}_API_KEY"), bearer);
        // Solana's clients take one URL and nothing else.
        set(format!("{service}_RPC_URL"), &format!("{}/?api-key={bearer}", lease.base_url.trim_end_matches('/')));
        set("PERMITPIPE_BASE_URL".into(), &lease.base_url);
        set("PERMITPIPE_LEASE".into(), bearer);
        set("PERMITPIPE_LEASE_ID".into(), &lease.lease_id.to_string());
    }
    variables
}

async fn execute(command: &[String], leases: &[Lease]) -> Result<ExitCode, Error> {
    let (program, arguments) = command.split_first().ok_or_else(|| Error::usage("no command after --"))?;
    // Listening begins before the child does: a signal in between must not end us with the leases still open.
    let mut signals = Signals::listen()?;
    let mut child = Command::new(program)
        .args(arguments)
        .envs(variables(leases))
        .spawn()
        .explain(|| format!("cannot run {program}"))?;
    loop {
        tokio::select! {
            status = child.wait() => return status.map(exit_code).explain(|| format!("cannot wait for {program}")),
            received = signals.next() => forward(&child, received),
        }
    }
}

fn forward(child: &Child, received: Signal) {
    // A terminal sends Ctrl-C to the child as well; a second one would look like impatience.
    if received == Signal::INT && io::stdin().is_terminal() {
        return;
    }
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
        let _ = rustix::process::kill_process(pid, received);
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    // As shells do: 128 and the signal's number.
    let code = status.code().or_else(|| status.signal().map(|number| number.saturating_add(128))).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

async fn revoke(leases: &[Lease], client: &Client) -> Result<(), Error> {
    let mut failed = Ok(());
    for lease in leases {
        if let Err(error) = client.revoke_lease(lease.lease_id).await {
            failed = Err(Error::new(format!("{} could not be revoked: {error}", lease.lease_id)).advise(format!(
                "it ends by itself at {}, or: permitpipe lease revoke {}",
                output::moment(lease.expires_at),
                lease.lease_id
            )));
        }
    }
    failed
}

struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> Result<Self, Error> {
        let listen = |kind| signal(kind).explain(|| "cannot listen for signals".into());
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hangup.recv() => Signal::HUP,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(service: &str, scopes: &[&str]) -> Option<Vec<String>> {
        scopes_for(service, &scopes.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()).ok()
    }

    #[test]
    fn a_scope_belongs_to_the_service_it_names_or_to_all() {
        assert_eq!(scopes("openai", &[]), Some(vec!["*".into()]));
        assert_eq!(scopes("openai", &["chat", "helius/rpc.read.*"]), Some(vec!["chat".into()]));
        assert_eq!(scopes("helius", &["openai/chat", "helius/rpc.read.*"]), Some(vec!["rpc.read.*".into()]));
        assert_eq!(scopes("helius", &["openai/chat"]), None);
    }
}
