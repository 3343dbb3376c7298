//! Details that ports get wrong, one test each.

mod common;

use common::{Scene, average_value, cpu, custom, events, external, pod, reason, usage};
use hpa::compat::ToleranceCheck;
use hpa::input::Ready;
use hpa::limits::behavior::{self, BothRules};
use hpa::limits::legacy;
use hpa::limits::rules::PolicyRate;
use hpa::spec::{Behavior, Direction};
use hpa::status::ConditionStatus;
use hpa::tolerance::Tolerance;
use hpa::trace::PolicyKind;
use hpa::{Config, Memory, Reading, Time};

fn percent(value: i32) -> PolicyRate {
    PolicyRate { kind: PolicyKind::Percent, value, period_seconds: 60 }
}

#[test]
fn trap_01_percent_policies_use_floating_point() {
    for (start, value, limit) in
        [(50, 10, 56), (90, 10, 100), (100, 10, 111), (110, 10, 122), (170, 10, 188), (200, 10, 221)]
    {
        assert_eq!(percent(value).allows(Direction::Up, start), limit, "{start} plus {value} %");
    }
    for (start, value, limit) in [(5, 80, 0), (10, 80, 1), (15, 80, 2), (90, 30, 62), (10, 90, 0)] {
        assert_eq!(percent(value).allows(Direction::Down, start), limit, "{start} less {value} %");
    }
    for start in (5..=500).step_by(5) {
        let exact = start / 5;
        assert_eq!(percent(80).allows(Direction::Down, start), exact - 1, "{start} less 80 % is one off");
    }
}

#[test]
fn trap_02_division_precedes_multiplication() {
    for (percent, target, size) in [(62, 30, 32), (166, 10, 250)] {
        let mut scene = Scene::new(15, &cpu(target), None);
        scene.spec.max_replicas = 1000;
        scene.config.scale_up_limit_factor = 1000.0;
        let names: Vec<String> = scene.pods.iter().map(|p| p.name.clone()).collect();
        let used: Vec<(&str, i64)> = names.iter().map(|n| (n.as_str(), percent * 10)).collect();
        scene.readings = vec![usage("cpu", scene.now, &used)];
        assert_eq!(scene.size(), size, "15 pods at {percent} % of {target} %");
    }
}

#[test]
fn trap_03_utilisation_is_truncated_first() {
    let mut scene = Scene::new(1, &cpu(100), None);
    scene.readings = vec![usage("cpu", scene.now, &[("worker-0", 1099)])];
    let decision = scene.decide();
    assert_eq!(decision.new_size, None, "109 % is within a tenth of 100 %, 109.9 % is too");
    let status = &decision.status.current_metrics[0].resource.as_ref().unwrap().current;
    assert_eq!(status.average_utilization, Some(109));
    scene.readings = vec![usage("cpu", scene.now, &[("worker-0", 1110)])];
    assert_eq!(scene.size(), 2);
}

#[test]
fn trap_04_a_ratio_at_the_edge_of_the_tolerance() {
    let tolerance = |amount, check| Tolerance { down: amount, up: amount, check };
    let interval = |amount, ratio: f64| tolerance(amount, ToleranceCheck::Interval).contains(ratio);
    let distance = |amount, ratio: f64| tolerance(amount, ToleranceCheck::Distance).contains(ratio);
    assert!(interval(0.1, 1.1) && !distance(0.1, 1.1), "1.1: the older check scales");
    assert!(interval(0.1, 0.9) && distance(0.1, 0.9), "0.9: both hold");
    assert!(interval(0.05, 0.95) && !distance(0.05, 0.95), "0.95: the older check scales");
    for check in [ToleranceCheck::Interval, ToleranceCheck::Distance] {
        for ratio in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!tolerance(0.1, check).contains(ratio), "{ratio} is never within");
        }
        assert!(tolerance(0.0, check).contains(1.0));
        assert!(!tolerance(0.0, check).contains(1.0 + f64::EPSILON));
    }
    // Whole decisions: 11 for a target of 10.
    for (release, size) in [(32, 2), (33, 1), (38, 1)] {
        let mut scene = Scene::average(1, "10", 11, None);
        scene.config = Config::release(hpa::Release(release));
        assert_eq!(scene.size(), size, "at 1.{release}");
    }
}

#[test]
fn trap_05_value_and_average_value_differ_in_size() {
    let surge = |scene: &mut Scene| {
        scene.scale_mut().status_replicas = 12;
        scene.spec.max_replicas = 30;
    };
    // 120 over 12 pods is on target, so the size becomes 12. Over the spec size the result is 12 too, but by scaling.
    let mut average = Scene::average(10, "10", 121, None);
    surge(&mut average);
    let decision = average.decide();
    assert!(decision.trace.metrics[0].measured.unwrap().within);
    assert_eq!(decision.new_size, Some(12));

    // Ten desired, four ready, twice the target: eight, which is fewer.
    let mut value = Scene::value(10, "100", 200, Some(r#"{"scaleDown": {"stabilizationWindowSeconds": 0}}"#));
    surge(&mut value);
    for unready in &mut value.pods[4..] {
        unready.ready = None;
    }
    let decision = value.decide();
    assert_eq!(decision.trace.raw, Some(8));
    assert_eq!(decision.new_size, Some(8));
    assert_eq!(events(&decision)[0].1, "New size: 8; reason: All metrics below target");
}

#[test]
fn trap_06_value_without_ready_pods_gives_the_minimum() {
    let mut scene = Scene::value(6, "100", 900, None);
    scene.spec.min_replicas = Some(2);
    for pod in &mut scene.pods {
        pod.ready = Some(Ready { status: ConditionStatus::False, since: Time(0) });
    }
    scene.recommended(&[(6, 300)]);
    assert_eq!(scene.size(), 6, "the recommendation of 300 s ago still holds");
    scene.recommended(&[(6, 301)]);
    let decision = scene.decide();
    assert_eq!((decision.trace.raw, decision.new_size), (Some(0), Some(2)));
    assert_eq!(reason(&decision, "ScalingLimited"), "TooFewReplicas");

    // Pods in deletion that are still ready count.
    for pod in &mut scene.pods[..3] {
        pod.ready = Some(Ready { status: ConditionStatus::True, since: Time(0) });
        pod.deleted = true;
    }
    scene.recommended(&[]);
    assert_eq!(scene.decide().trace.raw, Some(27));
}

#[test]
fn trap_07_recommendations_are_stored_raw() {
    let mut scene = Scene::average(2, "10", 900, None);
    assert_eq!(scene.size(), 4, "the growth of one sync is limited");
    assert_eq!(scene.log(), [(90, 0)], "far above the maximum, and stored as it is");
    scene.read(0);
    let _ = scene.decide();
    assert_eq!(scene.log(), [(90, 0), (0, 0)], "below the minimum, held at 90, and stored as it is");
}

#[test]
fn trap_08_edges_of_windows_and_periods() {
    // Without behavior the window includes its edge.
    for (age, size) in [(300, 5), (301, 1)] {
        let mut scene = Scene::average(5, "10", 10, None);
        scene.recommended(&[(5, age)]);
        assert_eq!(scene.size(), size, "legacy at {age} s");
    }
    // With behavior it excludes its edge, and an entry at the edge stays.
    for (age, size, log) in
        [(299, 5, vec![(5, 299), (1, 0)]), (300, 1, vec![(5, 300), (1, 0)]), (301, 1, vec![(1, 0)])]
    {
        let mut scene = Scene::average(5, "10", 10, Some("{}"));
        scene.recommended(&[(5, age)]);
        assert_eq!(scene.size(), size, "behavior at {age} s");
        assert_eq!(scene.log(), log, "behavior at {age} s");
    }
    // A period excludes its edge.
    let pods = r#"{"scaleUp": {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}]}}"#;
    for (age, size) in [(59, 5), (60, 9)] {
        let mut scene = Scene::average(5, "10", 990, Some(pods));
        scene.memory.up_events = scene.scale_events(&[(4, age)]);
        assert_eq!(scene.size(), size, "period at {age} s");
    }
    // Outdated means strictly older: an event at the edge neither counts nor is overwritten.
    for (age, left) in [(60, 2), (61, 1)] {
        let mut scene = Scene::average(5, "10", 990, Some(pods));
        scene.memory.up_events = scene.scale_events(&[(4, age)]);
        let _ = scene.decide();
        assert_eq!(scene.memory.up_events.len(), left, "event of {age} s");
    }
    // With a window of 0 not even a recommendation of the same time counts.
    let down = r#"{"scaleDown": {"stabilizationWindowSeconds": 0}}"#;
    let mut scene = Scene::average(5, "10", 10, Some(down));
    scene.recommended(&[(9, 0)]);
    assert_eq!(scene.size(), 1);
}

#[test]
fn trap_09_one_sync_overwrites_the_last_old_entry() {
    let mut scene = Scene::average(5, "10", 30, None);
    scene.recommended(&[(10, 600), (4, 60), (8, 500), (5, 120), (9, 540)]);
    let _ = scene.decide();
    assert_eq!(scene.log(), [(10, 600), (4, 60), (8, 500), (5, 120), (3, 0)]);
    let _ = scene.decide();
    assert_eq!(scene.log(), [(10, 600), (4, 60), (3, 0), (5, 120), (3, 0)]);

    let pods = r#"{"scaleUp": {"policies": [{"type": "Pods", "value": 9, "periodSeconds": 60}]}}"#;
    let mut scene = Scene::average(5, "10", 70, Some(pods));
    scene.memory.up_events = scene.scale_events(&[(1, 90), (2, 80), (3, 10)]);
    let _ = scene.decide();
    let left: Vec<(i32, bool)> = scene.memory.up_events.iter().map(|e| (e.change, e.outdated)).collect();
    assert_eq!(left, [(1, true), (2, false), (3, false)]);
}

#[test]
fn trap_10_empty_behavior_differs_from_none() {
    for (from, without, with) in [(1, 4, 5), (3, 6, 7)] {
        let mut legacy = Scene::average(from, "10", 990, None);
        let mut behavior = Scene::average(from, "10", 990, Some("{}"));
        assert_eq!((legacy.size(), behavior.size()), (without, with), "from {from}");
        assert!(legacy.memory.up_events.is_empty(), "changes are remembered only with behavior");
        assert_eq!(behavior.memory.up_events.len(), 1);
    }
}

#[test]
fn trap_11_behavior_skips_limits_for_equal_sizes() {
    let config = Config::default();
    let nothing = Behavior::default();
    let rules = BothRules::new(&nothing, &config);
    let limit = |current| behavior::limit(current, current, (3, 10), &rules, &Memory::default(), Time(0)).0;
    assert_eq!((limit(20).replicas, limit(20).reason), (20, "DesiredWithinRange"));
    assert_eq!((limit(1).replicas, limit(1).reason), (1, "DesiredWithinRange"));
    // A whole sync forces the size into the range first.
    assert_eq!(Scene::average(20, "10", 200, Some("{}")).size(), 10);
}

#[test]
fn trap_12_min_and_max_apply_in_one_step() {
    let disabled = r#"{"scaleDown": {"selectPolicy": "Disabled"}, "scaleUp": {"selectPolicy": "Disabled"}}"#;
    let mut above = Scene::average(50, "10", 5000, Some(disabled));
    above.recommended(&[(50, 1)]);
    let decision = above.decide();
    assert_eq!(decision.new_size, Some(10));
    let message = "New size: 10; reason: Current number of replicas above Spec.MaxReplicas";
    assert_eq!(events(&decision), [("SuccessfulRescale".to_owned(), message.to_owned())]);
    assert_eq!(above.log(), [(50, 1)], "a forced sync adds no recommendation");
    assert_eq!(above.memory.down_events[0].change, 40, "but the change is remembered");

    let mut below = Scene::average(1, "10", 0, Some(disabled));
    below.spec.min_replicas = Some(6);
    let decision = below.decide();
    assert_eq!(decision.new_size, Some(6));
    assert!(events(&decision)[0].1.ends_with("Current number of replicas below Spec.MinReplicas"));
}

#[test]
fn trap_13_no_assumed_values_at_a_ratio_of_one() {
    let metric = r#"{"type": "Pods", "pods": {"metric": {"name": "qps"},
        "target": {"type": "AverageValue", "averageValue": "10"}}}"#;
    let mut scene = Scene::new(3, metric, None);
    let now = scene.now;
    scene.readings = vec![custom(now, &[("worker-0", 10_000), ("worker-1", 10_000)])];
    let decision = scene.decide();
    let measured = decision.trace.metrics[0].measured.unwrap();
    assert_eq!((measured.ratio, measured.assumed_ratio), (Some(1.0), Some(1.0)));
    assert_eq!(measured.replicas, 2, "the missing pod was given no reading");
    assert_eq!(decision.new_size, None);
    // Just below 1 the missing pod counts as on target, just above as idle.
    scene.readings = vec![custom(now, &[("worker-0", 4_000), ("worker-1", 4_000)])];
    assert_eq!(scene.decide().trace.metrics[0].measured.unwrap().assumed_ratio, Some(0.6));
    scene.readings = vec![custom(now, &[("worker-0", 30_000), ("worker-1", 30_000)])];
    assert_eq!(scene.decide().trace.metrics[0].measured.unwrap().assumed_ratio, Some(2.0));
}

#[test]
fn trap_14_partial_failures_emit_one_event() {
    let two = format!("{}, {}", external(&average_value("10")), external(&average_value("20")));
    let mut scene = Scene::new(2, &two, None);
    scene.readings = vec![Reading::External(vec![40_000]), Reading::Failed("gone".to_owned())];
    let decision = scene.decide();
    assert_eq!(decision.new_size, Some(4), "a failed metric does not forbid to grow");
    let reasons: Vec<String> = events(&decision).into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(reasons, ["FailedGetExternalMetric", "SuccessfulRescale"]);
    assert_eq!(reason(&decision, "ScalingActive"), "ValidMetricFound");
    assert!(decision.error.unwrap().message.starts_with("invalid metrics (1 invalid out of 2)"));
    // A failed metric blocks scale-down only; an unchanged proposal still counts.
    scene.recommended(&[]);
    scene.readings[0] = Reading::External(vec![20_000]);
    let decision = scene.decide();
    assert_eq!((decision.new_size, reason(&decision, "ScalingActive").as_str()), (None, "ValidMetricFound"));
    scene.readings[0] = Reading::External(vec![0]);
    let decision = scene.decide();
    assert_eq!(reason(&decision, "ScalingActive"), "FailedGetExternalMetric");
    assert_eq!(events(&decision)[1].0, "FailedComputeMetricsReplicas");
}

#[test]
fn trap_15_the_reason_ignores_stabilisation() {
    // A past peak that a limit had cut still raises the size after the metric has fallen.
    let mut scene = Scene::average(4, "10", 10, None);
    scene.recommended(&[(20, 30)]);
    let decision = scene.decide();
    assert_eq!(decision.new_size, Some(8));
    assert_eq!(events(&decision)[0].1, "New size: 8; reason: All metrics below target");
    // If the metric proposes the current size, the reason is empty.
    scene.recommended(&[(20, 30)]);
    scene.read(40);
    assert_eq!(events(&scene.decide())[0].1, "New size: 8; reason: ");
    // With behavior the size never changes against the metric.
    let mut scene = Scene::average(4, "10", 10, Some("{}"));
    scene.recommended(&[(20, 30)]);
    assert_eq!(scene.decide().new_size, None);
}

#[test]
fn trap_16_at_zero_policies_count_from_zero() {
    let percent = r#"{"scaleUp": {"policies": [{"type": "Percent", "value": 900, "periodSeconds": 15}]}}"#;
    for (behavior, size) in [(None, 4), (Some("{}"), 4), (Some(percent), 0)] {
        let mut scene = Scene::average(0, "10", 990, behavior);
        scene.config = Config::release(hpa::Release(35));
        scene.spec.min_replicas = Some(0);
        assert_eq!(scene.size(), size, "with {behavior:?}");
    }
    // A decrease within the period raises the start.
    let mut scene = Scene::average(0, "10", 990, Some(percent));
    scene.config = Config::release(hpa::Release(35));
    scene.spec.min_replicas = Some(0);
    scene.memory.down_events = scene.scale_events(&[(1, 14)]);
    assert_eq!(scene.size(), 10, "1 plus 900 %");
}

#[test]
fn trap_17_constants_of_upstream_tests_are_settings() {
    let config = Config::default();
    let constants = (
        config.scale_up_limit_factor,
        config.scale_up_limit_minimum,
        config.cpu_initialization_period_seconds,
        config.initial_readiness_delay_seconds,
    );
    assert_eq!(constants, (2.0, 4.0, 300, 30), "the production values");
    let tests = Config { scale_up_limit_factor: 8.0, ..config };
    assert_eq!((legacy::up_limit(3, &config), legacy::up_limit(3, &tests)), (6, 24));
    // A pod that started 130 s ago and has been ready for 10 s: still starting by default, not in upstream's tests.
    let mut scene = Scene::new(1, &cpu(50), None);
    let now = scene.now;
    scene.pods = vec![pod("worker-0")];
    scene.pods[0].started_at = Some(now.minus_secs(130));
    scene.pods[0].ready = Some(Ready { status: ConditionStatus::True, since: now.minus_secs(10) });
    scene.readings = vec![usage("cpu", now, &[("worker-0", 1000)])];
    assert_eq!(scene.decide().trace.raw, None, "its reading is not taken, and there is no other");
    scene.config.cpu_initialization_period_seconds = 120;
    assert_eq!(scene.decide().trace.raw, Some(2));
}
