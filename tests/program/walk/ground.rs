//! The chain a walk starts from, and the model of it.

use std::collections::BTreeMap;

use permitpipe_sdk::chain::{
    Bonds, Fee, InitializeConfigArgs, Oracle, Timing, stake_address, stake_permit_address, vault_address,
    vault_usdc_address,
};
use permitpipe_tests::random::Random;
use solana_sdk::{account::Account, clock::Clock, instruction::Instruction, pubkey::Pubkey, signer::Signer};

use super::model::{Config, Model, Number, Person};
use crate::world::*;

/// Keys by number. The second of each pair takes office by proposal.
pub const ADMINS: [u8; 2] = [2, 22];
pub const GUARDIANS: [u8; 2] = [3, 23];
pub const SETTLERS: [u8; 2] = [4, 24];
pub const VERIFIERS: [u8; 2] = [9, 29];
pub const PAYER: u8 = 5;
pub const STRANGER: u8 = 7;
/// Owners, stakers, operators, publishers.
pub const PEOPLE: [u8; 3] = [10, 11, 12];
/// Receipt keys of relays.
pub const RELAY_KEYS: [u8; 6] = [40, 41, 42, 43, 44, 45];
/// Short, so that a walk gets past all of them.
pub const TIMES: Timing = Timing {
    window_seconds: 100,
    withdrawal_delay_seconds: 200,
    change_delay_seconds: 300,
    cool_down_seconds: 250,
    warm_up_seconds: 1_000,
    retention_seconds: 400,
};
pub const WALK_BONDS: Bonds = Bonds {
    relay_atoms: 50 * PERMIT,
    template_atoms: 5 * PERMIT,
    slash_basis_points: 3_333,
    reporter_basis_points: 2_500,
};
const NO_FEE: Fee = Fee { request_credits: 0, mebibyte_credits: 0 };
const USDC_EACH: u64 = 1_000_000 * USDC;
const PERMIT_EACH: u64 = 100_000 * PERMIT;
const LAMPORTS_EACH: u64 = 1_000_000 * SOL;

/// One step: what is sent, who signs besides the payer, and what the model makes of it.
pub struct Attempt {
    pub instructions: Vec<Instruction>,
    pub signers: Vec<u8>,
    pub after: Result<Model, &'static str>,
}

/// Chain and model, side by side.
pub struct Ground {
    pub world: World,
    pub model: Model,
    /// What there is of each token, for ever.
    pub all_usdc: Number,
    pub all_permit: Number,
}

pub fn key(byte: u8) -> Pubkey {
    keypair(byte).pubkey()
}

/// A fixed address made of a kind and a number.
fn fixed(kind: u8, number: u8) -> Pubkey {
    let mut bytes = [200; 32];
    (bytes[0], bytes[1]) = (kind, number);
    Pubkey::new_from_array(bytes)
}

pub fn usdc_of(who: usize) -> Pubkey {
    fixed(1, PEOPLE[who])
}

pub fn permit_of(who: usize) -> Pubkey {
    fixed(2, PEOPLE[who])
}

pub fn funding_of(settler: u8) -> Pubkey {
    fixed(3, settler)
}

pub fn hash(number: u8) -> [u8; 32] {
    [number; 32]
}

impl Ground {
    pub fn new() -> Self {
        let mut world = World::bare();
        let others = [ADMINS[1], GUARDIANS[1], SETTLERS[1], VERIFIERS[1]];
        for byte in others.into_iter().chain(PEOPLE) {
            let wallet = Account { lamports: LAMPORTS_EACH, rent_epoch: u64::MAX, ..Account::default() };
            world.svm.set_account(key(byte), wallet).unwrap();
        }
        let payer = Account { lamports: LAMPORTS_EACH, rent_epoch: u64::MAX, ..Account::default() };
        world.svm.set_account(key(PAYER), payer).unwrap();
        for (who, byte) in PEOPLE.into_iter().enumerate() {
            world.put_tokens(usdc_of(who), world.usdc, key(byte), USDC_EACH);
            world.put_tokens(permit_of(who), world.permit, key(byte), PERMIT_EACH);
        }
        for settler in SETTLERS {
            world.put_tokens(funding_of(settler), world.usdc, key(settler), USDC_EACH);
        }
        let args = InitializeConfigArgs { timing: TIMES, bonds: WALK_BONDS, fee: NO_FEE, ..world.initial() };
        world.initialize(args).unwrap();
        let all_usdc = Number::from(USDC_EACH) * 5;
        let model = start(world.oracle());
        Self { world, model, all_usdc, all_permit: Number::from(PERMIT_EACH) * 3 }
    }

    /// What is sent, and what the model makes of it.
    pub fn attempt(
        &self,
        instructions: Vec<Instruction>,
        signers: &[u8],
        step: impl FnOnce(&mut Model) -> Result<(), &'static str>,
    ) -> Attempt {
        let mut after = self.model.clone();
        let verdict = step(&mut after);
        Attempt { instructions, signers: signers.to_vec(), after: verdict.map(|()| after) }
    }

    /// Time passes; slots go by.
    pub fn warp(&mut self, seconds: i64, slots: u64) {
        self.model.now += seconds;
        self.model.slot += slots;
        let (slot, unix_timestamp) = (self.model.slot, self.model.now);
        self.world.svm.set_sysvar(&Clock { slot, unix_timestamp, ..self.world.svm.get_sysvar() });
    }

    /// The oracle says something new.
    pub fn publish(&mut self, update: PriceUpdate) {
        self.world.put_price(&update);
        self.model.price = update;
    }

    /// Somebody sends tokens or lamports to accounts that are not theirs.
    pub fn donate(&mut self, random: &mut Random) {
        let who = usize::try_from(random.below(PEOPLE.len() as u64)).unwrap();
        let (atoms, owner) = (1 + random.below(1_000), key(PEOPLE[who]));
        let (vault, stake) = (vault_address(&owner), stake_address(&owner));
        let person = &mut self.model.people[who];
        if let Some(model) = &mut person.vault {
            model.donated_usdc += Number::from(atoms);
            model.donated_lamports += Number::from(atoms);
            self.all_usdc += Number::from(atoms);
            self.world.add_tokens(vault_usdc_address(&vault), atoms);
            self.world.add_lamports(vault, atoms);
        }
        if let Some(model) = &mut person.stake {
            model.donated += Number::from(atoms);
            self.all_permit += Number::from(atoms);
            self.world.add_tokens(stake_permit_address(&stake), atoms);
        }
    }
}

fn start(oracle: Oracle) -> Model {
    let person = Person { usdc: USDC_EACH.into(), permit: PERMIT_EACH.into(), ..Person::default() };
    Model {
        now: START,
        slot: 0,
        config: Config {
            is_paused: false,
            admin: ADMINS[0],
            guardian: GUARDIANS[0],
            settler: SETTLERS[0],
            verifier: VERIFIERS[0],
            limits: LIMITS,
            timing: TIMES,
            bonds: WALK_BONDS,
            fee: NO_FEE,
            tiers: TIERS,
            oracle,
            pending: None,
            event_seq: 1,
            epoch_count: 0,
            plan_count: 0,
        },
        people: vec![person; PEOPLE.len()],
        price: PriceUpdate::default(),
        treasury: 0,
        sol_treasury: SOL.into(),
        insurance: 0,
        funding: SETTLERS.iter().map(|settler| (*settler, Number::from(USDC_EACH))).collect(),
        settlements: BTreeMap::new(),
        epochs: BTreeMap::new(),
        contradictions: [].into(),
        templates: BTreeMap::new(),
        plans: BTreeMap::new(),
        anchors: BTreeMap::new(),
    }
}

impl World {
    /// As if somebody had sent tokens there.
    fn add_tokens(&mut self, address: Pubkey, atoms: u64) {
        let mut account = self.svm.get_account(&address).unwrap();
        let sum = self.tokens(&address) + atoms;
        account.data[64..72].copy_from_slice(&sum.to_le_bytes());
        self.svm.set_account(address, account).unwrap();
    }

    /// As if somebody had sent lamports there.
    fn add_lamports(&mut self, address: Pubkey, lamports: u64) {
        let mut account = self.svm.get_account(&address).unwrap();
        account.lamports += lamports;
        self.svm.set_account(address, account).unwrap();
    }
}
