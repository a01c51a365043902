//! A vault's life as the program itself would write it: the account and the events, from the program's own transitions.

use anchor_lang::{AccountSerialize, Discriminator, Event, event::EVENT_IX_TAG_LE, prelude::Clock};
use permitpipe_program::{
    event,
    state::{Asset, Book, Vault},
};
use solana_sdk::pubkey::Pubkey;

/// Seconds of a withdrawal's or a cap cut's delay.
pub const DELAY: i64 = 60;
pub const WINDOW: i64 = 30;

pub struct Story {
    pub address: Pubkey,
    pub account: Vault,
    /// What the next steps are about.
    pub asset: Asset,
}

impl Story {
    /// A vault whose first event is number 1.
    pub fn new(owner: Pubkey) -> Self {
        Self::at(owner, 0)
    }

    /// A vault that is opened in `slot`.
    pub fn at(owner: Pubkey, slot: u64) -> Self {
        let address = permitpipe_sdk::chain::vault_address(&owner);
        let clock = Clock { slot, ..Clock::default() };
        Self { address, account: Vault::open(owner, (0, 0), &clock, (255, 255)).unwrap(), asset: Asset::Usdc }
    }

    pub fn book(&mut self) -> &mut Book {
        self.account.book(self.asset)
    }

    /// The caps are the same number of atoms and of lamports.
    pub fn open(&mut self, cap_atoms: u64) -> Vec<u8> {
        (self.account.usdc.cap_atoms, self.account.sol.cap_atoms) = (cap_atoms, cap_atoms);
        let (vault, owner, event_seq) = self.head();
        bytes(&event::VaultOpened { vault, owner, event_seq, cap_atoms, cap_lamports: cap_atoms })
    }

    pub fn set_cap(&mut self, cap_atoms: u64, now: i64) -> Vec<u8> {
        let effective_at = self.book().set_cap(cap_atoms, now, DELAY).unwrap();
        let ((vault, owner, event_seq), asset) = (self.head(), self.asset);
        bytes(&event::CapChanged { vault, owner, event_seq, asset, cap_atoms, effective_at })
    }

    pub fn deposit(&mut self, amount_atoms: u64) -> Vec<u8> {
        self.book().deposit(amount_atoms, 1).unwrap();
        let ((vault, owner, event_seq), asset) = (self.head(), self.asset);
        let credited_atoms = self.book().credited_atoms;
        bytes(&event::Deposited { vault, owner, event_seq, asset, amount_atoms, credited_atoms })
    }

    pub fn request(&mut self, amount_atoms: u64, now: i64) -> Vec<u8> {
        let executable_at = self.book().request_withdrawal(amount_atoms, now, DELAY).unwrap();
        let ((vault, owner, event_seq), asset) = (self.head(), self.asset);
        bytes(&event::WithdrawalRequested { vault, owner, event_seq, asset, amount_atoms, executable_at })
    }

    pub fn cancel(&mut self) -> Vec<u8> {
        let amount_atoms = self.book().cancel_withdrawal().unwrap();
        let ((vault, owner, event_seq), asset) = (self.head(), self.asset);
        bytes(&event::WithdrawalCancelled { vault, owner, event_seq, asset, amount_atoms })
    }

    pub fn withdraw(&mut self, now: i64) -> Vec<u8> {
        let amount_atoms = self.book().execute_withdrawal(u64::MAX, now).unwrap();
        let ((vault, owner, event_seq), asset) = (self.head(), self.asset);
        let withdrawn_atoms = self.book().withdrawn_atoms;
        bytes(&event::Withdrawn { vault, owner, event_seq, asset, amount_atoms, withdrawn_atoms })
    }

    pub fn settle(&mut self, amount_atoms: u64, now: i64) -> Vec<u8> {
        let (asset, sequence) = (self.asset, self.account.settle_sequence + 1);
        self.account.settle(asset, sequence, amount_atoms, (now, WINDOW)).unwrap();
        let (vault, owner, event_seq) = self.head();
        let settled_atoms = self.book().settled_atoms;
        let (receipt_count, receipts_root) = (3, [7; 32]);
        let charge_credits = if asset == Asset::Usdc { amount_atoms } else { 1 };
        let event = event::Settled {
            vault,
            owner,
            event_seq,
            asset,
            sequence,
            amount_atoms,
            charge_credits,
            receipt_count,
            receipts_root,
            settled_atoms,
        };
        bytes(&event)
    }

    /// Closes an empty vault.
    pub fn close(&mut self) -> Vec<u8> {
        let event_seq = self.account.end(u64::MAX >> 17, 0).unwrap();
        bytes(&event::VaultClosed { vault: self.address, owner: self.account.owner, event_seq })
    }

    /// The account's data as it stands on chain.
    pub fn data(&self) -> Vec<u8> {
        data(&self.account)
    }

    fn head(&mut self) -> (Pubkey, Pubkey, u64) {
        let event_seq = self.account.next_event().unwrap();
        (self.address, self.account.owner, event_seq)
    }
}

/// An account's data.
pub fn data<A: AccountSerialize>(account: &A) -> Vec<u8> {
    let mut data = Vec::new();
    account.try_serialize(&mut data).unwrap();
    data
}

/// The data of the self-call that carries an event.
pub fn bytes<E: Event + Discriminator>(event: &E) -> Vec<u8> {
    [EVENT_IX_TAG_LE, &event.data()].concat()
}
