//! The curves of the chart: their names, which are visible, and their values at an instant.

use crate::chart::history::History;
use crate::chart::series::Series;
use crate::clock::At;

/// A curve of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Curve {
    /// Messages in the queue, ready and unacknowledged.
    Messages,
    /// The unacknowledged ones: a worker has them.
    InWork,
    /// The target on the depth axis.
    Target,
    /// The total that the HPA used.
    Believed,
    /// The external metric as the API serves it.
    Metric,
    /// Replicas that the HPA wants.
    Desired,
    /// Replicas that exist.
    Current,
    /// Replicas that are ready.
    Ready,
    /// Replicas that the ratio alone would ask for: a ready bar has stripes above it.
    Raw,
    /// Replicas that the shadow wants: a second specification over the same series.
    Shadow,
}

impl Curve {
    /// All of them, in the order of the legend.
    pub const ALL: &[Self] = &[
        Self::Messages,
        Self::InWork,
        Self::Target,
        Self::Believed,
        Self::Metric,
        Self::Desired,
        Self::Current,
        Self::Ready,
        Self::Raw,
        Self::Shadow,
    ];

    /// The value at an instant; `None` without a reading.
    #[must_use]
    pub fn at(self, history: &History, at: At) -> Option<f32> {
        let series = |series: &Series| series.at(at);
        match self {
            Self::Messages => series(&history.depth),
            Self::InWork => series(&history.in_work),
            Self::Target => series(&history.target),
            Self::Believed => series(&history.believed),
            Self::Metric => series(&history.metric),
            Self::Desired => series(&history.desired),
            Self::Current => series(&history.current),
            Self::Ready => series(&history.ready),
            Self::Raw => series(&history.raw),
            Self::Shadow => series(&history.shadow),
        }
    }
}

/// The visible curves: all, until some are hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Curves {
    /// One bit per curve.
    hidden: u32,
}

impl Curves {
    /// Returns true if a curve is visible.
    #[must_use]
    pub fn has(self, curve: Curve) -> bool {
        self.hidden & (1 << curve as u32) == 0
    }

    /// Shows a hidden curve, or hides it.
    pub fn toggle(&mut self, curve: Curve) {
        self.hidden ^= 1 << curve as u32;
    }

    /// Number of hidden curves.
    #[must_use]
    pub fn hidden(self) -> u32 {
        self.hidden.count_ones()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_curve_is_hidden_and_shown_again() {
        let mut curves = Curves::default();
        assert!(Curve::ALL.iter().all(|curve| curves.has(*curve)));
        curves.toggle(Curve::Metric);
        let hidden: Vec<_> = Curve::ALL.iter().filter(|curve| !curves.has(**curve)).collect();
        assert_eq!(hidden, [&Curve::Metric]);
        curves.toggle(Curve::Metric);
        assert_eq!(curves, Curves::default());
    }

    #[test]
    fn messages_include_the_unacked_ones() {
        let mut history = History::default();
        history.depth.push(At::default(), Some(12.0));
        history.in_work.push(At::default(), Some(5.0));
        let at = At(Duration::from_secs(1));
        assert_eq!(
            (Curve::Messages.at(&history, at), Curve::InWork.at(&history, at)),
            (Some(12.0), Some(5.0))
        );
        assert_eq!(Curve::Ready.at(&history, at), None);
    }
}
