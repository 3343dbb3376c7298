//! The parts of a run that its last state does not have any more: the decision at each rescale, the worst lag of each hop, and
//! the HPA's settings over time.

use dashboard::autoscaler::estimate::{self, Agreement, LastSync, ReportedStatus};
use dashboard::autoscaler::hpa_settings::HpaSettings;
use dashboard::chain::beliefs::ChainHop;
use dashboard::chain::lag::{Lag, MIN_LAG};
use dashboard::clock::At;
use dashboard::data::Data;
use explain::metric::reports;
use explain::outlook::sentences;

use crate::strings;

/// A rescale and its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescale {
    /// The time at which the status of its sync arrived.
    pub at: At,
    /// The size that the sync found.
    pub from: i32,
    /// The size that it set.
    pub to: i32,
    /// The size that the metrics asked for, before any limit, by the controller's arithmetic.
    pub wanted: Option<i32>,
    /// The readings and targets, as in the column TARGETS of `kubectl get hpa`.
    pub targets: String,
    /// The arithmetic and the limits in words.
    pub reasons: Vec<String>,
}

/// The worst lag of a hop, and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorstLag {
    /// The lag.
    pub lag: Lag,
    /// The time at which it was the worst.
    pub at: At,
}

/// The facts that a replay collects.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Story {
    rescales: Vec<Rescale>,
    lags: [Option<WorstLag>; ChainHop::ALL.len()],
    /// The lags of the status for each metric, in the order of the specification.
    metric_lags: Vec<Option<WorstLag>>,
    settings: Vec<(At, HpaSettings)>,
    synced: Option<At>,
    /// The size that the newest status wants.
    size: Option<i32>,
}

impl Story {
    /// Collects from the data after an event.
    pub fn observe(&mut self, data: &Data) {
        if let Some(hpa) = data.hpa.get() {
            let now = HpaSettings::of(hpa);
            if self.settings.last().is_none_or(|(_, last)| *last != now) {
                self.settings.push((data.now, now));
            }
        }
        for hop in data.hops() {
            note(&mut self.lags[hop as usize], data.beliefs.lag(hop, data.now), data.now);
        }
        let metrics = data.hpa.get().and_then(|hpa| hpa.spec.as_ref()).map_or(0, |spec| spec.metrics.len());
        self.metric_lags.resize(metrics, None);
        for (index, worst) in self.metric_lags.iter_mut().enumerate() {
            let lag = data.metric_beliefs.get(index).and_then(|belief| belief.lag(data.now));
            note(worst, lag, data.now);
        }
        if let Some(last) = data.estimate.last().filter(|last| Some(last.at) != self.synced) {
            self.synced = Some(last.at);
            let (from, to) = last.reported.sizes();
            if from != to {
                self.rescales.push(rescale(data, last));
            }
        }
        let Some(hpa) = data.hpa.get().filter(|hpa| hpa.has_synced()) else { return };
        let (_, to) = ReportedStatus::of(hpa).sizes();
        let is_known = || self.rescales.last().is_some_and(|last| last.to == to);
        if let Some(from) = self.size.replace(to).filter(|from| *from != to && !is_known()) {
            // Samples of another tool can miss the status of the sync that rescaled.
            let reasons = vec![strings::BETWEEN_SAMPLES.to_owned()];
            let targets = strings::UNKNOWN.to_owned();
            self.rescales.push(Rescale { at: data.now, from, to, wanted: None, targets, reasons });
        }
    }

    /// The rescales, oldest first.
    #[must_use]
    pub fn rescales(&self) -> &[Rescale] {
        &self.rescales
    }

    /// The worst lag of a hop; `None` if it never lagged by [`MIN_LAG`] or more.
    #[must_use]
    pub fn worst_lag(&self, hop: ChainHop) -> Option<WorstLag> {
        self.lags[hop as usize]
    }

    /// The worst lag of the status for a metric, by its index in the specification.
    #[must_use]
    pub fn worst_metric_lag(&self, index: usize) -> Option<WorstLag> {
        self.metric_lags.get(index).copied().flatten()
    }

    /// The worst lag of the status for any metric.
    #[must_use]
    pub fn worst_status_lag(&self) -> Option<WorstLag> {
        self.metric_lags.iter().copied().flatten().max_by_key(|worst| worst.lag.by)
    }

    /// The HPA's settings, each with the time at which they were first seen, oldest first.
    #[must_use]
    pub fn settings(&self) -> &[(At, HpaSettings)] {
        &self.settings
    }
}

/// Keeps the worse one of two lags.
fn note(worst: &mut Option<WorstLag>, lag: Option<Lag>, at: At) {
    let Some(lag) = lag.filter(|lag| lag.by >= MIN_LAG) else { return };
    if worst.is_none_or(|worst| worst.lag.by < lag.by) {
        *worst = Some(WorstLag { lag, at });
    }
}

fn rescale(data: &Data, last: &LastSync) -> Rescale {
    let hpa = data.hpa.get();
    let clock = |time| data.day.moment(estimate::at(time));
    let mut reasons = Vec::new();
    if let Some(spec) = hpa.and_then(|hpa| hpa.spec.as_deref()) {
        reasons.extend(reports(spec, Some(&last.trace)).iter().map(explain::metric::MetricReport::line));
        let change = explain::strings::changes(last.reported.current, last.reported.desired);
        let known_since = estimate::time(last.knows_since);
        // The row itself has the change; the edges of the next change belong to a state that is over.
        let held = sentences(spec, &last.trace, known_since, &clock);
        reasons.extend(held.into_iter().take_while(|sentence| *sentence != change));
    }
    if let Agreement::OtherSize(cause) = last.agreement() {
        reasons.push(strings::other_size(last.trace.desired, cause));
    }
    Rescale {
        at: last.at,
        from: last.reported.current,
        to: last.reported.desired,
        wanted: last.trace.raw,
        targets: hpa.map(|hpa| hpa.targets_column.clone()).unwrap_or_default(),
        reasons,
    }
}
