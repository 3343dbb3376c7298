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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_the_digits_that_matter() {
        assert_eq!([seconds(0.5), seconds(15.0), seconds(37.5)], ["0.5 s", "15 s", "38 s"]);
        assert_eq!(span(Duration::from_millis(1_500)), "1.5 s");
    }
}
