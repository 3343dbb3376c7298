//! The past rescales of an HPA, as its Kubernetes Events report them: the time, the sizes and the controller's reason.
//!
//! An API server keeps Events for an hour by default (`--event-ttl`). They have neither the wanted size nor what limited it; the
//! dashboard observes both while it runs.

use jiff::Timestamp;
use observed::ClusterEvent;
use serde_json::{Value, json};

use crate::strings;

/// One rescale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescale {
    /// The time of the Event, by the cluster's clock.
    pub at: Timestamp,
    /// The size before, where an Event shows it.
    pub before: Option<i32>,
    /// The size after.
    pub size: i32,
    /// The controller's reason.
    pub why: String,
}

/// The rescales in the Events of an HPA, newest first. A repeated Event counts once, at its last time.
#[must_use]
pub fn rescales(events: &[ClusterEvent]) -> Vec<Rescale> {
    let one = |event: &ClusterEvent| {
        let (size, why) = event.rescale()?;
        Some(Rescale { at: event.last_seen?, before: None, size, why: why.to_owned() })
    };
    let mut all: Vec<Rescale> = events.iter().filter_map(one).collect();
    all.sort_by_key(|rescale| rescale.at);
    let mut before = None;
    for rescale in &mut all {
        rescale.before = before.replace(rescale.size);
    }
    all.reverse();
    all
}

/// The lines of the report.
pub(crate) fn lines(rescales: &[Rescale], clock: &dyn Fn(Timestamp) -> String) -> Vec<String> {
    if rescales.is_empty() {
        return vec![strings::NO_RESCALE.to_owned()];
    }
    let one =
        |rescale: &Rescale| strings::rescale(&clock(rescale.at), rescale.before, rescale.size, &rescale.why);
    rescales.iter().map(one).chain([strings::FROM_EVENTS.to_owned()]).collect()
}

/// The same for programs.
pub(crate) fn json(rescales: &[Rescale]) -> Vec<Value> {
    let one = |rescale: &Rescale| {
        json!({
            "time": rescale.at.to_string(),
            "before": rescale.before,
            "size": rescale.size,
            "reason": rescale.why,
        })
    };
    rescales.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(second: i8, reason: &str, message: &str) -> ClusterEvent {
        ClusterEvent {
            uid: second.to_string(),
            warning: false,
            object: ("HorizontalPodAutoscaler".to_owned(), "web".to_owned()),
            reason: reason.to_owned(),
            message: message.to_owned(),
            count: 1,
            last_seen: format!("2026-01-02T10:00:{second:02}Z").parse().ok(),
            old: true,
        }
    }

    #[test]
    fn events_become_a_history() {
        let events = [
            event(30, "SuccessfulRescale", "New size: 10; reason: All metrics below target"),
            event(15, "SuccessfulRescale", "New size: 5; reason: external metric depth above target"),
            event(20, "FailedGetExternalMetric", "New size: 7; reason: none"),
        ];
        let all = rescales(&events);
        let shown = lines(&all, &|at| at.strftime("%S").to_string());
        assert_eq!(
            shown[..2],
            ["30  5 → 10  All metrics below target", "15  ? → 5  external metric depth above target"]
        );
        assert_eq!((shown.len(), shown[2].as_str()), (3, strings::FROM_EVENTS));
        assert_eq!(json(&all)[1]["before"], Value::Null);
        assert_eq!(lines(&[], &|_| String::new()), [strings::NO_RESCALE]);
    }
}
