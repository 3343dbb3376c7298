//! Durations for people.

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
    fn seconds_have_the_digits_that_matter() {
        assert_eq!([seconds(0.5), seconds(15.0), seconds(37.5)], ["0.5 s", "15 s", "38 s"]);
        assert_eq!(span(Duration::from_millis(1_500)), "1.5 s");
    }
}
