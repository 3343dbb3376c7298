//! Whole runs: a simulated controller writes its status, and the tests compare our copy with it.

use std::time::Duration;

use hpa::simulate::Simulator;
use hpa::{Config, Reading, Spec, Time};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::autoscaler::estimate::Agreement;
use crate::clock::DayClock;
use crate::message::{Event, Timestamped};
use crate::model::Model;
use crate::reported::{Source, SourceState, Target, TargetEvent};
use crate::update::update;
use observed::{Condition, ExternalTarget, MetricRef, MetricSample, Workload};

const TARGET: i64 = 20_000;

fn spec(behavior: &serde_json::Value) -> Spec {
    let mut spec: Spec = serde_json::from_value(serde_json::json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
        "minReplicas": 1, "maxReplicas": 10, "behavior": behavior,
        "metrics": [{"type": "External", "external": {
            "metric": {"name": "depth"}, "target": {"type": "AverageValue", "averageValue": "20"}}}]
    }))
    .unwrap();
    hpa::defaults::default_spec(&mut spec);
    spec
}

/// A controller under observation: its status updates reach the model as they would from an API server.
struct Watched {
    model: Model,
    controller: Simulator,
    now: u64,
}

impl Watched {
    fn new(spec: &Spec, size: i32) -> Self {
        let controller = Simulator::new(spec.clone(), Config::release(hpa::Release::V1_34), size).unwrap();
        let model = Model::new(DayClock::new(Timestamp::UNIX_EPOCH, TimeZone::UTC), (80, 24));
        let mut watched = Self { model, controller, now: 0 };
        watched.send(Event::Target(TargetEvent::Chosen(Target {
            title: "here".to_owned(),
            reason: String::new(),
            namespace: "demo".to_owned(),
            version: Some("v1.34".to_owned()),
            confirm_first_burst: false,
            sync_period: None,
            first_burst: None,
        })));
        watched.send(Event::Target(TargetEvent::Ready));
        watched.workload();
        watched
    }

    fn send(&mut self, event: Event) {
        let at = At(Duration::from_millis(self.now));
        let _ = update(&mut self.model, Timestamped { at, event });
    }

    fn workload(&mut self) {
        let size = self.controller.size();
        let name = "worker".to_owned();
        let selector = hpa::spec::LabelSelector {
            match_labels: [("app".to_owned(), "worker".to_owned())].into(),
            ..Default::default()
        };
        let workload = Workload { name, spec_replicas: size, replicas: size, ready: size, selector };
        self.send(Event::Workload(Some(workload)));
    }

    fn metric(&mut self, total: i64) {
        self.send(Event::Metric(MetricSample { value_milli: Some(total * 1_000), stamped: None }));
    }

    /// Runs a sync. The new size is visible first, because the controller writes it before its status.
    fn sync(&mut self, total: i64) -> hpa::Trace {
        self.sync_at(self.now, total)
    }

    /// Runs a sync that is decided at the millisecond `decided`; its status update arrives at the current
    /// time.
    fn sync_at(&mut self, decided: u64, total: i64) -> hpa::Trace {
        self.metric(total);
        let time = time(At(Duration::from_millis(decided)));
        let step = self.controller.sync(time, &[Reading::External(vec![total * 1_000])], None);
        if step.after != step.before {
            self.workload();
        }
        let hpa = self.status(step.before, step.after, total);
        self.send(Event::Hpa(Some(Box::new(hpa))));
        step.decision.trace
    }

    fn status(&self, before: i32, after: i32, total: i64) -> Hpa {
        let conditions = self.controller.status().conditions.iter().map(|condition| Condition {
            kind: condition.type_.to_string(),
            status: format!("{:?}", condition.status),
            reason: condition.reason.to_string(),
            message: condition.message.to_string(),
        });
        let spec = self.controller.spec();
        let pods = i64::from(before.max(1));
        Hpa {
            name: "worker-scaler".to_owned(),
            min: spec.min(),
            max: spec.max_replicas,
            scaled_object: None,
            metric: Some(MetricRef {
                name: "depth".to_owned(),
                selector: hpa::spec::LabelSelector::default(),
                queue: None,
                target: ExternalTarget::AverageValue(TARGET),
            }),
            spec: Some(Box::new(spec.clone())),
            scale_target: ("Deployment".to_owned(), "worker".to_owned()),
            current_replicas: before,
            desired_replicas: after,
            reading_milli: Some((total * 1_000 + pods - 1) / pods),
            last_scale: None,
            conditions: conditions.collect(),
            targets_column: String::new(),
            current: Vec::new(),
        }
    }

    fn estimate(&self) -> &Estimate {
        &self.model.data.estimate
    }
}

#[test]
fn our_copy_follows_the_controller_through_a_burst() {
    for behavior in [
        serde_json::json!({}),
        serde_json::Value::Null,
        serde_json::json!({"scaleDown": {"stabilizationWindowSeconds": 60}}),
        serde_json::json!({"scaleUp": {"stabilizationWindowSeconds": 30,
            "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]},
            "scaleDown": {"stabilizationWindowSeconds": 30,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}]}}),
    ] {
        let mut watched = Watched::new(&spec(&behavior), 1);
        // The memory from before the first update is unknown; after one whole window all of it is known.
        let mut disagreements = 0;
        for sync in 0..80_u64 {
            watched.now = sync * 15_000 + 400;
            let total = match sync {
                0..3 => 0,
                3..9 => 200 - (sync as i64 - 3) * 20,
                9..12 => 40,
                30..34 => 90,
                _ => 0,
            };
            let theirs = watched.sync(total);
            let Some(last) = watched.estimate().last() else { continue };
            if last.at.0.as_millis() != u128::from(watched.now) {
                continue;
            }
            disagreements += u32::from(sync >= 3 && last.agreement() != Agreement::Same);
            assert_eq!(last.trace.desired, theirs.desired, "{behavior} sync {sync}");
            assert_eq!(last.trace.raw, theirs.raw, "{behavior} sync {sync}");
            assert!(matches!(last.total, Total::Read(_)));
        }
        assert_eq!(disagreements, 0, "{behavior}");
    }
}

#[test]
fn the_next_sync_uses_its_due_time_and_the_hold_now() {
    let mut watched =
        Watched::new(&spec(&serde_json::json!({"scaleDown": {"stabilizationWindowSeconds": 60}})), 1);
    for (second, total) in [(0, 0), (15, 0), (30, 90), (45, 90), (60, 0), (75, 0)] {
        watched.now = second * 1_000;
        let _ = watched.sync(total);
    }
    // The last 90 was recommended at 45 s: it holds until 105 s, and then a sync is due.
    watched.now = 104_000;
    watched.send(Event::Tick);
    let next = watched.estimate().next.as_ref().unwrap();
    assert_eq!(next.due, Some(At(Duration::from_secs(105))));
    assert_eq!(next.held.map(|held| (held.replicas, held.expires)), Some((5, Time(105_000))));
    assert_eq!(next.decision.trace.desired, 1, "by then it has let go");
}

#[test]
fn a_sync_that_wrote_nothing_is_presumed() {
    let mut watched =
        Watched::new(&spec(&serde_json::json!({"scaleDown": {"stabilizationWindowSeconds": 60}})), 1);
    for (second, total) in [(0, 0), (15, 90), (30, 90), (45, 90)] {
        watched.now = second * 1_000;
        let _ = watched.sync(total);
    }
    // From 60 s on, syncs read the same 90 and write nothing: each repeats the recommendation.
    watched.now = 165_000;
    watched.metric(90);
    let _ = watched.sync(0);
    let last = watched.estimate().last().unwrap();
    let held = last.trace.stabilised.and_then(|stabilised| stabilised.held_by).unwrap();
    assert_eq!((held.replicas, held.at), (5, Time(150_000)));
}

#[test]
fn another_decision_of_the_controller_corrects_us() {
    let mut watched =
        Watched::new(&spec(&serde_json::json!({"scaleDown": {"stabilizationWindowSeconds": 60}})), 8);
    watched.metric(0);
    let hpa = watched.status(8, 8, 160);
    watched.send(Event::Hpa(Some(Box::new(hpa))));
    // The controller remembers a larger size from before this run: it keeps 8, and the model cannot know.
    watched.now = 15_000;
    let mut hpa = watched.status(8, 6, 0);
    hpa.conditions = vec![Condition {
        kind: "AbleToScale".to_owned(),
        status: "True".to_owned(),
        reason: "SucceededRescale".to_owned(),
        message: String::new(),
    }];
    watched.send(Event::Hpa(Some(Box::new(hpa))));
    let last = watched.estimate().last().cloned().unwrap();
    assert_eq!((last.trace.desired, last.reported.desired), (8, 6), "the seed held, and theirs was older");
    let Agreement::OtherSize(cause) = last.agreement() else { panic!("they differ: {last:?}") };
    assert!(cause.contains("before this run"), "{cause}");
    // The model drops the recommendations that it assumed to hold: the next sync is computed without them.
    let recommendations = watched.estimate().memory.recommendations.clone().unwrap();
    assert!(recommendations.iter().all(|known| known.replicas <= 6), "{recommendations:?}");
}

#[test]
fn the_first_status_is_no_sync() {
    let mut watched = Watched::new(&spec(&serde_json::json!({})), 1);
    let _ = watched.sync(0);
    assert_eq!((watched.estimate().last().cloned(), watched.estimate().schedule().last()), (None, None));
    assert_eq!(watched.estimate().next.as_ref().unwrap().due, None);
    watched.now = 15_000;
    let _ = watched.sync(90);
    assert!(watched.estimate().last().is_some());
}

#[test]
fn a_changed_specification_is_no_sync() {
    let mut watched = Watched::new(&spec(&serde_json::json!({})), 1);
    let _ = watched.sync(0);
    let mut hpa = watched.model.data.hpa.get().unwrap().clone();
    hpa.max = 5;
    watched.now = 7_000;
    watched.send(Event::Hpa(Some(Box::new(hpa))));
    assert_eq!(watched.estimate().schedule().last(), None);
}

#[test]
fn the_history_has_each_sync_with_its_own_settings() {
    let mut watched = Watched::new(&spec(&serde_json::json!({})), 1);
    for (second, total) in [(0, 0), (15, 200), (30, 200)] {
        watched.now = second * 1_000;
        let _ = watched.sync(total);
    }
    // Another client lowers the maximum: the syncs of the past had the old one.
    let mut hpa = watched.model.data.hpa.get().unwrap().clone();
    hpa.max = 5;
    hpa.spec.as_mut().unwrap().max_replicas = 5;
    watched.now = 31_000;
    watched.send(Event::Hpa(Some(Box::new(hpa))));
    let past = &watched.estimate().past;
    let rows: Vec<_> = past
        .iter()
        .map(|sync| (sync.reported.current, sync.reported.desired, sync.trace.raw, sync.spec.max_replicas))
        .collect();
    assert_eq!(rows, [(1, 5, Some(10), 10), (5, 10, Some(10), 10)]);
    let at = |ms| At(Duration::from_millis(ms));
    let desired =
        |sync: Option<&crate::autoscaler::estimate::LastSync>| sync.map(|sync| sync.reported.desired);
    // The update of the status comes up to a second after the write of the scale.
    for (ms, in_force, after) in [
        (13_000, None, Some(5)),
        (14_500, Some(5), Some(10)),
        (28_000, Some(5), Some(10)),
        (31_000, Some(10), None),
    ] {
        assert_eq!((desired(past.in_force(at(ms))), desired(past.after(at(ms)))), (in_force, after), "{ms}");
    }
}

#[test]
fn a_late_sync_replaces_the_presumed_one() {
    let mut watched = Watched::new(&spec(&serde_json::json!({})), 1);
    for second in [0, 15, 30] {
        watched.now = second * 1_000;
        let _ = watched.sync(200);
    }
    let presumed_at_45 = |watched: &Watched| {
        let recommendations = watched.estimate().memory.recommendations.clone().unwrap();
        recommendations.iter().any(|known| known.at == Time(45_000))
    };
    watched.now = 47_000;
    watched.send(Event::Tick);
    assert!(presumed_at_45(&watched));
    watched.now = 50_000;
    let _ = watched.sync(190);
    assert!(!presumed_at_45(&watched));
}

#[test]
fn what_if_decides_for_another_metric() {
    let mut watched = Watched::new(&spec(&serde_json::json!({})), 1);
    let _ = watched.sync(0);
    for (total, raw) in [(10, 1), (22, 1), (23, 2), (200, 10), (5_000, 250)] {
        let decision = what_if(&watched.model.data, total * 1_000).unwrap();
        assert_eq!(decision.trace.raw, Some(raw), "{total}");
    }
}

#[test]
fn the_smallest_burst_is_the_first_to_ask_for_more() {
    use crate::autoscaler::forecast::{Trigger, trigger};

    for (behavior, size, waiting) in [
        (serde_json::json!({}), 1, 0),
        (serde_json::json!({}), 3, 7),
        (serde_json::json!({"scaleUp": {"tolerance": "500m"}}), 2, 30),
        (serde_json::Value::Null, 4, 80),
    ] {
        let mut watched = Watched::new(&spec(&behavior), size);
        let _ = watched.sync(waiting);
        let data = &watched.model.data;
        let Some(Trigger::TooSmall { smallest, .. }) = trigger(data, 1) else {
            panic!("one job is too small: {:?}", trigger(data, 1))
        };
        let raw = |jobs: u64| {
            let total = waiting + i64::try_from(jobs).unwrap();
            what_if(data, total * 1_000).unwrap().trace.raw.unwrap()
        };
        assert!(raw(smallest) > size, "{behavior}: {smallest} jobs are enough");
        assert!(raw(smallest - 1) <= size, "{behavior}: {} jobs are not", smallest - 1);
        let burst = u32::try_from(smallest).unwrap();
        assert!(matches!(trigger(data, burst), Some(Trigger::Scales { .. })), "{:?}", trigger(data, burst));
        assert!(matches!(trigger(data, burst - 1), Some(Trigger::TooSmall { .. })));
    }
}

#[test]
fn at_the_maximum_no_burst_asks_for_more() {
    use crate::autoscaler::forecast::{Trigger, trigger};

    let mut watched = Watched::new(&spec(&serde_json::json!({})), 10);
    let _ = watched.sync(200);
    assert_eq!(trigger(&watched.model.data, 500), Some(Trigger::AtMax(10)));
}

/// Stops Prometheus: the metrics API refuses, and the controller reports that at its next sync.
fn lose_the_metric(watched: &mut Watched) {
    let cause = "asking for the external metric depth: unable to fetch metrics (500)".to_owned();
    let lost = SourceState::Retrying { cause, next: At(Duration::from_secs(90)) };
    watched.send(Event::Source(Source::ExternalMetric, lost));
}

fn without_a_reading(watched: &mut Watched) {
    let mut hpa = watched.model.data.hpa.get().unwrap().clone();
    hpa.reading_milli = None;
    hpa.conditions = vec![Condition {
        kind: "ScalingActive".to_owned(),
        status: "False".to_owned(),
        reason: "FailedGetExternalMetric".to_owned(),
        message: "unable to fetch metrics".to_owned(),
    }];
    watched.send(Event::Hpa(Some(Box::new(hpa))));
}

fn missing(watched: &Watched) -> Option<(u128, MissingAt)> {
    watched.estimate().reading.missing().map(|missing| (missing.since.0.as_millis(), missing.at))
}

#[test]
fn a_missing_reading_is_not_calculated_with() {
    let mut watched = Watched::new(&spec(&serde_json::json!({})), 3);
    for second in [0, 15, 30] {
        watched.now = second * 1_000;
        let _ = watched.sync(200);
    }
    let size = watched.controller.size();
    watched.metric(5);
    assert_eq!(watched.estimate().next.as_ref().unwrap().decision.trace.raw, Some(1));

    watched.now = 32_000;
    lose_the_metric(&mut watched);
    assert_eq!(missing(&watched), Some((32_000, MissingAt::Api)));
    let next = watched.estimate().next.as_ref().unwrap();
    assert_eq!((next.decision.trace.path, next.decision.trace.raw), (hpa::trace::Path::Failed, None));
    assert_eq!(next.decision.trace.desired, size, "without a reading the controller holds");
    let reported = next.decision.status.conditions.iter().find(|c| c.reason == "FailedGetExternalMetric");
    assert!(reported.is_some(), "as the controller will say: {:?}", next.decision.status.conditions);

    // The controller reports it at its next sync too; a burst in between changes nothing.
    watched.now = 45_000;
    without_a_reading(&mut watched);
    watched.now = 60_000;
    watched.send(Event::Tick);
    assert_eq!(missing(&watched), Some((45_000, MissingAt::Controller)));

    assert!(!watched.estimate().is_older_than_this_run(At(Duration::from_secs(45))));
    assert!(watched.estimate().is_older_than_this_run(At::default()), "there when the first word came");

    // The reading is back.
    watched.now = 61_000;
    watched.send(Event::Source(Source::ExternalMetric, SourceState::Live));
    watched.metric(200);
    assert_eq!(missing(&watched), None);
    assert_eq!(watched.estimate().next.as_ref().unwrap().decision.trace.raw, Some(10));
}

#[test]
fn the_status_shows_what_held_before_this_run() {
    for (reason, raw_then, held) in [
        // No recommendation held: the minimum applies at once, and not after a whole window.
        ("ReadyForNewScale", 0, None),
        ("ScaleDownStabilized", 0, Some(4)),
        // The sync wrote a size, which does not show what held.
        ("SucceededRescale", 0, Some(4)),
    ] {
        let mut watched = Watched::new(&spec(&serde_json::json!({})), 4);
        let mut hpa = watched.status(4, 4, raw_then * 20);
        hpa.conditions = vec![Condition {
            kind: "AbleToScale".to_owned(),
            status: "True".to_owned(),
            reason: reason.to_owned(),
            message: String::new(),
        }];
        watched.send(Event::Hpa(Some(Box::new(hpa))));
        watched.metric(0);
        let next = watched.estimate().next.as_ref().unwrap();
        assert_eq!(next.held.map(|held| held.replicas), held, "{reason}");
        assert_eq!(next.decision.trace.desired, held.unwrap_or(1), "{reason}");
    }
}

#[test]
fn an_early_status_update_still_belongs_to_its_period() {
    // The controller starts a period when a sync ends, so the change before has left a policy of that many
    // seconds.
    let mut watched = Watched::new(&spec(&serde_json::json!({})), 1);
    for (decided, received, total) in
        [(0, 10, 0), (15_030, 15_100, 200), (30_060, 30_070, 200), (45_090, 45_095, 200)]
    {
        watched.now = received;
        let theirs = watched.sync_at(decided, total);
        let Some(last) = watched.estimate().last() else { continue };
        assert_eq!(
            (last.trace.desired, last.agreement()),
            (theirs.desired, Agreement::Same),
            "at {received} ms"
        );
    }
    assert_eq!(watched.controller.size(), 10);
}

#[test]
fn a_metric_without_items_is_a_missing_reading() {
    let mut watched = Watched::new(&spec(&serde_json::json!({})), 3);
    let _ = watched.sync(60);
    watched.now = 4_000;
    watched.send(Event::Metric(MetricSample { value_milli: None, stamped: None }));
    assert_eq!(missing(&watched), Some((4_000, MissingAt::Api)));
}

#[test]
fn the_status_replaces_a_reading_we_may_not_ask_for() {
    let mut watched = Watched::new(&spec(&serde_json::json!({})), 3);
    let refused = || SourceState::Unavailable("external metrics may not be read (403)".to_owned());
    watched.send(Event::Source(Source::ExternalMetric, refused()));
    let hpa = watched.status(3, 3, 60);
    watched.send(Event::Hpa(Some(Box::new(hpa))));
    assert_eq!(watched.estimate().reading, super::NextReading::OfStatus(Total::Back(60_000)));
    assert_eq!(watched.estimate().next.as_ref().unwrap().decision.trace.raw, Some(3));

    // The permission is revoked later: by now a controller without a reading would have reported it.
    let mut watched = Watched::new(&spec(&serde_json::json!({})), 3);
    let _ = watched.sync(60);
    watched.now = 20_000;
    watched.send(Event::Source(Source::ExternalMetric, refused()));
    assert_eq!(missing(&watched), Some((20_000, MissingAt::Api)));
    watched.now = 66_000;
    watched.send(Event::Tick);
    assert_eq!(watched.estimate().reading.total_milli(), Some(60_000));
}

#[test]
fn a_lost_hpa_watch_leaves_no_next_sync() {
    let mut watched = Watched::new(&spec(&serde_json::json!({})), 3);
    watched.send(Event::Source(Source::Hpa, SourceState::Live));
    for second in [0, 15] {
        watched.now = second * 1_000;
        let _ = watched.sync(60 + i64::try_from(second).unwrap());
    }
    watched.now = 16_000;
    let lost = SourceState::Retrying { cause: "connection refused".to_owned(), next: At::default() };
    watched.send(Event::Source(Source::Hpa, lost));
    assert_eq!(missing(&watched), Some((15_000, MissingAt::Watch)));
    assert!(watched.estimate().next.is_none());
    // Readings of its syncs in between are not made up.
    let before = watched.estimate().memory.clone();
    watched.now = 120_000;
    watched.send(Event::Tick);
    assert_eq!(watched.estimate().memory, before);
}

#[test]
fn a_reading_without_updates_is_too_old() {
    let mut watched = Watched::new(&spec(&serde_json::json!({})), 3);
    let _ = watched.sync(60);
    let age =
        |watched: &Watched, seconds| watched.estimate().reading.too_old(At(Duration::from_secs(seconds)));
    assert_eq!(age(&watched, 4), None);
    assert_eq!(age(&watched, 7), Some(Duration::from_secs(7)));
}

#[test]
fn a_controller_that_should_have_written_is_silent() {
    let mut watched = Watched::new(&spec(&serde_json::json!({})), 3);
    for second in [0, 15] {
        watched.now = second * 1_000;
        let _ = watched.sync(60 + i64::try_from(second).unwrap());
    }
    let silent = |watched: &mut Watched, second: u64, total: i64| {
        watched.now = second * 1_000;
        watched.metric(total);
        watched.estimate().silent(At(Duration::from_millis(watched.now)))
    };
    // Its reading has not changed: it has nothing to write, for hours.
    assert_eq!(silent(&mut watched, 600, 75), None);
    // Now the reading differs, and three periods are enough.
    assert_eq!(silent(&mut watched, 601, 200), None);
    assert_eq!(silent(&mut watched, 645, 180), None);
    assert_eq!(silent(&mut watched, 647, 160), Some(At(Duration::from_secs(15))));
    // A status update ends the silence.
    let _ = watched.sync(160);
    assert_eq!(silent(&mut watched, 648, 160), None);
}
