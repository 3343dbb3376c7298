//! The sentence of a trace, the hold that binds, and the time at which it ends.

mod common;

use common::{Scene, average_value, cpu, external, pod, usage};
use hpa::explain::Hold;
use hpa::trace::{Constraint, MetricReason, MetricState, PolicyKind, RateRule, Reason};
use hpa::{Config, Reading, Release};

/// The sentence, and the seconds until the hold ends.
fn explain(scene: &mut Scene) -> (String, Option<i64>) {
    let trace = scene.decide().trace;
    (trace.to_string(), trace.hold_ends_at().map(|at| at.millis_since(scene.now) / 1000))
}

#[test]
fn traces_print_as_sentences() {
    let mut cases: Vec<(Scene, &str, Option<i64>)> = Vec::new();
    let mut case = |scene, sentence, ends_in| cases.push((scene, sentence, ends_in));
    case(Scene::average(1, "20", 99, Some("{}")), "99/20 avg: wants 5, +4 pods per 15 s allows 5", None);
    case(
        Scene::average(1, "20", 199, Some("{}")),
        "199/20 avg: wants 10, +4 pods per 15 s allows 5, more in 15 s",
        Some(15),
    );
    case(Scene::average(8, "20", 399, Some("{}")), "49.875/20 avg: wants 20, maximum 10", None);
    case(Scene::average(2, "20", 199, None), "99.5/20 avg: wants 10, the scale-up limit allows 4", Some(15));
    case(Scene::average(2, "20", 40, None), "20/20 avg: wants 2 (within tolerance)", None);
    case(Scene::average(2, "20", 42, None), "21/20 avg: wants 2 (within tolerance)", None);
    case(Scene::average(2, "20", 0, None), "0/20 avg: wants 0, minimum 1", None);
    case(Scene::value(2, "100", 200, Some("{}")), "200/100 total: wants 4", None);

    let mut held = Scene::average(5, "20", 30, Some("{}"));
    held.recommended(&[(5, 45), (4, 20)]);
    case(held, "6/20 avg: wants 2, kept at 5 for 255 s", Some(255));
    let mut legacy = Scene::average(5, "20", 30, None);
    legacy.recommended(&[(5, 45), (4, 20)]);
    case(legacy, "6/20 avg: wants 2, kept at 5 for 255 s", Some(255));
    let mut growing =
        Scene::average(5, "20", 180, Some(r#"{"scaleUp": {"stabilizationWindowSeconds": 60}}"#));
    growing.recommended(&[(3, 45), (7, 20)]);
    case(growing, "36/20 avg: wants 9, kept at 5 for 15 s (3 recommended 45 s ago)", Some(15));

    let slow = r#"{"scaleDown": {"stabilizationWindowSeconds": 0,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}"#;
    let mut shrinking = Scene::average(5, "20", 30, Some(slow));
    shrinking.memory.down_events = shrinking.scale_events(&[(1, 20)]);
    case(shrinking, "6/20 avg: wants 2, -1 pod per 60 s allows 5, more in 40 s", Some(40));
    let off = r#"{"scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Disabled"}}"#;
    case(Scene::average(5, "20", 30, Some(off)), "6/20 avg: wants 2, scale-down is disabled", None);

    case(Scene::average(20, "20", 30, None), "20 is above the maximum: set to 10", None);
    let mut below = Scene::average(1, "20", 30, None);
    below.spec.min_replicas = Some(3);
    case(below, "1 is below the minimum: set to 3", None);
    case(Scene::average(0, "20", 30, None), "paused at size 0: set 1 or more to resume", None);
    let mut unread = Scene::average(1, "20", 30, None);
    unread.scale = Err("gone".to_owned());
    case(unread, "no decision: the scale cannot be read", None);
    let mut failed = Scene::average(1, "20", 30, None);
    failed.readings = vec![Reading::Failed("boom".to_owned())];
    case(
        failed,
        "no decision: unable to get external metric demo/queue/nil: \
         unable to fetch metrics from external metrics API: boom",
        None,
    );
    let mut from_zero = Scene::average(0, "20", 30, None);
    from_zero.config = Config::release(Release::V1_34);
    from_zero.spec.min_replicas = Some(0);
    case(from_zero, "30 over no pods/20 avg: wants 2", None);

    for (mut scene, sentence, ends_in) in cases {
        assert_eq!(explain(&mut scene), (sentence.to_owned(), ends_in));
    }
}

#[test]
fn every_hold_has_its_constraint() {
    let mut held = Scene::average(5, "20", 30, None);
    held.recommended(&[(5, 45)]);
    let mut failed = Scene::average(1, "20", 30, None);
    failed.readings = vec![Reading::Failed("boom".to_owned())];
    for (mut scene, constraint) in [
        (Scene::average(2, "20", 40, None), None),
        (Scene::average(2, "20", 42, None), Some(Constraint::Tolerance)),
        (Scene::average(2, "20", 60, None), None),
        (held, Some(Constraint::Stabilization)),
        (Scene::average(1, "20", 900, None), Some(Constraint::ScalingPolicy)),
        (Scene::average(8, "20", 900, None), Some(Constraint::MaxReplicas)),
        (Scene::average(30, "20", 900, None), Some(Constraint::MaxReplicas)),
        (Scene::average(2, "20", 0, None), Some(Constraint::MinReplicas)),
        (failed, Some(Constraint::InvalidMetricGuard)),
        (Scene::average(0, "20", 0, None), None),
    ] {
        let trace = scene.decide().trace;
        assert_eq!(trace.hold().and_then(|hold| hold.constraint()), constraint, "{trace}");
    }
}

#[test]
fn several_metrics_show_winner_and_failures() {
    let two = format!("{}, {}", cpu(80), external(&average_value("20")));
    let mut scene = Scene::new(1, &two, Some("{}"));
    scene.readings = vec![usage("cpu", scene.now, &[("worker-0", 500)]), Reading::External(vec![99_000])];
    let trace = scene.decide().trace;
    assert_eq!(trace.to_string(), "queue 99/20 avg: wants 5, +4 pods per 15 s allows 5");
    let states: Vec<_> = trace.metrics.iter().map(|m| (m.state, m.reason, m.proposal)).collect();
    assert_eq!(
        states,
        [
            (MetricState::Valid, MetricReason::Computed, Some(1)),
            (MetricState::Used, MetricReason::Computed, Some(5)),
        ]
    );
    scene.readings[0] = Reading::Failed("boom".to_owned());
    scene.memory.up_events.clear();
    let trace = scene.decide().trace;
    let sentence = "queue 99/20 avg: wants 5, +4 pods per 15 s allows 5; 1 of 2 metrics failed";
    assert_eq!(trace.to_string(), sentence);

    scene.resize(5);
    scene.readings[1] = Reading::External(vec![20_000]);
    let trace = scene.decide().trace;
    assert_eq!(trace.reason, Reason::InvalidMetrics);
    assert_eq!(trace.metrics[1].reason, MetricReason::SkippedScaleDown);
    assert!(matches!(trace.hold(), Some(Hold::FailedMetric(Some(metric))) if metric.name == "cpu"));
    let sentence = trace.to_string();
    assert!(sentence.starts_with("wants 1, but a failed metric blocks scale-down: failed to get cpu"));
}

#[test]
fn utilisation_shows_percent_and_pod_counts() {
    let mut scene = Scene::new(3, &cpu(50), Some("{}"));
    scene.pods.push(pod("gone"));
    scene.pods[3].phase = "Failed".to_owned();
    let now = scene.now;
    scene.readings = vec![usage("cpu", now, &[("worker-0", 900), ("worker-1", 900)])];
    let trace = scene.decide().trace;
    // The third pod has no sample and counts as idle: 60 % of 50 %, over three samples.
    assert_eq!(trace.to_string(), "90%/50%: wants 4");
    let measured = trace.metrics[0].measured.unwrap();
    let pods = measured.pods.unwrap();
    assert_eq!((pods.ready, pods.missing, pods.unready, pods.ignored), (2, 1, 0, 1));
    assert_eq!((measured.ratio, measured.assumed_ratio), (Some(1.8), Some(1.2)));
    assert_eq!((measured.average_milli, measured.replicas), (Some(900), 3));
}

#[test]
fn a_trace_has_every_step_as_data() {
    let mut scene = Scene::average(1, "20", 399, Some("{}"));
    scene.memory.up_events = scene.scale_events(&[(0, 5)]);
    let trace = scene.decide().trace;
    let measured = trace.metrics[0].measured.unwrap();
    assert_eq!((measured.usage, measured.target, measured.total_milli), (399_000, 20_000, Some(399_000)));
    assert_eq!((measured.ratio, measured.band, measured.within), (Some(19.95), (0.9, 1.1), false));
    assert_eq!((trace.current, trace.raw, trace.desired), (1, Some(20), 5));
    assert_eq!((trace.min, trace.max, trace.reason), (1, 10, Reason::PolicyLimited));
    let limit = trace.limited.unwrap();
    assert_eq!((limit.replicas, limit.constraint), (5, Some(Constraint::ScalingPolicy)));
    let RateRule::Policy(policy) = limit.rate.unwrap().rule else { panic!("a policy gave the limit") };
    assert_eq!((policy.index, policy.kind, policy.value), (0, PolicyKind::Pods, 4));
    assert_eq!((policy.period_seconds, policy.start, policy.added, policy.removed), (15, 1, 0, 0));
    let json = serde_json::to_string(&trace).unwrap();
    assert_eq!(serde_json::from_str::<hpa::Trace>(&json).unwrap(), trace, "a JSON round trip keeps it");
}

#[test]
fn the_binding_policy_and_its_next_change() {
    let up = |policies: &str, select: &str| {
        format!(r#"{{"scaleUp": {{"selectPolicy": "{select}", "policies": [{policies}]}}}}"#)
    };
    let pods = |value, period| format!(r#"{{"type": "Pods", "value": {value}, "periodSeconds": {period}}}"#);
    let percent =
        |value, period| format!(r#"{{"type": "Percent", "value": {value}, "periodSeconds": {period}}}"#);
    let next = |size: i32, behavior: &str, ups: &[(i32, i64)], downs: &[(i32, i64)]| {
        let mut scene = Scene::average(size, "10", 9900, Some(behavior));
        scene.spec.max_replicas = 1000;
        scene.memory.up_events = scene.scale_events(ups);
        scene.memory.down_events = scene.scale_events(downs);
        let trace = scene.decide().trace;
        let Some(Hold::Rate(rate)) = trace.hold() else { panic!("the rate binds: {trace}") };
        let RateRule::Policy(policy) = rate.rule else { panic!("a policy binds: {trace}") };
        (trace.desired, policy.index, trace.hold_ends_at().map(|t| t.millis_since(scene.now) / 1000))
    };
    // No earlier change: the new change has to leave the period.
    assert_eq!(next(5, &up(&pods(2, 60), "Max"), &[], &[]), (7, 0, Some(60)));
    // Both changes in the period count; the first that leaves makes room.
    assert_eq!(next(5, &up(&pods(2, 60), "Max"), &[(1, 50), (1, 20)], &[]), (5, 0, Some(10)));
    // The larger of two policies binds, and the first that makes room counts.
    let both = format!("{}, {}", pods(2, 60), percent(100, 30));
    assert_eq!(next(5, &up(&both, "Max"), &[], &[]), (10, 1, Some(30)));
    // With Min all policies have to make room.
    assert_eq!(next(5, &up(&both, "Min"), &[], &[]), (7, 0, Some(60)));
    // A decrease raises the start until it leaves. Then the policy allows less, and the increase has to leave too.
    assert_eq!(next(5, &up(&pods(2, 60), "Max"), &[(1, 30)], &[(3, 40)]), (9, 0, Some(60)));
    // Ten percent of ten is one, so the earlier change has to leave.
    assert_eq!(next(10, &up(&percent(10, 60), "Max"), &[(1, 15)], &[]), (10, 0, Some(45)));
}

#[test]
fn next_change_at_predicts_every_change() {
    let slow = r#"{"scaleUp": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 40}]},
        "scaleDown": {"stabilizationWindowSeconds": 70,
            "policies": [{"type": "Percent", "value": 30, "periodSeconds": 50}]}}"#;
    let mut scene = Scene::average(1, "10", 90, Some(slow));
    let mut predicted = None;
    let mut changes = 0;
    for step in 0..60 {
        if step == 25 {
            // The load changes, and the proposal with it.
            scene.read(10);
            predicted = None;
        }
        let (now, before) = (scene.now, scene.scale_mut().spec_replicas);
        let decision = scene.sync();
        let changed = decision.new_size.is_some();
        if let Some(at) = predicted {
            assert_eq!(changed, now == at, "at {now:?} from {before}: {}", decision.trace);
        }
        changes += u32::from(changed);
        predicted = decision.trace.next_change_at();
    }
    assert!(changes >= 8, "{changes} changes were predicted");
}
