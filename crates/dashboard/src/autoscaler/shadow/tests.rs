//! The shadow against the simulated controller, and the scores by hand.

use std::time::Duration;

use hpa::simulate::queue::{Arrivals, Queue, run};
use hpa::{Config, Release};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::clock::DayClock;
use crate::data::Data;
use crate::update::running_shadow::real_side;

fn spec(kind: &str, target: u32, max: i32, behavior: &serde_json::Value) -> hpa::Spec {
    let field = if kind == "Value" { "value" } else { "averageValue" };
    let mut spec: hpa::Spec = serde_json::from_value(serde_json::json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
        "minReplicas": 1, "maxReplicas": max, "behavior": behavior,
        "metrics": [{"type": "External", "external": {
            "metric": {"name": "depth"}, "target": {"type": kind, field: target.to_string()}}}]
    }))
    .unwrap();
    hpa::defaults::default_spec(&mut spec);
    spec
}

fn data() -> Data {
    Data::new(DayClock::new(Timestamp::UNIX_EPOCH, TimeZone::UTC))
}

fn at(ms: i64) -> At {
    At(Duration::from_millis(u64::try_from(ms).unwrap()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// The same specification over a recording gives the recorded curve.
    #[test]
    fn a_shadow_of_the_same_spec_is_the_real_curve(
        jobs in prop::collection::vec((0..400_u32, 0..400_000_i64), 1..4),
        kind in prop_oneof![Just("AverageValue"), Just("Value")],
        target in 1..60_u32, max in 1..30_i32, window in 0..200_i32, is_legacy in any::<bool>(),
    ) {
        let behavior = if is_legacy {
            serde_json::Value::Null
        } else {
            serde_json::json!({"scaleDown": {"stabilizationWindowSeconds": window}})
        };
        let spec = spec(kind, target, max, &behavior);
        let config = Config::release(Release::V1_34);
        let mut real = hpa::simulate::Simulator::new(spec.clone(), config, 1).unwrap();
        let queue = Queue {
            arrivals: jobs.iter().map(|(jobs, at_ms)| Arrivals::Burst { at_ms: *at_ms, jobs: *jobs }).collect(),
            duration_ms: 900_000,
            ..Queue::default()
        };
        let recorded = run(&mut real, &queue).unwrap();

        let mut data = data();
        data.watched.target = Some(crate::reported::Target {
            title: String::new(), reason: String::new(), namespace: String::new(),
            version: Some("v1.34".to_owned()), confirm_first_burst: false, sync_period: None, first_burst: None,
        });
        let mut shadow = RunningShadow::new(spec, &real_side(&data), At::default()).unwrap();
        for (step, sample) in recorded.steps.iter().zip(&recorded.samples) {
            let total = sample.scraped.map(|depth| i64::try_from(depth).unwrap() * 1_000);
            let readings = vec![Reading::External(total.into_iter().collect())];
            let sync = Sync { at: at(step.at.0), readings, size: step.after, raw: None };
            let size = shadow.sync(&sync, step.before, sample.ready_pods, &[]);
            prop_assert_eq!(size, step.after, "at {} ms", step.at.0);
        }
    }
}

#[test]
fn another_specification_diverges() {
    let behavior = serde_json::json!({});
    let mut shadow =
        RunningShadow::new(spec("Value", 20, 10, &behavior), &real_side(&data()), At::default()).unwrap();
    let sizes: Vec<i32> = (0..4_i64)
        .map(|index| {
            let readings = vec![Reading::External(vec![60_000])];
            let sync = Sync { at: at(index * 15_000), readings, size: 3, raw: None };
            shadow.sync(&sync, 3, 3, &[])
        })
        .collect();
    // The total does not fall for a shadow: it grows to the maximum.
    assert_eq!(sizes, [3, 7, 10, 10]);
    assert_eq!(shadow.in_short(), "20 in total, 1..10");
}

#[test]
fn a_shadow_of_a_cpu_metric_shares_the_usage() {
    let spec = |percent: i32| {
        serde_json::from_value::<hpa::Spec>(serde_json::json!({
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1, "maxReplicas": 20, "behavior": {},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": percent}}}]}))
        .unwrap()
    };
    let pod = |name: &str| hpa::Pod {
        name: name.to_owned(),
        phase: "Running".to_owned(),
        ready: Some(hpa::input::Ready { status: true.into(), since: hpa::Time(-900_000) }),
        started_at: Some(hpa::Time(-900_000)),
        containers: vec![hpa::input::Container {
            name: "app".to_owned(),
            requests_milli: [("cpu".to_owned(), 100)].into(),
        }],
        ..hpa::Pod::default()
    };
    let usage = |name: &str, milli| PodUsage {
        pod: name.to_owned(),
        at: hpa::Time(0),
        window_seconds: 15,
        containers: vec![ContainerUsage {
            name: "app".to_owned(),
            milli: [("cpu".to_owned(), milli)].into(),
        }],
    };
    let pods = [pod("a"), pod("b")];
    let reading = || vec![Reading::Resource(vec![usage("a", 80), usage("b", 80)])];
    let real = RealSide { size: Some(2), ..real_side(&data()) };
    let mut shadow = RunningShadow::new(spec(40), &real, At::default()).unwrap();
    let sizes: Vec<i32> = (0..4_i64)
        .map(|index| {
            let sync = Sync { at: at(index * 15_000), readings: reading(), size: 2, raw: None };
            shadow.sync(&sync, 2, 2, &pods)
        })
        .collect();
    // Twice 80 of 100 at 40 % needs four pods; they share the usage, and then 40 % is on target.
    assert_eq!(sizes, [4, 4, 4, 4]);
}

#[test]
fn an_invalid_specification_makes_no_shadow() {
    let wrong = spec("Value", 20, 0, &serde_json::json!({}));
    let sentence = RunningShadow::new(wrong, &real_side(&data()), At::default()).unwrap_err();
    assert!(sentence.contains("spec.maxReplicas"), "{sentence}");
}

#[test]
fn the_score_counts_requested_pods_and_waits() {
    let work = Some(Duration::from_secs(5));
    let mut score = Score::new(at(0), 1);
    // 200 messages at 20 per pod need 10: the autoscaler takes 30 s to ask for as many.
    for (second, size, total) in
        [(10, 1, 200.0), (20, 5, 190.0), (40, 10, 150.0), (60, 10, 100.0), (100, 10, 0.0), (120, 1, 0.0)]
    {
        score.account(at(second * 1_000), size, Some(total), Some(need(total, 20.0)), work);
    }
    assert_eq!(score.pod_seconds, 10.0 + 10.0 + 100.0 + 200.0 + 400.0 + 200.0);
    assert_eq!(score.longest_wait, Some(Duration::from_secs(1_000)));
    assert_eq!(score.longest_short, Duration::from_secs(30));
    assert_eq!((score.peak, score.needed, score.overshoot()), (10, 10, 0));
}

#[test]
fn the_yardstick_is_the_per_pod_target() {
    let (total, average) =
        (spec("Value", 50, 9, &serde_json::json!({})), spec("AverageValue", 20, 9, &serde_json::json!({})));
    assert_eq!(yardstick([Some(&total), Some(&average)]), 20.0);
    assert_eq!(yardstick([Some(&total), None]), 50.0);
}

#[test]
fn a_rehearsal_plays_the_burst_under_both() {
    let real =
        spec("AverageValue", 20, 10, &serde_json::json!({"scaleDown": {"stabilizationWindowSeconds": 60}}));
    let small =
        spec("AverageValue", 20, 2, &serde_json::json!({"scaleDown": {"stabilizationWindowSeconds": 60}}));
    let config = Config::release(Release::V1_34);
    let mut rehearsal = Rehearsal::default();
    rehearsal.update(&real, &small, &config, 200, None);
    assert_eq!(rehearsal, Rehearsal::default(), "nothing is known to simulate with");
    rehearsal.update(&real, &small, &config, 200, Some(Duration::from_secs(5)));
    let (large, small_one) = (rehearsal.real.unwrap(), rehearsal.shadow.unwrap());
    assert_eq!((large.peak, small_one.peak), (10, 2));
    assert!(large.drained.unwrap() < small_one.drained.unwrap(), "{rehearsal:?}");
    // Two hundred jobs of five seconds cost at least a thousand pod-seconds.
    assert!(large.pod_seconds >= 1_000 && small_one.pod_seconds >= 1_000, "{rehearsal:?}");
    let before = rehearsal.clone();
    rehearsal.update(&real, &small, &config, 200, Some(Duration::from_millis(5_040)));
    assert_eq!(rehearsal, before, "a median that moves a little is no other work");
}
