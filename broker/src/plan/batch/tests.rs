use permitpipe_sdk::id::{NodeId, RequestId};

use super::*;
use crate::{audit::Subject, ledger::deposit};

/// One owner with 1,000 credits and one lease with a budget of 100.
fn locked(owner_id: OwnerId, lease_id: LeaseId) -> Locked {
    let mut balances = Balances::default();
    balances.apply(&deposit(&balances, Credits::parse(1_000).unwrap())).unwrap();
    let lease = LeaseRow {
        standing: Ok(Duration::from_secs(60)),
        budget: 100,
        held: 0,
        spent: 0,
        receipt_seq: 0,
        receipt_hash: [0; 32],
        receipt_total: 0,
    };
    Locked {
        accounts: HashMap::from([(owner_id, AccountRow { balances, limit: Ok(limit(i64::MAX, i64::MAX)) })]),
        leases: HashMap::from([(lease_id, lease)]),
        open_holds: HashSet::new(),
    }
}

fn limit(exposure: i64, single: i64) -> Limit {
    Limit { exposure, single }
}

fn ask(owner_id: OwnerId, lease_id: LeaseId, amount: i64, budget: i64) -> Ask {
    let request_id = RequestId::generate();
    let subject = Subject { owner_id, request_id, lease_id: Some(lease_id) };
    Ask {
        owner_id,
        lease_id,
        request_id,
        hold_id: HoldId::generate(),
        node_id: NodeId::generate(),
        amount: Credits::parse(amount).unwrap(),
        budget: Credits::parse(budget).unwrap(),
        minimum: Credits::ZERO,
        minimum_budget: Credits::ZERO,
        operation: "openai:chat".into(),
        price_version: "1".into(),
        intent: Entry::new(subject, EntryKind::Intent, &serde_json::json!({})),
    }
}

fn refusal(verdict: &Verdict) -> Option<Refusal> {
    match verdict {
        Verdict::Refused(refusal, Some(_)) => Some(*refusal),
        _ => None,
    }
}

fn close(verdict: Verdict, used: i64) -> Close {
    let Verdict::Granted(Grant(held)) = verdict else { panic!("not granted: {verdict:?}") };
    let outcome = Entry::new(held.subject(), EntryKind::Outcome, &serde_json::json!({}));
    let used = Credits::parse(used).unwrap();
    Close { held, ending: Ending::Captured, used, used_budget: used, is_estimated: false, outcome }
}

#[test]
fn exactly_what_the_budget_covers_is_granted_in_order_of_arrival() {
    let (owner_id, lease_id) = (OwnerId::generate(), LeaseId::generate());
    let (mut locked, mut plan) = (locked(owner_id, lease_id), Plan::default());
    let verdicts: Vec<Verdict> =
        (0..64).map(|_| plan.add(&mut locked, Intent::Reserve(Box::new(ask(owner_id, lease_id, 10, 10))))).collect();
    assert!(verdicts[..10].iter().all(|v| matches!(v, Verdict::Granted(_))));
    assert!(verdicts[10..].iter().all(|v| refusal(v) == Some(Refusal::Budget { left: 0, asked: 10 })));
    assert_eq!((plan.holds.len(), plan.entries.len()), (10, 64));
    assert_eq!(plan.accounts[&owner_id].held, 100);
    assert_eq!(plan.leases[&(owner_id, lease_id)].held, 100);
}

#[test]
fn each_limit_refuses_by_its_own_name() {
    let (owner_id, lease_id) = (OwnerId::generate(), LeaseId::generate());
    let try_with = |change: &dyn Fn(&mut Locked), amount, budget| {
        let mut locked = locked(owner_id, lease_id);
        change(&mut locked);
        let verdict =
            Plan::default().add(&mut locked, Intent::Reserve(Box::new(ask(owner_id, lease_id, amount, budget))));
        refusal(&verdict)
    };
    let lease = |locked: &mut Locked, standing| locked.leases.get_mut(&lease_id).unwrap().standing = Err(standing);
    let set = |locked: &mut Locked, limit| locked.accounts.get_mut(&owner_id).unwrap().limit = limit;
    for standing in [Refusal::LeaseRevoked, Refusal::LeaseExpired, Refusal::LeaseExhausted] {
        assert_eq!(try_with(&|l| lease(l, standing), 1, 1), Some(standing));
    }
    assert_eq!(try_with(&|l| l.leases.clear(), 1, 1), Some(Refusal::LeaseRevoked));
    assert_eq!(try_with(&|_| {}, 1, 101), Some(Refusal::Budget { left: 100, asked: 101 }));
    let spend = |l: &mut Locked| l.leases.get_mut(&lease_id).unwrap().budget = i64::MAX;
    assert_eq!(try_with(&spend, 1_001, 1_001), Some(Refusal::Credit { left: 1_000, asked: 1_001 }));
    let freeze = |l: &mut Locked| l.accounts.get_mut(&owner_id).unwrap().balances.frozen = 995;
    assert_eq!(try_with(&freeze, 6, 6), Some(Refusal::Credit { left: 5, asked: 6 }));
    assert_eq!(try_with(&|l| set(l, Ok(limit(5, i64::MAX))), 6, 6), Some(Refusal::Exposure { left: 5, asked: 6 }));
    assert_eq!(try_with(&|l| set(l, Ok(limit(i64::MAX, 5))), 6, 6), Some(Refusal::Exposure { left: 5, asked: 6 }));
    assert_eq!(try_with(&|l| set(l, Err(Refusal::StaleView)), 6, 6), Some(Refusal::StaleView));
    assert_eq!(try_with(&|l| set(l, Err(Refusal::NoVault)), 6, 6), Some(Refusal::NoVault));
    // What costs no credit needs neither vault nor a fresh view, only budget.
    assert_eq!(try_with(&|l| set(l, Err(Refusal::NoVault)), 0, 6), None);
}

#[test]
fn a_close_charges_at_most_the_hold_returns_the_rest_and_counts_once() {
    let (owner_id, lease_id) = (OwnerId::generate(), LeaseId::generate());
    let (mut locked, mut plan) = (locked(owner_id, lease_id), Plan::default());
    let granted = plan.add(&mut locked, Intent::Reserve(Box::new(ask(owner_id, lease_id, 40, 60))));
    let close = close(granted, 1_000);
    locked.open_holds.insert(close.held.hold_id);
    let mut plan = Plan::default();
    assert!(matches!(plan.add(&mut locked, Intent::Close(Box::new(close.clone()))), Verdict::Done));
    assert!(matches!(plan.add(&mut locked, Intent::Close(Box::new(close))), Verdict::Gone));
    let (balances, lease) = (plan.accounts[&owner_id], &plan.leases[&(owner_id, lease_id)]);
    assert_eq!((balances.available, balances.held, balances.spent), (960, 0, 40));
    assert_eq!((lease.held, lease.spent, lease.receipt_seq, lease.receipt_total), (0, 60, 1, 40));
    assert_eq!((plan.receipts.len(), plan.entries.len(), plan.ended.len()), (1, 1, 1));
}

#[test]
fn receipts_of_one_batch_are_a_chain() {
    let (owner_id, lease_id) = (OwnerId::generate(), LeaseId::generate());
    let (mut locked, mut plan) = (locked(owner_id, lease_id), Plan::default());
    for used in [3, 4] {
        let granted = plan.add(&mut locked, Intent::Reserve(Box::new(ask(owner_id, lease_id, 10, 10))));
        let close = close(granted, used);
        locked.open_holds.insert(close.held.hold_id);
        plan.add(&mut locked, Intent::Close(Box::new(close)));
    }
    let [(first, first_hash), (second, _)] = plan.receipts.as_slice() else { panic!("two receipts") };
    assert_eq!((first.sequence, second.sequence), (1, 2));
    assert_eq!((first.previous, second.previous), ([0; 32], *first_hash));
    assert_eq!(second.total, Credits::parse(7).unwrap());
}
