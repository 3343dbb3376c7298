//! Durations as Prometheus writes them: `1s`, `1m30s`, `500ms`.
//!
//! Source: `prometheus/common`, model/time.go (`ParseDuration`, `Duration.String`).

use std::time::Duration;

/// The units with their length in milliseconds, from large to small.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Parses a duration. The units are `y w d h m s ms`, each at most once and from large to small; only `0` needs
/// no unit.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut units, mut total) = (text, &UNITS[..], 0_u64);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let amount: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        let at = units.iter().position(|(unit, _)| *unit == &rest[..letters])?;
        total = total.checked_add(amount.checked_mul(units[at].1)?)?;
        units = &units[at + 1..];
        rest = &rest[letters..];
    }
    (!text.is_empty()).then_some(Duration::from_millis(total))
}

/// Formats a duration in whole milliseconds. Years and weeks appear only where nothing is left over: `90d`, not
/// `12w6d`.
#[must_use]
pub fn format(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, length) in UNITS {
        if matches!(unit, "y" | "w") && !rest.is_multiple_of(length) {
            continue;
        }
        let amount = rest / length;
        if amount > 0 {
            text.push_str(&format!("{amount}{unit}"));
            rest -= amount * length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_formats() {
        for (text, millis, canonical) in [
            ("1s", 1_000, "1s"),
            ("500ms", 500, "500ms"),
            ("1m30s", 90_000, "1m30s"),
            ("90s", 90_000, "1m30s"),
            ("24h", 86_400_000, "1d"),
            ("14d", 1_209_600_000, "2w"),
            ("2w1d", 1_296_000_000, "15d"),
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
        ] {
            let duration = parse(text).expect(text);
            assert_eq!(duration, Duration::from_millis(millis), "{text}");
            assert_eq!(format(duration), canonical, "{text}");
        }
    }

    #[test]
    fn refuses_other_texts() {
        for text in [
            "",
            "1",
            "s",
            "1 s",
            "-1s",
            "1.5s",
            "1s1m",
            "1s1s",
            "1min",
            "5 seconds",
            "99999999999999999y",
            "1µs",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
