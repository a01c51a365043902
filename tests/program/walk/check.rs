//! What must hold after every step: the chain is what the model says, and the invariants of the threat model hold.

use std::sync::LazyLock;

use permitpipe_sdk::chain::{self, Asset, PROGRAM_ID};
use solana_sdk::pubkey::Pubkey;

use super::{
    ground::{Ground, PEOPLE, RELAY_KEYS, SETTLERS, funding_of, hash, key, permit_of, usdc_of},
    model::{Book, Number, Person, balance},
};

/// Addresses take hundreds of hashes to find: once is enough.
static TEMPLATES: LazyLock<Vec<Pubkey>> = LazyLock::new(|| all(chain::template_address));
static ANCHORS: LazyLock<Vec<Pubkey>> = LazyLock::new(|| all(chain::anchor_address));

/// Where everything of one person stands.
struct Places {
    vault: Pubkey,
    vault_usdc: Pubkey,
    stake: Pubkey,
    stake_permit: Pubkey,
    relay: Pubkey,
    subscription: Pubkey,
}

static PLACES: LazyLock<Vec<Places>> = LazyLock::new(|| PEOPLE.iter().map(|byte| Places::of(&key(*byte))).collect());

impl Places {
    fn of(owner: &Pubkey) -> Self {
        let (vault, stake) = (chain::vault_address(owner), chain::stake_address(owner));
        Self {
            vault,
            vault_usdc: chain::vault_usdc_address(&vault),
            stake,
            stake_permit: chain::stake_permit_address(&stake),
            relay: chain::relay_address(owner),
            subscription: chain::subscription_address(owner),
        }
    }
}

/// By number: epoch, its USDC, plan.
static NUMBERED: LazyLock<Vec<[Pubkey; 3]>> = LazyLock::new(|| {
    let addresses = |number| {
        let epoch = chain::epoch_address(number);
        [epoch, chain::epoch_usdc_address(&epoch), chain::plan_address(number)]
    };
    (0..500).map(addresses).collect()
});

fn numbered(number: u64) -> [Pubkey; 3] {
    NUMBERED[usize::try_from(number).unwrap()]
}

fn all(address: fn(&[u8; 32]) -> Pubkey) -> Vec<Pubkey> {
    (0..=u8::MAX).map(|number| address(&hash(number))).collect()
}

/// Panics with what differs.
pub fn check(ground: &Ground) {
    config(ground);
    for who in 0..PEOPLE.len() {
        person(ground, who);
    }
    registry(ground);
    conserved(ground);
}

fn tokens(ground: &Ground, address: &Pubkey) -> Number {
    ground.world.tokens(address).into()
}

/// The account's data, if the program owns it.
fn data(ground: &Ground, address: &Pubkey) -> Option<Vec<u8>> {
    ground.world.svm.get_account(address).filter(|account| account.owner == PROGRAM_ID).map(|account| account.data)
}

/// I28: the config is what accepted proposals made of it.
fn config(ground: &Ground) {
    let (config, model) = (ground.world.config(), &ground.model.config);
    assert_eq!(
        (config.is_paused, config.admin, config.guardian, config.settle_authority, config.verifier),
        (model.is_paused, key(model.admin), key(model.guardian), key(model.settler), key(model.verifier)),
    );
    assert_eq!((config.limits, config.timing, config.bonds), (model.limits, model.timing, model.bonds));
    assert_eq!((config.fee, config.tiers, config.oracle), (model.fee, model.tiers, Some(model.oracle)));
    let world = &ground.world;
    assert_eq!(
        (config.usdc_mint, config.permit_mint, config.treasury, config.sol_treasury, config.insurance),
        (world.usdc, world.permit, world.treasury, world.sol_treasury, world.insurance),
    );
    let pending = model.pending.map(|(change, eta)| chain::PendingChange { change: change.on_chain(key), eta });
    assert_eq!(config.pending_change, pending);
    assert_eq!(
        (config.event_seq, config.epoch_count, config.plan_count),
        (model.event_seq, model.epoch_count, model.plan_count),
    );
}

fn person(ground: &Ground, who: usize) {
    let (person, places) = (&ground.model.people[who], &PLACES[who]);
    assert_eq!((tokens(ground, &usdc_of(who)), tokens(ground, &permit_of(who))), (person.usdc, person.permit));
    vault(ground, person, places);
    stake(ground, person, places);
    relay(ground, person, &places.relay);
    let subscription = data(ground, &places.subscription);
    let subscription = subscription.map(|data| chain::decode_subscription(&data).unwrap());
    assert_eq!(
        subscription.map(|s| (s.plan, s.event_seq, s.expires_at, Number::from(s.paid_atoms))),
        person.subscription.as_ref().map(|s| (s.plan, s.event_seq, s.expires_at, s.paid)),
    );
}

/// I1, I2, I17: each book is as counted, and there is at least as much money as books say, to the atom as much as came.
fn vault(ground: &Ground, person: &Person, places: &Places) {
    let (usdc, found) = (places.vault_usdc, data(ground, &places.vault));
    let Some(model) = &person.vault else {
        assert!(found.is_none() && ground.world.data(&usdc).is_empty(), "a vault that is closed is still there");
        return;
    };
    let vault = chain::decode_vault(&found.expect("a vault that is open is gone")).unwrap();
    assert_eq!((vault.event_seq, vault.settle_sequence), (model.event_seq, model.settle_sequence));
    book(&vault.usdc, &model.usdc);
    book(&vault.sol, &model.sol);
    assert_eq!(tokens(ground, &usdc), balance(model, Asset::Usdc) + model.donated_usdc);
    let account = ground.world.svm.get_account(&places.vault).unwrap();
    let rent = ground.world.svm.minimum_balance_for_rent_exemption(account.data.len());
    let held = balance(model, Asset::Sol) + model.donated_lamports;
    assert_eq!(Number::from(account.lamports), Number::from(rent) + held, "lamports of the vault");
}

fn book(book: &chain::Book, model: &Book) {
    let withdrawal = book.withdrawal.map(|w| (Number::from(w.amount_atoms), w.executable_at));
    let cut = book.pending_cap.map(|cut| (Number::from(cut.cap_atoms), cut.effective_at));
    let found = Book {
        credited: book.credited_atoms.into(),
        settled: book.settled_atoms.into(),
        withdrawn: book.withdrawn_atoms.into(),
        cap: book.cap_atoms.into(),
        cut,
        window_start: book.window_started_at,
        window_settled: book.window_settled_atoms.into(),
        withdrawal,
    };
    assert_eq!(&found, model);
    assert!(model.credited >= model.settled + model.withdrawn && model.withdrawn >= 0 && model.settled >= 0);
}

/// I26: what is staked is there; what unlocks weighs nothing; weight never exceeds the stake.
fn stake(ground: &Ground, person: &Person, places: &Places) {
    let (permit, found) = (places.stake_permit, data(ground, &places.stake));
    let Some(model) = &person.stake else {
        assert!(found.is_none() && ground.world.data(&permit).is_empty(), "a stake that is closed is still there");
        return;
    };
    let stake = chain::decode_stake(&found.expect("a stake that is open is gone")).unwrap();
    let position = stake.position;
    assert_eq!((stake.event_seq, stake.beneficiary), (model.event_seq, key(model.beneficiary)));
    assert_eq!(
        (Number::from(position.staked_atoms), Number::from(position.weight_atoms), position.weighed_at),
        (model.active, model.weight, model.weighed_at),
    );
    let unlocking = position.unlocking.map(|u| (Number::from(u.amount_atoms), u.unlocks_at));
    assert_eq!((Number::from(position.bonded_atoms), unlocking), (model.bonded, model.unlocking));
    assert_eq!(Number::from(position.slashed_atoms), model.slashed);
    let total = model.active + model.unlocking.map_or(0, |waiting| waiting.0);
    assert_eq!(tokens(ground, &permit), total + model.donated);
    let warm_up = ground.model.config.timing.warm_up_seconds;
    let weight = Number::from(position.weight_at(ground.model.now, warm_up).unwrap());
    assert_eq!(weight, model.weight_at(ground.model.now, warm_up));
    assert!(weight <= model.active);
}

fn relay(ground: &Ground, person: &Person, address: &Pubkey) {
    let found = data(ground, address).map(|data| chain::decode_relay(&data).unwrap());
    let Some(model) = &person.relay else {
        assert!(found.is_none(), "a relay that is closed is still there");
        return;
    };
    let relay = found.expect("a relay that is registered is gone");
    let previous = model.previous_key.map_or_else(Pubkey::default, key);
    assert!(RELAY_KEYS.contains(&model.key));
    assert_eq!((relay.event_seq, relay.key, relay.previous_key), (model.event_seq, key(model.key), previous));
    assert_eq!((relay.key_changed_at, relay.retired_at), (model.key_changed_at, model.retired_at));
    assert_eq!(
        (Number::from(relay.paid_receipts), Number::from(relay.rewarded_atoms)),
        (model.paid_receipts, model.rewarded)
    );
    assert_eq!((relay.slash_count, &relay.endpoint), (model.slash_count, &model.endpoint));
}

fn registry(ground: &Ground) {
    let model = &ground.model;
    for (number, epoch) in &model.epochs {
        let found = data(ground, &numbered(*number)[0]).map(|data| chain::decode_epoch(&data).unwrap());
        assert_eq!(found.is_some(), epoch.is_open);
        let Some(found) = found else { continue };
        let paid: Vec<bool> =
            (0..epoch.leaves.len()).map(|leaf| found.claimed[leaf / 8] >> (leaf % 8) & 1 == 1).collect();
        assert_eq!(
            (Number::from(found.claimed_atoms), found.event_seq, paid),
            (epoch.claimed, epoch.event_seq, epoch.paid.clone())
        );
        assert_eq!(tokens(ground, &numbered(*number)[1]), epoch.total - epoch.claimed);
    }
    for (number, address) in (0..=u8::MAX).zip(TEMPLATES.iter()) {
        let found = data(ground, address).map(|data| chain::decode_template(&data).unwrap());
        let found = found.map(|t| (t.publisher, t.event_seq, Number::from(t.bond_atoms), t.status, t.accused_until));
        let expected = model.templates.get(&number);
        let expected = expected.map(|t| (key(PEOPLE[t.publisher]), t.event_seq, t.bond, t.status, t.accused_until));
        assert_eq!(found, expected, "template {number}");
    }
    for (number, plan) in &model.plans {
        let found = data(ground, &numbered(*number)[2]).map(|data| chain::decode_plan(&data).unwrap());
        let expected = plan.is_open.then_some((plan.price, plan.period, plan.retired_at, plan.event_seq));
        assert_eq!(found.map(|p| (Number::from(p.price_atoms), p.period_seconds, p.retired_at, p.event_seq)), expected);
    }
    for (log, (size, root)) in &model.anchors {
        let anchor = chain::decode_anchor(&data(ground, &ANCHORS[usize::from(*log)]).unwrap()).unwrap();
        assert_eq!((anchor.size, anchor.root), (*size, hash(*root)));
    }
}

/// I2, I17, I26: no token and no lamport is anywhere but where an instruction put it, and none is made or lost.
fn conserved(ground: &Ground) {
    let (world, model) = (&ground.world, &ground.model);
    assert_eq!(tokens(ground, &world.treasury), model.treasury);
    assert_eq!(tokens(ground, &world.insurance), model.insurance);
    assert_eq!(Number::from(world.svm.get_balance(&world.sol_treasury).unwrap()), model.sol_treasury);
    for settler in SETTLERS {
        assert_eq!(tokens(ground, &funding_of(settler)), model.funding[&settler]);
    }
    let vaults = model.people.iter().filter_map(|person| person.vault.as_ref());
    let in_vaults: Number = vaults.map(|vault| balance(vault, Asset::Usdc) + vault.donated_usdc).sum();
    let in_epochs: Number = model.epochs.values().filter(|e| e.is_open).map(|e| e.total - e.claimed).sum();
    let in_wallets: Number = model.people.iter().map(|person| person.usdc).sum();
    let elsewhere: Number = model.treasury + model.funding.values().sum::<Number>();
    assert_eq!(in_vaults + in_epochs + in_wallets + elsewhere, ground.all_usdc, "USDC made or lost");
    let stakes = model.people.iter().filter_map(|person| person.stake.as_ref());
    let staked: Number = stakes.map(|s| s.active + s.unlocking.map_or(0, |u| u.0) + s.donated).sum();
    let bonds: Number = model.templates.values().map(|template| template.bond).sum();
    let in_wallets: Number = model.people.iter().map(|person| person.permit).sum();
    assert_eq!(staked + bonds + in_wallets + model.insurance, ground.all_permit, "PERMIT made or lost");
}
