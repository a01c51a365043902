//! Instructions on epochs, templates, plans, subscriptions and anchors.

use permitpipe_sdk::chain::{
    ClaimRewardArgs, CreatePlanArgs, OpenAnchorArgs, PublishEpochArgs, instruction as build, merkle, relay_address,
    reward_leaf,
};
use permitpipe_tests::random::Random;

use super::{
    super::ground::{
        ADMINS, Attempt, Ground, PAYER, PEOPLE, SETTLERS, STRANGER, VERIFIERS, funding_of, hash, key, permit_of,
        usdc_of,
    },
    Act, amount, mostly, somebody,
};
use crate::world::USDC;

pub const ACTS: &[(&str, Act)] = &[
    ("publish_epoch", publish_epoch),
    ("claim_reward", claim),
    ("close_epoch", close_epoch),
    ("publish_template", publish_template),
    ("verify_template", verify),
    ("accuse_template", accuse),
    ("acquit_template", acquit),
    ("revoke_template", revoke),
    ("retire_template", retire_template),
    ("reclaim_template", reclaim),
    ("create_plan", create_plan),
    ("retire_plan", retire_plan),
    ("close_plan", close_plan),
    ("subscribe", subscribe),
    ("extend_subscription", extend),
    ("close_subscription", close_subscription),
    ("open_anchor", open_anchor),
    ("advance_anchor", advance),
];

type Hash = [u8; 32];

/// The tree by its definition, and the way from the leaf at `index` up.
fn tree(leaves: &[Hash], index: usize) -> (Hash, Vec<Hash>) {
    if let [leaf] = leaves {
        return (*leaf, Vec::new());
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let is_left = index < left.len();
    let (a, left_proof) = tree(left, if is_left { index } else { 0 });
    let (b, right_proof) = tree(right, if is_left { 0 } else { index - left.len() });
    let mut proof = if is_left { left_proof } else { right_proof };
    proof.push(if is_left { b } else { a });
    (merkle::node(&a, &b), proof)
}

fn hashes(number: u64, leaves: &[(usize, u64, u64)]) -> Vec<Hash> {
    let hash = |(index, (who, worth, receipts)): (usize, &(usize, u64, u64))| {
        reward_leaf(number, u32::try_from(index).unwrap(), &relay_address(&key(PEOPLE[*who])), (*worth, *receipts))
    };
    leaves.iter().enumerate().map(hash).collect()
}

fn publish_epoch(ground: &Ground, random: &mut Random) -> Attempt {
    let by = mostly(random, ground.model.config.settler, &[STRANGER, SETTLERS[1]]);
    let number = ground.model.config.epoch_count + if random.once_in(8) { random.below(3) } else { 1 };
    let leaf = |random: &mut Random| (somebody(random), 1 + random.below(USDC), random.below(1_000));
    let leaves: Vec<_> = (0..=random.below(6)).map(|_| leaf(random)).collect();
    let promised: u64 = leaves.iter().map(|leaf| leaf.1).sum();
    // Sometimes less than is promised: then the last come away empty.
    let total = if random.once_in(4) { amount(random, &[promised.into()]) } else { promised };
    let root = tree(&hashes(number, &leaves), 0).0;
    let mut config = ground.world.config();
    config.settle_authority = key(by);
    let leaf_count = u32::try_from(leaves.len()).unwrap();
    let funding = funding_of(if by == STRANGER { SETTLERS[0] } else { by });
    let args = PublishEpochArgs { number, root, leaf_count, total_atoms: total };
    let instruction = build::publish_epoch(&config, &key(PAYER), &funding, args);
    ground.attempt(vec![instruction], &[by], |model| model.publish_epoch(by, number, leaves, total.into()))
}

/// One of the numbers given out, or the one before the first.
fn number(random: &mut Random, count: u64) -> u64 {
    // The newest are the likeliest to be open.
    if random.once_in(2) { count.saturating_sub(random.below(4)) } else { random.below(count + 1) }
}

fn claim(ground: &Ground, random: &mut Random) -> Attempt {
    let number = number(random, ground.model.config.epoch_count);
    let nobody = vec![(0, 1, 1)];
    let leaves = ground.model.epochs.get(&number).map_or(&nobody, |epoch| &epoch.leaves);
    let index = usize::try_from(random.below(leaves.len() as u64)).unwrap();
    let (right, worth, receipt_count) = leaves[index];
    let who = if random.once_in(8) { somebody(random) } else { right };
    let amount_atoms = if random.once_in(8) { worth + 1 } else { worth };
    let proof = tree(&hashes(number, leaves), index).1;
    let args = ClaimRewardArgs { index: u32::try_from(index).unwrap(), amount_atoms, receipt_count, proof };
    let instruction = build::claim_reward(&ground.world.config(), &key(PEOPLE[who]), &usdc_of(who), number, args);
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.claim(who, number, index, amount_atoms))
}

fn close_epoch(ground: &Ground, random: &mut Random) -> Attempt {
    let number = random.below(ground.model.config.epoch_count + 1);
    let instruction = build::close_epoch(&ground.world.config(), number, &key(PAYER));
    ground.attempt(vec![instruction], &[], |model| model.close_epoch(number))
}

/// Which template, and mostly its publisher.
fn published(ground: &Ground, random: &mut Random) -> (u8, usize) {
    // Revoked ones stay for ever: always have fresh ones.
    let known: Vec<u8> = ground.model.templates.keys().copied().collect();
    let template =
        if known.is_empty() || random.once_in(6) { random.number().to_le_bytes()[0] } else { *random.pick(&known) };
    let publisher = ground.model.templates.get(&template).map(|template| template.publisher);
    (template, publisher.filter(|_| !random.once_in(8)).unwrap_or_else(|| somebody(random)))
}

fn publish_template(ground: &Ground, random: &mut Random) -> Attempt {
    let (who, template) = (somebody(random), random.number().to_le_bytes()[0]);
    let config = ground.world.config();
    let instruction = build::publish_template(&config, &key(PEOPLE[who]), &permit_of(who), hash(template));
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.publish_template(who, template))
}

fn verify(ground: &Ground, random: &mut Random) -> Attempt {
    let (template, by) = (published(ground, random).0, judge(ground, random));
    let instruction = build::verify_template(&key(by), &hash(template));
    ground.attempt(vec![instruction], &[by], |model| model.verify_template(by, template))
}

fn accuse(ground: &Ground, random: &mut Random) -> Attempt {
    let (template, by) = (published(ground, random).0, judge(ground, random));
    let instruction = build::accuse_template(&key(by), &hash(template));
    ground.attempt(vec![instruction], &[by], |model| model.accuse_template(by, template))
}

fn acquit(ground: &Ground, random: &mut Random) -> Attempt {
    let (template, by) = (published(ground, random).0, judge(ground, random));
    let instruction = build::acquit_template(&key(by), &hash(template));
    ground.attempt(vec![instruction], &[by], |model| model.acquit_template(by, template))
}

fn judge(ground: &Ground, random: &mut Random) -> u8 {
    mostly(random, ground.model.config.verifier, &[STRANGER, VERIFIERS[1], ADMINS[0]])
}

fn revoke(ground: &Ground, random: &mut Random) -> Attempt {
    let (template, by) = (published(ground, random).0, judge(ground, random));
    let publisher = ground.model.templates.get(&template).map_or(0, |template| template.publisher);
    let mut config = ground.world.config();
    config.verifier = key(by);
    let instruction = build::revoke_template(&config, &hash(template), &key(PEOPLE[publisher]));
    ground.attempt(vec![instruction], &[by], |model| model.revoke_template(by, template))
}

fn retire_template(ground: &Ground, random: &mut Random) -> Attempt {
    let (template, who) = published(ground, random);
    let instruction = build::retire_template(&key(PEOPLE[who]), &hash(template));
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.retire_template(who, template))
}

fn reclaim(ground: &Ground, random: &mut Random) -> Attempt {
    let (template, who) = published(ground, random);
    let config = ground.world.config();
    let instruction = build::reclaim_template(&config, &key(PEOPLE[who]), &permit_of(who), &hash(template));
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.reclaim_template(who, template))
}

fn create_plan(ground: &Ground, random: &mut Random) -> Attempt {
    let by = mostly(random, ground.model.config.admin, &[STRANGER, ADMINS[1]]);
    let number = ground.model.config.plan_count + if random.once_in(8) { random.below(3) } else { 1 };
    let (price_atoms, period_seconds) = (random.below(USDC), 50 + i64::try_from(random.below(200)).unwrap());
    let args = CreatePlanArgs { number, price_atoms, period_seconds, request_limit: 0 };
    let instruction = build::create_plan(&key(by), args);
    ground.attempt(vec![instruction], &[by], |model| model.create_plan(by, number, price_atoms.into(), period_seconds))
}

fn retire_plan(ground: &Ground, random: &mut Random) -> Attempt {
    let by = mostly(random, ground.model.config.admin, &[STRANGER, ADMINS[1]]);
    let number = number(random, ground.model.config.plan_count);
    ground.attempt(vec![build::retire_plan(&key(by), number)], &[by], |model| model.retire_plan(by, number))
}

fn close_plan(ground: &Ground, random: &mut Random) -> Attempt {
    let number = random.below(ground.model.config.plan_count + 1);
    // Whoever was admin then paid its rent.
    let plan = ground.world.svm.get_account(&permitpipe_sdk::chain::plan_address(number));
    let payer = plan.and_then(|plan| permitpipe_sdk::chain::decode_plan(&plan.data).ok()).map(|plan| plan.payer);
    let instruction = build::close_plan(number, &payer.unwrap_or(key(PAYER)));
    ground.attempt(vec![instruction], &[], |model| model.close_plan(number))
}

fn subscribe(ground: &Ground, random: &mut Random) -> Attempt {
    let (who, number) = (somebody(random), number(random, ground.model.config.plan_count));
    let periods = u32::try_from(random.below(4)).unwrap();
    let config = ground.world.config();
    let instruction = build::subscribe(&config, &key(PEOPLE[who]), &usdc_of(who), number, periods);
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.subscribe(who, number, periods))
}

fn extend(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    let bought = ground.model.people[who].subscription.as_ref().map_or(1, |subscription| subscription.plan);
    let number = if random.once_in(8) { bought + 1 } else { bought };
    let periods = u32::try_from(random.below(4)).unwrap();
    let config = ground.world.config();
    let instruction = build::extend_subscription(&config, &key(PEOPLE[who]), &usdc_of(who), number, periods);
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.extend(who, number, periods))
}

fn close_subscription(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    let instruction = build::close_subscription(&key(PEOPLE[who]));
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.close_subscription(who))
}

fn log(random: &mut Random) -> u8 {
    // Logs are never closed: enough of them that some are still to be opened.
    u8::try_from(random.below(120)).unwrap()
}

fn open_anchor(ground: &Ground, random: &mut Random) -> Attempt {
    let by = mostly(random, ground.model.config.settler, &[STRANGER, SETTLERS[1]]);
    let (log, size, root) = (log(random), amount(random, &[100]), random.number().to_le_bytes()[0]);
    let mut config = ground.world.config();
    config.settle_authority = key(by);
    let args = OpenAnchorArgs { log: hash(log), size, root: hash(root) };
    let instruction = build::open_anchor(&config, &key(PAYER), args);
    ground.attempt(vec![instruction], &[by], |model| model.open_anchor(by, log, size, root))
}

fn advance(ground: &Ground, random: &mut Random) -> Attempt {
    let by = mostly(random, ground.model.config.settler, &[STRANGER, SETTLERS[1]]);
    let log = log(random);
    let (size, root) = ground.model.anchors.get(&log).copied().unwrap_or((1, 1));
    let size = match random.below(4) {
        0 => size.saturating_sub(1),
        1 => size,
        _ => size.saturating_add(random.below(100)),
    };
    let root = if random.once_in(2) { root } else { random.number().to_le_bytes()[0] };
    let mut config = ground.world.config();
    config.settle_authority = key(by);
    let instruction = build::advance_anchor(&config, &hash(log), size, hash(root));
    ground.attempt(vec![instruction], &[by], |model| model.advance_anchor(by, log, size, root))
}
