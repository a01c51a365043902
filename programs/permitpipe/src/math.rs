//! Pure integers: balances, windows, deadlines. No rounding happens anywhere: everything is whole atoms and seconds.
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
