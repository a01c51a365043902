//! The chain every test starts from: the built program behind the upgradeable loader, mints, wallets, a config.
//!
//! All keys are fixed, so that addresses, bumps and with them compute units are the same in every run.

use litesvm::{LiteSVM, types::TransactionResult};
use permitpipe_sdk::chain::{
    self, Config, Event, InitializeConfigArgs, PROGRAM_ID, PermitPipeError, SettleArgs, Vault, instruction as build,
};
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
pub const MIN_DEPOSIT_ATOMS: u64 = 1_000;
pub const SETTLE_CAP_ATOMS: u64 = 50 * USDC;
/// The owner's cap per window.
pub const CAP_ATOMS: u64 = 20 * USDC;
pub const WALLET_ATOMS: u64 = 1_000 * USDC;

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
    pub treasury: Pubkey,
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
            usdc: address(20),
            permit: address(21),
            treasury: address(22),
            owner_usdc: address(23),
            mallory_usdc: address(24),
        };
        world.deploy();
        world.set_time(START);
        for byte in 1..=7 {
            world.svm.airdrop(&keypair(byte).pubkey(), 100_000_000_000).unwrap();
        }
        world.put_mint(world.usdc, 6, spl_token::ID);
        world.put_mint(world.permit, 9, spl_token::ID);
        world.put_tokens(world.treasury, world.usdc, address(25), 0);
        world.put_tokens(world.owner_usdc, world.usdc, world.owner.pubkey(), WALLET_ATOMS);
        world.put_tokens(world.mallory_usdc, world.usdc, world.mallory.pubkey(), WALLET_ATOMS);
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
            settle_cap_atoms: SETTLE_CAP_ATOMS,
            window_seconds: WINDOW_SECONDS,
            withdrawal_delay_seconds: WITHDRAWAL_DELAY_SECONDS,
            change_delay_seconds: CHANGE_DELAY_SECONDS,
            min_deposit_atoms: MIN_DEPOSIT_ATOMS,
        }
    }

    pub fn mints(&self) -> build::Mints {
        build::Mints { usdc: self.usdc, permit: self.permit, treasury: self.treasury }
    }

    // Instructions, as their honest senders send them.

    pub fn initialize(&mut self, args: InitializeConfigArgs) -> TransactionResult {
        let instruction = build::initialize_config(&self.deployer.pubkey(), &self.mints(), args);
        self.send(&[instruction], &[1])
    }

    pub fn open(&mut self, cap_atoms: u64) -> TransactionResult {
        let instruction = build::open_vault(&self.config(), &self.owner.pubkey(), cap_atoms);
        self.send(&[instruction], &[6])
    }

    pub fn set_cap(&mut self, cap_atoms: u64) -> TransactionResult {
        self.send(&[build::set_cap(&self.owner.pubkey(), cap_atoms)], &[6])
    }

    pub fn deposit(&mut self, amount_atoms: u64) -> TransactionResult {
        self.send(&[self.deposit_instruction(amount_atoms)], &[6])
    }

    pub fn deposit_instruction(&self, amount_atoms: u64) -> Instruction {
        build::deposit_usdc(&self.config(), &self.owner.pubkey(), &self.owner_usdc, amount_atoms)
    }

    pub fn request(&mut self, amount_atoms: u64) -> TransactionResult {
        self.send(&[build::request_withdrawal(&self.owner.pubkey(), amount_atoms)], &[6])
    }

    pub fn cancel(&mut self) -> TransactionResult {
        self.send(&[build::cancel_withdrawal(&self.owner.pubkey())], &[6])
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
