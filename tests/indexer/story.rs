//! A vault's life as the program itself would write it: the account and the events, from the program's own transitions.

use anchor_lang::{AccountSerialize, Discriminator, Event, event::EVENT_IX_TAG_LE};
use permitpipe_program::{event, state::Vault};
use solana_sdk::pubkey::Pubkey;

/// Seconds of a withdrawal's or a cap cut's delay.
pub const DELAY: i64 = 60;
pub const WINDOW: i64 = 30;

pub struct Story {
    pub address: Pubkey,
    pub account: Vault,
}

impl Story {
    pub fn new(owner: Pubkey) -> Self {
        let address = permitpipe_sdk::chain::vault_address(&owner);
        Self { address, account: Vault::open(owner, 0, 0, (255, 255)).unwrap() }
    }

    pub fn open(&mut self, cap_atoms: u64) -> Vec<u8> {
        self.account.cap_atoms = cap_atoms;
        let (vault, owner, event_seq) = self.head();
        bytes(&event::VaultOpened { vault, owner, event_seq, cap_atoms })
    }

    pub fn set_cap(&mut self, cap_atoms: u64, now: i64) -> Vec<u8> {
        let effective_at = self.account.set_cap(cap_atoms, now, DELAY).unwrap();
        let (vault, owner, event_seq) = self.head();
        bytes(&event::CapChanged { vault, owner, event_seq, cap_atoms, effective_at })
    }

    pub fn deposit(&mut self, amount_atoms: u64) -> Vec<u8> {
        self.account.deposit(amount_atoms, 1).unwrap();
        let (vault, owner, event_seq) = self.head();
        let credited_atoms = self.account.credited_atoms;
        bytes(&event::Deposited { vault, owner, event_seq, amount_atoms, credited_atoms })
    }

    pub fn request(&mut self, amount_atoms: u64, now: i64) -> Vec<u8> {
        let executable_at = self.account.request_withdrawal(amount_atoms, now, DELAY).unwrap();
        let (vault, owner, event_seq) = self.head();
        bytes(&event::WithdrawalRequested { vault, owner, event_seq, amount_atoms, executable_at })
    }

    pub fn cancel(&mut self) -> Vec<u8> {
        let amount_atoms = self.account.cancel_withdrawal().unwrap();
        let (vault, owner, event_seq) = self.head();
        bytes(&event::WithdrawalCancelled { vault, owner, event_seq, amount_atoms })
    }

    pub fn withdraw(&mut self, now: i64) -> Vec<u8> {
        let amount_atoms = self.account.execute_withdrawal(now).unwrap();
        let (vault, owner, event_seq) = self.head();
        let withdrawn_atoms = self.account.withdrawn_atoms;
        bytes(&event::Withdrawn { vault, owner, event_seq, amount_atoms, withdrawn_atoms })
    }

    pub fn settle(&mut self, amount_atoms: u64, now: i64) -> Vec<u8> {
        let sequence = self.account.settle_sequence + 1;
        self.account.settle(sequence, amount_atoms, now, WINDOW).unwrap();
        let (vault, owner, event_seq) = self.head();
        let settled_atoms = self.account.settled_atoms;
        let (receipt_count, receipts_root) = (3, [7; 32]);
        let event = event::Settled {
            vault,
            owner,
            event_seq,
            sequence,
            amount_atoms,
            receipt_count,
            receipts_root,
            settled_atoms,
        };
        bytes(&event)
    }

    /// The account's data as it stands on chain.
    pub fn data(&self) -> Vec<u8> {
        let mut data = Vec::new();
        self.account.try_serialize(&mut data).unwrap();
        data
    }

    fn head(&mut self) -> (Pubkey, Pubkey, u64) {
        let event_seq = self.account.next_event().unwrap();
        (self.address, self.account.owner, event_seq)
    }
}

/// The data of the self-call that carries an event.
pub fn bytes<E: Event + Discriminator>(event: &E) -> Vec<u8> {
    [EVENT_IX_TAG_LE, &event.data()].concat()
}
