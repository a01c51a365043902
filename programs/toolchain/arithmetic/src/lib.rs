//! A program that computes: what the fallback toolchain makes of integers, for comparison with the host.
//!
//! Instruction data: pairs of two u128, little-endian. Return data: one u64 per pair, the fold of all results of
//! `operations`. No accounts. Never deployed anywhere.

mod operations;

/// Bytes of one pair.
const PAIR: usize = 32;
/// The most pairs in one instruction: transactions are small.
const PAIRS: usize = 30;

unsafe extern "C" {
    fn sol_set_return_data(data: *const u8, length: u64);
}

/// # Safety
/// The runtime calls it with its own serialization of accounts, data and program id.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn entrypoint(input: *const u8) -> u64 {
    // SAFETY: the runtime's layout for no accounts: their count, the data's length, the data.
    let data = unsafe {
        if input.cast::<u64>().read_unaligned() != 0 {
            return 1;
        }
        let length = input.add(8).cast::<u64>().read_unaligned();
        core::slice::from_raw_parts(input.add(16), length as usize)
    };
    if !data.len().is_multiple_of(PAIR) || data.len() > PAIR * PAIRS {
        return 2;
    }
    let mut folds = [0; 8 * PAIRS];
    let mut used = 0;
    for (pair, fold) in data.chunks_exact(PAIR).zip(folds.chunks_exact_mut(8)) {
        let (a, b) = pair.split_at(16);
        fold.copy_from_slice(&operations::fold(number(a), number(b)).to_le_bytes());
        used += 8;
    }
    // SAFETY: the pointer and the length are those of a live array.
    unsafe { sol_set_return_data(folds.as_ptr(), used) };
    0
}

fn number(bytes: &[u8]) -> u128 {
    let mut array = [0; 16];
    array.copy_from_slice(bytes);
    u128::from_le_bytes(array)
}
