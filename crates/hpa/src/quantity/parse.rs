//! From text.

use super::{Format, Quantity, QuantityError, divide_away_from_zero};

const MAX_DIGITS: usize = 28;

impl std::str::FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let syntax = || QuantityError::Syntax { text: text.chars().take(64).collect() };
        let too_large = || QuantityError::TooLarge { text: text.chars().take(64).collect() };
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return Err(syntax());
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let (exponent, factor, format) = parse_suffix(suffix).ok_or_else(syntax)?;
        if whole.len() > MAX_DIGITS {
            return Err(too_large());
        }
        // Digits beyond any precision that is kept only matter as "not zero".
        let kept = fraction.len().min(MAX_DIGITS - whole.len());
        let mut mantissa: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes().take(kept)) {
            mantissa = mantissa * 10 + i128::from(digit - b'0');
        }
        if kept < fraction.len() {
            mantissa += 1;
        }
        let mut mantissa = mantissa.checked_mul(factor).ok_or_else(too_large)?;
        if negative {
            mantissa = -mantissa;
        }
        let mut scale = exponent - i32::try_from(kept).map_err(|_| too_large())?;
        if mantissa == 0 {
            scale = 0;
        }
        if scale < -9 {
            mantissa = divide_away_from_zero(mantissa, (-9 - scale).unsigned_abs());
            scale = -9;
        }
        Ok(Self { mantissa, scale, format })
    }
}

fn parse_suffix(suffix: &str) -> Option<(i32, i128, Format)> {
    let decimal = |exponent| Some((exponent, 1, Format::DecimalSi));
    let binary = |power: u32| Some((0, 1024i128.pow(power), Format::BinarySi));
    match suffix {
        "" => decimal(0),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let digits = suffix.strip_prefix(['e', 'E'])?;
            let exponent: i32 = digits.parse().ok()?;
            (-1000..=1000).contains(&exponent).then_some((exponent, 1, Format::DecimalExponent))
        }
    }
}
