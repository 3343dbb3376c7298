//! Bursts and the continuous load: what is sent, and what the data says about it.

use std::collections::BTreeMap;

use super::lists::log_event;
use crate::autoscaler::hpa_settings::HpaSettings;
use crate::bursts::job_outcomes::LogGap;
use crate::bursts::load::LoadState;
use crate::bursts::recent::{BurstChain, StateBefore};
use crate::chain::beliefs::ChainHop;
use crate::chart::history::MarkKind;
use crate::clock::At;
use crate::data::{Data, Presence};
use crate::message::Effect;
use crate::model::Model;
use crate::reported::{Source, SourceState};
use crate::strings::{entries, sentences};
use crate::ui::events::Severity;

/// Sources that cannot be read, with the cause. An HPA that does not exist counts as unreadable.
fn blind(data: &Data) -> BTreeMap<Source, String> {
    let causes = data.sources.iter().filter_map(|(source, status)| match &status.state {
        SourceState::Retrying { cause, .. } | SourceState::Unavailable(cause) => {
            Some((*source, cause.clone()))
        }
        SourceState::Connecting | SourceState::Live => None,
    });
    let absent = [
        (Source::Hpa, data.hpa == Presence::Missing, sentences::NO_HPA),
        (Source::Workload, data.workload == Presence::Missing, sentences::NO_WORKLOAD),
    ];
    let absent = absent.into_iter().filter(|(_, is_absent, _)| *is_absent);
    absent.map(|(source, _, cause)| (source, cause.to_owned())).chain(causes).collect()
}

/// Fires a burst without a question.
pub(super) fn fire(model: &mut Model, at: At, size: u32, effects: &mut Vec<Effect>) {
    let data = &mut model.data;
    // The characters are all legal in an ID and the length is far below its limit.
    let Ok(id) =
        format!("{:x}-{}", data.day.started_ms(), data.bursts.fired() + 1).parse::<contract::BurstId>()
    else {
        return;
    };
    // A hop that was read and had no number gets one only from new messages: until then the broker's depth
    // stands in for it.
    let depth = data.beliefs.get(ChainHop::Broker).and_then(|belief| belief.total);
    let total = |hop| data.beliefs.get(hop).and_then(|belief| belief.total.or(depth));
    let spec_replicas = data.workload.get().map(|workload| workload.spec_replicas);
    let chain = match (&data.load.to, data.has_queue()) {
        (None, _) => BurstChain::Jobs,
        (Some(_), true) => BurstChain::Queue,
        (Some(_), false) => BurstChain::Metric,
    };
    let before = StateBefore {
        chain,
        depth,
        scraped: total(ChainHop::Prometheus),
        metric: total(ChainHop::ExternalApi),
        // An HPA that has computed nothing yet leaves the size as it is.
        desired: data.hpa.get().and_then(|hpa| hpa.wanted().or(spec_replicas)),
        spec_replicas,
        blind: blind(data),
        pod_time: data.lanes.time(at),
        tuning: data.hpa.get().map(HpaSettings::of),
    };
    data.load.agreed = true;
    data.bursts.fire(at, id.clone(), size, before);
    if data.load.is_on() {
        data.bursts.with_load();
    }
    let unsampled = data.sampling.unsampled();
    if unsampled > 0 {
        data.bursts.gap(LogGap::NotSampled, unsampled);
    }
    data.history.mark(at, MarkKind::Burst);
    let number = data.bursts.fired();
    log_event(model, at, Severity::Own, entries::burst(number, size));
    effects.push(Effect::Fire { id, size });
}

/// Starts the continuous load without a question.
pub(super) fn start_load(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    let load = &mut model.data.load;
    load.agreed = true;
    load.running = LoadState::Since(at);
    load.accepted = 0;
    load.failed.clear();
    let rate = load.rate;
    effects.push(Effect::Load { rate });
    log_event(model, at, Severity::Own, entries::load_on(rate));
}

/// Stops the continuous load if it runs, and logs the reason.
pub(super) fn stop_load(model: &mut Model, at: At, reason: &str, effects: &mut Vec<Effect>) {
    if !model.data.load.is_on() {
        return;
    }
    model.data.load.running = LoadState::Off;
    effects.push(Effect::Load { rate: 0.0 });
    let accepted = model.data.load.accepted;
    log_event(model, at, Severity::Own, entries::load_off(accepted, reason));
}

/// Sets the rate of the continuous load, at once if it runs: its time limit begins again.
pub(super) fn set_rate(model: &mut Model, at: At, rate: f64, effects: &mut Vec<Effect>) {
    let load = &mut model.data.load;
    load.rate = rate;
    if load.is_on() {
        load.running = LoadState::Since(at);
        effects.push(Effect::Load { rate });
    }
}
