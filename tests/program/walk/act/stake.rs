//! Instructions on stakes and relays.

use ed25519_dalek::{Signer as _, SigningKey};
use permitpipe_sdk::chain::{SlashRelayArgs, Statement, instruction as build};
use permitpipe_tests::random::Random;
use solana_sdk::instruction::Instruction;

use super::{
    super::ground::{Attempt, Ground, PEOPLE, RELAY_KEYS, key, permit_of},
    Act, amount, mostly, somebody,
};
use crate::world::PERMIT;

pub const ACTS: &[(&str, Act)] = &[
    ("open_stake", open),
    ("add_stake", add),
    ("set_beneficiary", set_beneficiary),
    ("request_unstake", request),
    ("cancel_unstake", cancel),
    ("unstake", unstake),
    ("close_stake", close),
    ("register_relay", register),
    ("update_relay", update),
    ("rotate_relay_key", rotate),
    ("retire_relay", retire),
    ("close_relay", close_relay),
    ("slash_relay", slash),
];

const ENDPOINTS: [&str; 4] = ["https://a.example", "wss://b.example/r", "http://c.example", "https://"];

fn open(ground: &Ground, random: &mut Random) -> Attempt {
    let (who, beneficiary) = (somebody(random), *random.pick(&PEOPLE));
    let instruction = build::open_stake(&ground.world.config(), &key(PEOPLE[who]), &key(beneficiary));
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.open_stake(who, beneficiary))
}

fn add(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    let atoms = amount(random, &[(80 * PERMIT).into(), ground.model.people[who].permit / 100, 1_000]);
    let instruction = build::add_stake(&ground.world.config(), &key(PEOPLE[who]), &permit_of(who), atoms);
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.add_stake(who, atoms.into()))
}

fn set_beneficiary(ground: &Ground, random: &mut Random) -> Attempt {
    let (who, beneficiary) = (somebody(random), *random.pick(&PEOPLE));
    let instruction = build::set_beneficiary(&key(PEOPLE[who]), &key(beneficiary));
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.set_beneficiary(who, beneficiary))
}

fn request(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    let (active, bonded) = ground.model.people[who].stake.as_ref().map_or((0, 0), |stake| (stake.active, stake.bonded));
    let atoms = if random.once_in(2) {
        u64::try_from(active).unwrap()
    } else {
        amount(random, &[active, (active - bonded).max(0)])
    };
    let instruction = build::request_unstake(&key(PEOPLE[who]), atoms);
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.request_unstake(who, atoms.into()))
}

fn cancel(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    ground.attempt(vec![build::cancel_unstake(&key(PEOPLE[who]))], &[PEOPLE[who]], |model| model.cancel_unstake(who))
}

fn unstake(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    let instruction = build::unstake(&ground.world.config(), &key(PEOPLE[who]), &permit_of(who));
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.unstake(who))
}

fn close(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    let instruction = build::close_stake(&ground.world.config(), &key(PEOPLE[who]), &permit_of(who));
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.close_stake(who))
}

fn register(ground: &Ground, random: &mut Random) -> Attempt {
    let (who, receipt_key) = (somebody(random), *random.pick(&RELAY_KEYS));
    let endpoint = if random.once_in(5) { *random.pick(&ENDPOINTS) } else { ENDPOINTS[0] };
    let instruction = build::register_relay(&key(PEOPLE[who]), &key(receipt_key), endpoint);
    ground.attempt(vec![instruction], &[PEOPLE[who], receipt_key], |model| {
        model.register_relay(who, receipt_key, endpoint)
    })
}

fn update(ground: &Ground, random: &mut Random) -> Attempt {
    let (who, endpoint) = (somebody(random), *random.pick(&ENDPOINTS));
    let instruction = build::update_relay(&key(PEOPLE[who]), endpoint);
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.update_relay(who, endpoint))
}

fn rotate(ground: &Ground, random: &mut Random) -> Attempt {
    let (who, receipt_key) = (somebody(random), *random.pick(&RELAY_KEYS));
    let instruction = build::rotate_relay_key(&key(PEOPLE[who]), &key(receipt_key));
    ground.attempt(vec![instruction], &[PEOPLE[who], receipt_key], |model| model.rotate_relay_key(who, receipt_key))
}

fn retire(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    ground.attempt(vec![build::retire_relay(&key(PEOPLE[who]))], &[PEOPLE[who]], |model| model.retire_relay(who))
}

fn close_relay(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    ground.attempt(vec![build::close_relay(&key(PEOPLE[who]))], &[PEOPLE[who]], |model| model.close_relay(who))
}

fn slash(ground: &Ground, random: &mut Random) -> Attempt {
    let (reporter, who) = (somebody(random), somebody(random));
    let place = (u8::try_from(random.below(3)).unwrap(), random.below(60));
    let right = ground.model.people[who].relay.as_ref().map_or(RELAY_KEYS[0], |relay| relay.key);
    let before = ground.model.people[who].relay.as_ref().and_then(|relay| relay.previous_key).unwrap_or(right);
    let mut said = || {
        let signer = mostly(random, right, &[before, RELAY_KEYS[0], RELAY_KEYS[1]]);
        (signer, u8::try_from(random.below(4)).unwrap())
    };
    let said = [said(), said()];
    let checks = said.map(|(signer, content)| check(signer, place, content));
    let report = build::Report {
        reporter: key(PEOPLE[reporter]),
        reporter_permit: permit_of(reporter),
        operator: key(PEOPLE[who]),
    };
    let (stream, sequence) = ([place.0; 32], place.1);
    let args = SlashRelayArgs { stream, sequence, first_instruction: 0, second_instruction: 1 };
    let slash = build::slash_relay(&ground.world.config(), &report, args);
    let [first, second] = checks;
    ground
        .attempt(vec![first, second, slash], &[PEOPLE[reporter]], |model| model.slash_relay(reporter, who, place, said))
}

/// A statement, signed and checked by the precompile.
fn check(signer: u8, place: (u8, u64), content: u8) -> Instruction {
    let statement = Statement { stream: [place.0; 32], sequence: place.1, content: [content; 32] }.to_bytes();
    let signing = SigningKey::from_bytes(&[signer; 32]);
    build::verify_statement(&signing.verifying_key().to_bytes(), &signing.sign(&statement).to_bytes(), &statement)
}
