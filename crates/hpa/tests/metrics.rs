//! Several metrics, and metrics over pods, beyond the cases of upstream.

mod common;

use std::collections::BTreeMap;

use common::{Scene, average_value, cpu, custom, events, external, pod, reason, usage};
use hpa::Reading;
use hpa::input::{Container, ContainerUsage, PodUsage, Ready};
use hpa::status::ConditionStatus;
use hpa::trace::MetricState;

const QPS: &str = r#"{"type": "Pods", "pods": {"metric": {"name": "qps"},
    "target": {"type": "AverageValue", "averageValue": "10"}}}"#;

/// External metrics `m0`, `m1`... with a target of 10 for each pod; a `None` fails.
fn several(size: i32, units: &[Option<i64>]) -> Scene {
    let metrics: Vec<String> = (0..units.len())
        .map(|i| external(&average_value("10")).replace("\"queue\"", &format!("\"m{i}\"")))
        .collect();
    let mut scene = Scene::new(size, &metrics.join(","), None);
    let reading = |units: &Option<i64>| match units {
        Some(units) => Reading::External(vec![units * 1000]),
        None => Reading::Failed("boom".to_owned()),
    };
    scene.readings = units.iter().map(reading).collect();
    scene
}

#[test]
fn the_largest_proposal_wins() {
    for (units, raw, winner) in [
        (vec![Some(30), Some(40), Some(20)], Some(4), Some(1)),
        // Among equals the first wins.
        (vec![Some(40), Some(40)], Some(4), Some(0)),
        // While the best proposal is 0, each later metric replaces it.
        (vec![Some(0), Some(0), Some(0)], Some(0), Some(2)),
        (vec![Some(40), Some(0)], Some(4), Some(0)),
        // A failed metric blocks scale-down only.
        (vec![None, Some(40)], Some(4), Some(1)),
        (vec![Some(30), None], Some(3), Some(0)),
        (vec![Some(20), None], None, None),
        (vec![None, None], None, None),
    ] {
        let mut scene = several(3, &units);
        let decision = scene.decide();
        assert_eq!(decision.trace.raw, raw, "{units:?}");
        let used = decision.trace.metrics.iter().position(|m| m.state == MetricState::Used);
        assert_eq!(used, winner, "{units:?}");
        if let Some(winner) = winner {
            let message = &decision.status.condition("ScalingActive").unwrap().message;
            let text = format!(
                "the HPA was able to successfully calculate a replica count from external metric m{winner}(nil)"
            );
            assert_eq!(*message, text, "{units:?}");
        }
        let failed = units.iter().filter(|u| u.is_none()).count();
        assert_eq!(decision.error.is_some(), failed > 0, "{units:?}");
        let empty = decision.status.current_metrics.iter().map(|m| m.type_.is_empty()).collect::<Vec<_>>();
        assert_eq!(empty, units.iter().map(Option::is_none).collect::<Vec<_>>(), "each at its place");
    }
}

#[test]
fn the_error_contains_the_first_failure() {
    let mut scene = several(3, &[Some(0), None, None]);
    scene.readings[2] = Reading::External(Vec::new());
    let decision = scene.decide();
    let whole = "invalid metrics (2 invalid out of 3), first error is: failed to get m1 external metric value: \
                 failed to get m1 external metric: unable to get external metric demo/m1/nil: unable to fetch \
                 metrics from external metrics API: boom";
    let events = events(&decision);
    assert_eq!(events.len(), 3, "one per failed metric and one for the sync");
    assert!(events[1].1.ends_with("demo/m2/nil: no metrics returned from external metrics API"));
    assert_eq!(events[2], ("FailedComputeMetricsReplicas".to_owned(), whole.to_owned()));
    let message = &decision.status.condition("ScalingActive").unwrap().message;
    assert!(message.ends_with("external metrics API: boom"), "the first one's inner text");
}

#[test]
fn a_held_size_can_change_despite_a_failure() {
    let mut scene = several(3, &[Some(30), None]);
    scene.recommended(&[(5, 20)]);
    let decision = scene.decide();
    assert_eq!((decision.trace.raw, decision.new_size), (Some(3), Some(5)));
    assert!(decision.error.is_some());
}

#[test]
fn missing_and_wrong_readings_are_errors() {
    for readings in [vec![], vec![Reading::Object(5)]] {
        let mut scene = Scene::average(3, "10", 90, None);
        scene.readings = readings;
        let decision = scene.decide();
        assert_eq!(decision.new_size, None);
        assert_eq!(reason(&decision, "ScalingActive"), "FailedGetExternalMetric");
    }
}

#[test]
fn unlisted_pods_count_for_custom_metrics_only() {
    let mut scene = Scene::new(2, QPS, None);
    let now = scene.now;
    scene.readings = vec![custom(now, &[("worker-0", 10_000), ("worker-1", 10_000), ("stranger", 40_000)])];
    let measured = scene.decide().trace.metrics[0].measured.unwrap();
    assert_eq!((measured.usage, measured.ratio), (20_000, Some(2.0)));

    let mut scene = Scene::new(2, &cpu(50), None);
    scene.readings = vec![usage("cpu", now, &[("worker-0", 500), ("worker-1", 500), ("stranger", 9_000)])];
    let measured = scene.decide().trace.metrics[0].measured.unwrap();
    assert_eq!((measured.usage, measured.average_milli, measured.ratio), (50, Some(500), Some(1.0)));
}

#[test]
fn unready_pods_damp_increases_only() {
    let mut scene = Scene::new(4, &cpu(50), None);
    let now = scene.now;
    scene.pods[3].ready = Some(Ready { status: ConditionStatus::False, since: now });
    scene.pods[3].started_at = Some(now);
    let all = |milli| {
        let pods = ["worker-0", "worker-1", "worker-2", "worker-3"].map(|name| (name, milli));
        vec![usage("cpu", now, &pods)]
    };
    scene.readings = all(200);
    let trace = scene.decide().trace;
    assert_eq!((trace.raw, trace.metrics[0].measured.unwrap().assumed_ratio), (Some(2), None));
    assert_eq!(trace.metrics[0].measured.unwrap().replicas, 3, "0.8 of three pods");
    scene.readings = all(1000);
    let trace = scene.decide().trace;
    // 100 % of three pods, and a fourth that counts as idle: 75 % of 50 %, over four.
    assert_eq!((trace.raw, trace.metrics[0].measured.unwrap().assumed_ratio), (Some(6), Some(1.5)));
    assert_eq!(trace.metrics[0].measured.unwrap().usage, 100, "the status shows the first pass");
}

#[test]
fn assumed_values_never_reverse_the_direction() {
    // One of three pods reports twice its target; the other two count as idle, which would turn it into a decrease.
    let mut scene = Scene::new(3, QPS, None);
    scene.readings = vec![custom(scene.now, &[("worker-0", 20_000)])];
    let trace = scene.decide().trace;
    assert_eq!(trace.metrics[0].measured.unwrap().assumed_ratio, Some(0.6666), "averages are integers");
    assert_eq!(trace.raw, Some(3));
    // More samples than the size: a ratio below 1 does not raise the size.
    let mut scene = Scene::new(2, QPS, None);
    scene.pods.extend((2..8).map(|i| pod(&format!("worker-{i}"))));
    scene.readings =
        vec![custom(scene.now, &[("worker-0", 1_000), ("worker-1", 1_000), ("worker-2", 1_000)])];
    let trace = scene.decide().trace;
    assert!(trace.metrics[0].measured.unwrap().assumed_ratio.unwrap() < 1.0);
    assert_eq!(trace.raw, Some(2), "six pods would follow from eight readings");
}

#[test]
fn a_pod_needs_samples_of_all_its_containers() {
    let container = |name: &str, cpu: Option<i64>| ContainerUsage {
        name: name.to_owned(),
        milli: cpu.map(|milli| ("cpu".to_owned(), milli)).into_iter().collect(),
    };
    let reading = |scene: &Scene, containers| {
        let usage = PodUsage { pod: "worker-0".to_owned(), at: scene.now, window_seconds: 30, containers };
        vec![Reading::Resource(vec![usage])]
    };
    let sidecar =
        Container { name: "sidecar".to_owned(), requests_milli: BTreeMap::from([("cpu".to_owned(), 1000)]) };
    let both = |work, sidecar| vec![container("work", work), container("sidecar", sidecar)];

    let mut whole = Scene::new(1, &cpu(50), None);
    whole.pods[0].containers.push(sidecar.clone());
    whole.readings = reading(&whole, both(Some(900), Some(100)));
    assert_eq!(whole.decide().trace.metrics[0].measured.unwrap().usage, 50, "1000 of 2000");
    for containers in [both(Some(900), None), Vec::new()] {
        whole.readings = reading(&whole, containers);
        let error = whole.decide().trace.metrics[0].error.clone().unwrap();
        let text = "did not receive metrics for targeted pods (pods might be unready)";
        assert_eq!(error, format!("failed to get cpu utilization: {text}"));
    }

    let metric = r#"{"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "work",
        "target": {"type": "Utilization", "averageUtilization": 50}}}"#;
    let mut named = Scene::new(1, metric, None);
    named.pods[0].containers.push(sidecar);
    named.readings = reading(&named, both(Some(900), None));
    let decision = named.decide();
    assert_eq!(decision.trace.metrics[0].measured.unwrap().usage, 90);
    let status = decision.status.current_metrics[0].container_resource.as_ref().unwrap();
    assert_eq!((status.name.as_str(), status.container.as_str()), ("cpu", "work"));
    assert_eq!(status.current.average_utilization, Some(90));
    assert_eq!(status.current.average_value.unwrap().to_string(), "900m");
    named.readings = reading(&named, vec![container("sidecar", Some(1))]);
    let error = named.decide().trace.metrics[0].error.clone().unwrap();
    let text = "unable to get metrics for resource cpu: failed to get container metrics: container work not present \
                in metrics for pod demo/worker-0";
    assert_eq!(error, format!("failed to get cpu utilization: {text}"));
}

#[test]
fn memory_has_binary_suffixes() {
    let metric = r#"{"type": "Resource", "resource": {"name": "memory",
        "target": {"type": "AverageValue", "averageValue": "100Mi"}}}"#;
    for (bytes, text) in [(150 << 20, "150Mi"), (1000, "1k"), ((1 << 20) + 1, "1048577")] {
        let mut scene = Scene::new(1, metric, None);
        scene.readings = vec![usage("memory", scene.now, &[("worker-0", bytes * 1000)])];
        let decision = scene.decide();
        let current = decision.status.current_metrics[0].current().unwrap();
        assert_eq!(current.average_value.unwrap().to_string(), text);
        assert_eq!(current.average_utilization, None);
    }
}

#[test]
fn percentages_of_memory_beyond_64_bits() {
    let metric = r#"{"type": "Resource", "resource": {"name": "memory",
        "target": {"type": "Utilization", "averageUtilization": 50}}}"#;
    let mut scene = Scene::new(1, metric, None);
    let huge = i64::MAX / 2;
    scene.pods[0].containers[0].requests_milli.insert("memory".to_owned(), huge);
    scene.readings = vec![usage("memory", scene.now, &[("worker-0", huge)])];
    let trace = scene.decide().trace;
    assert_eq!((trace.metrics[0].measured.unwrap().usage, trace.raw), (100, Some(2)));
}

#[test]
fn a_missing_request_fails_the_whole_metric() {
    let mut scene = Scene::new(2, &cpu(50), None);
    scene.pods[1].phase = "Failed".to_owned();
    scene.pods[1].containers[0].requests_milli.clear();
    scene.readings = vec![usage("cpu", scene.now, &[("worker-0", 500)])];
    let error = scene.decide().trace.metrics[0].error.clone().unwrap();
    let text = "missing request for cpu in container work of Pod worker-1";
    assert_eq!(error, format!("failed to get cpu utilization: {text}"), "even of a pod that is ignored");
}

#[test]
fn tolerances_of_each_direction() {
    let behavior = r#"{"scaleUp": {"tolerance": "0"}, "scaleDown": {"tolerance": "0.5",
        "stabilizationWindowSeconds": 0}}"#;
    for (units, size) in [(51, 6), (50, 5), (25, 5), (24, 3)] {
        assert_eq!(Scene::average(5, "10", units, Some(behavior)).size(), size, "{units}");
    }
    // With the gate off, the controller's tolerance applies in both directions.
    for (units, size) in [(51, 5), (24, 3)] {
        let mut scene = Scene::average(5, "10", units, Some(behavior));
        scene.config.gates.configurable_tolerance = false;
        assert_eq!(scene.size(), size, "{units}");
    }
}
