//! A world in which every kind of account exists.

use std::sync::LazyLock;

use anchor_lang::Discriminator;
use permitpipe_sdk::chain::{
    self, Anchor, ClaimRewardArgs, Config, Contradiction, CreatePlanArgs, Epoch, OpenAnchorArgs, PROGRAM_ID, Plan,
    PublishEpochArgs, Relay, Settlement, Stake, Statement, Subscription, Template, Vault, instruction as build, merkle,
    reward_leaf,
};
use solana_sdk::{instruction::Instruction, pubkey::Pubkey, signer::Signer};

use crate::world::*;

/// What the owner's relay gets for epoch 1, and mallory's for epoch 2.
pub const REWARD_ATOMS: u64 = 7 * USDC;
pub const RECEIPTS: u64 = 11;
pub const PERIOD_SECONDS: i64 = 86_400;
pub const PRICE_ATOMS: u64 = 3 * USDC;
/// The owner's template; mallory's and the next one.
pub const HASH: [u8; 32] = [51; 32];
pub const TWIN_HASH: [u8; 32] = [52; 32];
pub const LOG: [u8; 32] = [61; 32];
pub const TWIN_LOG: [u8; 32] = [62; 32];
/// About what mallory's relay contradicted itself.
pub const STREAM: [u8; 32] = [71; 32];
pub const ENDPOINT: &str = "https://relay.example/v1";
/// Keys that nobody but the catalog has: somebody new, the owner's relay, mallory's relay, a relay's next key.
pub const NEWCOMER: u8 = 8;
pub const RELAY_KEY: u8 = 10;
pub const TWIN_RELAY_KEY: u8 = 11;
pub const NEXT_KEY: u8 = 12;
/// Token accounts of the newcomer.
pub const NEWCOMER_USDC: u8 = 36;
pub const NEWCOMER_PERMIT: u8 = 37;

/// A kind of account: its name and its first eight bytes.
pub struct Kind {
    pub name: &'static str,
    pub discriminator: &'static [u8],
}

impl Kind {
    pub const ALL: [Self; 11] = [
        Self { name: "Config", discriminator: Config::DISCRIMINATOR },
        Self { name: "Vault", discriminator: Vault::DISCRIMINATOR },
        Self { name: "Settlement", discriminator: Settlement::DISCRIMINATOR },
        Self { name: "Stake", discriminator: Stake::DISCRIMINATOR },
        Self { name: "Relay", discriminator: Relay::DISCRIMINATOR },
        Self { name: "Contradiction", discriminator: Contradiction::DISCRIMINATOR },
        Self { name: "Epoch", discriminator: Epoch::DISCRIMINATOR },
        Self { name: "Template", discriminator: Template::DISCRIMINATOR },
        Self { name: "Plan", discriminator: Plan::DISCRIMINATOR },
        Self { name: "Subscription", discriminator: Subscription::DISCRIMINATOR },
        Self { name: "Anchor", discriminator: Anchor::DISCRIMINATOR },
    ];
}

static FURNISHED: LazyLock<World> = LazyLock::new(furnish);

/// Config, and of everything else one of the owner and one of mallory.
pub fn furnished() -> World {
    FURNISHED.clone()
}

fn furnish() -> World {
    let mut world = World::configured();
    for byte in [NEWCOMER, RELAY_KEY, TWIN_RELAY_KEY, NEXT_KEY] {
        world.svm.airdrop(&keypair(byte).pubkey(), 10 * SOL).unwrap();
    }
    let newcomer = keypair(NEWCOMER).pubkey();
    world.put_tokens(address(NEWCOMER_USDC), world.usdc, newcomer, WALLET_ATOMS);
    world.put_tokens(address(NEWCOMER_PERMIT), world.permit, newcomer, WALLET_PERMIT_ATOMS);
    for number in [1, 2] {
        world.send(&[plan(&world, number)], &[2]).unwrap();
    }
    let (owner, mallory) = (Party::owner(&world), Party::mallory(&world));
    owner.settle_in(&mut world);
    mallory.settle_in(&mut world);
    world.next_slot();
    world
}

/// Each account of the owner with mallory's.
pub fn twins(world: &World) -> Vec<(Pubkey, Pubkey)> {
    let (owner, mallory) = (Party::owner(world), Party::mallory(world));
    owner.accounts().into_iter().zip(mallory.accounts()).collect()
}

/// The next of everything that has a number.
pub fn plan(world: &World, number: u64) -> Instruction {
    let args = CreatePlanArgs { number, price_atoms: PRICE_ATOMS, period_seconds: PERIOD_SECONDS, request_limit: 0 };
    build::create_plan(&world.admin.pubkey(), args)
}

pub fn epoch(world: &World, number: u64, operator: &Pubkey) -> Instruction {
    let leaf = reward_leaf(number, 0, &chain::relay_address(operator), (REWARD_ATOMS, RECEIPTS));
    let root = merkle::root(0, 1, leaf, &[]).unwrap();
    let args = PublishEpochArgs { number, root, leaf_count: 1, total_atoms: REWARD_ATOMS };
    build::publish_epoch(&world.config(), &world.payer.pubkey(), &world.funding, args)
}

pub fn claim() -> ClaimRewardArgs {
    ClaimRewardArgs { index: 0, amount_atoms: REWARD_ATOMS, receipt_count: RECEIPTS, proof: Vec::new() }
}

/// The check of a statement that the owner's relay signed.
pub fn statement(key: u8, content: u8) -> Instruction {
    let key = keypair(key);
    let message = Statement { stream: STREAM, sequence: 1, content: [content; 32] }.to_bytes();
    let signature = key.sign_message(&message);
    build::verify_statement(&key.pubkey().to_bytes(), signature.as_ref().try_into().unwrap(), &message)
}

/// Who has one of everything.
struct Party {
    wallet: Pubkey,
    signer: u8,
    key: u8,
    usdc: Pubkey,
    permit: Pubkey,
    hash: [u8; 32],
    log: [u8; 32],
    /// Of its plan and of its epoch.
    number: u64,
}

impl Party {
    fn owner(world: &World) -> Self {
        let (usdc, permit) = (world.owner_usdc, world.owner_permit);
        let wallet = world.owner.pubkey();
        Self { wallet, signer: 6, key: RELAY_KEY, usdc, permit, hash: HASH, log: LOG, number: 1 }
    }

    fn mallory(world: &World) -> Self {
        let (usdc, permit) = (world.mallory_usdc, world.mallory_permit);
        let wallet = world.mallory.pubkey();
        Self { wallet, signer: 7, key: TWIN_RELAY_KEY, usdc, permit, hash: TWIN_HASH, log: TWIN_LOG, number: 2 }
    }

    /// Opens everything.
    fn settle_in(&self, world: &mut World) {
        let (config, key) = (world.config(), keypair(self.key).pubkey());
        let (wallet, usdc, permit) = (&self.wallet, &self.usdc, &self.permit);
        let own = [
            build::open_vault(&config, wallet, CAP_ATOMS, CAP_LAMPORTS),
            build::deposit_usdc(&config, wallet, usdc, 100 * USDC),
            build::deposit_sol(wallet, 10 * SOL),
            build::open_stake(&config, wallet, wallet),
            build::add_stake(&config, wallet, permit, 2 * RELAY_BOND_ATOMS),
            build::publish_template(&config, wallet, permit, self.hash),
            build::subscribe(&config, wallet, usdc, self.number, 1),
        ];
        for instruction in own {
            world.send(&[instruction], &[self.signer]).unwrap();
        }
        world.send(&[build::register_relay(wallet, &key, ENDPOINT)], &[self.signer, self.key]).unwrap();
        let settle = chain::SettleArgs { sequence: 1, amount_atoms: USDC, receipt_count: 1, receipts_root: [9; 32] };
        let anchor = OpenAnchorArgs { log: self.log, size: 5, root: [5; 32] };
        let theirs = [
            build::settle(&config, wallet, &world.payer.pubkey(), settle),
            epoch(world, self.number, wallet),
            build::open_anchor(&config, &world.payer.pubkey(), anchor),
        ];
        for instruction in theirs {
            world.send(&[instruction], &[5, 4]).unwrap();
        }
    }

    /// Every account that stands for this party, in the same order for all.
    fn accounts(&self) -> Vec<Pubkey> {
        let (vault, stake) = (chain::vault_address(&self.wallet), chain::stake_address(&self.wallet));
        let (template, epoch) = (chain::template_address(&self.hash), chain::epoch_address(self.number));
        vec![
            self.wallet,
            self.usdc,
            self.permit,
            vault,
            chain::vault_usdc_address(&vault),
            chain::settlement_address(&vault, 1),
            chain::settlement_address(&vault, 2),
            stake,
            chain::stake_permit_address(&stake),
            chain::relay_address(&self.wallet),
            template,
            chain::template_permit_address(&template),
            epoch,
            chain::epoch_usdc_address(&epoch),
            chain::plan_address(self.number),
            chain::subscription_address(&self.wallet),
            chain::anchor_address(&self.log),
        ]
    }
}

/// Every account of the program's own, with the seeds of its address.
pub fn seeds(world: &World) -> Vec<(Pubkey, Vec<Vec<u8>>)> {
    let mut all = vec![(chain::config_address(), vec![b"config".to_vec()])];
    for party in [Party::owner(world), Party::mallory(world)] {
        let wallet = party.wallet.to_bytes().to_vec();
        let number = party.number.to_le_bytes().to_vec();
        let vault = chain::vault_address(&party.wallet).to_bytes().to_vec();
        let one = 1u64.to_le_bytes().to_vec();
        let rows: [(&[u8], Vec<Vec<u8>>); 9] = [
            (b"vault", vec![wallet.clone()]),
            (b"settlement", vec![vault, one]),
            (b"stake", vec![wallet.clone()]),
            (b"relay", vec![wallet.clone()]),
            (b"epoch", vec![number.clone()]),
            (b"template", vec![party.hash.to_vec()]),
            (b"plan", vec![number]),
            (b"sub", vec![wallet]),
            (b"anchor", vec![party.log.to_vec()]),
        ];
        for (prefix, rest) in rows {
            let seeds: Vec<Vec<u8>> = std::iter::once(prefix.to_vec()).chain(rest).collect();
            let slices: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
            all.push((Pubkey::find_program_address(&slices, &PROGRAM_ID).0, seeds));
        }
    }
    all
}
