//! Epochs of rewards, with a Merkle tree of our own: none of the program's hashing is used here.

use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{self, ClaimRewardArgs, Epoch, PublishEpochArgs, instruction as build};
use sha2::{Digest, Sha256};
use solana_sdk::{instruction::Instruction, pubkey::Pubkey, signer::Signer};

use crate::world::*;

/// What one epoch promises to whom.
pub struct Rewards {
    pub number: u64,
    /// Relay, atoms of USDC, receipts; their places are the leaves' indices.
    pub claims: Vec<(Pubkey, u64, u64)>,
}

impl Rewards {
    /// `count` claims of one relay, no two alike.
    pub fn of(relay: Pubkey, number: u64, count: u64) -> Self {
        Self { number, claims: (1..=count).map(|place| (relay, place * 7, place + 7)).collect() }
    }

    pub fn total_atoms(&self) -> u64 {
        self.claims.iter().map(|claim| claim.1).sum()
    }

    pub fn root(&self) -> [u8; 32] {
        tree(&self.leaves())
    }

    pub fn terms(&self) -> PublishEpochArgs {
        let leaf_count = u32::try_from(self.claims.len()).unwrap();
        PublishEpochArgs { number: self.number, root: self.root(), leaf_count, total_atoms: self.total_atoms() }
    }

    /// The honest claim of the leaf at `index`.
    pub fn claim(&self, index: u32) -> ClaimRewardArgs {
        let place = usize::try_from(index).unwrap();
        let (_, amount_atoms, receipt_count) = self.claims[place];
        ClaimRewardArgs { index, amount_atoms, receipt_count, proof: path(place, &self.leaves()) }
    }

    /// Each claim as the specification writes it: epoch, index, relay, amount, receipts, numbers little-endian.
    fn leaves(&self) -> Vec<[u8; 32]> {
        let content = |(index, (relay, amount, receipts)): (u32, &(Pubkey, u64, u64))| {
            let (number, index) = (self.number.to_le_bytes(), index.to_le_bytes());
            let (amount, receipts) = (amount.to_le_bytes(), receipts.to_le_bytes());
            hash(0, &[&number, &index, relay.as_ref(), &amount, &receipts])
        };
        (0..).zip(&self.claims).map(content).collect()
    }
}

/// SHA-256 of a leading byte and the parts: 0 for leaves, 1 for nodes.
fn hash(kind: u8, parts: &[&[u8]]) -> [u8; 32] {
    let start = Sha256::new().chain_update([kind]);
    parts.iter().fold(start, |hash, part| hash.chain_update(part)).finalize().into()
}

/// RFC 6962 by its definition: split at the largest power of two below the count.
fn tree(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            hash(1, &[&tree(left), &tree(right)])
        }
    }
}

/// The siblings from the leaf at `index` up.
fn path(index: usize, leaves: &[[u8; 32]]) -> Vec<[u8; 32]> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let middle = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(middle);
    let (mut proof, sibling) =
        if index < middle { (path(index, left), tree(right)) } else { (path(index - middle, right), tree(left)) };
    proof.push(sibling);
    proof
}

impl World {
    /// With the owner's relay and an epoch of `count` claims for it.
    pub fn rewarding(count: u64) -> (Self, Rewards) {
        let mut world = Self::relayed();
        let rewards = Rewards::of(world.relay_address(), 1, count);
        world.publish(&rewards).unwrap();
        (world, rewards)
    }

    pub fn publish(&mut self, rewards: &Rewards) -> TransactionResult {
        self.publish_terms(rewards.terms())
    }

    pub fn publish_terms(&mut self, terms: PublishEpochArgs) -> TransactionResult {
        let publish = build::publish_epoch(&self.config(), &self.payer.pubkey(), &self.funding, terms);
        self.send(&[publish], &[5, 4])
    }

    /// The owner claims for its relay.
    pub fn claim(&mut self, epoch: u64, args: ClaimRewardArgs) -> TransactionResult {
        self.send(&[self.claim_instruction(epoch, args)], &[6])
    }

    pub fn claim_instruction(&self, epoch: u64, args: ClaimRewardArgs) -> Instruction {
        build::claim_reward(&self.config(), &self.owner.pubkey(), &self.owner_usdc, epoch, args)
    }

    /// Mallory closes it: anybody may.
    pub fn close_epoch(&mut self, number: u64) -> TransactionResult {
        self.send(&[build::close_epoch(&self.config(), number, &self.payer.pubkey())], &[7])
    }

    pub fn epoch(&self, number: u64) -> Epoch {
        chain::decode_epoch(&self.data(&chain::epoch_address(number))).unwrap()
    }
}
