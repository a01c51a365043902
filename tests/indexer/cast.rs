//! One life of everything the program keeps, with every kind of event: each account opened, changed in every way and
//! closed, and what can be opened again opened again. `operator` plays what a relay's operator does.

mod operator;

use std::collections::HashMap;

use anchor_lang::{AccountSerialize, prelude::Clock};
use permitpipe_program::{
    event::{
        ConfigChange, ConfigChanged, LogAnchored, PlanChange, PlanChanged, SettlementClosed, SubscriptionChange,
        SubscriptionChanged, TemplateChange, TemplateChanged,
    },
    state::{Anchor, Asset, Plan, Subscription, Template, template::TemplateStatus},
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
