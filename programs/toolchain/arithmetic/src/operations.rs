//! The operations under test, compiled both for the chain and for the host.

/// One number for the results of every operation on `a` and `b`: equal on both sides, or the compiler is wrong.
pub fn fold(a: u128, b: u128) -> u64 {
    // FNV-1a over the results, so that order counts and nothing cancels out.
    let mut fold = 0xcbf2_9ce4_8422_2325_u64;
    let mut sink = |result: u128| {
        for half in [result as u64, (result >> 64) as u64] {
            fold = (fold ^ half).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(7);
        }
    };
    operate(a, b, &mut sink);
    operate_u64(a as u64, b as u64, &mut sink);
    operate_i64(a as i64, b as i64, &mut sink);
    operate_i128(a as i128, b as i128, &mut sink);
    fold
}

/// What an absent result counts as.
const NONE: u128 = 0x5555_5555_5555_5555_5555_5555_5555_5555;

macro_rules! operations {
    ($name:ident, $type:ty) => {
        #[inline(never)]
        fn $name(a: $type, b: $type, sink: &mut impl FnMut(u128)) {
            let shift = (b as u32) & (<$type>::BITS - 1);
            for result in [
                a.checked_add(b),
                a.checked_sub(b),
                a.checked_mul(b),
                a.checked_div(b),
                a.checked_rem(b),
                a.checked_neg(),
                Some(a.wrapping_add(b)),
                Some(a.wrapping_sub(b)),
                Some(a.wrapping_mul(b)),
                Some(a.saturating_add(b)),
                Some(a.saturating_sub(b)),
                Some(a.saturating_mul(b)),
                Some(a.wrapping_shl(shift)),
                Some(a.wrapping_shr(shift)),
                Some(a.rotate_left(shift)),
                Some(a.swap_bytes()),
                Some(a & b),
                Some(a | b),
                Some(a ^ b),
                Some(!a),
                Some(a.min(b)),
                Some(a.max(b)),
                Some(a.abs_diff(b) as $type),
            ] {
                sink(result.map_or(NONE, |result| result as u128));
            }
            for bit in [a < b, a <= b, a == b, a.overflowing_add(b).1, a.overflowing_mul(b).1] {
                sink(u128::from(bit));
            }
            for count in [a.leading_zeros(), a.trailing_zeros(), a.count_ones()] {
                sink(u128::from(count));
            }
        }
    };
}

operations!(operate, u128);
operations!(operate_u64, u64);
operations!(operate_i64, i64);
operations!(operate_i128, i128);
