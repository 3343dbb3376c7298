//! Durations for people, and from people.

use std::time::Duration;

/// Seconds with one digit after the point below ten, such as `0.5 s` and `38 s`.
#[must_use]
pub fn seconds(seconds: f64) -> String {
    if seconds >= 10.0 || seconds.fract() == 0.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{seconds:.1} s")
    }
}

/// A duration in [`seconds`].
#[must_use]
pub fn span(duration: Duration) -> String {
    seconds(duration.as_secs_f64())
}

/// An age in its largest unit, as kubectl prints it: the text seldom changes.
#[must_use]
pub fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Reads `500ms`, `15s`, `2m` or `1h`; a fraction such as `1.5s` is fine, zero is too.
///
/// # Errors
/// A sentence with the valid form.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration such as 500ms, 15s or 2m");
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        for (seconds, text) in
            [(0, "0s"), (119, "119s"), (120, "2m"), (7_199, "119m"), (7_200, "2h"), (900_000, "10d")]
        {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn units_are_required_and_known() {
        for (text, expected) in
            [("500ms", 500), ("15s", 15_000), ("1.5s", 1_500), ("2m", 120_000), ("1h", 3_600_000), ("0s", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(expected)), "{text}");
        }
        for text in ["", "15", "s", "15 s", "-1s", "1d", "1e400s", "NaNs"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn seconds_have_the_digits_that_matter() {
        assert_eq!([seconds(0.5), seconds(15.0), seconds(37.5)], ["0.5 s", "15 s", "38 s"]);
        assert_eq!(span(Duration::from_millis(1_500)), "1.5 s");
    }
}
