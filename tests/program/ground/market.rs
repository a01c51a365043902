//! Templates, plans and anchors, as honest senders use them.

use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{
    self, Anchor, CreatePlanArgs, OpenAnchorArgs, Plan, Subscription, Template, instruction as build,
};
use solana_sdk::{instruction::Instruction, pubkey::Pubkey, signer::Signer};

use crate::world::*;

/// The content hash of the template under test.
pub const HASH: [u8; 32] = [0x71; 32];
/// The id of the log under test.
pub const LOG: [u8; 32] = [0x10; 32];
pub const MONTH_SECONDS: i64 = 30 * 86_400;
/// The terms of the plan under test.
pub const PLAN: CreatePlanArgs =
    CreatePlanArgs { number: 1, price_atoms: 5 * USDC, period_seconds: MONTH_SECONDS, request_limit: 1_000 };

impl World {
    /// With the owner's template published.
    pub fn published() -> Self {
        let mut world = Self::configured();
        world.publish_template().unwrap();
        world
    }

    /// With that template accused.
    pub fn accused() -> Self {
        let mut world = Self::published();
        world.accuse().unwrap();
        world
    }

    /// With [`PLAN`] on sale.
    pub fn selling() -> Self {
        let mut world = Self::configured();
        world.create_plan(PLAN).unwrap();
        world
    }

    /// With one period of it bought by the owner.
    pub fn subscribed() -> Self {
        let mut world = Self::selling();
        world.subscribe(1).unwrap();
        world
    }

    /// With the log anchored at 5 entries.
    pub fn anchored() -> Self {
        let mut world = Self::configured();
        world.open_anchor(5, [5; 32]).unwrap();
        world
    }

    // Template.

    pub fn publish_template(&mut self) -> TransactionResult {
        self.send(&[self.publish_template_instruction(HASH)], &[6])
    }

    pub fn publish_template_instruction(&self, hash: [u8; 32]) -> Instruction {
        build::publish_template(&self.config(), &self.owner.pubkey(), &self.owner_permit, hash)
    }

    pub fn verify(&mut self) -> TransactionResult {
        self.send(&[build::verify_template(&self.verifier.pubkey(), &HASH)], &[9])
    }

    pub fn accuse(&mut self) -> TransactionResult {
        self.send(&[build::accuse_template(&self.verifier.pubkey(), &HASH)], &[9])
    }

    /// By the key of that number: the verifier's is 9, the admin's 2.
    pub fn acquit(&mut self, by: u8) -> TransactionResult {
        self.send(&[build::acquit_template(&keypair(by).pubkey(), &HASH)], &[by])
    }

    pub fn revoke(&mut self) -> TransactionResult {
        self.send(&[build::revoke_template(&self.config(), &HASH, &self.owner.pubkey())], &[9])
    }

    pub fn retire_template(&mut self) -> TransactionResult {
        self.send(&[build::retire_template(&self.owner.pubkey(), &HASH)], &[6])
    }

    pub fn reclaim(&mut self) -> TransactionResult {
        self.send(&[build::reclaim_template(&self.config(), &self.owner.pubkey(), &self.owner_permit, &HASH)], &[6])
    }

    pub fn template_permit(&self) -> Pubkey {
        chain::template_permit_address(&chain::template_address(&HASH))
    }

    pub fn template(&self) -> Template {
        chain::decode_template(&self.data(&chain::template_address(&HASH))).unwrap()
    }

    // Plan.

    pub fn create_plan(&mut self, terms: CreatePlanArgs) -> TransactionResult {
        self.send(&[build::create_plan(&self.admin.pubkey(), terms)], &[2])
    }

    pub fn retire_plan(&mut self, number: u64) -> TransactionResult {
        self.send(&[build::retire_plan(&self.admin.pubkey(), number)], &[2])
    }

    /// Mallory closes it: anybody may.
    pub fn close_plan(&mut self, number: u64) -> TransactionResult {
        self.send(&[build::close_plan(number, &self.admin.pubkey())], &[7])
    }

    pub fn subscribe(&mut self, periods: u32) -> TransactionResult {
        self.send(&[self.subscribe_instruction(1, periods)], &[6])
    }

    pub fn subscribe_instruction(&self, plan: u64, periods: u32) -> Instruction {
        build::subscribe(&self.config(), &self.owner.pubkey(), &self.owner_usdc, plan, periods)
    }

    pub fn extend(&mut self, periods: u32) -> TransactionResult {
        let (config, owner) = (self.config(), self.owner.pubkey());
        self.send(&[build::extend_subscription(&config, &owner, &self.owner_usdc, 1, periods)], &[6])
    }

    pub fn close_subscription(&mut self) -> TransactionResult {
        self.send(&[build::close_subscription(&self.owner.pubkey())], &[6])
    }

    pub fn plan(&self, number: u64) -> Plan {
        chain::decode_plan(&self.data(&chain::plan_address(number))).unwrap()
    }

    pub fn subscription(&self) -> Subscription {
        chain::decode_subscription(&self.data(&chain::subscription_address(&self.owner.pubkey()))).unwrap()
    }

    // Anchor.

    pub fn open_anchor(&mut self, size: u64, root: [u8; 32]) -> TransactionResult {
        let args = OpenAnchorArgs { log: LOG, size, root };
        self.send(&[build::open_anchor(&self.config(), &self.payer.pubkey(), args)], &[5, 4])
    }

    pub fn advance(&mut self, size: u64, root: [u8; 32]) -> TransactionResult {
        self.send(&[build::advance_anchor(&self.config(), &LOG, size, root)], &[4])
    }

    pub fn anchor(&self) -> Anchor {
        chain::decode_anchor(&self.data(&chain::anchor_address(&LOG))).unwrap()
    }
}
