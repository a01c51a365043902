//! The fallback compiler's integers against the host's: the same operations on the same numbers, folded into one
//! number per pair on both sides.

use litesvm::LiteSVM;
use solana_sdk::{
    instruction::Instruction, message::Message, pubkey::Pubkey, signer::Signer, transaction::Transaction,
};

use crate::{artifact, world};

#[path = "../../programs/toolchain/arithmetic/src/operations.rs"]
#[allow(clippy::arithmetic_side_effects)]
mod operations;

const SEED: u64 = 20_261_121;
const CASES: usize = 3_000;
/// Pairs in one transaction.
const PAIRS: usize = 20;

/// xorshift64*: small, seeded, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Numbers of every magnitude, with those around the edges of each type more often than chance would.
    fn number(&mut self) -> u128 {
        let wide = u128::from(self.next()) << 64 | u128::from(self.next());
        let edges: [u128; 7] = [0, 1, 1 << 31, 1 << 32, 1 << 63, 1 << 64, 1 << 127];
        match self.next() % 4 {
            0 => wide >> (self.next() % 128),
            1 => !(wide >> (self.next() % 128)),
            2 => edges[(self.next() % 7) as usize].wrapping_add(u128::from(self.next() % 5)).wrapping_sub(2),
            _ => wide,
        }
    }
}

#[test]
fn the_compiled_program_computes_what_the_host_computes() {
    if std::env::var_os("PERMITPIPE_PLATFORM_TOOLS").is_some() {
        return println!("built by platform-tools: the fallback's arithmetic is not in question");
    }
    let mut svm = LiteSVM::new().with_mainnet_features().with_builtins();
    let program = world::address(50);
    svm.add_program(program, &artifact::arithmetic()).unwrap();
    svm.airdrop(&world::keypair(1).pubkey(), 1_000_000_000_000).unwrap();
    let mut random = Random(SEED);
    let cases: Vec<(u128, u128)> = (0..CASES).map(|_| (random.number(), random.number())).collect();
    for pairs in cases.chunks(PAIRS) {
        let computed = on_chain(&mut svm, program, pairs);
        for (&(a, b), computed) in pairs.iter().zip(computed) {
            assert_eq!(computed, operations::fold(a, b), "seed {SEED}: a = {a:#x}, b = {b:#x}");
        }
    }
    println!("{CASES} pairs, 31 results of u64, i64, u128 and i128 each: all equal");
}

/// What the program computes for these pairs.
fn on_chain(svm: &mut LiteSVM, program: Pubkey, pairs: &[(u128, u128)]) -> Vec<u64> {
    let data = pairs.iter().flat_map(|(a, b)| [a.to_le_bytes(), b.to_le_bytes()].concat()).collect();
    let compute = Instruction { program_id: program, accounts: vec![], data };
    // SetComputeUnitLimit(1,400,000), the most there is.
    let limit = Instruction {
        program_id: Pubkey::from_str_const("ComputeBudget111111111111111111111111111111"),
        accounts: vec![],
        data: [[2].as_slice(), &1_400_000_u32.to_le_bytes()].concat(),
    };
    let payer = world::keypair(1);
    let message = Message::new(&[limit, compute], Some(&payer.pubkey()));
    svm.expire_blockhash();
    let meta = svm.send_transaction(Transaction::new(&[&payer], message, svm.latest_blockhash())).unwrap();
    let mut folds = meta.return_data.data;
    folds.resize(8 * pairs.len(), 0); // the runtime drops trailing zeros
    folds.chunks_exact(8).map(|fold| u64::from_le_bytes(fold.try_into().unwrap())).collect()
}
