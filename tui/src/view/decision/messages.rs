//! Sentences about a sync: a missing reading, a missing sync, and the controller's own message.

use hpa::trace::Path;

use crate::view::fmt::coarse;
use crate::view::strings::decision as text;
use crate::view::wrap::wrap;
use ::text::selector::readable;
use dashboard::autoscaler::estimate::{self, MissingAt, MissingReading, Next};
use dashboard::data::{Data, Presence};
use observed::Hpa;

/// The beginning of the controller's message about a metric that it could not read. The cause is at the end.
const COMPUTE_ERROR: &str = "the HPA was unable to compute the replica count: ";

/// The least columns of the end of a message that says its cause.
const MIN_CAUSE: usize = 16;

/// The missing input for a calculation of the next sync.
pub(super) fn missing_input(data: &Data) -> &'static str {
    match (&data.workload, data.hpa.get()) {
        (Presence::Unknown, _) => text::WAITING_FOR_TARGET,
        (Presence::Missing, _) => text::NO_TARGET,
        (Presence::Here(_), Some(hpa)) if hpa.spec.is_none() => text::UNKNOWN_SPEC,
        (Presence::Here(_), _) => text::WAITING_FOR_READING,
    }
}

/// The missing reading, if the next sync needs one.
pub(super) fn missing_reading(data: &Data) -> Option<&MissingReading> {
    let gone = data.estimate.reading.missing()?;
    // A size out of its limits is corrected without the metric.
    let needs = |next: &Next| next.decision.trace.path == Path::Failed;
    data.estimate.next.as_ref().is_none_or(needs).then_some(gone)
}

/// The reason why there is nothing to calculate, since when, and what the controller does; as a sentence and in a few words.
pub(super) fn nothing_to_calculate(data: &Data, gone: &MissingReading) -> [String; 2] {
    let clock = data.day.time_of_day(gone.since);
    let since = text::since(&clock, data.estimate.is_older_than_this_run(gone.since));
    let replicas = data.workload.get().map(|workload| workload.spec_replicas);
    match gone.at {
        MissingAt::Controller => text::controller_without_reading(&since, replicas),
        MissingAt::Api => text::api_without_reading(&since, replicas),
        MissingAt::Watch => text::watch_lost(&clock),
    }
}

/// The value of the row of the reading, where there is none.
pub(super) fn no_reading(data: &Data, gone: &MissingReading) -> String {
    let clock = data.day.time_of_day(gone.since);
    let since = text::since(&clock, data.estimate.is_older_than_this_run(gone.since));
    let age = coarse(data.now.since(gone.since));
    match gone.at {
        MissingAt::Controller | MissingAt::Api => text::none_since(&since, &age),
        MissingAt::Watch => text::unknown_since(&since, &age),
    }
}

/// The usage of each metric that the next sync would read, separated by commas.
pub(super) fn usages(data: &Data) -> String {
    let spec = data.hpa.get().and_then(|hpa| hpa.spec.as_deref());
    let trace = data.estimate.next.as_ref().map(|next| &next.decision.trace);
    let reports = spec.map(|spec| explain::metric::reports(spec, trace)).unwrap_or_default();
    let usages = reports.into_iter().map(|report| report.usage.unwrap_or_else(|| text::NO_VALUE.to_owned()));
    usages.collect::<Vec<_>>().join(", ")
}

/// Sentences about the next sync: what holds the size, and what the next change needs.
pub(super) fn outlook(data: &Data) -> Vec<String> {
    let (Some(hpa), Some(next)) = (data.hpa.get(), &data.estimate.next) else { return Vec::new() };
    let Some(spec) = hpa.spec.as_deref() else { return Vec::new() };
    let trace = &next.decision.trace;
    if trace.path == Path::Paused && hpa.is_scaled_to_zero() {
        return vec![text::SCALED_TO_ZERO_BY_HPA.to_owned()];
    }
    let clock = |time| data.day.time_of_day(estimate::at(time));
    let replicas = data.workload.get().map(|workload| workload.spec_replicas);
    let mut all = explain::outlook::sentences(spec, trace, estimate::time(next.knows_since), &clock);
    if let Some(object) = &data.scaled_object {
        let keda = explain::keda::sentences(object, replicas);
        // A pause explains everything else.
        let at = if object.pause.is_some() { 0 } else { all.len() };
        all.splice(at..at, keda);
    }
    all
}

/// A warning that a sync is overdue.
pub(super) fn missing_sync(data: &Data) -> Option<String> {
    Some(text::missing_sync(&data.day.time_of_day(data.estimate.silent(data.now)?)))
}

/// The message of the HPA's condition that is false, without Go's notation.
pub(super) fn false_condition(hpa: &Hpa) -> Option<String> {
    let wrong = hpa.conditions.iter().find(|c| c.status == "False" && c.kind != "ScalingLimited")?;
    let message = if wrong.message.is_empty() { &wrong.reason } else { &wrong.message };
    Some(readable(message).into_owned())
}

/// A controller's message as at most `max_lines` lines. If it is longer, its common beginning is left out first, then more of
/// the beginning: each caller puts its own text before an error, so the cause is at the end.
pub(super) fn lines(message: &str, width: usize, max_lines: usize) -> Vec<String> {
    let all = wrap(message, width);
    if all.len() <= max_lines {
        return all;
    }
    let mut lines = wrap(message.strip_prefix(COMPUTE_ERROR).unwrap_or(message), width.saturating_sub(2));
    if lines.len() > max_lines {
        lines.drain(..lines.len() - max_lines);
        // A single word at the end says nothing about the cause.
        if lines.first().is_some_and(|line| max_lines == 1 && line.chars().count() < MIN_CAUSE.min(width)) {
            let start = message.chars().count().saturating_sub(width.saturating_sub(2));
            lines = vec![message.chars().skip(start).collect()];
        }
        if let Some(first) = lines.first_mut() {
            *first = format!("… {first}");
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_keep_their_cause() {
        let message = format!("{COMPUTE_ERROR}unable to get metric m: the server is away");
        assert_eq!(lines(&message, 200, 1), [message.as_str()]);
        assert_eq!(lines(&message, 46, 1), ["unable to get metric m: the server is away"]);
        assert_eq!(lines(&message, 24, 1), ["… m: the server is away"]);
        assert_eq!(lines(&message, 24, 2), ["unable to get metric", "m: the server is away"]);
    }
}
