//! Agents that call, an owner that pays, issues and revokes, an upstream that misbehaves: all at once, and none of them
//! minds that a part is gone.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use permitpipe_sdk::{
    client::Client,
    wire::{self, AskLease, Lease},
};
use permitpipe_tests::{
    random::Random,
    system::onchain::Onchain,
    upstream::{Mode, Upstream},
};
use serde_json::json;
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::world::World;

const AGENTS: usize = 6;
/// An agent's own patience; a stream that stalls is given up.
const CALL_WITHIN: Duration = Duration::from_secs(3);
const LEASES: usize = 4;

/// What agents saw.
#[derive(Default)]
pub struct Tally {
    /// Calls that were sent; each has its number in the body.
    pub sent: AtomicU64,
    /// Calls whose whole answer arrived.
    pub completed: AtomicU64,
}

/// Runs `chaos` under load, and counts what the agents see.
pub async fn under_load(
    world: &mut World,
    random: &mut Random,
    tally: &Arc<Tally>,
    chaos: impl AsyncFnOnce(&mut World, &mut Random),
) {
    let (stop, leases, tally) = (CancellationToken::new(), Leases::default(), tally.clone());
    let mut agents = JoinSet::new();
    for _ in 0..AGENTS {
        let agent = Agent { leases: leases.clone(), tally: tally.clone(), random: random.fork() };
        agents.spawn(agent.work(stop.clone()));
    }
    agents.spawn(issue_and_revoke(world.client.clone(), leases, random.fork(), stop.clone()));
    agents.spawn(misbehave(world.upstream.clone(), random.fork(), stop.clone()));
    agents.spawn(pay_in_and_out(world.chain.clone(), random.fork(), stop.clone()));
    chaos(world, random).await;
    stop.cancel();
    while let Some(ended) = agents.join_next().await {
        ended.unwrap();
    }
    world.upstream.set_mode(Mode::Honest);
}

/// The leases that agents hold now.
type Leases = Arc<Mutex<Vec<Lease>>>;

struct Agent {
    leases: Leases,
    tally: Arc<Tally>,
    random: Random,
}

impl Agent {
    async fn work(mut self, stop: CancellationToken) {
        let http = reqwest::Client::builder().timeout(CALL_WITHIN).build().unwrap();
        while !stop.is_cancelled() {
            let lease = {
                let leases = self.leases.lock().unwrap();
                if leases.is_empty() { None } else { Some(self.random.pick(&leases).clone()) }
            };
            let answered = match lease {
                Some(lease) => self.call(&http, &lease).await,
                None => None,
            };
            if answered.is_none() {
                pause(&stop, Duration::from_millis(20)).await;
            }
        }
    }

    /// `None` when nobody answered, or the agent hung up.
    async fn call(&mut self, http: &reqwest::Client, lease: &Lease) -> Option<()> {
        let number = self.tally.sent.fetch_add(1, Ordering::SeqCst);
        let body = json!({
            "model": "gpt-4o-mini", "max_tokens": 32, "stream": self.random.once_in(2),
            "messages": [{ "role": "user", "content": format!("call-{number}.") }],
        });
        let url = format!("{}/chat/completions", lease.base_url);
        let request = http.post(url).bearer_auth(lease.bearer.as_deref()?).json(&body);
        let answer = request.send().await.ok()?;
        if self.random.once_in(10) {
            return None; // hangs up after the head
        }
        let is_success = answer.status().is_success();
        let text = answer.text().await.ok()?;
        // Both kinds of answer come to their own end, or they are not whole.
        if is_success && (text.contains("[DONE]") || text.contains("total_tokens")) {
            self.tally.completed.fetch_add(1, Ordering::SeqCst);
        }
        Some(())
    }
}

/// Keeps a few leases in the agents' hands, taking one away now and then.
async fn issue_and_revoke(client: Client, leases: Leases, mut random: Random, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let taken = {
            let mut leases = leases.lock().unwrap();
            if leases.len() < LEASES { None } else { Some(leases.remove(0)) }
        };
        if let Some(lease) = taken {
            // Agents may hold on to it: their next call must fail, which is for other tests to show.
            let _ = client.revoke_lease(lease.lease_id).await;
            pause(&stop, random.millis(1_000)).await;
        }
        let ask = AskLease {
            agent: "bot".into(),
            service: "openai".into(),
            scopes: vec!["chat".into()],
            duration: wire::Duration::Seconds(if random.once_in(4) { 2 } else { 600 }),
            budget_usd: if random.once_in(3) { "0.001" } else { "0.1" }.into(),
            intent: None,
        };
        match client.ask_lease(&ask).await {
            Ok(lease) => leases.lock().unwrap().push(lease),
            Err(_) => pause(&stop, Duration::from_millis(50)).await,
        }
    }
}

/// Deposits, withdrawal requests, payments and cancellations, as they come. A chain that is just starting again takes
/// none, and refuses what is out of turn: its own sums are what counts.
async fn pay_in_and_out(chain: Arc<Onchain>, mut random: Random, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let _ = match random.below(16) {
            0..=3 => chain.send_withdrawal_request(1_000 + random.below(200_000)).await,
            4..=6 => chain.send_withdrawal_execution().await,
            7 if random.once_in(6) => chain.send_withdrawal_cancellation().await,
            _ => chain.send_deposit(1_000 + random.below(50_000)).await,
        };
        pause(&stop, Duration::from_millis(400)).await;
    }
}

/// Honest most of the time.
async fn misbehave(upstream: Arc<Upstream>, mut random: Random, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let reset = Arc::new(Notify::new());
        reset.notify_one();
        let mode = match random.below(16) {
            0 => Mode::Status(500),
            1 => Mode::Status(429),
            2 => Mode::stall_mid_body(),
            3 => Mode::stall_before_head(),
            4 => Mode::garbage(),
            5 => Mode::reset_mid_stream(reset),
            6 => Mode::Drip { every: Duration::from_millis(20) },
            _ => Mode::Honest,
        };
        upstream.set_mode(mode);
        pause(&stop, Duration::from_millis(200)).await;
    }
}

/// The pace of the load, not a wait for something.
async fn pause(stop: &CancellationToken, time: Duration) {
    tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(time) => {} }
}
