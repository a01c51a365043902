//! What lives beside the vaults: stakes, relays, rewards, templates, plans and anchors, as honest senders use them.
//!
//! The owner is also the staker, the operator and the publisher; Mallory reports relays and is up to something.
//!
//! | module | holds |
//! |---|---|
//! | `market` | templates, plans and anchors |
//! | `reward` | epochs, with a tree of our own |

pub mod market;
pub mod reward;

use std::collections::BTreeMap;

use anchor_lang::{AccountDeserialize, AccountSerialize, solana_program::system_instruction};
use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{self, Event, PROGRAM_ID, Relay, SlashRelayArgs, Stake, Statement, instruction as build};
use solana_sdk::{instruction::Instruction, message::Message, pubkey::Pubkey, signer::Signer};

use crate::world::*;

pub const ENDPOINT: &str = "https://relay.example:8443";
/// The relay's keys, by number, in the order it uses them.
pub const RELAY_KEY: u8 = 10;
pub const NEXT_KEY: u8 = 11;
pub const THIRD_KEY: u8 = 12;
/// The account of a durable nonce.
const NONCE: u8 = 14;
/// What `staked` stakes: three bonds.
pub const STAKED_ATOMS: u64 = 300 * PERMIT;
/// What one contradiction takes of that: `SLASH_BASIS_POINTS`.
pub const SLASHED_ATOMS: u64 = 120 * PERMIT;
/// Some log or lease.
pub const STREAM: [u8; 32] = [0x5a; 32];

impl World {
    /// With the owner's stake of [`STAKED_ATOMS`].
    pub fn staked() -> Self {
        let mut world = Self::configured();
        world.open_stake().unwrap();
        world.add_stake(STAKED_ATOMS).unwrap();
        world
    }

    /// With the owner's relay registered on that stake.
    pub fn relayed() -> Self {
        let mut world = Self::staked();
        world.register().unwrap();
        world
    }

    /// Paused by the guardian.
    pub fn paused(mut self) -> Self {
        self.send(&[build::pause(&self.guardian.pubkey())], &[3]).unwrap();
        self
    }

    // Stake.

    pub fn open_stake(&mut self) -> TransactionResult {
        let owner = self.owner.pubkey();
        self.send(&[build::open_stake(&self.config(), &owner, &owner)], &[6])
    }

    pub fn add_stake(&mut self, amount_atoms: u64) -> TransactionResult {
        let add = build::add_stake(&self.config(), &self.owner.pubkey(), &self.owner_permit, amount_atoms);
        self.send(&[add], &[6])
    }

    pub fn set_beneficiary(&mut self, beneficiary: &Pubkey) -> TransactionResult {
        self.send(&[build::set_beneficiary(&self.owner.pubkey(), beneficiary)], &[6])
    }

    pub fn request_unstake(&mut self, amount_atoms: u64) -> TransactionResult {
        self.send(&[build::request_unstake(&self.owner.pubkey(), amount_atoms)], &[6])
    }

    pub fn cancel_unstake(&mut self) -> TransactionResult {
        self.send(&[build::cancel_unstake(&self.owner.pubkey())], &[6])
    }

    pub fn unstake(&mut self) -> TransactionResult {
        self.send(&[build::unstake(&self.config(), &self.owner.pubkey(), &self.owner_permit)], &[6])
    }

    pub fn close_stake(&mut self) -> TransactionResult {
        self.send(&[build::close_stake(&self.config(), &self.owner.pubkey(), &self.owner_permit)], &[6])
    }

    pub fn stake_address(&self) -> Pubkey {
        chain::stake_address(&self.owner.pubkey())
    }

    pub fn stake_permit(&self) -> Pubkey {
        chain::stake_permit_address(&self.stake_address())
    }

    pub fn stake(&self) -> Stake {
        chain::decode_stake(&self.data(&self.stake_address())).unwrap()
    }

    /// What the stake weighs `seconds` after the beginning, by the rules everybody reads it with.
    pub fn weight_after(&self, seconds: i64) -> u64 {
        self.stake().position.weight_at(START + seconds, WARM_UP_SECONDS).unwrap()
    }

    // Relay.

    pub fn register(&mut self) -> TransactionResult {
        self.send(&[self.register_instruction(ENDPOINT)], &[6, RELAY_KEY])
    }

    pub fn register_instruction(&self, endpoint: &str) -> Instruction {
        build::register_relay(&self.owner.pubkey(), &keypair(RELAY_KEY).pubkey(), endpoint)
    }

    pub fn update_relay(&mut self, endpoint: &str) -> TransactionResult {
        self.send(&[build::update_relay(&self.owner.pubkey(), endpoint)], &[6])
    }

    /// To the key of that number, which signs too.
    pub fn rotate(&mut self, key: u8) -> TransactionResult {
        self.send(&[build::rotate_relay_key(&self.owner.pubkey(), &keypair(key).pubkey())], &[6, key])
    }

    pub fn retire_relay(&mut self) -> TransactionResult {
        self.send(&[build::retire_relay(&self.owner.pubkey())], &[6])
    }

    pub fn close_relay(&mut self) -> TransactionResult {
        self.send(&[build::close_relay(&self.owner.pubkey())], &[6])
    }

    pub fn relay_address(&self) -> Pubkey {
        chain::relay_address(&self.owner.pubkey())
    }

    pub fn relay(&self) -> Relay {
        chain::decode_relay(&self.data(&self.relay_address())).unwrap()
    }

    /// Mallory reports the two statements in `checks` about that place; they come first in the transaction.
    pub fn slash(&mut self, sequence: u64, checks: [Instruction; 2]) -> TransactionResult {
        let [first, second] = checks;
        self.send(&[first, second, self.slash_instruction(sequence, (0, 1))], &[7])
    }

    /// The report alone, which names the instructions that checked the statements.
    pub fn slash_instruction(&self, sequence: u64, (first, second): (u8, u8)) -> Instruction {
        let report = build::Report {
            reporter: self.mallory.pubkey(),
            reporter_permit: self.mallory_permit,
            operator: self.owner.pubkey(),
        };
        let args = SlashRelayArgs { stream: STREAM, sequence, first_instruction: first, second_instruction: second };
        build::slash_relay(&self.config(), &report, args)
    }

    /// What most slashing tests report: two contents at one place, under the first key.
    pub fn slash_once(&mut self, sequence: u64) -> TransactionResult {
        self.slash(sequence, [said(RELAY_KEY, sequence, 1), said(RELAY_KEY, sequence, 2)])
    }

    // What only a test can do.

    /// Mallory signs what `build` makes for her, but names the owner's accounts instead of hers.
    pub fn by_mallory(&mut self, build: fn(&Self, &Pubkey) -> Instruction) -> TransactionResult {
        let (mallory, owner) = (self.mallory.pubkey(), self.owner.pubkey());
        let mut instruction = build(self, &mallory);
        for account in &mut instruction.accounts {
            for place in [chain::stake_address, chain::relay_address, chain::subscription_address] {
                if account.pubkey == place(&mallory) {
                    account.pubkey = place(&owner);
                }
            }
            if account.pubkey == chain::stake_permit_address(&chain::stake_address(&mallory)) {
                account.pubkey = self.stake_permit();
            }
        }
        self.send(&[instruction], &[7])
    }

    /// With a durable nonce of the key of that number.
    pub fn with_nonce(mut self, of: u8) -> Self {
        let (owner, nonce) = (keypair(of).pubkey(), keypair(NONCE).pubkey());
        let lamports = self.svm.minimum_balance_for_rent_exemption(80);
        let create = system_instruction::create_nonce_account(&owner, &nonce, &owner, lamports);
        self.send(&create, &[of, NONCE]).unwrap();
        self
    }

    /// Sends `instruction` behind the advance of that nonce.
    pub fn over_nonce(&mut self, instruction: Instruction, by: u8) -> TransactionResult {
        let advance = system_instruction::advance_nonce_account(&keypair(NONCE).pubkey(), &keypair(by).pubkey());
        self.send(&[advance, instruction], &[by])
    }

    /// Sends `instruction` with one of its accounts replaced: for accounts that are pinned to one address.
    pub fn with_another(&mut self, mut instruction: Instruction, swap: (Pubkey, Pubkey), by: u8) -> TransactionResult {
        let (named, other) = swap;
        let mut replaced = 0;
        for account in instruction.accounts.iter_mut().filter(|account| account.pubkey == named) {
            account.pubkey = other;
            replaced += 1;
        }
        assert_eq!(replaced, 1, "{named} is an account of the instruction");
        self.send(&[instruction], &[by])
    }

    /// Writes an account of the program as if the program had: for states that no instruction leads to.
    pub fn forge<T: AccountSerialize + AccountDeserialize>(&mut self, address: Pubkey, change: impl FnOnce(&mut T)) {
        let mut account = self.svm.get_account(&address).unwrap();
        let mut state = T::try_deserialize(&mut account.data.as_slice()).unwrap();
        change(&mut state);
        let size = account.data.len();
        account.data.clear();
        state.try_serialize(&mut account.data).unwrap();
        account.data.resize(size, 0);
        self.svm.set_account(address, account).unwrap();
    }

    /// Every account of the program and of the token program, and everybody's SOL but that of who signs and pays fees.
    pub fn everything(&self) -> BTreeMap<Pubkey, (u64, Vec<u8>)> {
        let signers: Vec<Pubkey> = (1..16).map(|number| keypair(number).pubkey()).collect();
        let ours = [PROGRAM_ID, spl_token::ID, Pubkey::default()];
        let all = ours.iter().flat_map(|program| self.svm.get_program_accounts(program));
        let all = all.filter(|(address, _)| !signers.contains(address));
        all.map(|(address, account)| (address, (account.lamports, account.data))).collect()
    }
}

/// Anchor's "this account is not the one that the other account names".
pub const NOT_THE_NAMED_ONE: u32 = 2_001;

/// What a relay says stands at that place.
pub fn statement(sequence: u64, content: u8) -> Statement {
    Statement { stream: STREAM, sequence, content: [content; 32] }
}

/// The precompile's check that the key of that number says so.
pub fn said(key: u8, sequence: u64, content: u8) -> Instruction {
    check(key, &statement(sequence, content).to_bytes())
}

/// The precompile's check that the key of that number signed `message`.
pub fn check(key: u8, message: &[u8]) -> Instruction {
    let key = keypair(key);
    let signature = <[u8; 64]>::from(key.sign_message(message));
    build::verify_statement(&key.pubkey().to_bytes(), &signature, message)
}

/// The most a transaction may have, signatures included.
pub const PACKET_BYTES: usize = 1_232;

/// How many bytes a transaction of the old format has that the keys of these numbers sign.
pub fn legacy_bytes(instructions: &[Instruction], signers: &[u8]) -> usize {
    let payer = keypair(signers[0]).pubkey();
    // Their count, and 64 bytes each.
    1 + 64 * signers.len() + Message::new(instructions, Some(&payer)).serialize().len()
}

/// The events of a transaction that went through, in their order.
pub fn events(result: TransactionResult) -> Vec<Event> {
    let meta = result.unwrap_or_else(|failure| panic!("{:?}\n{:#?}", failure.err, failure.meta.logs));
    let inner = meta.inner_instructions.iter().flatten();
    inner.filter_map(|inner| chain::decode_event(&inner.instruction.data).unwrap()).collect()
}

/// Asserts that the events about `account` are numbered without a gap from `first` on, and returns how many there are.
pub fn numbered(events: &[Event], account: &Pubkey, first: u64) -> usize {
    let numbers: Vec<u64> = events.iter().filter(|event| event.account() == *account).map(Event::event_seq).collect();
    let expected: Vec<u64> = (first..).take(numbers.len()).collect();
    assert_eq!(numbers, expected, "events of {account}");
    numbers.len()
}
