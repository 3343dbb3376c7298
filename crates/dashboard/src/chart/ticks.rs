//! Round steps for the axes of charts.

/// The distances of labels on a time axis, in seconds.
pub const TIME_STEPS: [u64; 18] = [
    5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800,
    604_800,
];

/// Rounds up to 1, 2, 2.5, 5 or 10 times a power of ten that is a whole number, as messages and pods are.
#[must_use]
pub fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1.0).log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= value && step.fract() == 0.0)
        .unwrap_or(10.0 * power)
}

/// The distance of the labels of a time axis of `window` seconds, in seconds, for at most `labels` labels.
#[must_use]
pub fn time_step(window: u64, labels: usize) -> u64 {
    let fits = |step: &u64| window / step <= labels.max(1) as u64;
    TIME_STEPS.into_iter().find(fits).unwrap_or(TIME_STEPS[TIME_STEPS.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_labels_are_round() {
        assert_eq!(
            (time_step(60, 6), time_step(300, 5), time_step(300, 12), time_step(99_999_999, 5)),
            (10, 60, 30, 604_800)
        );
    }
}
