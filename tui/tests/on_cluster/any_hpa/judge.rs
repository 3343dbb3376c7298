//! The comparison of each sync that a dashboard observes with the status that the controller wrote.

use std::collections::VecDeque;
use std::fmt;

use dashboard::autoscaler::estimate::{Agreement, Basis, LastSync, Next};
use dashboard::clock::At;
use dashboard::model::Model;
use hpa::status::Current;
use hpa::trace::MetricState;
use observed::Hpa;

/// Predictions that are kept: updates about one sync arrive in any order.
const KEPT: usize = 8;

/// The syncs of one HPA as a dashboard sees them.
#[derive(Debug, Default)]
pub(super) struct Judge {
    predictions: VecDeque<Next>,
    judged: Option<At>,
    pub(super) tally: Tally,
}

/// The counts, and a line for each miss.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    pub(super) syncs: usize,
    /// Syncs whose readings the metrics APIs had served to the dashboard, too.
    pub(super) read: usize,
    /// Syncs that changed the size.
    pub(super) rescales: usize,
    pub(super) not_reconstructed: Vec<String>,
    /// Syncs that read what the newest prediction had read.
    pub(super) comparable: usize,
    pub(super) not_predicted: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.syncs += other.syncs;
        self.read += other.read;
        self.rescales += other.rescales;
        self.comparable += other.comparable;
        self.not_reconstructed.extend(other.not_reconstructed);
        self.not_predicted.extend(other.not_predicted);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} syncs ({} rescales, {} with readings of the APIs), {} not reconstructed; {} comparable, {} not predicted",
            self.syncs,
            self.rescales,
            self.read,
            self.not_reconstructed.len(),
            self.comparable,
            self.not_predicted.len()
        )
    }
}

impl Judge {
    /// Takes the model after an event.
    pub(super) fn look(&mut self, name: &str, model: &Model) {
        let estimate = &model.data.estimate;
        if let (Some(last), Some(hpa)) = (estimate.last(), model.data.hpa.get())
            && self.judged != Some(last.at)
        {
            self.judged = Some(last.at);
            self.judge(name, last, hpa);
        }
        if let Some(next) = &estimate.next
            && self.predictions.back() != Some(next)
        {
            if self.predictions.len() == KEPT {
                self.predictions.pop_front();
            }
            self.predictions.push_back(next.clone());
        }
    }

    fn judge(&mut self, name: &str, last: &LastSync, hpa: &Hpa) {
        let tally = &mut self.tally;
        tally.syncs += 1;
        tally.read += usize::from(last.basis == Basis::Read);
        tally.rescales += usize::from(last.reported.desired != last.reported.current);
        if let Some(miss) = reconstruction(last, hpa) {
            tally.not_reconstructed.push(format!("{name}: {miss}; {}", inputs(last, hpa)));
        }
        let of_this = |next: &&Next| next.decision.trace.current == last.reported.current;
        let Some(prediction) = self.predictions.iter().rev().find(of_this) else { return };
        let readings: Vec<Option<Current>> = prediction
            .decision
            .status
            .current_metrics
            .iter()
            .map(|metric| metric.current().copied())
            .collect();
        if readings != hpa.current {
            return;
        }
        tally.comparable += 1;
        let miss = prediction_miss(prediction, last, hpa);
        if let Some(miss) = miss {
            tally.not_predicted.push(format!("{name}: {miss}; {}", inputs(last, hpa)));
        }
    }
}

/// The difference between our arithmetic over the last sync and its status: size, winner, reason.
fn reconstruction(last: &LastSync, hpa: &Hpa) -> Option<String> {
    match last.agreement() {
        Agreement::OtherSize(why) => {
            return Some(format!(
                "size {}, the controller wrote {} ({why})",
                last.trace.desired, last.reported.desired
            ));
        }
        Agreement::OtherGate => {
            return Some(format!(
                "gate {:?}, the controller wrote {:?}",
                last.trace.hold(),
                last.reported.bound
            ));
        }
        Agreement::Same => {}
    }
    // The condition names the metric that decided.
    let message = message(hpa, "ScalingActive")?;
    let used = last.trace.metrics.iter().find(|metric| metric.state == MetricState::Used)?;
    (message.contains("calculate a replica count from") && !message.contains(&used.name))
        .then(|| format!("winner {}, the controller wrote {message:?}", used.name))
}

/// The difference between the prediction of a sync and its status: size, and the reason of each condition.
fn prediction_miss(prediction: &Next, last: &LastSync, hpa: &Hpa) -> Option<String> {
    let decision = &prediction.decision;
    if decision.trace.desired != last.reported.desired {
        return Some(format!(
            "predicted {}, the controller wrote {}",
            decision.trace.desired, last.reported.desired
        ));
    }
    // A write of the scale replaces the reason of AbleToScale.
    let kinds = ["ScalingActive", "ScalingLimited", "AbleToScale"];
    let kinds = if decision.new_size.is_some() { &kinds[..2] } else { &kinds[..] };
    kinds.iter().find_map(|kind| {
        let ours = decision.status.condition(kind).map(|condition| condition.reason.to_string())?;
        let theirs = hpa.conditions.iter().find(|condition| condition.kind == *kind)?.reason.clone();
        (ours != theirs).then(|| format!("predicted {kind} {ours}, the controller wrote {theirs}"))
    })
}

fn message<'a>(hpa: &'a Hpa, kind: &str) -> Option<&'a str> {
    Some(hpa.conditions.iter().find(|condition| condition.kind == kind)?.message.as_str())
}

/// The inputs of a sync, for the report of a miss.
fn inputs(last: &LastSync, hpa: &Hpa) -> String {
    let conditions: Vec<String> = hpa
        .conditions
        .iter()
        .map(|condition| format!("{}={} {}", condition.kind, condition.status, condition.reason))
        .collect();
    format!(
        "at {:?}, {} -> {}, basis {:?}, targets {}, {}, trace {}",
        last.at.0,
        last.reported.current,
        last.reported.desired,
        last.basis,
        hpa.targets_column,
        conditions.join(", "),
        serde_json::to_string(&last.trace).unwrap_or_default()
    )
}
