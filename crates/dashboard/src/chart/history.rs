//! The data of the chart: the measured series and the marks, on one time axis.

use std::collections::VecDeque;
use std::time::Duration;

use crate::chart::series::Series;
use crate::clock::At;

/// Marks kept; the oldest go first.
const MAX_MARKS: usize = 8_000;

/// All series and marks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Messages in the queue, ready and unacknowledged, from the broker.
    pub depth: Series,
    /// The unacknowledged ones among them.
    pub in_work: Series,
    /// The target on the depth axis: per-pod target times replicas for AverageValue, the target itself for Value.
    pub target: Series,
    /// The total that the HPA used: its reading, times replicas for a per-pod target (estimated then).
    pub believed: Series,
    /// The external metric as the API serves it.
    pub metric: Series,
    /// Replicas that the HPA wants.
    pub desired: Series,
    /// Replicas that exist, ready or not.
    pub current: Series,
    /// Replicas that are ready.
    pub ready: Series,
    /// Replicas that the metric asked for at each sync, before any hold or limit (estimated).
    pub raw: Series,
    /// Replicas that the shadow wants, while it is on.
    pub shadow: Series,
    /// Each metric of the HPA as a share of its target, in the order of the specification, with its name.
    pub shares: Vec<(String, Series)>,
    marks: VecDeque<Mark>,
}

/// Something that happened at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The time.
    pub at: At,
    /// The kind.
    pub kind: MarkKind,
}

/// The kinds of marks on the time axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkKind {
    /// A burst was fired.
    Burst,
    /// The scale target was given more replicas.
    ScaleUp,
    /// The scale target was given fewer replicas.
    ScaleDown,
    /// A worker became ready.
    PodReady,
    /// A worker was deleted.
    PodGone,
    /// A job was delivered again.
    Redelivery,
    /// A client changed the HPA's settings.
    Tuned,
    /// A part of the metric chain was stopped for a drill.
    Drill,
    /// The stopped part was started again.
    DrillOver,
    /// Something failed: a request, a job, a worker.
    Error,
    /// The broker went away.
    BrokerLost,
    /// The user set a mark.
    Note,
}

impl MarkKind {
    /// All of them, the most important last.
    pub const ALL: [Self; 12] = [
        Self::PodGone,
        Self::PodReady,
        Self::ScaleDown,
        Self::ScaleUp,
        Self::Redelivery,
        Self::Burst,
        Self::DrillOver,
        Self::Drill,
        Self::Tuned,
        Self::Error,
        Self::Note,
        Self::BrokerLost,
    ];
}

impl History {
    /// Adds the share of each metric; other names than before begin new series.
    pub fn share(&mut self, at: At, shares: &[(String, Option<f64>)]) {
        let is_known = self.shares.iter().map(|(name, _)| name).eq(shares.iter().map(|(name, _)| name));
        if !is_known {
            self.shares = shares.iter().map(|(name, _)| (name.clone(), Series::default())).collect();
        }
        for ((_, series), (_, share)) in self.shares.iter_mut().zip(shares) {
            series.push(at, *share);
        }
    }

    /// Adds a mark.
    pub fn mark(&mut self, at: At, kind: MarkKind) {
        if self.marks.len() == MAX_MARKS {
            self.marks.pop_front();
        }
        // Sources stamp events in their own tasks; the marks are kept in order for binary search.
        let at = self.marks.back().map_or(at, |newest| newest.at.max(at));
        self.marks.push_back(Mark { at, kind });
    }

    /// The marks from `from` on for `length`, oldest first.
    pub fn marks(&self, from: At, length: Duration) -> impl DoubleEndedIterator<Item = Mark> + '_ {
        let end = At(from.0.saturating_add(length));
        let first = self.marks.partition_point(|mark| mark.at < from);
        let after = self.marks.partition_point(|mark| mark.at <= end);
        self.marks.range(first.min(after)..after).copied()
    }

    /// The last mark before an instant.
    #[must_use]
    pub fn mark_before(&self, at: At) -> Option<Mark> {
        let next = self.marks.partition_point(|mark| mark.at < at);
        self.marks.get(next.checked_sub(1)?).copied()
    }

    /// The first mark after an instant.
    #[must_use]
    pub fn mark_after(&self, at: At) -> Option<Mark> {
        self.marks.get(self.marks.partition_point(|mark| mark.at <= at)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_bounded_and_found_by_time() {
        let mut history = History::default();
        for second in 0..9_000 {
            history.mark(At(Duration::from_secs(second)), MarkKind::PodReady);
        }
        assert_eq!(history.marks(At::default(), Duration::from_secs(9_999)).count(), MAX_MARKS);
        let at = |second| At(Duration::from_secs(second));
        assert_eq!(history.marks(at(2_000), Duration::from_secs(9)).count(), 10);
        assert_eq!(history.mark_before(at(2_000)).unwrap().at, at(1_999));
        assert_eq!(history.mark_after(at(2_000)).unwrap().at, at(2_001));
        assert_eq!((history.mark_before(at(1_000)), history.mark_after(at(8_999))), (None, None));
        history.mark(at(5), MarkKind::Burst);
        assert_eq!(history.marks(at(8_999), Duration::ZERO).count(), 2, "late news keep the order");
    }
}
