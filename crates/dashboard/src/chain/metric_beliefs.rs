//! Each metric of the HPA as the metrics APIs serve it and as the status reports it, and the lag of the status.

use hpa::status::Current;

use crate::chain::lag::{Lag, Track};
use crate::clock::At;

/// The metrics, in the order of the specification.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricBeliefs {
    metrics: Vec<MetricBelief>,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricBelief {
    /// The figure that a sync would write now, over time.
    track: Track,
    /// That figure now.
    pub served: Option<Current>,
    /// The figure in the status.
    pub reported: Option<Current>,
    /// The time of that report.
    pub reported_since: At,
}

impl MetricBeliefs {
    /// Records the figures of all metrics: from the metrics APIs, and from the status.
    pub fn record(&mut self, at: At, metrics: &[(Option<Current>, Option<Current>)]) {
        self.metrics.resize_with(metrics.len(), MetricBelief::default);
        for (belief, (served, reported)) in self.metrics.iter_mut().zip(metrics) {
            if let Some(figure) = served.as_ref().and_then(figure) {
                belief.track.show(at, figure, None);
            }
            belief.served = *served;
            if belief.reported != *reported {
                belief.reported = *reported;
                belief.reported_since = at;
            }
        }
    }

    /// One metric.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&MetricBelief> {
        self.metrics.get(index)
    }
}

impl MetricBelief {
    /// The time since the reported figure was the served one; zero if it is now, and `None` without both figures.
    #[must_use]
    pub fn lag(&self, at: At) -> Option<Lag> {
        self.served?;
        let reported = figure(self.reported.as_ref()?)?;
        Some(self.track.behind(at, reported, 0.0))
    }
}

/// The figure that is compared: percent, else thousandths.
fn figure(current: &Current) -> Option<f64> {
    let milli = |quantity: hpa::Quantity| quantity.milli().ok().map(|milli| milli as f64);
    match (current.average_utilization, current.average_value, current.value) {
        (Some(percent), ..) => Some(percent.into()),
        (None, Some(average), _) => milli(average),
        (None, None, Some(value)) => milli(value),
        (None, None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn percent(percent: i32) -> Option<Current> {
        Some(Current { average_utilization: Some(percent), ..Current::default() })
    }

    #[test]
    fn the_status_lags_since_its_figure_was_served() {
        let at = |seconds| At(Duration::from_secs(seconds));
        let mut beliefs = MetricBeliefs::default();
        for (second, served, reported, lag) in [
            (0, percent(50), percent(50), Some(0)),
            (10, percent(70), percent(50), Some(0)),
            (14, percent(70), percent(50), Some(4)),
            (15, percent(70), percent(70), Some(0)),
            (20, None, percent(70), None),
            (25, percent(70), None, None),
        ] {
            beliefs.record(at(second), &[(served, reported)]);
            let belief = beliefs.get(0).unwrap();
            assert_eq!(belief.lag(at(second)).map(|lag| lag.by.as_secs()), lag, "at {second}");
        }
    }
}
