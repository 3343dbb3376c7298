//! Kubernetes quantities: `"300m"`, `"20"`, `"1Ki"`, `"2e3"`.
//!
//! The decision itself is made in whole milli-units, so all that a quantity has to offer is its milli value, an
//! `f64` for tolerances, and the canonical text of a milli value for the status.
//!
//! Source: `k8s.io/apimachinery/pkg/api/resource` (Quantity).

mod parse;
mod text;

pub use text::{Decimal, bytes, format_milli, grouped, people, status_format};

use serde::{Deserialize, Serialize};

/// A quantity as it was written: `mantissa x 10^scale`, at most nano precision. Two are equal if their values are,
/// however they were written.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "QuantityText", into = "String")]
pub struct Quantity {
    mantissa: i128,
    scale: i32,
    format: Format,
}

/// The family of suffixes that a quantity is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Format {
    /// `n u m k M G T P E`.
    #[serde(rename = "DecimalSI")]
    DecimalSi,
    /// `Ki Mi Gi Ti Pi Ei`.
    #[serde(rename = "BinarySI")]
    BinarySi,
    /// `e3`.
    DecimalExponent,
}

/// The reason why a text is not a usable quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not of the form `number[suffix]`.
    #[error(
        "{text:?} is not a quantity: use a number with an optional suffix of n u m k M G T P E, \
         Ki Mi Gi Ti Pi Ei or e3"
    )]
    Syntax {
        /// The text.
        text: String,
    },
    /// Its milli form does not fit 64 bits. (Kubernetes itself would calculate with 0.)
    #[error("{text} is too large: its thousandths do not fit 64 bits (at most about 9.2e15 units)")]
    TooLarge {
        /// The text.
        text: String,
    },
}

impl Quantity {
    /// A quantity of `milli` thousandths.
    #[must_use]
    pub const fn from_milli(milli: i64) -> Self {
        Self::from_milli_as(milli, Format::DecimalSi)
    }

    /// A quantity of `milli` thousandths, written with that family of suffixes.
    #[must_use]
    pub const fn from_milli_as(milli: i64, format: Format) -> Self {
        Self { mantissa: milli as i128, scale: -3, format }
    }

    /// The family of suffixes that it is written with.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Thousandths, rounded away from zero, as the controller calculates with.
    ///
    /// # Errors
    /// [`QuantityError::TooLarge`] where Kubernetes would silently take 0.
    pub fn milli(&self) -> Result<i64, QuantityError> {
        let wanted = self.scale + 3;
        let value = if wanted >= 0 {
            u32::try_from(wanted)
                .ok()
                .and_then(|n| 10i128.checked_pow(n))
                .and_then(|p| self.mantissa.checked_mul(p))
        } else {
            Some(divide_away_from_zero(self.mantissa, wanted.unsigned_abs()))
        };
        value
            .and_then(|v| i64::try_from(v).ok())
            .ok_or_else(|| QuantityError::TooLarge { text: self.to_string() })
    }

    /// The value as `f64`: mantissa times a power of ten, which can differ by one unit in the last place from the
    /// quotient of integers. Only tolerances are compared in this form.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        let base = self.mantissa as f64;
        if self.scale == 0 { base } else { base * power_of_ten(self.scale) }
    }

    /// Returns true if the value is above zero.
    #[must_use]
    pub const fn is_positive(&self) -> bool {
        self.mantissa > 0
    }

    /// Returns true if the value is below zero.
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.mantissa < 0
    }
}

impl Quantity {
    /// Without trailing zeros, so that equal values look the same.
    const fn normal(&self) -> (i128, i32) {
        let (mut number, mut exponent) = (self.mantissa, self.scale);
        if number == 0 {
            return (0, 0);
        }
        while number % 10 == 0 {
            number /= 10;
            exponent += 1;
        }
        (number, exponent)
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.normal() == other.normal()
    }
}

impl Eq for Quantity {}

impl std::hash::Hash for Quantity {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.normal().hash(state);
    }
}

/// As in Go's table; `powi` may be off by one unit in the last place.
fn power_of_ten(exponent: i32) -> f64 {
    const NEGATIVE: [f64; 10] = [1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9];
    match usize::try_from(-exponent).ok().and_then(|i| NEGATIVE.get(i)) {
        Some(power) => *power,
        // The nearest number there is, as the compiler would read it.
        None => format!("1e{exponent}").parse().unwrap_or(f64::NAN),
    }
}

fn divide_away_from_zero(value: i128, digits: u32) -> i128 {
    let Some(divisor) = 10i128.checked_pow(digits) else {
        return value.signum();
    };
    let quotient = value / divisor;
    if value % divisor == 0 { quotient } else { quotient + value.signum() }
}

impl From<Quantity> for String {
    fn from(quantity: Quantity) -> Self {
        quantity.to_string()
    }
}

/// Quantities may be written as JSON strings or as JSON numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum QuantityText {
    Text(String),
    Integer(i64),
    Float(f64),
}

impl TryFrom<QuantityText> for Quantity {
    type Error = QuantityError;

    fn try_from(text: QuantityText) -> Result<Self, Self::Error> {
        match text {
            QuantityText::Text(text) => text.parse(),
            QuantityText::Integer(value) => value.to_string().parse(),
            QuantityText::Float(value) => value.to_string().parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milli_values_are_rounded_away_from_zero() {
        for (text, milli) in [
            ("0", 0),
            ("0.1m", 1),
            ("-0.1m", -1),
            ("1.5", 1500),
            ("100u", 1),
            ("20", 20_000),
            ("1k", 1_000_000),
            ("1Ki", 1_024_000),
            ("1.5Ki", 1_536_000),
            ("2e3", 2_000_000),
            ("1E3", 1_000_000),
            (".5", 500),
            ("5.", 5000),
            ("0.00000000000000000000000000000000000001", 1),
        ] {
            assert_eq!(text.parse::<Quantity>().unwrap().milli(), Ok(milli), "{text}");
        }
    }

    #[test]
    fn a_milli_value_beyond_64_bits_is_an_error() {
        for text in ["1E", "-1E", "1e900", "9223372036854776"] {
            let milli = text.parse::<Quantity>().unwrap().milli();
            assert!(matches!(milli, Err(QuantityError::TooLarge { .. })), "{text}");
        }
    }

    #[test]
    fn equal_values_are_equal_however_they_are_written() {
        let quantity = |text: &str| text.parse::<Quantity>().unwrap();
        for (one, other) in [("20", "20000m"), ("1Ki", "1024"), ("1k", "1e3"), ("0", "0m"), ("-0", "0")] {
            assert_eq!(quantity(one), quantity(other));
        }
        assert_ne!(quantity("1k"), quantity("1Ki"));
        assert_eq!(Quantity::from_milli(20_000), quantity("20"));
    }

    #[test]
    fn what_is_not_a_quantity_says_so() {
        for text in ["", ".", "-", "1.2.3", "1x", "m", "1 ", "0x10", "1e", "NaN", "١"] {
            assert!(matches!(text.parse::<Quantity>(), Err(QuantityError::Syntax { .. })), "{text:?}");
        }
    }

    #[test]
    fn texts_are_canonical() {
        for (text, canonical) in [
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.3", "300m"),
            ("2000", "2k"),
            ("1024Ki", "1Mi"),
            ("1n", "1n"),
        ] {
            assert_eq!(text.parse::<Quantity>().unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn decimals_are_plain() {
        for (milli, text) in
            [(0, "0"), (20_000, "20"), (2867, "2.867"), (-500, "-0.5"), (i64::MIN, "-9223372036854775.808")]
        {
            assert_eq!(Decimal(milli).to_string(), text);
        }
    }

    #[test]
    fn a_float_is_mantissa_times_power() {
        assert_eq!("100m".parse::<Quantity>().unwrap().to_f64(), 100.0 * 0.001);
        assert_eq!("0.1".parse::<Quantity>().unwrap().to_f64(), 0.1);
    }
}
