//! The last and the next sync as columns of lines: the reading, the steps, and the outcome.

use std::cmp::Ordering;

use hpa::Trace;
use hpa::trace::Path;

use super::gates::{Certainty, Gate, GateFormatter, reason};
use super::messages;
use crate::view::fmt::{coarse, milli};
use crate::view::strings::decision as text;
use crate::view::strings::decision::gate;
use dashboard::autoscaler::estimate::{Basis, LastSync, MissingAt, NextReading, Total};
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::reported::Source;
use observed::Hpa;

/// A sync as lines.
pub(super) struct Column {
    /// The name and the time of the sync.
    pub(super) head: String,
    /// The lines, in order.
    pub(super) lines: Vec<Gate>,
}

impl Column {
    /// The line of that name; of several the one with that index.
    pub(super) fn get(&self, name: &str, nth: usize) -> Option<&Gate> {
        self.lines.iter().find(|gate| gate.name == name && gate.nth == nth)
    }

    /// The number of lines that may have that name.
    pub(super) fn count(&self, name: &str) -> usize {
        self.lines.iter().filter(|gate| gate.name == name).map(|gate| gate.nth + 1).max().unwrap_or(0)
    }
}

/// The last sync that was observed.
pub(super) fn last_sync(data: &Data, hpa: &Hpa) -> Column {
    if let Some(last) = data.estimate.last() {
        let head = text::last_sync(&data.day.time_of_day(last.at), &coarse(data.now.since(last.at)));
        return past_sync(data, last, head);
    }
    if !hpa.has_synced() {
        return Column { head: text::LAST_NONE.to_owned(), lines: Vec::new() };
    }
    let desired = hpa.wanted().map_or_else(|| text::NO_SIZE.to_owned(), |desired| desired.to_string());
    let sizes = text::current_and_desired(hpa.current_replicas, &desired);
    let lines = vec![
        Gate::new(gate::READING, hpa.targets_column.clone()),
        Gate::new(gate::REPLICAS, sizes),
        Gate::new(gate::FINAL, text::from_status(&desired)),
    ];
    Column { head: text::LAST_UNSEEN.to_owned(), lines }
}

/// The sync in force at an instant of the past, and the one after it.
pub(super) fn syncs_around(data: &Data, at: At) -> [Column; 2] {
    let column = |sync: Option<&LastSync>, none: &str, head: fn(&str, &str) -> String| {
        let Some(sync) = sync else { return Column { head: none.to_owned(), lines: Vec::new() } };
        let away = coarse(sync.at.since(at).max(at.since(sync.at)));
        past_sync(data, sync, head(&data.day.time_of_day(sync.at), &away))
    };
    [
        column(data.estimate.past.in_force(at), text::NONE_BEFORE, text::sync_before),
        column(data.estimate.past.after(at), text::NONE_AFTER, text::sync_after),
    ]
}

/// A sync of the past, with the settings that it had.
fn past_sync(data: &Data, sync: &LastSync, head: String) -> Column {
    let clock = |at: At| data.day.time_of_day(at);
    let mut lines = vec![reading_then(sync), replicas_then(sync)];
    let formatter = GateFormatter {
        trace: &sync.trace,
        spec: Some(&sync.spec),
        now: sync.at,
        held: None,
        knows_since: sync.knows_since,
        clock: &clock,
    };
    lines.extend(formatter.gates());
    let certainty = if sync.trace.path == Path::Computed { Certainty::Estimated } else { Certainty::Read };
    let outcome = outcome(&sync.trace);
    lines.push(Gate::with(certainty, gate::FINAL, outcome));
    Column { head, lines }
}

/// The next sync, calculated.
pub(super) fn next_sync(data: &Data) -> Column {
    let Some(next) = &data.estimate.next else {
        let why = match data.estimate.reading.missing().map(|gone| gone.at) {
            Some(MissingAt::Watch) => text::WATCH_LOST,
            Some(_) => text::NOT_CALCULATED,
            None => messages::missing_input(data),
        };
        return Column { head: text::next_sync_unknown(why), lines: Vec::new() };
    };
    let clock = |at: At| data.day.time_of_day(at);
    let head = match next.due {
        Some(due) => text::next_sync(&clock(due), &coarse(due.since(data.now))),
        None => text::next_sync_within(next.period.0.as_secs_f64()),
    };
    let mut lines = vec![reading_now(data)];
    lines.extend(replicas_now(data));
    let formatter = GateFormatter {
        trace: &next.decision.trace,
        spec: data.hpa.get().and_then(|hpa| hpa.spec.as_deref()),
        now: data.now,
        held: next.held,
        knows_since: next.knows_since,
        clock: &clock,
    };
    lines.extend(formatter.gates());
    lines.push(Gate::with(Certainty::Estimated, gate::FINAL, outcome(&next.decision.trace)));
    Column { head, lines }
}

fn reading_then(sync: &LastSync) -> Gate {
    let column = &sync.targets_column;
    let (certainty, text) = match (sync.total, sync.trace.metrics.len()) {
        (Total::Read(total), ..=1) => (Certainty::Read, text::column_and_total(column, &milli(total), true)),
        (Total::Back(total), ..=1) => {
            (Certainty::Estimated, text::column_and_total(column, &milli(total), false))
        }
        _ => match sync.basis {
            Basis::Read => (Certainty::Read, column.clone()),
            Basis::Back => (Certainty::Estimated, column.clone()),
            Basis::None => (Certainty::Doubtful, column.clone()),
        },
    };
    Gate::with(certainty, gate::READING, text)
}

fn replicas_then(last: &LastSync) -> Gate {
    let spec = last.reported.current;
    let current = last.trace.winner().and_then(|metric| metric.measured).map(|measured| measured.replicas);
    let (certainty, text) = match current {
        Some(current) if last.existed_seen => {
            (Certainty::Read, text::spec_and_current(spec, &current.to_string()))
        }
        Some(_) => (Certainty::Estimated, text::spec_replicas(spec)),
        None => (Certainty::Read, text::spec_replicas(spec)),
    };
    Gate::with(certainty, gate::REPLICAS, text)
}

/// The reading that the next sync would use, with its source and age.
fn reading_now(data: &Data) -> Gate {
    let reading = &data.estimate.reading;
    let (certainty, text) = match reading {
        NextReading::Served { total_milli, received } => {
            let is_old = reading.too_old(data.now).is_some();
            let certainty = if is_old { Certainty::Doubtful } else { Certainty::Read };
            (certainty, text::total_of_api(&milli(*total_milli), &coarse(data.now.since(*received))))
        }
        NextReading::Polled { received } => {
            let is_old = reading.too_old(data.now).is_some();
            let certainty = if is_old { Certainty::Doubtful } else { Certainty::Read };
            (certainty, text::usage_of_api(&messages::usages(data), &coarse(data.now.since(*received))))
        }
        NextReading::OfStatus(total) => {
            let total = total.milli().map_or_else(String::new, milli);
            (Certainty::Estimated, text::total_of_status(&total))
        }
        NextReading::Missing(gone) => (Certainty::Doubtful, messages::no_reading(data, gone)),
        NextReading::Unknown => (Certainty::Read, text::NO_READING.to_owned()),
    };
    Gate::with(certainty, gate::READING, text)
}

fn replicas_now(data: &Data) -> Option<Gate> {
    let workload = data.workload.get()?;
    let text = text::spec_and_current(workload.spec_replicas, &workload.replicas.to_string());
    let last_delivery = data.failure(Source::Workload).and_then(|status| status.last_delivery);
    Some(match last_delivery {
        Some(last_delivery) => {
            let text = text::with_age(&text, &coarse(data.now.since(last_delivery)));
            Gate::with(Certainty::Doubtful, gate::REPLICAS, text)
        }
        None => Gate::new(gate::REPLICAS, text),
    })
}

fn outcome(trace: &Trace) -> String {
    let why = reason(trace);
    match trace.desired.cmp(&trace.current) {
        _ if trace.path == Path::Failed => text::outcome(trace.current, why),
        Ordering::Equal => text::outcome(trace.desired, why),
        Ordering::Less | Ordering::Greater => text::change(trace.current, trace.desired, why),
    }
}
