//! Amounts as people write them, in the units they write them in: exact, and never a float.

use std::{fmt, str::FromStr};

use permitpipe_sdk::chain::{Asset, Book, Vault, math};

use crate::error::Error;

/// The longest fraction that any mint of ours could have.
const MOST_DECIMALS: usize = 18;

/// Digits with or without a point, such as `5` or `0.25`. What they mean is the [`Unit`]'s to say: the decimals of a
/// mint are known on chain only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    whole: u64,
    /// Without zeros at its end.
    fraction: String,
}

impl Decimal {
    /// An amount without a fraction.
    pub const fn whole(whole: u64) -> Self {
        Self { whole, fraction: String::new() }
    }
}

impl FromStr for Decimal {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let is_dangling = whole.is_empty() || text.ends_with('.');
        if is_dangling || !is_digits(whole) || !is_digits(fraction) || fraction.len() > MOST_DECIMALS {
            return Err("not an amount: write digits, such as 5 or 0.25");
        }
        let whole = whole.parse().map_err(|_| "the amount is beyond what 64 bits hold")?;
        Ok(Self { whole, fraction: fraction.trim_end_matches('0').to_owned() })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { whole, fraction } = self;
        if fraction.is_empty() { write!(f, "{whole}") } else { write!(f, "{whole}.{fraction}") }
    }
}

/// What an amount is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    name: &'static str,
    decimals: u8,
}

impl Unit {
    /// USDC, which is written as the dollars it stands for.
    pub const USD: Self = Self { name: "USD", decimals: 6 };
    /// SOL.
    pub const SOL: Self = Self { name: "SOL", decimals: 9 };

    /// PERMIT, with the decimals of its mint.
    pub const fn permit(decimals: u8) -> Self {
        Self { name: "PERMIT", decimals }
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// An amount in atoms. More decimals than the unit has are refused, not rounded; so is more than the program's
    /// books can hold.
    pub fn atoms(self, amount: &Decimal) -> Result<u64, Error> {
        let decimals = usize::from(self.decimals);
        if amount.fraction.len() > decimals {
            return Err(Error::usage(format!("{amount} has more than the {decimals} decimals of {}", self.name)));
        }
        let fraction = format!("{:0<decimals$}", amount.fraction);
        let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().unwrap_or(u64::MAX) };
        let atoms = 10u64.checked_pow(self.decimals.into()).and_then(|one| one.checked_mul(amount.whole));
        let atoms = atoms.and_then(|whole| whole.checked_add(fraction)).filter(|atoms| *atoms <= math::MAX_ATOMS);
        atoms.ok_or_else(|| {
            Error::usage(format!(
                "{amount} {} is more than the largest amount, {}",
                self.name,
                self.show(math::MAX_ATOMS)
            ))
        })
    }

    /// An amount in atoms that may not be 0; `what` reads like "the top-up".
    pub fn positive_atoms(self, amount: &Decimal, what: &str) -> Result<u64, Error> {
        let atoms = self.atoms(amount)?;
        if atoms == 0 {
            return Err(Error::usage(format!("{what} is 0; the least is {}", self.show(1))));
        }
        Ok(atoms)
    }

    /// Every digit of it, such as `0.250000 USD`.
    pub fn show(self, atoms: u64) -> String {
        format!("{} {}", self.digits(atoms), self.name)
    }

    /// The same without the unit.
    pub fn digits(self, atoms: u64) -> String {
        let width = usize::from(self.decimals);
        if width == 0 {
            return atoms.to_string();
        }
        let digits = format!("{atoms:0>least$}", least = width.saturating_add(1));
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(width));
        format!("{whole}.{fraction}")
    }

    /// As a person would type it, such as `0.25`.
    pub fn typed(self, atoms: u64) -> String {
        let digits = self.digits(atoms);
        if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.').into() } else { digits }
    }
}

/// What a vault can hold, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Kind {
    /// USDC
    #[default]
    Usdc,
    /// SOL
    Sol,
}

impl Kind {
    /// In which unit it is written.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Usdc => Unit::USD,
            Self::Sol => Unit::SOL,
        }
    }

    /// What the program calls it.
    pub const fn asset(self) -> Asset {
        match self {
            Self::Usdc => Asset::Usdc,
            Self::Sol => Asset::Sol,
        }
    }

    /// Its book in a vault.
    pub const fn book(self, vault: &Vault) -> &Book {
        match self {
            Self::Usdc => &vault.usdc,
            Self::Sol => &vault.sol,
        }
    }

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usdc => "usdc",
            Self::Sol => "sol",
        }
    }

    /// What else to type so that a verb means this one.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Usdc => "",
            Self::Sol => " --asset sol",
        }
    }
}

/// What a book says the vault still holds.
pub fn inside(book: &Book) -> u64 {
    math::balance(book.credited_atoms, book.settled_atoms, book.withdrawn_atoms).unwrap_or(0)
}

/// Basis points as a percentage, such as `12.5 %`.
pub fn percent(basis_points: u16) -> String {
    let (whole, rest) = (basis_points / 100, basis_points % 100);
    let rest = format!("{rest:02}");
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { format!("{whole} %") } else { format!("{whole}.{rest} %") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_exact_in_its_unit_or_refused() {
        let cases = [
            (Unit::USD, "5", 5_000_000),
            (Unit::USD, "0.000001", 1),
            (Unit::USD, "0.250000000000", 250_000),
            (Unit::SOL, "1.5", 1_500_000_000),
            (Unit::SOL, "0.000000001", 1),
            (Unit::SOL, "9223372036.854775807", math::MAX_ATOMS),
            (Unit::permit(0), "7.0", 7),
            (Unit::permit(2), "0.07", 7),
            (Unit::USD, "0", 0),
        ];
        for (unit, text, atoms) in cases {
            assert_eq!(unit.atoms(&text.parse().unwrap()).unwrap(), atoms, "{text} {}", unit.name());
        }
        for text in ["", ".", "1.", ".5", "-1", "+1", "1,5", "1e3", "0x1", " 1", "1 ", "1.2.3", "99999999999999999999"]
        {
            assert!(text.parse::<Decimal>().is_err(), "{text:?}");
        }
        let refused = [
            (Unit::USD, "0.0000001"),
            (Unit::permit(0), "0.5"),
            (Unit::SOL, "9223372036.854775808"),
            (Unit::USD, "18446744073709551615"),
            (Unit::permit(20), "1"),
        ];
        for (unit, text) in refused {
            assert!(unit.atoms(&text.parse().unwrap()).is_err(), "{text} {}", unit.name());
        }
        assert!(Unit::USD.positive_atoms(&"0.00".parse().unwrap(), "the top-up").is_err());
    }

    #[test]
    fn an_amount_is_shown_with_every_digit() {
        assert_eq!(Unit::USD.show(250_000), "0.250000 USD");
        assert_eq!(Unit::SOL.show(12_000_000_001), "12.000000001 SOL");
        assert_eq!(Unit::permit(0).show(7), "7 PERMIT");
        for (unit, atoms, typed) in [(Unit::USD, 250_000, "0.25"), (Unit::SOL, 0, "0"), (Unit::permit(0), 100, "100")] {
            assert_eq!(unit.typed(atoms), typed);
        }
        assert_eq!(
            (percent(0), percent(500), percent(1_250), percent(5)),
            ("0 %".into(), "5 %".into(), "12.5 %".into(), "0.05 %".into())
        );
    }
}
