//! Money, in integers only.
//!
//! Off chain everything is [`Credits`]: 1 credit = 1 µUSD = 1 atom of USDC. All arithmetic is checked; every
//! conversion names its rounding.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount in micro-dollars, at least zero.
///
/// On the wire it is an integer; [`Credits::parse_usd`] reads what people type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Credits(i64);

/// Why an amount of money was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Amounts are never below zero; direction is a matter of debit and credit.
    #[error("an amount of money cannot be negative")]
    Negative,
    /// Beyond what 64 bits hold.
    #[error("the amount is larger than 9223372036854.775807 USD")]
    Overflow,
    /// Not `1`, `1.5` or `0.000001`.
    #[error("not an amount in USD: write digits with at most 6 decimals, such as 0.25")]
    Malformed,
}

impl Credits {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Credits in one USD.
    pub const PER_USD: i64 = 1_000_000;

    /// A price written in the source; 32 bits keep it from being negative.
    #[allow(clippy::as_conversions, reason = "`i64::from` is not const; 32 bits always fit")]
    pub const fn whole(amount: u32) -> Self {
        Self(amount as i64)
    }

    /// `amount` credits; a negative one is refused.
    pub const fn parse(amount: i64) -> Result<Self, MoneyError> {
        if amount < 0 { Err(MoneyError::Negative) } else { Ok(Self(amount)) }
    }

    /// Atoms of USDC as credits; they are the same unit.
    pub fn parse_atoms(atoms: u64) -> Result<Self, MoneyError> {
        i64::try_from(atoms).map(Self).map_err(|_| MoneyError::Overflow)
    }

    /// What a person writes: `0.01` is 10,000 credits. Exact: more than 6 decimals are refused, not rounded.
    pub fn parse_usd(text: &str) -> Result<Self, MoneyError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let dangling = text.ends_with('.') || whole.is_empty();
        if dangling || !digits(whole) || !digits(fraction) || fraction.len() > 6 {
            return Err(MoneyError::Malformed);
        }
        let whole: i64 = whole.parse().map_err(|_| MoneyError::Overflow)?;
        let micros: i64 = format!("{fraction:0<6}").parse().map_err(|_| MoneyError::Malformed)?;
        whole.checked_mul(Self::PER_USD).and_then(|w| w.checked_add(micros)).map(Self).ok_or(MoneyError::Overflow)
    }

    /// The bare integer, for the database and the wire.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The same amount in atoms of USDC.
    pub const fn atoms(self) -> u64 {
        self.0.unsigned_abs() // never negative, so this is the value itself
    }

    /// `self + other`, or `None` beyond 64 bits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// `self - other`, or `None` below zero.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).filter(|&left| left >= 0).map(Self)
    }

    /// `self - other`, at least zero.
    pub fn saturating_sub(self, other: Self) -> Self {
        self.checked_sub(other).unwrap_or(Self::ZERO)
    }

    /// `self + other`, at most the largest amount: for worst cases, where too much is refused anyway.
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// `units` at this price for every `per` of them, rounded **up** to the credit.
    ///
    /// Nothing is free because a quotient was small; `per` of zero or a result beyond 64 bits is `None`.
    pub fn checked_price_up(self, units: u64, per: u64) -> Option<Self> {
        let total = i128::from(self.0).checked_mul(i128::from(units))?;
        let per = i128::from(per);
        let rounded = total.checked_add(per.checked_sub(1)?)?.checked_div(per)?;
        i64::try_from(rounded).ok().map(Self)
    }
}

impl fmt::Display for Credits {
    /// USD with six decimals, such as `0.010000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.0.unsigned_abs();
        let per_usd = Self::PER_USD.unsigned_abs();
        write!(f, "{}.{:06}", cents.checked_div(per_usd).unwrap_or(0), cents.checked_rem(per_usd).unwrap_or(0))
    }
}

impl FromStr for Credits {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Self::parse_usd(text)
    }
}

impl Serialize for Credits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Credits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(i64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usd_is_read_exactly_or_refused() {
        for (text, credits) in [("0", 0), ("1", 1_000_000), ("0.01", 10_000), ("0.000001", 1), ("5.25", 5_250_000)] {
            assert_eq!(Credits::parse_usd(text), Ok(Credits(credits)), "{text}");
        }
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1.0000001", "0x1", " 1", "1,5", "١"] {
            assert_eq!(Credits::parse_usd(text), Err(MoneyError::Malformed), "{text:?}");
        }
        assert_eq!(Credits::parse_usd("9223372036855"), Err(MoneyError::Overflow));
    }

    #[test]
    fn prices_round_up_and_never_to_zero() {
        let per_million = Credits(150_000);
        assert_eq!(per_million.checked_price_up(1, 1_000_000), Some(Credits(1)));
        assert_eq!(per_million.checked_price_up(20, 1_000_000), Some(Credits(3)));
        assert_eq!(per_million.checked_price_up(21, 1_000_000), Some(Credits(4)));
        assert_eq!(per_million.checked_price_up(0, 1_000_000), Some(Credits(0)));
        assert_eq!(per_million.checked_price_up(1, 0), None);
        assert_eq!(Credits(i64::MAX).checked_price_up(u64::MAX, 1), None);
    }

    #[test]
    fn subtraction_stops_at_zero() {
        assert_eq!(Credits(1).checked_sub(Credits(2)), None);
        assert_eq!(Credits(2).checked_sub(Credits(2)), Some(Credits::ZERO));
    }
}
