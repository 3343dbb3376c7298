//! The syncs of an autoscaler, from its status. A status is written only when it changes. A sync without a trace had the
//! readings of the previous one and the same result; the schedule gives the number of such syncs.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use hpa::recorded::{MetricResponse, RecordedSync, without_times};

/// The sizes of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) spec: i32,
    pub(crate) status: i32,
}

/// The reports of the watches, with their times.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Each status of the HPA that differs from the previous one.
    pub(crate) statuses: Vec<(Instant, Value)>,
    pub(crate) sizes: Vec<(Instant, Sizes)>,
    /// `Type Reason Message`.
    pub(crate) events: Vec<(Instant, String)>,
    versions: HashSet<(String, String)>,
}

impl Seen {
    /// Adds a status, unless it is already known.
    pub(crate) fn wrote(&mut self, at: Instant, status: Value) {
        if self.statuses.last().is_none_or(|(_, last)| *last != status) {
            self.statuses.push((at, status));
        }
    }

    /// Adds a version of an event once.
    pub(crate) fn reported(&mut self, at: Instant, version: (String, String), words: String) {
        if self.versions.insert(version) {
            self.events.push((at, words));
        }
    }

    /// The sizes at an instant.
    fn sizes_at(&self, at: Instant) -> Sizes {
        let before = self.sizes.iter().rev().find(|(seen, _)| *seen <= at);
        before.or(self.sizes.first()).expect("the target was seen").1
    }
}

/// Every sync from the first status to the last.
///
/// # Panics
/// If two statuses were written in one period: then these are not the syncs.
pub(crate) fn of(seen: &Seen, period: Duration) -> Vec<RecordedSync> {
    let mut syncs: Vec<RecordedSync> = Vec::new();
    let mut before: Option<(Instant, &Value)> = None;
    for (at, status) in &seen.statuses {
        if let Some((last, same)) = before {
            let apart = *at - last;
            let periods = (apart.as_secs_f64() / period.as_secs_f64()).round() as u32;
            assert!(periods > 0, "two statuses within {apart:?}, though the period is {period:?}: {status}");
            for silent in 1..periods {
                syncs.push(sync(seen, syncs.len(), last + apart * silent / periods, same, period));
            }
        }
        syncs.push(sync(seen, syncs.len(), *at, status, period));
        before = Some((*at, status));
    }
    syncs
}

/// The sync that ended at `at`. Its causes were there well before, and its effects soon after.
fn sync(seen: &Seen, index: usize, at: Instant, status: &Value, period: Duration) -> RecordedSync {
    let earlier = at.checked_sub(period / 3).unwrap_or(at);
    let (from, to) = (seen.sizes_at(earlier), at + period / 2);
    let is_of_it = |when: Instant| when + period / 2 > at && when <= to;
    let events = seen.events.iter().filter(|(when, _)| is_of_it(*when)).map(|(_, words)| words.clone());
    RecordedSync {
        at_ms: i64::try_from(index).unwrap() * rhythm_ms(period),
        spec_replicas: from.spec,
        status_replicas: from.status,
        responses: vec![MetricResponse::Values(vec![reading(status, from.status).to_string()])],
        size: seen.sizes_at(to).spec,
        status: without_times(status),
        events: events.collect(),
    }
}

/// Milliseconds from one sync to the next. The controller waits a whole period after the end of a sync, so it is a little more.
/// An event of N periods ago lies outside a window of N periods.
fn rhythm_ms(period: Duration) -> i64 {
    i64::try_from(period.as_millis()).unwrap() + 5
}

/// The metric's value; the status divides it by the pods and rounds up to thousandths.
fn reading(status: &Value, pods: i32) -> i64 {
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    if let Some(failed) = conditions.find(|one| one["type"] == "ScalingActive" && one["status"] == "False") {
        panic!("the metric failed while the burst ran, so the two cannot be compared: {}", failed["message"]);
    }
    let average = status.pointer("/currentMetrics/0/external/current/averageValue").and_then(Value::as_str);
    let average: hpa::Quantity =
        average.unwrap_or_else(|| panic!("a status without the metric: {status}")).parse().unwrap();
    let (average, pods) = (average.milli().unwrap(), i64::from(pods));
    let value = average * pods / 1_000;
    assert_eq!(
        (value * 1_000 + pods - 1) / pods,
        average,
        "{average} thousandths for each of {pods} pods come of no whole number: {status}"
    );
    value
}

#[test]
fn silent_syncs_and_readings_are_reconstructed() {
    let start = Instant::now();
    let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
    let status = |average: &str| {
        serde_json::json!({"currentMetrics": [{"type": "External", "external": {
            "metric": {"name": "queue"}, "current": {"averageValue": average},
        }}]})
    };
    let mut seen = Seen::default();
    seen.sizes.push((at(0.0), Sizes { spec: 1, status: 1 }));
    seen.wrote(at(15.0), status("0"));
    seen.wrote(at(15.1), status("0"));
    seen.wrote(at(60.2), status("50"));
    seen.reported(at(60.1), ("a".to_owned(), "1".to_owned()), "up".to_owned());
    seen.reported(at(61.0), ("a".to_owned(), "1".to_owned()), "up".to_owned());
    seen.sizes.push((at(60.1), Sizes { spec: 3, status: 1 }));
    seen.sizes.push((at(60.4), Sizes { spec: 3, status: 3 }));
    // 50 with 3 pods.
    seen.wrote(at(75.1), status("16667m"));
    let syncs = of(&seen, Duration::from_secs(15));
    let facts: Vec<_> = syncs
        .iter()
        .map(|sync| {
            (
                sync.spec_replicas,
                sync.status_replicas,
                sync.responses[0].clone(),
                sync.size,
                sync.events.len(),
            )
        })
        .collect();
    let read = |value: &str| MetricResponse::Values(vec![value.to_owned()]);
    let quiet = (1, 1, read("0"), 1, 0);
    let expected = [quiet.clone(), quiet.clone(), quiet, (1, 1, read("50"), 3, 1), (3, 3, read("50"), 3, 0)];
    assert_eq!(facts, expected);
    assert_eq!(syncs[4].at_ms, 4 * 15_005);
}
