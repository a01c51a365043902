//! Pure integers: balances, windows, deadlines, weights, shares, prices. All rounding of the program happens here, and
//! each function says which way.
//!
//! `None` always means that 64 bits (or the books) do not allow the result.

/// The largest total and the largest cap: off chain, in ledgers and databases, amounts are signed 64-bit integers.
pub const MAX_ATOMS: u64 = i64::MAX.unsigned_abs();

/// `total` with `amount` more in it, at most [`MAX_ATOMS`].
pub fn sum(total: u64, amount: u64) -> Option<u64> {
    total.checked_add(amount).filter(|&sum| sum <= MAX_ATOMS)
}

/// What a vault still holds by its books; `None` when more left than came in.
pub fn balance(credited_atoms: u64, settled_atoms: u64, withdrawn_atoms: u64) -> Option<u64> {
    credited_atoms.checked_sub(settled_atoms)?.checked_sub(withdrawn_atoms)
}

/// The moment `delay_seconds` after `now`.
pub fn deadline(now: i64, delay_seconds: i64) -> Option<i64> {
    now.checked_add(delay_seconds)
}

/// Whether a deadline has come.
pub const fn is_due(now: i64, deadline: i64) -> bool {
    now >= deadline
}

/// Whole basis points of one.
pub const BASIS_POINTS: u16 = 10_000;

/// `value × numerator / denominator`, rounded down; `None` for a denominator of 0.
pub fn scale(value: u64, numerator: u64, denominator: u64) -> Option<u64> {
    let scaled = u128::from(value).checked_mul(u128::from(numerator))?.checked_div(u128::from(denominator))?;
    u64::try_from(scaled).ok()
}

/// `basis_points` of `value`, rounded down: what one party gives another.
pub fn share(value: u64, basis_points: u16) -> Option<u64> {
    scale(value, basis_points.into(), BASIS_POINTS.into())
}

/// `basis_points` of `value`, rounded up: a penalty is never nothing.
pub fn penalty(value: u64, basis_points: u16) -> Option<u64> {
    value.checked_sub(share(value, BASIS_POINTS.checked_sub(basis_points)?)?)
}

/// The weight of `staked_atoms` of which `weight_atoms` counted already at `since`: what does not count yet grows
/// linearly to all of it over one warm-up. Rounded down.
///
/// Starting anew from each addition, this is never more than what each addition would weigh by itself.
pub fn weight(staked_atoms: u64, weight_atoms: u64, since: i64, now: i64, warm_up_seconds: i64) -> Option<u64> {
    let elapsed = u64::try_from(now.saturating_sub(since)).unwrap_or(0);
    let warm_up = u64::try_from(warm_up_seconds).ok()?;
    let growing = staked_atoms.checked_sub(weight_atoms)?;
    weight_atoms.checked_add(scale(growing, elapsed.min(warm_up), warm_up)?)
}

/// How many lamports `charge_credits` (millionths of a dollar) are at `price × 10^exponent` dollars per SOL. Rounded
/// down, in favour of the owner who pays; `None` also for a price of 0 or an exponent outside of -12 to 0.
pub fn lamports(charge_credits: u64, price: u64, exponent: i32) -> Option<u64> {
    let digits = u32::try_from(exponent.checked_neg()?).ok().filter(|&digits| digits <= 12)?;
    // A SOL has 10^9 lamports, a dollar 10^6 credits.
    let scale = 10u128.checked_pow(digits.checked_add(3)?)?;
    let lamports = u128::from(charge_credits).checked_mul(scale)?.checked_div(u128::from(price))?;
    u64::try_from(lamports).ok()
}

/// Number of the last event before the first one of an account opened in `slot`: 65,536 numbers a slot, so that an
/// account that is closed and opened again never uses a number twice.
pub fn event_base(slot: u64) -> Option<u64> {
    slot.checked_mul(1 << 16).filter(|&base| base <= MAX_ATOMS)
}

/// Whether an account whose last event is `event_seq` may be closed in `slot`: opened again at once, it would start
/// above that number.
pub fn is_closable(event_seq: u64, slot: u64) -> bool {
    event_base(slot).is_some_and(|base| base >= event_seq)
}

/// The number after `event_seq`.
pub fn next_event(event_seq: u64) -> Option<u64> {
    event_seq.checked_add(1)
}

/// A span of time and what settlements took in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// When it began, in Unix seconds.
    pub started_at: i64,
    /// What settlements took since then.
    pub settled_atoms: u64,
}

impl Window {
    /// This window, or a fresh one beginning now once its time is over.
    ///
    /// A fresh window begins at the settlement that opens it: quiet time is never saved up.
    pub fn at(self, now: i64, window_seconds: i64) -> Option<Self> {
        let end = deadline(self.started_at, window_seconds)?;
        Some(if is_due(now, end) { Self { started_at: now, settled_atoms: 0 } } else { self })
    }

    /// This window with `amount_atoms` more in it.
    pub fn with(self, amount_atoms: u64) -> Option<Self> {
        let settled_atoms = self.settled_atoms.checked_add(amount_atoms)?;
        Some(Self { settled_atoms, ..self })
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "exact arithmetic in wider integers is what the tests compare with")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_balance_is_exact_or_refused(credited: u64, settled: u64, withdrawn: u64) {
            let exact = i128::from(credited) - i128::from(settled) - i128::from(withdrawn);
            prop_assert_eq!(balance(credited, settled, withdrawn).map(i128::from), (exact >= 0).then_some(exact));
        }

        #[test]
        fn a_sum_is_exact_or_refused(total: u64, amount: u64) {
            let exact = u128::from(total) + u128::from(amount);
            prop_assert_eq!(sum(total, amount).map(u128::from), (exact <= u128::from(MAX_ATOMS)).then_some(exact));
        }

        #[test]
        fn a_window_rolls_exactly_when_its_time_is_over(started_at: i64, settled_atoms: u64, now: i64, seconds in 1i64..i64::MAX) {
            let window = Window { started_at, settled_atoms };
            let over = i128::from(now) >= i128::from(started_at) + i128::from(seconds);
            match window.at(now, seconds) {
                None => prop_assert!(started_at.checked_add(seconds).is_none()),
                Some(next) if over => prop_assert_eq!(next, Window { started_at: now, settled_atoms: 0 }),
                Some(next) => prop_assert_eq!(next, window),
            }
        }

        #[test]
        fn no_window_ever_holds_more_than_was_put_into_it(
            amounts in prop::collection::vec((0u64..1_000, 0i64..50), 1..40), seconds in 1i64..100,
        ) {
            let (mut now, mut window) = (0, Window { started_at: 0, settled_atoms: 0 });
            let mut history: Vec<(i64, u64)> = Vec::new();
            for (amount, pause) in amounts {
                now += pause;
                window = window.at(now, seconds).unwrap().with(amount).unwrap();
                history.push((now, amount));
                let inside: u64 = history.iter().filter(|(at, _)| *at >= window.started_at).map(|(_, amount)| amount).sum();
                // Settlements at the very second of a roll may belong to the window before.
                prop_assert!(window.settled_atoms <= inside);
                prop_assert!(now < window.started_at + seconds);
            }
        }
    }

    proptest! {
        #[test]
        fn a_penalty_and_what_it_leaves_are_the_whole(value: u64, basis_points in 0u16..=BASIS_POINTS) {
            let (penalty, left) = (penalty(value, basis_points).unwrap(), share(value, BASIS_POINTS - basis_points).unwrap());
            prop_assert_eq!(u128::from(penalty) + u128::from(left), u128::from(value));
            prop_assert!(value == 0 || basis_points == 0 || penalty > 0);
        }

        #[test]
        fn a_weight_grows_from_what_it_was_to_all_of_the_stake(
            staked: u64, part in 0u16..=BASIS_POINTS, since in -1_000i64..1_000, waits in prop::collection::vec(0i64..100, 1..9),
        ) {
            let (before, warm_up) = (share(staked, part).unwrap(), 500);
            let (mut now, mut last) = (since, before);
            for wait in waits {
                now += wait;
                let weight = weight(staked, before, since, now, warm_up).unwrap();
                prop_assert!((last..=staked).contains(&weight));
                last = weight;
            }
            prop_assert_eq!(weight(staked, before, since, since + warm_up, warm_up), Some(staked));
            prop_assert_eq!(weight(staked, before, since, since - 1, warm_up), Some(before));
        }

        #[test]
        fn stake_added_to_warming_stake_never_weighs_more_than_by_itself(
            first in 0u64..1 << 40, second in 0u64..1 << 40, added_at in 0i64..1_000, later in 0i64..2_000,
        ) {
            let warm_up = 500;
            let now = added_at + later;
            let at_addition = weight(first, 0, 0, added_at, warm_up).unwrap();
            let together = weight(first + second, at_addition, added_at, now, warm_up).unwrap();
            let apart = weight(first, 0, 0, now, warm_up).unwrap() + weight(second, 0, added_at, now, warm_up).unwrap();
            // One atom: two things rounded down by themselves may lose one that they have together.
            prop_assert!(together <= apart + 1);
        }

        #[test]
        fn lamports_are_exact_and_rounded_down(charge in 0u64..1 << 50, price in 1u64..1 << 60, digits in 0i32..=12) {
            let exact = u128::from(charge) * 10u128.pow(u32::try_from(digits).unwrap() + 3) / u128::from(price);
            prop_assert_eq!(lamports(charge, price, -digits), u64::try_from(exact).ok());
        }

        #[test]
        fn a_reopened_account_starts_above_all_numbers_before(slot in 0u64..1 << 40, events in 0u64..65_536, later in 1u64..9) {
            prop_assert!(event_base(slot).unwrap() + events < event_base(slot + later).unwrap() + 1);
        }
    }

    #[test]
    fn lamports_at_prices_a_person_can_check() {
        // 150 dollars a SOL: 1.5 dollars are a hundredth of it.
        assert_eq!(lamports(1_500_000, 15_000_000_000, -8), Some(10_000_000));
        assert_eq!(lamports(1, 15_000_000_000, -8), Some(6));
        assert_eq!(lamports(1_500_000, 150, 0), Some(10_000_000));
        for (price, exponent) in [(0, -8), (1, 1), (1, -13), (1, i32::MIN)] {
            assert_eq!(lamports(1, price, exponent), None, "{price} {exponent}");
        }
        assert_eq!(lamports(u64::MAX, 1, -12), None);
    }

    #[test]
    fn deadlines_are_inclusive_and_never_wrap() {
        assert_eq!(deadline(10, 5), Some(15));
        assert!(!is_due(14, 15) && is_due(15, 15));
        assert_eq!(deadline(i64::MAX, 1), None);
        assert_eq!(deadline(i64::MIN, 1), Some(i64::MIN + 1));
    }

    #[test]
    fn a_clock_that_goes_back_does_not_open_a_window() {
        let window = Window { started_at: 100, settled_atoms: 7 };
        assert_eq!(window.at(-5, 10), Some(window));
    }
}
