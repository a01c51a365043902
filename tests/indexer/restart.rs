//! Killed, cut off, twice at once, from zero: always the same tables.

use permitpipe_program::{
    event::{ConfigChange, ConfigChanged},
    state::{
        Asset, Config as ConfigAccount,
        change::{Bonds, Change, Fee, Limits, Oracle, PendingChange, Tier, Timing},
    },
};
use serde_json::json;
use solana_sdk::pubkey::Pubkey;

use crate::{
    cast,
    mirror::Mirror,
    node::Node,
    story::{self, DELAY, Story},
};

const FINAL: &str = "SELECT count(*) FROM chain.events WHERE commitment = 'finalized'";
const FROZEN: &str = "SELECT count(*) FROM chain.vaults WHERE is_frozen";

/// Small, seeded, good enough to walk with.
struct Walk(u64);

impl Walk {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// One more event of this vault, whatever its state allows.
    fn step(&mut self, vault: &mut Story, now: i64) -> Vec<u8> {
        vault.asset = if self.below(3) == 0 { Asset::Sol } else { Asset::Usdc };
        let (balance, withdrawal) = (vault.book().balance_atoms().unwrap(), vault.book().withdrawal);
        match self.below(6) {
            0 => vault.set_cap(self.below(5_000), now),
            1 if withdrawal.is_some() => vault.cancel(),
            2 if withdrawal.is_some_and(|asked| asked.executable_at <= now) => vault.withdraw(now),
            3 if withdrawal.is_none() && balance > 0 => vault.request(1 + self.below(balance), now),
            4 => self.settle(vault, balance, now),
            _ => vault.deposit(1 + self.below(1_000)),
        }
    }

    fn settle(&mut self, vault: &mut Story, balance: u64, now: i64) -> Vec<u8> {
        let amount = 1 + self.below(balance.clamp(1, 100));
        let mut tried = *vault.book();
        if tried.settle(amount, now, story::WINDOW).is_ok() { vault.settle(amount, now) } else { vault.deposit(1) }
    }
}

/// `count` events of a few vaults, several to a transaction now and then, and failed transactions in between.
fn walk(node: &Node, seed: u64, count: usize) -> Vec<Story> {
    println!("seed {seed}");
    let mut walk = Walk(seed);
    let mut vaults: Vec<Story> = (0..4).map(|_| Story::new(Pubkey::new_unique())).collect();
    for index in 0..count {
        let which = walk.below(4) as usize;
        let vault = &mut vaults[which];
        let now = node.with(|chain| {
            chain.slot += 1 + (index as u64 * 7) % DELAY as u64;
            1_700_000_000 + chain.slot as i64 + 1
        });
        let mut events = Vec::new();
        for _ in 0..1 + walk.below(3) / 2 {
            let is_new = vault.account.event_seq == 0;
            events.push(if is_new { vault.open(3_000) } else { walk.step(vault, now) });
        }
        let signature = node.land(vault.address, events);
        if walk.below(8) == 0 {
            node.with(|chain| {
                let mut failed = chain.transactions.iter().find(|tx| tx.signature == signature).unwrap().clone();
                failed.signature = failed.signature.chars().rev().collect();
                failed.is_failed = true;
                chain.transactions.push(failed);
            });
        }
    }
    vaults.retain(|vault| vault.account.event_seq > 0);
    for vault in &vaults {
        node.with(|chain| chain.accounts.insert(vault.address, vault.data()));
    }
    node.finalize();
    vaults
}

async fn check(mirror: &Mirror, vaults: &[Story]) {
    check_among(mirror, vaults, 0).await;
}

/// The vaults are as their accounts, and there were so many events of others.
async fn check_among(mirror: &Mirror, vaults: &[Story], others: i64) {
    let total: u64 = vaults.iter().map(|vault| vault.account.event_seq).sum();
    mirror.wait(FINAL, total as i64 + others).await;
    for vault in vaults {
        let totals: Vec<i64> = sqlx::query_scalar(
            "SELECT unnest(ARRAY[event_seq, credited_atoms, settled_atoms, withdrawn_atoms,
                                 sol_credited_atoms, sol_settled_atoms, sol_withdrawn_atoms])
             FROM chain.vaults WHERE vault = $1",
        )
        .bind(vault.address.to_string())
        .fetch_all(&mirror.pool)
        .await
        .unwrap();
        let (account, [usdc, sol]) = (&vault.account, [&vault.account.usdc, &vault.account.sol]);
        let expected = [account.event_seq, usdc.credited_atoms, usdc.settled_atoms, usdc.withdrawn_atoms]
            .into_iter()
            .chain([sol.credited_atoms, sol.settled_atoms, sol.withdrawn_atoms]);
        assert!(totals.iter().map(|&total| total as u64).eq(expected), "I12 {}: {totals:?}", vault.address);
    }
    assert_eq!(mirror.one::<i64>(FROZEN).await, 0, "reconciled: {:#?}", mirror.tables().await);
}

#[tokio::test]
async fn i11_i12_every_order_and_repetition_and_a_rebuild_give_the_same_tables() {
    for seed in [1, 2, 3] {
        let node = Node::start().await;
        let cast = cast::play(&node);
        let vaults = walk(&node, seed, 60);
        let mirror = Mirror::of(&node, &format!("i11_straight_{seed}")).await;
        let indexer = mirror.start();
        check_among(&mirror, &vaults, cast.events).await;
        mirror.caught_up(&node).await;
        indexer.stop().await;
        let tables = mirror.tables().await;

        node.with(|chain| (chain.faults.is_shuffling, chain.faults.is_repeating) = (true, true));
        let mut shuffled = Mirror::of(&node, &format!("i11_shuffled_{seed}")).await;
        let indexer = shuffled.start();
        check_among(&shuffled, &vaults, cast.events).await;
        shuffled.caught_up(&node).await;
        indexer.stop().await;
        assert_eq!(shuffled.tables().await, tables);

        shuffled.config.is_rebuild = true;
        sqlx::query("UPDATE chain.vaults SET credited_atoms = credited_atoms + 1")
            .execute(&shuffled.pool)
            .await
            .unwrap();
        let indexer = shuffled.start();
        shuffled.wait("SELECT count(*) FROM chain.vaults WHERE event_seq = 0", 0_i64).await;
        while shuffled.tables().await != tables {
            tokio::task::yield_now().await;
        }
        check_among(&shuffled, &vaults, cast.events).await;
        indexer.stop().await;
    }
}

#[tokio::test]
async fn i11_killed_anywhere_and_started_again_it_counts_everything_once() {
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let node = Node::start().await;
    let cast = cast::play(&node);
    let vaults = walk(&node, seed, 60);
    let mirror = Mirror::of(&node, "i11_killed").await;
    let mut moments = Walk(seed);
    for _ in 0..25 {
        let indexer = mirror.start();
        let calls = node.calls() + moments.below(40);
        while node.calls() < calls {
            tokio::task::yield_now().await;
        }
        for _ in 0..moments.below(30) {
            tokio::task::yield_now().await;
        }
        indexer.kill().await;
    }
    let indexer = mirror.start();
    check_among(&mirror, &vaults, cast.events).await;
    indexer.stop().await;
    let whole = Mirror::of(&node, "i11_not_killed").await;
    let indexer = whole.start();
    check_among(&whole, &vaults, cast.events).await;
    indexer.stop().await;
    assert_eq!(mirror.tables().await, whole.tables().await);
}

#[tokio::test]
async fn f10_a_node_that_fails_or_is_away_is_asked_again_until_it_answers() {
    let node = Node::start().await;
    let vaults = walk(&node, 7, 30);
    node.with(|chain| chain.faults.is_down = true);
    let mirror = Mirror::of(&node, "f10_outage").await;
    let indexer = mirror.start();
    while node.calls() < 3 {
        tokio::task::yield_now().await;
    }
    node.with(|chain| (chain.faults.is_down, chain.faults.fails_every) = (false, 29));
    check(&mirror, &vaults).await;
    node.with(|chain| chain.faults = Default::default());
    node.finalize();
    mirror.caught_up(&node).await;
    indexer.stop().await;
}

#[tokio::test]
async fn f10_while_the_node_stalls_the_view_does_not_look_fresh_and_afterwards_it_goes_on() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "f10_stall").await;
    let indexer = mirror.start();
    mirror.caught_up(&node).await;
    node.with(|chain| chain.faults.is_stalled = true);
    let calls = node.calls();
    while node.calls() == calls {
        tokio::task::yield_now().await;
    }
    let observed = "SELECT observed_at FROM chain.cursor";
    let before: time::OffsetDateTime = mirror.one(observed).await;
    let vaults = walk(&node, 17, 10);
    node.with(|chain| chain.faults.is_stalled = false);
    // The stalled call itself is never answered: it has to be given up.
    assert_eq!(mirror.one::<time::OffsetDateTime>(observed).await, before);
    check(&mirror, &vaults).await;
    indexer.stop().await;
}

#[tokio::test]
async fn two_indexers_take_turns_the_second_writes_only_after_the_first_is_gone() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "standby").await;
    let first = mirror.start();
    mirror.caught_up(&node).await;
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let second = mirror.start();
    let roles = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                 AND query LIKE 'SELECT pg_try_advisory_lock%'";
    mirror.wait(roles, 1_i64).await;
    assert_eq!(mirror.one::<i64>(locks).await, 1);
    first.kill().await;
    let vaults = walk(&node, 11, 10);
    check(&mirror, &vaults).await;
    second.stop().await;
}

#[tokio::test]
async fn a_lost_database_connection_is_made_again_and_nothing_is_counted_twice() {
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "lost_connection").await;
    let indexer = mirror.start();
    mirror.caught_up(&node).await;
    let vaults = walk(&node, 13, 40);
    for _ in 0..5 {
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .execute(&mirror.pool)
        .await
        .unwrap();
        let calls = node.calls() + 15;
        while node.calls() < calls {
            tokio::task::yield_now().await;
        }
    }
    check(&mirror, &vaults).await;
    indexer.stop().await;
}

#[tokio::test]
async fn the_config_account_is_mirrored_and_its_events_are_kept() {
    use anchor_lang::AccountSerialize;
    let node = Node::start().await;
    let mirror = Mirror::of(&node, "config").await;
    let address = permitpipe_sdk::chain::config_address();
    let by = Pubkey::new_unique();
    let initialized = ConfigChanged { config: address, event_seq: 1, by, kind: ConfigChange::Initialized };
    let paused = ConfigChanged { config: address, event_seq: 2, by, kind: ConfigChange::Paused };
    node.land(address, vec![story::bytes(&initialized)]);
    node.land(address, vec![story::bytes(&paused)]);
    let mut account = config_account();
    let mut data = Vec::new();
    account.try_serialize(&mut data).unwrap();
    node.with(|chain| chain.accounts.insert(address, data.clone()));
    node.finalize();
    let indexer = mirror.start();
    mirror.wait(FINAL, 2_i64).await;
    mirror.wait("SELECT is_paused FROM chain.config", false).await;
    assert_eq!(mirror.one::<i64>("SELECT settle_cap_atoms FROM chain.config").await, 9_000);
    let whole: serde_json::Value = mirror.one("SELECT to_jsonb(c) FROM chain.config c").await;
    for (column, value) in [
        ("verifier", json!(account.verifier.to_string())),
        ("insurance", json!(account.insurance.to_string())),
        ("settle_cap_lamports", json!(i64::MAX)),
        ("retention_seconds", json!(7)),
        ("reporter_basis_points", json!(2_500)),
        ("mebibyte_fee_credits", json!(3)),
        ("tiers", json!([{ "min_weight_atoms": 10, "discount_basis_points": 100 }])),
        ("pending_change", json!({ "change": { "fee": { "request_credits": 1, "mebibyte_credits": 3 } }, "eta": 12 })),
        ("plan_count", json!(4)),
    ] {
        assert_eq!(whole[column], value, "{column}");
    }
    assert_eq!(whole["oracle"]["max_age_seconds"], json!(60));

    account.is_paused = true;
    data.clear();
    account.try_serialize(&mut data).unwrap();
    node.with(|chain| chain.accounts.insert(address, data));
    mirror.wait("SELECT is_paused FROM chain.config", true).await;
    indexer.stop().await;
}

fn config_account() -> ConfigAccount {
    let key = Pubkey::new_unique;
    let mut tiers = [Tier::default(); Tier::COUNT];
    tiers[0] = Tier { min_weight_atoms: 10, discount_basis_points: 100 };
    let fee = Fee { request_credits: 1, mebibyte_credits: 3 };
    ConfigAccount {
        version: ConfigAccount::VERSION,
        bump: 255,
        is_paused: false,
        admin: key(),
        guardian: key(),
        settle_authority: key(),
        verifier: key(),
        usdc_mint: key(),
        permit_mint: key(),
        treasury: key(),
        sol_treasury: key(),
        insurance: key(),
        limits: Limits {
            settle_cap_atoms: 9_000,
            settle_cap_lamports: u64::MAX,
            min_deposit_atoms: 1,
            min_deposit_lamports: 1,
        },
        timing: Timing {
            window_seconds: story::WINDOW,
            withdrawal_delay_seconds: DELAY,
            change_delay_seconds: DELAY,
            cool_down_seconds: 5,
            warm_up_seconds: 6,
            retention_seconds: 7,
        },
        bonds: Bonds { relay_atoms: 1, template_atoms: 1, slash_basis_points: 5_000, reporter_basis_points: 2_500 },
        fee,
        tiers,
        oracle: Some(Oracle {
            account: key(),
            feed_id: [5; 32],
            max_age_seconds: 60,
            max_confidence_basis_points: 100,
        }),
        pending_change: Some(PendingChange { change: Change::Fee(fee), eta: 12 }),
        epoch_count: 3,
        plan_count: 4,
        event_seq: 2,
        reserved: [0; 376],
    }
}
