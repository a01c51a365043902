//! The chain every test starts from: the built program behind the upgradeable loader, mints, wallets, a config.
//!
//! All keys are fixed, so that addresses, bumps and with them compute units are the same in every run.
//!
//! | module | holds |
//! |---|---|
//! | `term` | what the config starts with, and how much everybody has |
//! | `price` | the price account |
//! | `sender` | instructions as their honest senders send them |
//! | `outcome` | what came of a transaction: its event, its error number |

use std::{collections::BTreeMap, sync::LazyLock};

use litesvm::{LiteSVM, types::TransactionResult};
use permitpipe_sdk::chain::{
    self, Config, Fee, InitializeConfigArgs, Oracle, PRICE_PROGRAM, PROGRAM_ID, Vault, instruction as build,
};
pub use permitpipe_sdk::chain::{Asset, Limits};
use solana_sdk::{
    account::{Account, AccountSharedData, ReadableAccount},
    clock::Clock,
    instruction::Instruction,
    message::Message,
    pubkey::Pubkey,
    signature::Keypair,
    signer::Signer,
    transaction::Transaction,
};

use crate::artifact;

mod outcome;
mod price;
mod sender;
mod term;

pub use outcome::{code, event, refused};
pub use price::PriceUpdate;
pub use term::*;

/// The chain with the program on it and nothing else: loaded once, copied for each world.
static DEPLOYED: LazyLock<LiteSVM> = LazyLock::new(deploy);

/// The owners of what the runtime keeps for itself: sysvars, features, its own config, the code of programs.
const RUNTIME: [Pubkey; 4] = [
    Pubkey::from_str_const("Sysvar1111111111111111111111111111111111111"),
    Pubkey::from_str_const("Feature111111111111111111111111111111111111"),
    Pubkey::from_str_const("Config1111111111111111111111111111111111111"),
    anchor_lang::solana_program::bpf_loader_upgradeable::ID,
];

/// Every key there is; deriving one takes longer than sending a transaction.
static KEYS: LazyLock<Vec<Keypair>> =
    LazyLock::new(|| (0..=u8::MAX).map(|byte| Keypair::new_from_array([byte; 32])).collect());

/// Every account but the runtime's own, as it stands.
pub type Snapshot = BTreeMap<Pubkey, Account>;

pub struct World {
    pub svm: LiteSVM,
    /// Everything before the last transaction.
    pub before: Snapshot,
    /// The fees of all transactions, in lamports; who paid them has them back.
    pub fees: u64,
    /// The program's upgrade authority.
    pub deployer: Keypair,
    pub admin: Keypair,
    pub guardian: Keypair,
    pub settler: Keypair,
    pub payer: Keypair,
    pub owner: Keypair,
    /// Another owner, who is up to something.
    pub mallory: Keypair,
    pub usdc: Pubkey,
    pub permit: Pubkey,
    pub verifier: Keypair,
    pub treasury: Pubkey,
    pub sol_treasury: Pubkey,
    pub insurance: Pubkey,
    /// Where SOL is priced.
    pub price: Pubkey,
    pub owner_permit: Pubkey,
    pub mallory_permit: Pubkey,
    /// USDC of the settle authority, for rewards.
    pub funding: Pubkey,
    pub owner_usdc: Pubkey,
    pub mallory_usdc: Pubkey,
}

/// The key made from `byte`, the same in every run.
pub fn keypair(byte: u8) -> Keypair {
    KEYS[usize::from(byte)].insecure_clone()
}

/// A fixed address for which nobody signs.
pub fn address(byte: u8) -> Pubkey {
    Pubkey::new_from_array([byte; 32])
}

impl World {
    /// Program, mints and wallets; no config yet.
    pub fn bare() -> Self {
        let mut world = Self {
            svm: DEPLOYED.clone(),
            before: Snapshot::new(),
            fees: 0,
            deployer: keypair(1),
            admin: keypair(2),
            guardian: keypair(3),
            settler: keypair(4),
            payer: keypair(5),
            owner: keypair(6),
            mallory: keypair(7),
            verifier: keypair(9),
            usdc: address(20),
            permit: address(21),
            treasury: address(22),
            sol_treasury: address(30),
            insurance: address(31),
            price: address(32),
            owner_permit: address(33),
            mallory_permit: address(34),
            funding: address(35),
            owner_usdc: address(23),
            mallory_usdc: address(24),
        };
        // Slot 0: numbers of events and settlements start at 1.
        world.svm.set_sysvar(&Clock { slot: 0, unix_timestamp: START, ..world.svm.get_sysvar() });
        for byte in (1..=7).chain([9]) {
            world.svm.airdrop(&keypair(byte).pubkey(), 100 * SOL).unwrap();
        }
        world.svm.airdrop(&world.sol_treasury, SOL).unwrap();
        world.put_mint(world.usdc, 6, spl_token::ID);
        world.put_mint(world.permit, 9, spl_token::ID);
        world.put_tokens(world.treasury, world.usdc, address(25), 0);
        world.put_tokens(world.owner_usdc, world.usdc, world.owner.pubkey(), WALLET_ATOMS);
        world.put_tokens(world.mallory_usdc, world.usdc, world.mallory.pubkey(), WALLET_ATOMS);
        world.put_tokens(world.insurance, world.permit, address(25), 0);
        world.put_tokens(world.owner_permit, world.permit, world.owner.pubkey(), WALLET_PERMIT_ATOMS);
        world.put_tokens(world.mallory_permit, world.permit, world.mallory.pubkey(), WALLET_PERMIT_ATOMS);
        world.put_tokens(world.funding, world.usdc, world.settler.pubkey(), WALLET_ATOMS);
        world.put_price(&PriceUpdate::default());
        world
    }

    /// With a config.
    pub fn configured() -> Self {
        let mut world = Self::bare();
        world.initialize(world.initial()).unwrap();
        world
    }

    /// With the owner's vault open.
    pub fn opened() -> Self {
        let mut world = Self::configured();
        world.open(CAP_ATOMS).unwrap();
        world
    }

    /// With 100 USDC in the owner's vault.
    pub fn funded() -> Self {
        let mut world = Self::opened();
        world.deposit(100 * USDC).unwrap();
        world
    }

    /// With 100 USDC and 10 SOL in the owner's vault.
    pub fn funded_twice() -> Self {
        let mut world = Self::funded();
        world.deposit_sol(10 * SOL).unwrap();
        world
    }

    /// What `configured` starts with.
    pub fn initial(&self) -> InitializeConfigArgs {
        InitializeConfigArgs {
            admin: self.admin.pubkey(),
            guardian: self.guardian.pubkey(),
            settle_authority: self.settler.pubkey(),
            verifier: self.verifier.pubkey(),
            limits: LIMITS,
            timing: TIMING,
            bonds: BONDS,
            fee: Fee { request_credits: 10, mebibyte_credits: 100 },
            tiers: TIERS,
            oracle: Some(self.oracle()),
        }
    }

    pub fn mints(&self) -> build::Mints {
        build::Mints {
            usdc: self.usdc,
            permit: self.permit,
            treasury: self.treasury,
            sol_treasury: self.sol_treasury,
            insurance: self.insurance,
        }
    }

    pub fn oracle(&self) -> Oracle {
        Oracle {
            account: self.price,
            feed_id: FEED_ID,
            max_age_seconds: MAX_AGE_SECONDS,
            max_confidence_basis_points: MAX_CONFIDENCE_BASIS_POINTS,
        }
    }

    /// Sends `instructions` in one transaction signed by the keys of these numbers; the first pays the fee.
    pub fn send(&mut self, instructions: &[Instruction], signers: &[u8]) -> TransactionResult {
        let keys: Vec<Keypair> = signers.iter().map(|&byte| keypair(byte)).collect();
        let keys: Vec<&Keypair> = keys.iter().collect();
        self.svm.expire_blockhash();
        self.before = self.snapshot();
        let message = Message::new(instructions, Some(&keys[0].pubkey()));
        let result = self.svm.send_transaction(Transaction::new(&keys, message, self.svm.latest_blockhash()));
        // The fee comes back, so that a wallet shows what the instructions moved and nothing else.
        let fee = result.as_ref().map_or_else(|failure| failure.meta.fee, |meta| meta.fee);
        self.give(&keys[0].pubkey(), fee);
        self.fees += fee;
        result
    }

    /// Whether the last transaction left every account as it was.
    pub fn is_unchanged(&self) -> bool {
        self.before == self.snapshot()
    }

    // What the chain holds.

    pub fn vault_address(&self) -> Pubkey {
        chain::vault_address(&self.owner.pubkey())
    }

    pub fn vault_usdc(&self) -> Pubkey {
        chain::vault_usdc_address(&self.vault_address())
    }

    pub fn config(&self) -> Config {
        chain::decode_config(&self.data(&chain::config_address())).unwrap()
    }

    pub fn vault(&self) -> Vault {
        chain::decode_vault(&self.data(&self.vault_address())).unwrap()
    }

    pub fn data(&self, address: &Pubkey) -> Vec<u8> {
        self.svm.get_account(address).map(|account| account.data).unwrap_or_default()
    }

    pub fn tokens(&self, address: &Pubkey) -> u64 {
        u64::from_le_bytes(self.data(address)[64..72].try_into().unwrap())
    }

    pub fn lamports(&self, address: &Pubkey) -> u64 {
        self.svm.get_balance(address).unwrap_or_default()
    }

    /// Everything a refusal must leave as it was: every account, with its lamports, owner and data.
    pub fn snapshot(&self) -> Snapshot {
        let accounts = self.svm.accounts_db().inner.iter().filter(|(_, account)| !is_runtimes(account));
        accounts.map(|(address, account)| (*address, Account::from(account.clone()))).collect()
    }

    // What only a test can do.

    /// The next slot: accounts cannot be closed in the one they were opened in.
    pub fn next_slot(&mut self) {
        let clock: Clock = self.svm.get_sysvar();
        self.svm.set_sysvar(&Clock { slot: clock.slot + 1, ..clock });
    }

    /// Lamports out of thin air.
    pub fn give(&mut self, address: &Pubkey, lamports: u64) {
        if let Some(mut account) = self.svm.get_account(address).filter(|_| lamports > 0) {
            account.lamports += lamports;
            self.svm.set_account(*address, account).unwrap();
        }
    }

    pub fn now(&self) -> i64 {
        self.svm.get_sysvar::<Clock>().unix_timestamp
    }

    pub fn slot(&self) -> u64 {
        self.svm.get_sysvar::<Clock>().slot
    }

    pub fn set_time(&mut self, unix_timestamp: i64) {
        let clock: Clock = self.svm.get_sysvar();
        self.svm.set_sysvar(&Clock { unix_timestamp, ..clock });
    }

    pub fn wait(&mut self, seconds: i64) {
        let clock: Clock = self.svm.get_sysvar();
        self.set_time(clock.unix_timestamp + seconds);
    }

    /// Writes an account as if the program had: for states that no instruction leads to.
    pub fn forge_vault(&mut self, change: impl FnOnce(&mut Vault)) {
        let mut vault = self.vault();
        change(&mut vault);
        let address = self.vault_address();
        self.put(address, PROGRAM_ID, &encode(&vault));
    }

    pub fn put(&mut self, address: Pubkey, owner: Pubkey, data: &[u8]) {
        let lamports = self.svm.minimum_balance_for_rent_exemption(data.len());
        let account = Account { lamports, data: data.to_vec(), owner, executable: false, rent_epoch: u64::MAX };
        self.svm.set_account(address, account).unwrap();
    }

    pub fn put_mint(&mut self, address: Pubkey, decimals: u8, token_program: Pubkey) {
        let mut data = [0; 82];
        data[36..44].copy_from_slice(&u64::MAX.to_le_bytes()); // supply
        data[44] = decimals;
        data[45] = 1; // initialized
        self.put(address, token_program, &data);
    }

    pub fn put_price(&mut self, update: &PriceUpdate) {
        self.put(self.price, PRICE_PROGRAM, &update.to_bytes());
    }

    pub fn put_tokens(&mut self, address: Pubkey, mint: Pubkey, owner: Pubkey, amount: u64) {
        self.put(address, spl_token::ID, &token_account(mint, owner, amount));
    }
}

impl Clone for World {
    fn clone(&self) -> Self {
        Self {
            svm: self.svm.clone(),
            before: self.before.clone(),
            deployer: keypair(1),
            admin: keypair(2),
            guardian: keypair(3),
            settler: keypair(4),
            payer: keypair(5),
            owner: keypair(6),
            mallory: keypair(7),
            verifier: keypair(9),
            ..*self
        }
    }
}

/// Whether the account is the runtime's, a program, or empty.
fn is_runtimes(account: &AccountSharedData) -> bool {
    account.lamports() == 0 || account.executable() || RUNTIME.contains(account.owner())
}

/// A chain under mainnet's features, with the program and its upgrade authority.
fn deploy() -> LiteSVM {
    let mut svm = LiteSVM::new().with_mainnet_features().with_builtins();
    svm.add_program(PROGRAM_ID, &artifact::program()).unwrap();
    let address = chain::program_data_address();
    let mut account = svm.get_account(&address).unwrap();
    account.data[12] = 1; // after a variant and a slot: `Some`
    account.data[13..45].copy_from_slice(keypair(1).pubkey().as_ref());
    svm.set_account(address, account).unwrap();
    svm
}

/// An account as the program writes it, padded to its full size.
pub fn encode(account: &Vault) -> Vec<u8> {
    let mut data = Vec::new();
    anchor_lang::AccountSerialize::try_serialize(account, &mut data).unwrap();
    data.resize(Vault::SIZE, 0);
    data
}

/// The bytes of an initialized SPL token account.
pub fn token_account(mint: Pubkey, owner: Pubkey, amount: u64) -> Vec<u8> {
    let mut data = vec![0; 165];
    data[..32].copy_from_slice(mint.as_ref());
    data[32..64].copy_from_slice(owner.as_ref());
    data[64..72].copy_from_slice(&amount.to_le_bytes());
    data[108] = 1; // initialized
    data
}
