//! The instructions of vaults and settlements, as their honest senders send them.

use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{Asset, InitializeConfigArgs, SettleArgs, SettleSolArgs, instruction as build};
use solana_sdk::{instruction::Instruction, signer::Signer};

use super::{CAP_LAMPORTS, WITHDRAWAL_DELAY_SECONDS, World};

impl World {
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

    pub fn deposit_sol(&mut self, lamports: u64) -> TransactionResult {
        self.send(&[build::deposit_sol(&self.owner.pubkey(), lamports)], &[6])
    }

    pub fn request_sol(&mut self, lamports: u64) -> TransactionResult {
        self.send(&[build::request_withdrawal(&self.owner.pubkey(), Asset::Sol, lamports)], &[6])
    }

    pub fn execute_sol(&mut self) -> TransactionResult {
        self.send(&[build::execute_sol_withdrawal(&self.owner.pubkey())], &[6])
    }

    /// Takes everything out of the owner's vault, at once and in order.
    pub fn withdraw_all(&mut self) {
        let (vault, now) = (self.vault(), self.now());
        let (usdc, sol) = (vault.usdc.balance_atoms().unwrap(), vault.sol.balance_atoms().unwrap());
        self.request(usdc).unwrap();
        self.request_sol(sol).unwrap();
        self.set_time(now + WITHDRAWAL_DELAY_SECONDS);
        self.execute().unwrap();
        self.execute_sol().unwrap();
    }

    pub fn close(&mut self) -> TransactionResult {
        self.send(&[self.close_instruction()], &[6])
    }

    pub fn close_instruction(&self) -> Instruction {
        build::close_vault(&self.config(), &self.owner.pubkey(), &self.owner_usdc)
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
}
