//! The chain every test starts from: the built program behind the upgradeable loader, mints, wallets, a config.
//!
//! All keys are fixed, so that addresses, bumps and with them compute units are the same in every run.

use litesvm::{LiteSVM, types::TransactionResult};
use permitpipe_sdk::chain::{
    self, Bonds, Config, Event, Fee, InitializeConfigArgs, Oracle, PRICE_DISCRIMINATOR, PRICE_PROGRAM, PROGRAM_ID,
    PermitPipeError, SettleArgs, SettleSolArgs, Tier, Timing, Vault, instruction as build,
};
pub use permitpipe_sdk::chain::{Asset, Limits};
use solana_sdk::{
    account::Account, clock::Clock, instruction::Instruction, message::Message, pubkey::Pubkey, signature::Keypair,
    signer::Signer, transaction::Transaction,
};

use crate::artifact;

pub const USDC: u64 = 1_000_000;
/// When every test begins, in Unix seconds.
pub const START: i64 = 1_800_000_000;
pub const WINDOW_SECONDS: i64 = 3_600;
pub const WITHDRAWAL_DELAY_SECONDS: i64 = 7_200;
pub const CHANGE_DELAY_SECONDS: i64 = 86_400;
pub const COOL_DOWN_SECONDS: i64 = 10_800;
pub const WARM_UP_SECONDS: i64 = 100_000;
pub const RETENTION_SECONDS: i64 = 604_800;
pub const MIN_DEPOSIT_ATOMS: u64 = 1_000;
pub const MIN_DEPOSIT_LAMPORTS: u64 = 10_000;
pub const SETTLE_CAP_ATOMS: u64 = 50 * USDC;
/// The owner's cap per window.
pub const CAP_ATOMS: u64 = 20 * USDC;
pub const WALLET_ATOMS: u64 = 1_000 * USDC;
pub const SOL: u64 = 1_000_000_000;
pub const SETTLE_CAP_LAMPORTS: u64 = 5 * SOL;
/// The owner's cap per window in SOL.
pub const CAP_LAMPORTS: u64 = 2 * SOL;
/// One PERMIT, and what everybody has of it.
pub const PERMIT: u64 = 1_000_000_000;
pub const WALLET_PERMIT_ATOMS: u64 = 1_000 * PERMIT;
pub const RELAY_BOND_ATOMS: u64 = 100 * PERMIT;
pub const TEMPLATE_BOND_ATOMS: u64 = 10 * PERMIT;
pub const SLASH_BASIS_POINTS: u16 = 4_000;
pub const REPORTER_BASIS_POINTS: u16 = 2_500;
pub const MAX_AGE_SECONDS: i64 = 60;
pub const MAX_CONFIDENCE_BASIS_POINTS: u16 = 100;
pub const FEED_ID: [u8; 32] = [0xef; 32];
/// 150 dollars for a SOL, in 10^-8 dollars.
pub const PRICE: i64 = 15_000_000_000;
pub const TIERS: [Tier; 5] = [
    Tier { min_weight_atoms: 10 * PERMIT, discount_basis_points: 500 },
    Tier { min_weight_atoms: 100 * PERMIT, discount_basis_points: 1_000 },
    Tier { min_weight_atoms: 0, discount_basis_points: 0 },
    Tier { min_weight_atoms: 0, discount_basis_points: 0 },
    Tier { min_weight_atoms: 0, discount_basis_points: 0 },
];

pub const LIMITS: Limits = Limits {
    settle_cap_atoms: SETTLE_CAP_ATOMS,
    settle_cap_lamports: SETTLE_CAP_LAMPORTS,
    min_deposit_atoms: MIN_DEPOSIT_ATOMS,
    min_deposit_lamports: MIN_DEPOSIT_LAMPORTS,
};
pub const TIMING: Timing = Timing {
    window_seconds: WINDOW_SECONDS,
    withdrawal_delay_seconds: WITHDRAWAL_DELAY_SECONDS,
    change_delay_seconds: CHANGE_DELAY_SECONDS,
    cool_down_seconds: COOL_DOWN_SECONDS,
    warm_up_seconds: WARM_UP_SECONDS,
    retention_seconds: RETENTION_SECONDS,
};
pub const BONDS: Bonds = Bonds {
    relay_atoms: RELAY_BOND_ATOMS,
    template_atoms: TEMPLATE_BOND_ATOMS,
    slash_basis_points: SLASH_BASIS_POINTS,
    reporter_basis_points: REPORTER_BASIS_POINTS,
};

/// What the price account says; each test changes what it is about.
#[derive(Clone)]
pub struct PriceUpdate {
    /// `None`: fully verified; else by how many guardians.
    pub partial: Option<u8>,
    pub feed_id: [u8; 32],
    pub price: i64,
    pub confidence: u64,
    pub exponent: i32,
    pub published_at: i64,
}

impl Default for PriceUpdate {
    fn default() -> Self {
        Self { partial: None, feed_id: FEED_ID, price: PRICE, confidence: 0, exponent: -8, published_at: START }
    }
}

impl PriceUpdate {
    /// As Pyth's receiver program writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let level = self.partial.map_or(vec![1], |signatures| vec![0, signatures]);
        let mut data = [PRICE_DISCRIMINATOR.as_slice(), &[7; 32], &level, &self.feed_id].concat();
        data.extend(self.price.to_le_bytes());
        data.extend(self.confidence.to_le_bytes());
        data.extend(self.exponent.to_le_bytes());
        data.extend(self.published_at.to_le_bytes());
        data.extend((self.published_at - 1).to_le_bytes()); // the publish time before
        data.extend(self.price.to_le_bytes()); // moving average
        data.extend(self.confidence.to_le_bytes());
        data.extend(1u64.to_le_bytes()); // slot
        data.resize(134, 0);
        data
    }
}

pub struct World {
    pub svm: LiteSVM,
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
    Keypair::new_from_array([byte; 32])
}

/// A fixed address for which nobody signs.
pub fn address(byte: u8) -> Pubkey {
    Pubkey::new_from_array([byte; 32])
}

impl World {
    /// Program, mints and wallets; no config yet.
    pub fn bare() -> Self {
        let mut world = Self {
            svm: LiteSVM::new().with_mainnet_features().with_builtins(),
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
        world.deploy();
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

    // Instructions, as their honest senders send them.

    pub fn initialize(&mut self, args: InitializeConfigArgs) -> TransactionResult {
        let instruction = build::initialize_config(&self.deployer.pubkey(), &self.mints(), args);
        self.send(&[instruction], &[1])
    }

    pub fn open(&mut self, cap_atoms: u64) -> TransactionResult {
        let instruction = build::open_vault(&self.config(), &self.owner.pubkey(), cap_atoms, CAP_LAMPORTS);
        self.send(&[instruction], &[6])
    }

    pub fn set_cap(&mut self, cap_atoms: u64) -> TransactionResult {
        self.send(&[build::set_cap(&self.owner.pubkey(), Asset::Usdc, cap_atoms)], &[6])
    }

    pub fn deposit(&mut self, amount_atoms: u64) -> TransactionResult {
        self.send(&[self.deposit_instruction(amount_atoms)], &[6])
    }

    pub fn deposit_instruction(&self, amount_atoms: u64) -> Instruction {
        build::deposit_usdc(&self.config(), &self.owner.pubkey(), &self.owner_usdc, amount_atoms)
    }

    pub fn request(&mut self, amount_atoms: u64) -> TransactionResult {
        self.send(&[build::request_withdrawal(&self.owner.pubkey(), Asset::Usdc, amount_atoms)], &[6])
    }

    pub fn cancel(&mut self) -> TransactionResult {
        self.send(&[build::cancel_withdrawal(&self.owner.pubkey(), Asset::Usdc)], &[6])
    }

    pub fn execute(&mut self) -> TransactionResult {
        self.send(&[self.execute_instruction()], &[6])
    }

    pub fn execute_instruction(&self) -> Instruction {
        build::execute_withdrawal(&self.config(), &self.owner.pubkey(), &self.owner_usdc)
    }

    pub fn settle(&mut self, sequence: u64, amount_atoms: u64) -> TransactionResult {
        self.send(&[self.settle_instruction(sequence, amount_atoms)], &[5, 4])
    }

    pub fn settle_instruction(&self, sequence: u64, amount_atoms: u64) -> Instruction {
        let args = SettleArgs { sequence, amount_atoms, receipt_count: 3, receipts_root: [9; 32] };
        build::settle(&self.config(), &self.owner.pubkey(), &self.payer.pubkey(), args)
    }

    pub fn settle_sol(&mut self, sequence: u64, charge_credits: u64, held_lamports: u64) -> TransactionResult {
        self.send(&[self.settle_sol_instruction(sequence, charge_credits, held_lamports)], &[5, 4])
    }

    pub fn settle_sol_instruction(&self, sequence: u64, charge_credits: u64, held_lamports: u64) -> Instruction {
        let args = SettleSolArgs { sequence, charge_credits, held_lamports, receipt_count: 3, receipts_root: [9; 32] };
        build::settle_sol(&self.config(), &self.owner.pubkey(), &self.payer.pubkey(), args)
    }

    /// Sends `instructions` in one transaction signed by the keys of these numbers; the first pays the fee.
    pub fn send(&mut self, instructions: &[Instruction], signers: &[u8]) -> TransactionResult {
        let keys: Vec<Keypair> = signers.iter().map(|&byte| keypair(byte)).collect();
        let keys: Vec<&Keypair> = keys.iter().collect();
        self.svm.expire_blockhash();
        let message = Message::new(instructions, Some(&keys[0].pubkey()));
        self.svm.send_transaction(Transaction::new(&keys, message, self.svm.latest_blockhash()))
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

    /// Everything a refusal must leave as it was.
    pub fn snapshot(&self) -> Vec<Vec<u8>> {
        let next = chain::settlement_address(&self.vault_address(), 1);
        let accounts = [chain::config_address(), self.vault_address(), self.vault_usdc(), next];
        let tokens = [self.treasury, self.owner_usdc, self.mallory_usdc];
        accounts.iter().chain(&tokens).map(|address| self.data(address)).collect()
    }

    // What only a test can do.

    /// The next slot: accounts cannot be closed in the one they were opened in.
    pub fn next_slot(&mut self) {
        let clock: Clock = self.svm.get_sysvar();
        self.svm.set_sysvar(&Clock { slot: clock.slot + 1, ..clock });
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

    /// Loads the program and gives it an upgrade authority.
    fn deploy(&mut self) {
        self.svm.add_program(PROGRAM_ID, &artifact::program()).unwrap();
        let address = chain::program_data_address();
        let mut account = self.svm.get_account(&address).unwrap();
        account.data[12] = 1; // after a variant and a slot: `Some`
        account.data[13..45].copy_from_slice(self.deployer.pubkey().as_ref());
        self.svm.set_account(address, account).unwrap();
    }
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

/// The one event of a transaction that went through.
pub fn event(result: TransactionResult) -> Event {
    let meta = result.unwrap_or_else(|failure| panic!("{:?}\n{:#?}", failure.err, failure.meta.logs));
    let inner = meta.inner_instructions.iter().flatten();
    let mut events: Vec<Event> =
        inner.filter_map(|inner| chain::decode_event(&inner.instruction.data).unwrap()).collect();
    assert_eq!(events.len(), 1, "one event per change: {events:?}");
    events.remove(0)
}

/// The custom error number of a transaction that was refused.
pub fn code(result: TransactionResult) -> u32 {
    let failure = result.expect_err("must be refused");
    match failure.err {
        solana_sdk::transaction::TransactionError::InstructionError(
            _,
            solana_sdk::instruction::InstructionError::Custom(code),
        ) => code,
        other => panic!("refused without a number: {other:?}\n{:#?}", failure.meta.logs),
    }
}

/// Asserts that a transaction was refused with this error of ours.
pub fn refused(result: TransactionResult, error: PermitPipeError) {
    assert_eq!(code(result), u32::from(error), "expected {error:?}: {error}");
}
