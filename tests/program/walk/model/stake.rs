//! Stakes, the relays they bond, and what contradictions cost.

use super::{MOST, Model, Number, Verdict, rule};

#[derive(Clone)]
pub struct Stake {
    pub event_seq: u64,
    pub beneficiary: u8,
    pub active: Number,
    pub weight: Number,
    pub weighed_at: i64,
    pub bonded: Number,
    pub unlocking: Option<(Number, i64)>,
    pub slashed: Number,
    /// What others sent to its token account.
    pub donated: Number,
}

#[derive(Clone)]
pub struct Relay {
    pub event_seq: u64,
    pub key: u8,
    pub previous_key: Option<u8>,
    pub key_changed_at: i64,
    pub retired_at: Option<i64>,
    pub paid_receipts: Number,
    pub rewarded: Number,
    pub slash_count: u32,
    pub endpoint: String,
}

impl Stake {
    /// Active and unlocking.
    pub fn total(&self) -> Number {
        self.active + self.unlocking.map_or(0, |waiting| waiting.0)
    }

    pub fn weight_at(&self, now: i64, warm_up: i64) -> Number {
        let elapsed = (now - self.weighed_at).clamp(0, warm_up);
        self.weight + (self.active - self.weight) * Number::from(elapsed) / Number::from(warm_up)
    }

    fn add(&mut self, amount: Number, now: i64, warm_up: i64) {
        self.weight = self.weight_at(now, warm_up);
        self.weighed_at = now;
        self.active += amount;
    }

    fn shrink(&mut self, amount: Number) {
        if self.active > 0 {
            self.weight = self.weight * (self.active - amount) / self.active;
        }
        self.active -= amount;
    }
}

impl Model {
    pub fn open_stake(&mut self, who: usize, beneficiary: u8) -> Verdict {
        self.running()?;
        rule(self.people[who].stake.is_none(), "open already")?;
        let event_seq = self.base() + 1;
        self.person(who).stake = Some(Stake {
            event_seq,
            beneficiary,
            active: 0,
            weight: 0,
            weighed_at: 0,
            bonded: 0,
            unlocking: None,
            slashed: 0,
            donated: 0,
        });
        Ok(())
    }

    pub fn add_stake(&mut self, who: usize, amount: Number) -> Verdict {
        self.running()?;
        let (now, warm_up) = (self.now, self.config.timing.warm_up_seconds);
        rule(amount > 0 && amount <= self.people[who].permit, "nothing, or not in the wallet")?;
        self.person(who).permit -= amount;
        let stake = self.stake(who)?;
        stake.add(amount, now, warm_up);
        rule(stake.active + stake.unlocking.map_or(0, |waiting| waiting.0) <= MOST, "beyond books")
    }

    pub fn set_beneficiary(&mut self, who: usize, beneficiary: u8) -> Verdict {
        let now = self.now;
        let stake = self.stake(who)?;
        rule(stake.beneficiary != beneficiary, "the same")?;
        (stake.beneficiary, stake.weight, stake.weighed_at) = (beneficiary, 0, now);
        Ok(())
    }

    pub fn request_unstake(&mut self, who: usize, amount: Number) -> Verdict {
        let at = self.now + self.config.timing.cool_down_seconds;
        let stake = self.stake(who)?;
        rule(stake.unlocking.is_none(), "one waits already")?;
        rule(amount > 0 && amount <= stake.active, "nothing, or more than is staked")?;
        rule(stake.active - amount >= stake.bonded, "bonded")?;
        stake.shrink(amount);
        stake.unlocking = Some((amount, at));
        Ok(())
    }

    pub fn cancel_unstake(&mut self, who: usize) -> Verdict {
        let (now, warm_up) = (self.now, self.config.timing.warm_up_seconds);
        let stake = self.stake(who)?;
        let (amount, _) = stake.unlocking.take().ok_or("none waits")?;
        stake.add(amount, now, warm_up);
        Ok(())
    }

    pub fn unstake(&mut self, who: usize) -> Verdict {
        let now = self.now;
        let (amount, at) = self.stake(who)?.unlocking.take().ok_or("none waits")?;
        rule(now >= at, "too early")?;
        self.person(who).permit += amount;
        Ok(())
    }

    pub fn close_stake(&mut self, who: usize) -> Verdict {
        let slot_base = self.base();
        let stake = self.stake(who)?;
        rule(stake.active == 0 && stake.unlocking.is_none() && stake.bonded == 0, "not empty")?;
        rule(slot_base >= stake.event_seq, "closed in the slot it was opened in")?;
        let donated = stake.donated;
        let person = self.person(who);
        person.permit += donated;
        person.stake = None;
        Ok(())
    }

    pub fn register_relay(&mut self, who: usize, key: u8, endpoint: &str) -> Verdict {
        self.running()?;
        rule(self.people[who].relay.is_none(), "registered already")?;
        rule(is_endpoint(endpoint), "no endpoint")?;
        let (bond, now, event_seq) = (Number::from(self.config.bonds.relay_atoms), self.now, self.base() + 1);
        let stake = self.stake(who)?;
        rule(stake.active >= bond, "too little stake")?;
        stake.bonded = bond;
        self.person(who).relay = Some(Relay {
            event_seq,
            key,
            previous_key: None,
            key_changed_at: now,
            retired_at: None,
            paid_receipts: 0,
            rewarded: 0,
            slash_count: 0,
            endpoint: endpoint.to_owned(),
        });
        Ok(())
    }

    pub fn update_relay(&mut self, who: usize, endpoint: &str) -> Verdict {
        let relay = self.relay(who)?;
        rule(relay.retired_at.is_none() && is_endpoint(endpoint), "retired, or no endpoint")?;
        endpoint.clone_into(&mut relay.endpoint);
        Ok(())
    }

    pub fn rotate_relay_key(&mut self, who: usize, key: u8) -> Verdict {
        let (now, cool_down) = (self.now, self.config.timing.cool_down_seconds);
        let relay = self.relay(who)?;
        rule(relay.retired_at.is_none() && relay.key != key, "retired, or the same key")?;
        rule(now >= relay.key_changed_at + cool_down, "changed lately")?;
        (relay.previous_key, relay.key, relay.key_changed_at) = (Some(relay.key), key, now);
        Ok(())
    }

    pub fn retire_relay(&mut self, who: usize) -> Verdict {
        let now = self.now;
        let relay = self.relay(who)?;
        rule(relay.retired_at.is_none(), "retired already")?;
        relay.retired_at = Some(now);
        self.stake(who)?.bonded = 0;
        Ok(())
    }

    pub fn close_relay(&mut self, who: usize) -> Verdict {
        let (now, cool_down, slot_base) = (self.now, self.config.timing.cool_down_seconds, self.base());
        let relay = self.relay(who)?;
        let retired_at = relay.retired_at.ok_or("in service")?;
        rule(now >= retired_at + cool_down, "cooling down")?;
        rule(relay.slash_count == 0, "slashed")?;
        rule(slot_base >= relay.event_seq, "closed in the slot it was opened in")?;
        self.person(who).relay = None;
        Ok(())
    }

    /// `reporter` proves that keys `signers` signed two statements about (stream, sequence) with these contents.
    pub fn slash_relay(&mut self, reporter: usize, who: usize, place: (u8, u64), said: [(u8, u8); 2]) -> Verdict {
        let bonds = self.config.bonds;
        rule(!self.contradictions.contains(&(who, place.0, place.1)), "punished already")?;
        let relay = self.relay(who)?;
        let answers = |key: u8| key == relay.key || Some(key) == relay.previous_key;
        rule(said.iter().all(|(key, _)| answers(*key)), "not the relay's key")?;
        rule(said[0].1 != said[1].1, "no contradiction")?;
        relay.slash_count += 1;
        let stake = self.stake(who)?;
        let unlocking = stake.unlocking.map_or(0, |waiting| waiting.0);
        let total = stake.active + unlocking;
        rule(total > 0, "nothing left")?;
        let kept = total * Number::from(10_000 - bonds.slash_basis_points) / 10_000;
        let taken = total - kept;
        let from_unlocking = taken.min(unlocking);
        stake.shrink(taken - from_unlocking);
        let left = unlocking - from_unlocking;
        stake.unlocking = stake.unlocking.map(|(_, at)| (left, at)).filter(|(left, _)| *left > 0);
        stake.slashed += taken;
        let share = taken * Number::from(bonds.reporter_basis_points) / 10_000;
        self.person(reporter).permit += share;
        self.insurance += taken - share;
        self.contradictions.insert((who, place.0, place.1));
        Ok(())
    }

    /// The stake, with one more event.
    fn stake(&mut self, who: usize) -> Result<&mut Stake, &'static str> {
        let stake = self.person(who).stake.as_mut().ok_or("no stake")?;
        stake.event_seq += 1;
        Ok(stake)
    }

    /// The relay, with one more event.
    pub(super) fn relay(&mut self, who: usize) -> Result<&mut Relay, &'static str> {
        let relay = self.person(who).relay.as_mut().ok_or("no relay")?;
        relay.event_seq += 1;
        Ok(relay)
    }
}

fn is_endpoint(endpoint: &str) -> bool {
    let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("wss://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(' ')) && endpoint.len() <= 120
}
