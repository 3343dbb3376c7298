//! Quantities in their canonical form: `1000` is `1k`, `0.5` is `500m`, `1024Mi` is `1Gi`.
//!
//! The rules are those of `k8s.io/apimachinery/pkg/api/resource`: what a client writes is read and written anew.

/// Nanos of one; finer values are rounded up, away from zero.
const NANOS: i128 = 1_000_000_000;

const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [(&str, u32); 6] = [("Ki", 1), ("Mi", 2), ("Gi", 3), ("Ti", 4), ("Pi", 5), ("Ei", 6)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Decimal,
    Exponent,
    Binary,
}

/// The canonical form; `None` when the text is no quantity.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let (nanos, format) = parse(text)?;
    Some(write(nanos, format))
}

fn parse(text: &str) -> Option<(i128, Format)> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || whole.len() > 24 {
        return None;
    }
    let (power, factor, format) = scale(suffix)?;
    // As many digits of the fraction as can still matter, and one to see that there were more.
    let digits: String = format!("{whole}{}", &fraction[..fraction.len().min(30)]);
    let mut value: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let places = i32::try_from(fraction.len().min(30)).ok()?;
    value = value.checked_mul(factor)?;
    let shift = power + 9 - places;
    if shift >= 0 {
        value = value.checked_mul(10_i128.checked_pow(shift.unsigned_abs())?)?;
    } else {
        let divisor = 10_i128.checked_pow(shift.unsigned_abs())?;
        value = value / divisor + i128::from(value % divisor != 0);
    }
    Some((if negative { -value } else { value }, format))
}

fn scale(suffix: &str) -> Option<(i32, i128, Format)> {
    if let Some((_, power)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((*power, 1, Format::Decimal));
    }
    if let Some((_, power)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Some((0, 1024_i128.pow(*power), Format::Binary));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let power: i32 = exponent.parse().ok()?;
    (-30..=27).contains(&power).then_some((power, 1, Format::Exponent))
}

fn write(nanos: i128, format: Format) -> String {
    let magnitude = nanos.unsigned_abs();
    let exact = magnitude.is_multiple_of(NANOS.unsigned_abs());
    if format == Format::Binary && exact && magnitude >= 1024 * NANOS.unsigned_abs() {
        let mut value = nanos / NANOS;
        let mut suffix = "";
        for (name, _) in BINARY {
            if value % 1024 != 0 {
                break;
            }
            value /= 1024;
            suffix = name;
        }
        return format!("{value}{suffix}");
    }
    if nanos == 0 {
        return "0".to_owned();
    }
    let mut value = nanos;
    let mut power = -9;
    while value % 1000 == 0 && power < 18 {
        value /= 1000;
        power += 3;
    }
    if format == Format::Exponent {
        return if power == 0 { value.to_string() } else { format!("{value}e{power}") };
    }
    let suffix = DECIMAL.iter().find(|(_, p)| *p == power).map_or("", |(name, _)| *name);
    format!("{value}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_as_kubernetes_writes_them() {
        for (text, wanted) in [
            ("20", Some("20")),
            ("1000", Some("1k")),
            ("1500", Some("1500")),
            ("0.5", Some("500m")),
            ("1.5k", Some("1500")),
            ("100m", Some("100m")),
            ("1000m", Some("1")),
            ("0", Some("0")),
            ("-9223372036854775808m", Some("-9223372036854775808m")),
            ("1024Mi", Some("1Gi")),
            ("1.5Gi", Some("1536Mi")),
            ("512", Some("512")),
            ("1000Ki", Some("1000Ki")),
            ("1Ki", Some("1Ki")),
            ("0.5Ki", Some("512")),
            ("1e3", Some("1e3")),
            ("12E0", Some("12")),
            ("+5", Some("5")),
            (".5", Some("500m")),
            ("5.", Some("5")),
            ("0.0000000001", Some("1n")),
            ("", None),
            ("x", None),
            ("1.2.3", None),
            ("1 k", None),
            ("1K", None),
        ] {
            assert_eq!(canonical(text).as_deref(), wanted, "{text}");
        }
    }
}
