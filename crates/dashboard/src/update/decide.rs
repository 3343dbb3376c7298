//! Recomputes the decision after every change of the HPA, its target and its metric, and as time passes.

use super::running_shadow;
use crate::autoscaler::decision;
use crate::autoscaler::estimate::StatusChange;
use crate::clock::At;
use crate::data::Data;
use crate::model::Model;
use explain::metric::reports;
use observed::Hpa;

/// Classifies a change of the HPA as a sync or not. The controller writes its status only when that differs.
pub(super) fn status_change(before: Option<&Hpa>, now: Option<&Hpa>) -> StatusChange {
    // The first report describes a state from before this run.
    let (Some(before), Some(now)) = (before, now) else { return StatusChange::Other };
    let status = |hpa: &Hpa| {
        (
            hpa.current_replicas,
            hpa.desired_replicas,
            hpa.reading_milli,
            hpa.current.clone(),
            hpa.last_scale,
            hpa.conditions.clone(),
        )
    };
    if status(before) == status(now) { StatusChange::Other } else { StatusChange::Synced }
}

/// Records the metrics of the next sync: as shares of their targets, and as the metrics APIs and the HPA have them. Returns the
/// largest share.
fn metrics(data: &mut Data, at: At) -> Option<f64> {
    let spec = data.hpa.get().and_then(|hpa| hpa.spec.as_deref())?;
    let decision = data.estimate.next.as_ref().map(|next| &next.decision);
    let reports = reports(spec, decision.map(|decision| &decision.trace));
    let shares: Vec<_> = reports.iter().map(|report| (report.name.clone(), report.deciding())).collect();
    let served = |index: usize| decision?.status.current_metrics.get(index)?.current().copied();
    let reported = |index: usize| data.hpa.get()?.current.get(index).copied().flatten();
    let beliefs: Vec<_> = (0..shares.len()).map(|index| (served(index), reported(index))).collect();
    data.metric_beliefs.record(at, &beliefs);
    data.history.share(at, &shares);
    shares.iter().filter_map(|(_, share)| *share).max_by(f64::total_cmp)
}

/// Recomputes the decision. Returns the largest share of a metric's target.
pub(super) fn recompute(model: &mut Model, at: At, change: StatusChange) -> Option<f64> {
    let data = &mut model.data;
    let syncs = decision::estimate(data, at, change);
    data.beliefs.syncs_every(data.estimate.schedule().period().0);
    for sync in &syncs {
        data.history.raw.push(sync.at, sync.raw.map(f64::from));
    }
    let share = metrics(data, at);
    running_shadow::follow(model, at, &syncs);
    share
}
