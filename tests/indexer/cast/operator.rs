//! What a relay's operator does: stakes, registers, is paid and slashed, leaves and comes back.

use anchor_lang::prelude::Clock;
use permitpipe_program::{
    event::{EpochChange, EpochChanged, RelayChange, RelayChanged, StakeChange, StakeChanged},
    state::{Epoch, Relay, Stake},
};
use permitpipe_sdk::chain;
use solana_sdk::pubkey::Pubkey;

use super::{One, Play};
use crate::story::{DELAY, bytes};

impl Play<'_> {
    /// A stake bonds a relay, which is paid, contradicts itself, retires and is closed; both are opened again.
    pub(super) fn stake_and_relay(&mut self) {
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
            relay.reward(amount_atoms, 7);
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
