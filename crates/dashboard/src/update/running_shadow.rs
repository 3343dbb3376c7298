//! The shadow while it runs: on and off, and its syncs with the real controller.

use super::lists::log_event;
use crate::autoscaler::estimate::Sync;
use crate::autoscaler::shadow::{RealSide, RunningShadow, Shadow};
use crate::clock::At;
use crate::data::Data;
use crate::model::Model;
use crate::strings::entries;
use crate::ui::events::Severity;

/// Switches the shadow on with a specification, or off. One that the API server would refuse changes nothing.
pub(super) fn switch(model: &mut Model, at: At, spec: Option<hpa::Spec>) {
    let entry = match spec {
        None => {
            let Some(running) = model.data.shadow.running() else { return };
            let entry = entries::shadow_off(&running.in_short());
            model.data.shadow = Shadow::Off;
            model.data.history.shadow.push(at, None);
            entry
        }
        Some(spec) => {
            let Ok(running) = RunningShadow::new(spec, &real_side(&model.data), at) else { return };
            let entry = entries::shadow_on(&running.in_short());
            model.data.history.shadow.push(at, Some(f64::from(running.size())));
            model.data.shadow = Shadow::On(Box::new(running));
            entry
        }
    };
    log_event(model, at, Severity::Own, entry);
}

/// The real autoscaler's side at this moment.
pub(crate) fn real_side(data: &Data) -> RealSide {
    let seconds = data.estimate.schedule().period().0.as_secs().max(1);
    RealSide {
        spec: data.hpa.get().and_then(|hpa| hpa.spec.as_deref().cloned()),
        size: data.workload.get().map(|workload| workload.spec_replicas),
        config: hpa::Config {
            sync_period_seconds: i64::try_from(seconds).unwrap_or(15),
            ..data.rules().config
        },
        total: data.estimate.reading.total_milli().map(|milli| milli as f64 / 1_000.0),
        work: data.pace.work().map(|work| work.time),
        burst: data.load.size,
    }
}

/// Runs the shadow for the real controller's syncs, and for the time since the last call.
pub(super) fn follow(model: &mut Model, at: At, syncs: &[Sync]) {
    let data = &mut model.data;
    let Shadow::On(mut running) = std::mem::take(&mut data.shadow) else { return };
    running.account(at, &real_side(data));
    let ready = data.workload.get().map_or(0, |workload| workload.ready);
    let mut before = data.estimate.last().map_or(0, |last| last.reported.current);
    let since = running.since;
    for sync in syncs.iter().filter(|sync| sync.at >= since) {
        let size = running.sync(sync, before, ready, data.estimate.counted_pods());
        before = sync.size;
        data.history.shadow.push(sync.at, Some(f64::from(size)));
    }
    if !syncs.is_empty() {
        running.account(at, &real_side(data));
    }
    data.shadow = Shadow::On(running);
}
