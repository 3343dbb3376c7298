//! Durations as Go writes them: `10s`, `1m20s`, `15.062s`; below a second in milliseconds.

use std::time::Duration;

/// Formats a duration, rounded down to milliseconds.
pub(crate) fn format(duration: Duration) -> String {
    let (total, millis) = (duration.as_secs(), duration.subsec_millis());
    let (minutes, seconds) = (total / 60, total % 60);
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
    let fraction = fraction.trim_end_matches('0');
    match (minutes / 60, minutes % 60) {
        (0, 0) if total == 0 && millis > 0 => format!("{millis}ms"),
        (0, 0) => format!("{seconds}{fraction}s"),
        (0, minutes) => format!("{minutes}m{seconds}{fraction}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_gos_form() {
        for (milliseconds, expected) in [
            (0, "0s"),
            (50, "50ms"),
            (10_000, "10s"),
            (15_062, "15.062s"),
            (15_100, "15.1s"),
            (80_000, "1m20s"),
            (300_000, "5m0s"),
            (3_600_000, "1h0m0s"),
        ] {
            assert_eq!(format(Duration::from_millis(milliseconds)), expected);
        }
    }
}
