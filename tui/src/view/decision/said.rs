//! Sentences about a sync: that there is nothing to calculate with, that the controller is silent, and what it says
//! itself.

use hpa::trace::Path;

use super::super::text::{coarse, wrap};
use dashboard::autoscaler::estimate::{MissingAt, MissingReading};
use dashboard::clock::At;
use dashboard::data::{Data, Presence};
use observed::Hpa;

/// How the controller begins a message about a metric that it could not read; the cause stands at the end.
const UNABLE: &str = "the HPA was unable to compute the replica count: ";

/// What nothing can be calculated without and is not known yet: for a place where no next sync is shown.
pub(super) fn awaited(data: &Data) -> &'static str {
    match (&data.workload, data.hpa.get()) {
        (Presence::Unknown, _) => "waiting for the scale target",
        (Presence::Missing, _) => "the scale target is not there",
        (Presence::Here(_), Some(hpa)) if hpa.spec.is_none() => "its spec cannot be calculated",
        (Presence::Here(_), _) => "waiting for the first reading",
    }
}

/// The reading that the next sync lacks, if it lacks one and would need it.
pub(super) fn missing(data: &Data) -> Option<&MissingReading> {
    let gone = data.estimate.reading.missing()?;
    // A size out of its bounds is forced without a look at the metric.
    let needs = |next: &dashboard::autoscaler::estimate::Next| next.decision.trace.path == Path::Failed;
    data.estimate.next.as_ref().is_none_or(needs).then_some(gone)
}

/// `since 14:03:12`, or before what was there when the dashboard was opened.
fn since(data: &Data, since: At) -> String {
    let before = if data.estimate.is_older_than_this_run(since) { "before " } else { "" };
    format!("since {before}{}", data.day.time_of_day(since))
}

/// That there is nothing to calculate, since when, and what the controller does then.
pub(super) fn nothing_to_calculate(data: &Data, gone: &MissingReading) -> String {
    let (since, at) = (since(data, gone.since), data.day.time_of_day(gone.since));
    let size =
        data.workload.get().map_or_else(String::new, |workload| format!(" {}", workload.spec_replicas));
    match gone.at {
        MissingAt::Controller => {
            format!("the HPA has no reading {since}: nothing to calculate; it holds{size}")
        }
        MissingAt::Api => {
            format!("the metrics API has no reading {since}: nothing to calculate; the HPA will hold{size}")
        }
        MissingAt::Watch => {
            format!("the HPA was last heard of at {at}: what it does since is not known here")
        }
        MissingAt::Kind => format!("{}: its decisions are not calculated here", gone.why),
    }
}

/// The same in a few words, for one line of the small window.
pub(super) fn in_short(data: &Data, gone: &MissingReading) -> String {
    let (since, at) = (since(data, gone.since), data.day.time_of_day(gone.since));
    let size =
        data.workload.get().map_or_else(String::new, |workload| format!(" {}", workload.spec_replicas));
    match gone.at {
        MissingAt::Controller => format!("no reading {since}: nothing to calculate, holds{size}"),
        MissingAt::Api => format!("API without reading {since}: it will hold{size}"),
        MissingAt::Watch => format!("the HPA was last heard of at {at}"),
        MissingAt::Kind => gone.why.clone(),
    }
}

/// For the row of the reading.
pub(super) fn none_since(data: &Data, gone: &MissingReading) -> String {
    let (since, age) = (since(data, gone.since), coarse(data.now.since(gone.since)));
    match gone.at {
        MissingAt::Controller | MissingAt::Api => format!("none {since}, {age}"),
        MissingAt::Watch => format!("not known {since}, {age}"),
        MissingAt::Kind => "of another kind than External".to_owned(),
    }
}

/// That the controller should have said something by now.
pub(super) fn silence(data: &Data) -> Option<String> {
    let since = data.day.time_of_day(data.estimate.silent(data.now)?);
    Some(format!("no sync since {since} though the reading changed"))
}

/// The condition that is wrong, in the controller's own words without those that only Go needs.
pub(super) fn complaint(hpa: &Hpa) -> Option<String> {
    let wrong = hpa.conditions.iter().find(|c| c.status == "False" && c.kind != "ScalingLimited")?;
    Some(without_go(if wrong.message.is_empty() { &wrong.reason } else { &wrong.message }))
}

/// A complaint as so many lines at most; where that is too few, what all of them begin with goes first.
pub(super) fn lines(complaint: &str, width: usize, most: usize) -> Vec<String> {
    let all = wrap(complaint, width);
    if all.len() <= most {
        return all;
    }
    let mut lines = wrap(complaint.strip_prefix(UNABLE).unwrap_or(complaint), width.saturating_sub(2));
    if lines.len() > most {
        // Each who hands an error on writes before it: the cause is at the end.
        lines.drain(..lines.len() - most);
        if let Some(first) = lines.first_mut() {
            *first = format!("… {first}");
        }
    }
    lines
}

/// A label selector as people write it, in place of Go's way to print one.
fn without_go(text: &str) -> String {
    const OPEN: &str = "&LabelSelector{MatchLabels:map[string]string{";
    const CLOSE: &str = "},MatchExpressions:[]LabelSelectorRequirement{},}";
    let Some((before, rest)) = text.split_once(OPEN) else { return text.to_owned() };
    let Some((labels, after)) = rest.split_once(CLOSE) else { return text.to_owned() };
    let labels: Vec<String> =
        labels.split(',').filter(|label| !label.is_empty()).map(|label| label.replace(": ", "=")).collect();
    format!("{before}{}{after}", labels.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_written_as_people_do() {
        for (text, shown) in [
            ("no selector", "no selector"),
            (
                "a/&LabelSelector{MatchLabels:map[string]string{queue: Orders,},Match",
                "a/&LabelSelector{MatchLabels:map[string]string{queue: Orders,},Match",
            ),
            (
                "get m/&LabelSelector{MatchLabels:map[string]string{a: b,queue: Orders,},MatchExpressions:[]LabelSelectorRequirement{},}: no",
                "get m/a=b,queue=Orders: no",
            ),
            (
                "m/&LabelSelector{MatchLabels:map[string]string{},MatchExpressions:[]LabelSelectorRequirement{},}",
                "m/",
            ),
        ] {
            assert_eq!(without_go(text), shown);
        }
    }

    #[test]
    fn where_there_is_little_room_the_cause_is_kept() {
        let complaint = format!("{UNABLE}unable to get metric m: the server is away");
        assert_eq!(lines(&complaint, 200, 1), [complaint.as_str()]);
        assert_eq!(lines(&complaint, 46, 1), ["unable to get metric m: the server is away"]);
        assert_eq!(lines(&complaint, 24, 1), ["… m: the server is away"]);
        assert_eq!(lines(&complaint, 24, 2), ["unable to get metric", "m: the server is away"]);
    }
}
