//! One life of everything the program keeps, with every kind of event: each account opened, changed in every way and
//! closed, and what can be opened again opened again.

use std::collections::HashMap;

use anchor_lang::{AccountSerialize, prelude::Clock};
use permitpipe_program::{
    event::{
        ConfigChange, ConfigChanged, EpochChange, EpochChanged, LogAnchored, PlanChange, PlanChanged, RelayChange,
        RelayChanged, SettlementClosed, StakeChange, StakeChanged, SubscriptionChange, SubscriptionChanged,
        TemplateChange, TemplateChanged,
    },
    state::{Anchor, Asset, Epoch, Plan, Relay, Stake, Subscription, Template, template::TemplateStatus},
};
use permitpipe_sdk::chain;
use solana_sdk::pubkey::Pubkey;

use crate::{
    node::Node,
    story::{DELAY, Story, bytes, data},
};

/// An event and the account it is about.
type One = (Pubkey, Vec<u8>);

/// What was played: the accounts that exist at the end, and how many events there were.
pub struct Cast {
    pub accounts: HashMap<&'static str, Pubkey>,
    pub events: i64,
}

struct Play<'a> {
    node: &'a Node,
    owner: Pubkey,
    cast: Cast,
}

/// Plays everything for a fresh owner. Ends with one open account of each kind, known to the node.
pub fn play(node: &Node) -> Cast {
    let cast = Cast { accounts: HashMap::new(), events: 0 };
    let mut play = Play { node, owner: Pubkey::new_unique(), cast };
    play.config();
    play.vault();
    play.stake_and_relay();
    play.template();
    play.plan();
    play.anchor();
    play.cast
}

impl Play<'_> {
    fn config(&mut self) {
        let (config, by) = (chain::config_address(), self.owner);
        let change = permitpipe_program::state::change::Change::Verifier(by);
        let kinds = [
            ConfigChange::Initialized,
            ConfigChange::Proposed { change, eta: 5 },
            ConfigChange::Cancelled { change },
            ConfigChange::Proposed { change, eta: 9 },
            ConfigChange::Accepted { change },
            ConfigChange::Paused,
            ConfigChange::Unpaused,
            ConfigChange::SettleCapLowered { asset: Asset::Sol, settle_cap_atoms: 3 },
        ];
        for (event_seq, kind) in (1..).zip(kinds) {
            self.land(vec![(config, bytes(&ConfigChanged { config, event_seq, by, kind }))]);
        }
    }

    /// Both assets, two lives, and a settlement's account that is closed.
    fn vault(&mut self) {
        let mut vault = Story::at(self.owner, self.clock().slot);
        let address = vault.address;
        let now = self.clock().unix_timestamp;
        let mut events = vec![vault.open(1_000)];
        for asset in [Asset::Usdc, Asset::Sol] {
            vault.asset = asset;
            events.extend([vault.deposit(500), vault.set_cap(2_000, now), vault.settle(200, now)]);
            events.extend([vault.request(10, now), vault.cancel(), vault.request(300, now)]);
            events.extend([vault.withdraw(now + DELAY), vault.set_cap(5, now)]);
        }
        for event in events {
            self.land(vec![(address, event)]);
        }
        let sequence = vault.account.settle_sequence;
        let settlement = chain::settlement_address(&address, sequence);
        let closed = SettlementClosed { settlement, event_seq: 1, vault: address, sequence };
        self.land(vec![(settlement, bytes(&closed))]);
        let closed = vault.close();
        self.land(vec![(address, closed)]);
        let mut again = Story::at(self.owner, self.clock().slot);
        let events = [again.open(9), again.deposit(70), again.settle(2, now)];
        self.land(events.map(|event| (address, event)).to_vec());
        self.know("vaults", address, &again.account);
    }

    /// A stake bonds a relay, which is paid, contradicts itself, retires and is closed; both are opened again.
    fn stake_and_relay(&mut self) {
        let mut stake = self.open_stake();
        let closed = stake_changed(&mut stake, StakeChange::Closed);
        self.land(vec![closed]);
        let mut stake = self.open_stake();
        self.move_stake(&mut stake);
        let mut relay = self.register(&mut stake);
        self.move_relay(&mut relay);
        self.epochs(&mut relay);
        self.slash(&mut relay, &mut stake);
        let now = self.clock().unix_timestamp;
        relay.retire(now).unwrap();
        stake.position.bonded_atoms = 0;
        let released = stake_changed(&mut stake, StakeChange::Released);
        let retired = relay_changed(&mut relay, RelayChange::Retired { retired_at: now });
        self.land(vec![released, retired]);
        let closed = relay_changed(&mut relay, RelayChange::Closed);
        self.land(vec![closed]);
        let relay = self.register(&mut stake);
        self.know("stakes", chain::stake_address(&self.owner), &stake);
        self.know("relays", chain::relay_address(&self.owner), &relay);
    }

    fn open_stake(&mut self) -> Stake {
        let mut stake = Stake::open(self.owner, self.owner, self.clock().slot, (255, 255)).unwrap();
        let opened = stake_changed(&mut stake, StakeChange::Opened);
        self.land(vec![opened]);
        stake
    }

    fn move_stake(&mut self, stake: &mut Stake) {
        let now = self.clock().unix_timestamp;
        stake.position.add(900, now, 100).unwrap();
        let added = stake_changed(stake, StakeChange::Added { amount_atoms: 900 });
        stake.set_beneficiary(Pubkey::new_unique(), now + 50).unwrap();
        let named = stake_changed(stake, StakeChange::BeneficiaryChanged);
        stake.position.request_unstake(100, now, DELAY).unwrap();
        let asked = stake_changed(stake, StakeChange::UnstakeRequested { amount_atoms: 100 });
        stake.position.cancel_unstake(now + 80, 100).unwrap();
        let cancelled = stake_changed(stake, StakeChange::UnstakeCancelled { amount_atoms: 100 });
        stake.position.request_unstake(50, now, DELAY).unwrap();
        let again = stake_changed(stake, StakeChange::UnstakeRequested { amount_atoms: 50 });
        stake.position.unstake(now + DELAY).unwrap();
        let paid = stake_changed(stake, StakeChange::Unstaked { amount_atoms: 50 });
        for event in [added, named, asked, cancelled, again, paid] {
            self.land(vec![event]);
        }
    }

    /// Bonds the stake in the same transaction.
    fn register(&mut self, stake: &mut Stake) -> Relay {
        stake.position.bond(300).unwrap();
        let bonded = stake_changed(stake, StakeChange::Bonded);
        let (key, endpoint) = (Pubkey::new_unique(), "https://relay.example".to_owned());
        let Clock { slot, unix_timestamp, .. } = self.clock();
        let mut relay = Relay {
            version: Relay::VERSION,
            bump: 255,
            operator: self.owner,
            stake: chain::stake_address(&self.owner),
            event_seq: slot << 16,
            key,
            previous_key: Pubkey::default(),
            key_changed_at: unix_timestamp,
            retired_at: None,
            paid_receipts: 0,
            rewarded_atoms: 0,
            slash_count: 0,
            endpoint: endpoint.clone(),
            reserved: [0; 77],
        };
        let registered = relay_changed(&mut relay, RelayChange::Registered { key, endpoint });
        self.land(vec![bonded, registered]);
        relay
    }

    fn move_relay(&mut self, relay: &mut Relay) {
        let (key, endpoint) = (Pubkey::new_unique(), "wss://relay.example/there".to_owned());
        relay.set_endpoint(endpoint.clone()).unwrap();
        let moved = relay_changed(relay, RelayChange::EndpointChanged { endpoint });
        relay.rotate_key(key, relay.key_changed_at + DELAY, DELAY).unwrap();
        let rotated = relay_changed(relay, RelayChange::KeyChanged { key });
        self.land(vec![moved]);
        self.land(vec![rotated]);
    }

    /// One epoch that pays the relay twice and is closed, and one that stays.
    fn epochs(&mut self, relay: &mut Relay) {
        let mut epoch = self.publish(1);
        for (index, amount_atoms) in [(0, 40), (9, 60)] {
            epoch.claim(index, amount_atoms).unwrap();
            relay.reward(amount_atoms, 7).unwrap();
            let at = chain::relay_address(&relay.operator);
            let claimed = EpochChange::Claimed { index, relay: at, amount_atoms, receipt_count: 7 };
            let claimed = epoch_changed(&mut epoch, claimed);
            let rewarded = relay_changed(relay, RelayChange::Rewarded { epoch: 1, amount_atoms, receipt_count: 7 });
            self.land(vec![claimed, rewarded]);
        }
        let closed = epoch_changed(&mut epoch, EpochChange::Closed { unclaimed_atoms: 905 });
        self.land(vec![closed]);
        let epoch = self.publish(2);
        self.know("epochs", chain::epoch_address(2), &epoch);
    }

    fn publish(&mut self, number: u64) -> Epoch {
        let (root, leaf_count, total_atoms) = ([4; 32], 10, 1_000);
        let mut epoch = Epoch {
            version: Epoch::VERSION,
            bump: 255,
            reward_bump: 255,
            number,
            event_seq: 0,
            root,
            leaf_count,
            total_atoms,
            claimed_atoms: 0,
            published_at: self.clock().unix_timestamp,
            payer: self.owner,
            reserved: [0; 37],
            claimed: vec![0; 2],
        };
        let published = epoch_changed(&mut epoch, EpochChange::Published { root, leaf_count, total_atoms });
        self.land(vec![published]);
        epoch
    }

    fn slash(&mut self, relay: &mut Relay, stake: &mut Stake) {
        stake.position.request_unstake(100, self.clock().unix_timestamp, DELAY).unwrap();
        let asked = stake_changed(stake, StakeChange::UnstakeRequested { amount_atoms: 100 });
        self.land(vec![asked]);
        // The largest number a relay can choose, and the next to it; the second takes of what unlocks as well.
        for (sequence, basis_points) in [(u64::MAX, 5_000), (u64::MAX - 1, 9_999)] {
            let slashed_atoms = stake.position.slash(basis_points).unwrap();
            relay.slash().unwrap();
            let (reporter, reporter_atoms, stream) = (Pubkey::new_unique(), slashed_atoms / 4, [6; 32]);
            let slashed = RelayChange::Slashed { stream, sequence, reporter, slashed_atoms, reporter_atoms };
            let taken = stake_changed(stake, StakeChange::Slashed { amount_atoms: slashed_atoms });
            self.land(vec![taken, relay_changed(relay, slashed)]);
        }
        stake.position.add(500, self.clock().unix_timestamp, 100).unwrap();
        let added = stake_changed(stake, StakeChange::Added { amount_atoms: 500 });
        self.land(vec![added]);
    }

    /// Verified, accused and acquitted; retired and closed; published again, accused and revoked; another one stays.
    fn template(&mut self) {
        let now = self.clock().unix_timestamp;
        let mut template = self.publish_template([8; 32]);
        template.verify(now).unwrap();
        let verified = template_changed(&mut template, TemplateChange::Verified);
        let eta = template.accuse(now, DELAY).unwrap();
        let accused = template_changed(&mut template, TemplateChange::Accused { eta });
        template.acquit().unwrap();
        let acquitted = template_changed(&mut template, TemplateChange::Acquitted);
        let reclaimable_at = template.retire(now, DELAY).unwrap();
        let retired = template_changed(&mut template, TemplateChange::Retired { reclaimable_at });
        let closed = template_changed(&mut template, TemplateChange::Closed { returned_atoms: 250 });
        for event in [verified, accused, acquitted, retired, closed] {
            self.land(vec![event]);
        }
        let mut template = self.publish_template([8; 32]);
        let eta = template.accuse(now, DELAY).unwrap();
        let accused = template_changed(&mut template, TemplateChange::Accused { eta });
        let forfeited_atoms = template.revoke(eta).unwrap();
        let revoked = template_changed(&mut template, TemplateChange::Revoked { forfeited_atoms });
        self.land(vec![accused]);
        self.land(vec![revoked]);
        self.know("revoked", chain::template_address(&template.hash), &template);
        let template = self.publish_template([9; 32]);
        self.know("templates", chain::template_address(&template.hash), &template);
    }

    fn publish_template(&mut self, hash: [u8; 32]) -> Template {
        let bond_atoms = 250;
        let mut template = Template {
            version: Template::VERSION,
            bump: 255,
            bond_bump: 255,
            hash,
            publisher: self.owner,
            event_seq: self.clock().slot << 16,
            bond_atoms,
            status: TemplateStatus::Published,
            accused_until: None,
            reserved: [0; 59],
        };
        let published = template_changed(&mut template, TemplateChange::Published { hash, bond_atoms });
        self.land(vec![published]);
        template
    }

    /// A plan that is retired and closed, one that is sold; a subscription that ran out, and the next one.
    fn plan(&mut self) {
        let mut first = self.create(1);
        let retired_at = self.clock().unix_timestamp;
        first.retire(retired_at).unwrap();
        let retired = plan_changed(&mut first, PlanChange::Retired { retired_at });
        let closed = plan_changed(&mut first, PlanChange::Closed);
        self.land(vec![retired]);
        self.land(vec![closed]);
        let plan = self.create(2);
        self.know("plans", chain::plan_address(2), &plan);
        let mut bought = self.subscribe(&plan);
        let paid_atoms = bought.extend(&plan, 2, self.clock().unix_timestamp).unwrap();
        let extended = SubscriptionChange::Extended { paid_atoms, expires_at: bought.expires_at };
        let extended = subscription_changed(&mut bought, extended);
        let closed = subscription_changed(&mut bought, SubscriptionChange::Closed);
        self.land(vec![extended]);
        self.land(vec![closed]);
        let again = self.subscribe(&plan);
        self.know("subscriptions", chain::subscription_address(&self.owner), &again);
    }

    fn create(&mut self, number: u64) -> Plan {
        let (price_atoms, period_seconds, request_limit) = (3_000_000, 3_600, 0);
        let mut plan = Plan {
            version: Plan::VERSION,
            bump: 255,
            number,
            event_seq: 0,
            price_atoms,
            period_seconds,
            request_limit,
            retired_at: None,
            payer: self.owner,
            reserved: [0; 37],
        };
        let created = plan_changed(&mut plan, PlanChange::Created { price_atoms, period_seconds, request_limit });
        self.land(vec![created]);
        plan
    }

    fn subscribe(&mut self, plan: &Plan) -> Subscription {
        let clock = self.clock();
        let mut bought = Subscription::open(self.owner, plan.number, &clock, 255).unwrap();
        let paid_atoms = bought.extend(plan, 1, clock.unix_timestamp).unwrap();
        let kind = SubscriptionChange::Bought { plan: plan.number, paid_atoms, expires_at: bought.expires_at };
        let event = subscription_changed(&mut bought, kind);
        self.land(vec![event]);
        bought
    }

    fn anchor(&mut self) {
        let (log, bump) = ([3; 32], 255);
        let version = Anchor::VERSION;
        let mut anchor =
            Anchor { version, bump, log, event_seq: 0, size: 0, root: [0; 32], slot: 0, reserved: [0; 30] };
        let address = chain::anchor_address(&log);
        for (size, root) in [(0, [1; 32]), (5, [2; 32]), (5, [2; 32]), (90, [3; 32])] {
            let is_first = anchor.event_seq == 0;
            anchor.root = if is_first { root } else { anchor.root };
            anchor.advance(size, root, self.clock().slot).unwrap();
            let event_seq = anchor.next_event().unwrap();
            self.land(vec![(address, bytes(&LogAnchored { anchor: address, log, event_seq, size, root }))]);
        }
        self.know("anchors", address, &anchor);
    }

    /// The clock in the next transaction.
    fn clock(&self) -> Clock {
        let slot = self.node.with(|chain| chain.slot + 1);
        Clock { slot, unix_timestamp: 1_700_000_000 + slot as i64, ..Clock::default() }
    }

    /// One transaction.
    fn land(&mut self, events: Vec<One>) {
        self.cast.events += events.len() as i64;
        let (accounts, events) = events.into_iter().unzip();
        self.node.with(|chain| chain.land_all(accounts, events));
    }

    /// The account as it stands from now on.
    fn know<A: AccountSerialize>(&mut self, what: &'static str, address: Pubkey, account: &A) {
        self.node.with(|chain| chain.accounts.insert(address, data(account)));
        self.cast.accounts.insert(what, address);
    }
}

fn stake_changed(account: &mut Stake, kind: StakeChange) -> One {
    let (stake, owner, beneficiary) = (chain::stake_address(&account.owner), account.owner, account.beneficiary);
    let (event_seq, position) = (account.next_event().unwrap(), account.position);
    (stake, bytes(&StakeChanged { stake, owner, event_seq, kind, beneficiary, position }))
}

fn relay_changed(account: &mut Relay, kind: RelayChange) -> One {
    let (relay, operator, event_seq) =
        (chain::relay_address(&account.operator), account.operator, account.next_event().unwrap());
    (relay, bytes(&RelayChanged { relay, operator, event_seq, kind }))
}

fn epoch_changed(account: &mut Epoch, kind: EpochChange) -> One {
    let (epoch, number, event_seq) =
        (chain::epoch_address(account.number), account.number, account.next_event().unwrap());
    (epoch, bytes(&EpochChanged { epoch, number, event_seq, kind }))
}

fn template_changed(account: &mut Template, kind: TemplateChange) -> One {
    let (template, publisher, event_seq) =
        (chain::template_address(&account.hash), account.publisher, account.next_event().unwrap());
    (template, bytes(&TemplateChanged { template, publisher, event_seq, kind }))
}

fn plan_changed(account: &mut Plan, kind: PlanChange) -> One {
    let (plan, number, event_seq) =
        (chain::plan_address(account.number), account.number, account.next_event().unwrap());
    (plan, bytes(&PlanChanged { plan, number, event_seq, kind }))
}

fn subscription_changed(account: &mut Subscription, kind: SubscriptionChange) -> One {
    let (subscription, owner, event_seq) =
        (chain::subscription_address(&account.owner), account.owner, account.next_event().unwrap());
    (subscription, bytes(&SubscriptionChanged { subscription, owner, event_seq, kind }))
}
