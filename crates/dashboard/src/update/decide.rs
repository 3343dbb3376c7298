//! Recomputes the decision after every change of the HPA, its target and its metric, and as time passes.

use super::shadow;
use crate::autoscaler::decision;
use crate::autoscaler::estimate::StatusChange;
use crate::clock::At;
use crate::model::Model;
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
            hpa.last_scale,
            hpa.conditions.clone(),
        )
    };
    if status(before) == status(now) { StatusChange::Other } else { StatusChange::Synced }
}

/// Recomputes the decision.
pub(super) fn recompute(model: &mut Model, at: At, change: StatusChange) {
    let data = &mut model.data;
    let syncs = decision::estimate(data, at, change);
    for sync in &syncs {
        data.history.raw.push(sync.at, sync.raw.map(f64::from));
    }
    shadow::follow(model, at, &syncs);
}
