//! Epochs, templates, plans, subscriptions, anchors.

use permitpipe_sdk::chain::TemplateStatus;

use super::{MOST, Model, Number, Verdict, rule};

#[derive(Clone)]
pub struct Epoch {
    /// Who gets how much, for how many receipts.
    pub leaves: Vec<(usize, u64, u64)>,
    pub paid: Vec<bool>,
    pub total: Number,
    pub claimed: Number,
    pub published_at: i64,
    pub event_seq: u64,
    pub is_open: bool,
}

#[derive(Clone)]
pub struct Template {
    pub publisher: usize,
    pub event_seq: u64,
    pub bond: Number,
    pub status: TemplateStatus,
    pub accused_until: Option<i64>,
}

#[derive(Clone)]
pub struct Plan {
    pub price: Number,
    pub period: i64,
    pub retired_at: Option<i64>,
    pub event_seq: u64,
    pub is_open: bool,
}

#[derive(Clone)]
pub struct Subscription {
    pub plan: u64,
    pub event_seq: u64,
    pub expires_at: i64,
    pub paid: Number,
}

const FORTNIGHT: i64 = 14 * 24 * 60 * 60;
const YEAR: i64 = 366 * 24 * 60 * 60;

impl Model {
    pub fn publish_epoch(&mut self, by: u8, number: u64, leaves: Vec<(usize, u64, u64)>, total: Number) -> Verdict {
        rule(by == self.config.settler, "not the settle authority")?;
        rule(number == self.config.epoch_count + 1, "out of turn")?;
        let funding = self.funding.get_mut(&by).ok_or("no funding")?;
        rule(total > 0 && total <= *funding, "nothing, or not there")?;
        *funding -= total;
        self.config.epoch_count = number;
        let (paid, published_at) = (vec![false; leaves.len()], self.now);
        let epoch = Epoch { leaves, paid, total, claimed: 0, published_at, event_seq: 1, is_open: true };
        self.epochs.insert(number, epoch);
        Ok(())
    }

    /// `who` claims the leaf at `index`, saying that it is worth `amount`.
    pub fn claim(&mut self, who: usize, number: u64, index: usize, amount: u64) -> Verdict {
        let epoch = self.epochs.get_mut(&number).filter(|epoch| epoch.is_open).ok_or("no such epoch")?;
        let (relay, worth, receipts) = epoch.leaves[index];
        rule(relay == who && worth == amount, "not this leaf")?;
        rule(!epoch.paid[index], "paid already")?;
        rule(epoch.claimed + Number::from(amount) <= epoch.total, "nothing left")?;
        epoch.paid[index] = true;
        epoch.claimed += Number::from(amount);
        epoch.event_seq += 1;
        let relay = self.relay(who)?;
        relay.rewarded += Number::from(amount);
        relay.paid_receipts += Number::from(receipts);
        self.person(who).usdc += Number::from(amount);
        Ok(())
    }

    pub fn close_epoch(&mut self, number: u64) -> Verdict {
        let retention = self.config.timing.retention_seconds;
        let epoch = self.epochs.get_mut(&number).filter(|epoch| epoch.is_open).ok_or("no such epoch")?;
        rule(self.now >= epoch.published_at + retention, "still retained")?;
        epoch.is_open = false;
        self.treasury += epoch.total - epoch.claimed;
        Ok(())
    }

    pub fn publish_template(&mut self, who: usize, hash: u8) -> Verdict {
        self.running()?;
        rule(!self.templates.contains_key(&hash), "published, or revoked")?;
        let bond = Number::from(self.config.bonds.template_atoms);
        rule(bond <= self.people[who].permit, "not in the wallet")?;
        self.person(who).permit -= bond;
        let (event_seq, status) = (self.base() + 1, TemplateStatus::Published);
        self.templates.insert(hash, Template { publisher: who, event_seq, bond, status, accused_until: None });
        Ok(())
    }

    pub fn verify_template(&mut self, by: u8, hash: u8) -> Verdict {
        rule(by == self.config.verifier, "not the verifier")?;
        let now = self.now;
        let template = self.template(hash)?;
        rule(template.status == TemplateStatus::Published && !is_accused(template, now), "not to be verified")?;
        (template.status, template.accused_until) = (TemplateStatus::Verified, None);
        Ok(())
    }

    pub fn accuse_template(&mut self, by: u8, hash: u8) -> Verdict {
        rule(by == self.config.verifier, "not the verifier")?;
        let (now, delay) = (self.now, self.config.timing.change_delay_seconds);
        let template = self.template(hash)?;
        let is_late = matches!(template.status, TemplateStatus::Retiring { reclaimable_at } if now >= reclaimable_at);
        let is_accusable = template.status != TemplateStatus::Revoked && !is_late;
        rule(is_accusable && !is_accused(template, now), "not to be accused")?;
        if template.status == TemplateStatus::Verified {
            template.status = TemplateStatus::Published;
        }
        template.accused_until = Some(now + delay);
        Ok(())
    }

    pub fn acquit_template(&mut self, by: u8, hash: u8) -> Verdict {
        rule(by == self.config.verifier || by == self.config.admin, "neither verifier nor admin")?;
        rule(self.template(hash)?.accused_until.take().is_some(), "not accused")
    }

    pub fn revoke_template(&mut self, by: u8, hash: u8) -> Verdict {
        rule(by == self.config.verifier, "not the verifier")?;
        let now = self.now;
        let template = self.template(hash)?;
        rule(is_accused(template, now), "not accused")?;
        rule(template.accused_until.take().is_some_and(|eta| now >= eta), "too early")?;
        template.status = TemplateStatus::Revoked;
        let bond = std::mem::take(&mut template.bond);
        self.insurance += bond;
        Ok(())
    }

    pub fn retire_template(&mut self, who: usize, hash: u8) -> Verdict {
        let (now, delay) = (self.now, self.config.timing.cool_down_seconds);
        let template = self.template(hash)?;
        rule(template.publisher == who, "not the publisher")?;
        let is_live = matches!(template.status, TemplateStatus::Published | TemplateStatus::Verified);
        rule(is_live, "not to be retired")?;
        template.status = TemplateStatus::Retiring { reclaimable_at: now + delay };
        Ok(())
    }

    pub fn reclaim_template(&mut self, who: usize, hash: u8) -> Verdict {
        let (now, slot_base) = (self.now, self.base());
        let template = self.template(hash)?;
        rule(template.publisher == who, "not the publisher")?;
        let TemplateStatus::Retiring { reclaimable_at } = template.status else { return Err("not retired") };
        rule(now >= reclaimable_at && !is_accused(template, now), "too early, or accused")?;
        rule(slot_base >= template.event_seq, "closed in the slot it was opened in")?;
        let bond = template.bond;
        self.templates.remove(&hash);
        self.person(who).permit += bond;
        Ok(())
    }

    pub fn create_plan(&mut self, by: u8, number: u64, price: Number, period: i64) -> Verdict {
        rule(by == self.config.admin, "not the admin")?;
        self.running()?;
        rule(number == self.config.plan_count + 1, "out of turn")?;
        rule(price > 0 && price <= MOST && (60..=YEAR).contains(&period), "no plan")?;
        self.config.plan_count = number;
        self.plans.insert(number, Plan { price, period, retired_at: None, event_seq: 1, is_open: true });
        Ok(())
    }

    pub fn retire_plan(&mut self, by: u8, number: u64) -> Verdict {
        rule(by == self.config.admin, "not the admin")?;
        let now = self.now;
        let plan = self.plan(number)?;
        rule(plan.retired_at.is_none(), "retired already")?;
        plan.retired_at = Some(now);
        plan.event_seq += 1;
        Ok(())
    }

    pub fn close_plan(&mut self, number: u64) -> Verdict {
        let (now, retention) = (self.now, self.config.timing.retention_seconds);
        let plan = self.plan(number)?;
        let retired_at = plan.retired_at.ok_or("on sale")?;
        rule(now >= retired_at + retention, "still retained")?;
        plan.is_open = false;
        Ok(())
    }

    pub fn subscribe(&mut self, who: usize, number: u64, periods: u32) -> Verdict {
        rule(self.people[who].subscription.is_none(), "subscribed already")?;
        let (event_seq, expires_at) = (self.base(), self.now);
        self.person(who).subscription = Some(Subscription { plan: number, event_seq, expires_at, paid: 0 });
        self.extend(who, number, periods)
    }

    pub fn extend(&mut self, who: usize, number: u64, periods: u32) -> Verdict {
        self.running()?;
        let now = self.now;
        let plan = self.plan(number)?.clone();
        rule(plan.retired_at.is_none() && periods > 0, "retired, or no periods")?;
        let subscription = self.person(who).subscription.as_mut().ok_or("not subscribed")?;
        rule(subscription.plan == number, "another plan")?;
        let expires_at =
            Number::from(subscription.expires_at.max(now)) + Number::from(plan.period) * Number::from(periods);
        rule(expires_at <= Number::from(now + YEAR), "too far ahead")?;
        let cost = plan.price * Number::from(periods);
        subscription.expires_at = i64::try_from(expires_at).unwrap();
        subscription.paid += cost;
        subscription.event_seq += 1;
        let person = self.person(who);
        rule(cost <= person.usdc, "not in the wallet")?;
        person.usdc -= cost;
        self.treasury += cost;
        Ok(())
    }

    pub fn close_subscription(&mut self, who: usize) -> Verdict {
        let (now, slot_base) = (self.now, self.base());
        let subscription = self.person(who).subscription.take().ok_or("not subscribed")?;
        rule(now >= subscription.expires_at, "running")?;
        rule(slot_base > subscription.event_seq, "closed in the slot it was opened in")
    }

    pub fn open_anchor(&mut self, by: u8, log: u8, size: u64, root: u8) -> Verdict {
        rule(by == self.config.settler, "not the settle authority")?;
        rule(!self.anchors.contains_key(&log) && Number::from(size) <= MOST, "open, or too large")?;
        self.anchors.insert(log, (size, root));
        Ok(())
    }

    pub fn advance_anchor(&mut self, by: u8, log: u8, size: u64, root: u8) -> Verdict {
        rule(by == self.config.settler, "not the settle authority")?;
        let anchor = self.anchors.get_mut(&log).ok_or("not anchored")?;
        let goes_on = size > anchor.0 || (size == anchor.0 && root == anchor.1);
        rule(goes_on && Number::from(size) <= MOST, "shrinks, forks or is too large")?;
        *anchor = (size, root);
        Ok(())
    }

    /// The template, with one more event.
    fn template(&mut self, hash: u8) -> Result<&mut Template, &'static str> {
        let template = self.templates.get_mut(&hash).ok_or("no such template")?;
        template.event_seq += 1;
        Ok(template)
    }

    fn plan(&mut self, number: u64) -> Result<&mut Plan, &'static str> {
        self.plans.get_mut(&number).filter(|plan| plan.is_open).ok_or("no such plan")
    }
}

fn is_accused(template: &Template, now: i64) -> bool {
    template.accused_until.is_some_and(|eta| now < eta + FORTNIGHT)
}
