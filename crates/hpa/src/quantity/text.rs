//! To text.

use super::{Format, Quantity};

/// The canonical text: the largest suffix that leaves an integer.
impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
        const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        let (number, exponent) = self.normal();
        if number == 0 {
            return f.write_str("0");
        }
        if self.format == Format::BinarySi {
            let factor = 10i128.checked_pow(exponent.unsigned_abs());
            let units = factor.and_then(|factor| match exponent {
                0.. => number.checked_mul(factor),
                _ => (number % factor == 0).then(|| number / factor),
            });
            if let Some(mut units) = units.filter(|u| u.unsigned_abs() >= 1024) {
                let mut power = 0;
                while units % 1024 == 0 && power + 1 < BINARY.len() {
                    units /= 1024;
                    power += 1;
                }
                return write!(f, "{units}{}", BINARY[power]);
            }
        }
        let mut step = exponent.div_euclid(3);
        if self.format != Format::DecimalExponent {
            step = step.clamp(-3, 6);
        }
        let factor = u32::try_from(exponent - step * 3).ok().and_then(|n| 10i128.checked_pow(n));
        let Some(number) = factor.and_then(|factor| number.checked_mul(factor)) else {
            // More digits than any suffix can spare.
            return write!(f, "{number}e{exponent}");
        };
        match usize::try_from(step + 3).ok().and_then(|i| DECIMAL.get(i)) {
            Some(suffix) if self.format != Format::DecimalExponent => write!(f, "{number}{suffix}"),
            _ if step == 0 => write!(f, "{number}"),
            _ => write!(f, "{number}e{}", step * 3),
        }
    }
}

/// The canonical text of thousandths.
///
/// ```
/// use hpa::quantity::{format_milli, Format};
/// assert_eq!(format_milli(2867, Format::DecimalSi), "2867m");
/// assert_eq!(format_milli(20_000, Format::DecimalSi), "20");
/// assert_eq!(format_milli(2_000_000, Format::DecimalSi), "2k");
/// assert_eq!(format_milli(2_048_000, Format::BinarySi), "2Ki");
/// ```
#[must_use]
pub fn format_milli(milli: i64, format: Format) -> String {
    Quantity::from_milli_as(milli, format).to_string()
}

/// Thousandths as a plain decimal number, for people: `12.5` where [`format_milli`] says `12500m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal(pub i64);

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (units, rest) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        let sign = if self.0 < 0 { "-" } else { "" };
        if rest == 0 {
            return write!(f, "{sign}{units}");
        }
        let digits = format!("{rest:03}");
        write!(f, "{sign}{units}.{}", digits.trim_end_matches('0'))
    }
}

/// The format in which a resource's status is written in: memory in powers of 1024 (where [`format_milli`] finds that exact),
/// all else in powers of ten.
#[must_use]
pub fn status_format(resource: &str) -> Format {
    if resource == "memory" { Format::BinarySi } else { Format::DecimalSi }
}

/// A quantity for people: `194500m` as `194.5`, `6320Ki` as `6.2 Mi`, `1500000` as `1,500,000`.
///
/// ```
/// use hpa::quantity::people;
/// for (quantity, text) in [("194500m", "194.5"), ("6320Ki", "6.2 Mi"), ("2k", "2,000"), ("16667m", "16.667")] {
///     assert_eq!(people(&quantity.parse()?), text);
/// }
/// # Ok::<(), hpa::QuantityError>(())
/// ```
#[must_use]
pub fn people(quantity: &Quantity) -> String {
    match quantity.milli() {
        Ok(milli) if quantity.format() == Format::BinarySi => bytes(milli),
        Ok(milli) => grouped(milli),
        Err(_) => quantity.to_string(),
    }
}

/// Thousandths as a decimal number with a comma between the thousands.
#[must_use]
pub fn grouped(milli: i64) -> String {
    let plain = Decimal(milli).to_string();
    let (whole, rest) =
        plain.split_once('.').map_or((plain.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(rest) = rest {
        text.push('.');
        text.push_str(rest);
    }
    text
}

/// Thousandths of a byte in the largest unit of 1024, with one decimal.
#[must_use]
pub fn bytes(milli: i64) -> String {
    const UNITS: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let mut value = milli as f64 / 1000.0;
    let mut unit = None;
    for next in UNITS {
        if value.abs() < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = Some(next);
    }
    let Some(unit) = unit else { return grouped(milli) };
    let digits = format!("{value:.1}");
    format!("{} {unit}", digits.strip_suffix(".0").unwrap_or(&digits))
}
