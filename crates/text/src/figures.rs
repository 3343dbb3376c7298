//! Numbers and durations as people read them, with the digits that matter.

use std::time::Duration;

/// Formats a whole number with a comma between the thousands; in millions from ten million on.
#[must_use]
pub fn count(value: f64) -> String {
    let rounded = value.round();
    if rounded.abs() >= 1e15 {
        return "huge".to_owned();
    }
    if rounded.abs() >= 1e7 {
        return format!("{:.1}M", value / 1e6);
    }
    let digits = format!("{:.0}", rounded.abs());
    let mut text = String::from(if rounded < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a value that is given in thousandths, with as many decimals as it has.
#[must_use]
pub fn milli(value: i64) -> String {
    if value % 1_000 == 0 {
        return count(value as f64 / 1_000.0);
    }
    let text = format!("{:.3}", value as f64 / 1_000.0);
    text.trim_end_matches('0').to_owned()
}

/// Formats a ratio with enough digits to compare it with the edges of the tolerance.
#[must_use]
pub fn ratio(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// Formats a measured duration: milliseconds, then tenths of seconds, then minutes.
#[must_use]
pub fn measured(duration: Duration) -> String {
    let ms = duration.as_millis();
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..100_000 => format!("{:.1} s", duration.as_secs_f64()),
        _ => coarse(duration),
    }
}

/// Formats an upper bound in tenths of seconds, rounded up: a bound must not look smaller than it is.
#[must_use]
pub fn upper_bound(duration: Duration) -> String {
    match duration.as_millis() {
        0..10_000 => format!("{:.1} s", (duration.as_secs_f64() * 10.0).ceil() / 10.0),
        _ => coarse_up(duration),
    }
}

/// Formats a duration in its two largest units, in whole seconds.
#[must_use]
pub fn coarse(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6_000 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        6_000..360_000 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The same, rounded up to a whole second: for countdowns and bounds.
#[must_use]
pub fn coarse_up(duration: Duration) -> String {
    coarse(duration + Duration::from_millis(999))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [
            (0.0, "0"),
            (999.4, "999"),
            (1_000.0, "1,000"),
            (-1_234_567.0, "-1,234,567"),
            (12_345_678.0, "12.3M"),
            (1e300, "huge"),
        ] {
            assert_eq!(count(value), text);
        }
        for (value, text) in [(20_000, "20"), (16_667, "16.667"), (500, "0.5"), (1_500_000, "1,500")] {
            assert_eq!(milli(value), text);
        }
    }

    #[test]
    fn durations_have_the_digits_that_matter() {
        let ms = Duration::from_millis;
        for (duration, text) in
            [(ms(41), "41 ms"), (ms(1_340), "1.3 s"), (ms(61_200), "61.2 s"), (ms(125_000), "2m05s")]
        {
            assert_eq!(measured(duration), text);
        }
        for (seconds, text) in [(7, "7 s"), (99, "99 s"), (125, "2m05s"), (7_260, "2h01m"), (900_000, "10d")]
        {
            assert_eq!(coarse(Duration::from_secs(seconds)), text);
        }
        for (duration, text) in [(ms(110), "0.2 s"), (ms(9_950), "10.0 s"), (ms(10_001), "11 s")] {
            assert_eq!(upper_bound(duration), text);
        }
    }
}
