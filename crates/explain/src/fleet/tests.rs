//! HPAs as an API server returns them, and their rows.

use hpa::spec::Direction;
use observed::scaled_object::Hold;
use serde_json::{Value, json};

use super::*;

/// A condition.
fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message})
}

fn able(reason: &str) -> Value {
    condition("AbleToScale", "True", reason, "")
}

fn active(metric: &str) -> Value {
    let message = format!("the HPA was able to successfully calculate a replica count from {metric}");
    condition("ScalingActive", "True", "ValidMetricFound", &message)
}

fn limited(status: &str, reason: &str) -> Value {
    condition("ScalingLimited", status, reason, "")
}

const CPU: &str = "cpu resource utilization (percentage of request)";

fn cpu(percent: i32) -> Value {
    json!({"type": "Resource", "resource": {"name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": percent}}})
}

fn cpu_now(percent: i32) -> Value {
    json!({"type": "Resource", "resource": {"name": "cpu",
        "current": {"averageUtilization": percent, "averageValue": "5m"}}})
}

fn depth(target: &Value) -> Value {
    json!({"type": "External", "external": {"metric": {"name": "depth"}, "target": target}})
}

fn depth_now(current: &Value) -> Value {
    json!({"type": "External", "external": {"metric": {"name": "depth"}, "current": current}})
}

/// The row of an HPA from 1 to 10 replicas.
fn of(metrics: &Value, status: &Value) -> Row {
    let object = json!({
        "metadata": {"namespace": "shop", "name": "web", "generation": 4},
        "spec": {"minReplicas": 1, "maxReplicas": 10, "metrics": metrics,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
        "status": status,
    });
    row(serde_json::from_value(object).unwrap())
}

fn status(current: i32, desired: i32, metrics: &Value, conditions: &Value) -> Value {
    json!({"currentReplicas": current, "desiredReplicas": desired, "currentMetrics": metrics, "conditions": conditions})
}

/// The row of an HPA with a target of 80 % CPU.
fn cpu_row(current: i32, desired: i32, percent: i32, conditions: &Value) -> Row {
    of(&json!([cpu(80)]), &status(current, desired, &json!([cpu_now(percent)]), conditions))
}

#[test]
fn conditions_and_sizes_give_the_verdict() {
    let in_range = limited("False", "DesiredWithinRange");
    let steady = able("ReadyForNewScale");
    let cpu_active = active(CPU);
    let three = |able: &Value, limited: &Value| json!([able, cpu_active, limited]);
    for (name, row, verdict, wants) in [
        ("in range", cpu_row(3, 3, 72, &three(&steady, &in_range)), Verdict::Steady, None),
        (
            "at min",
            cpu_row(1, 1, 10, &three(&steady, &limited("True", "TooFewReplicas"))),
            Verdict::AtMin,
            Some(1),
        ),
        (
            "a window at min",
            cpu_row(1, 1, 0, &three(&able("ScaleDownStabilized"), &in_range)),
            Verdict::AtMin,
            None,
        ),
        (
            "scaled up",
            cpu_row(3, 5, 130, &three(&able("SucceededRescale"), &in_range)),
            Verdict::Scaling(Direction::Up),
            None,
        ),
        (
            "scaled down",
            cpu_row(5, 3, 40, &three(&able("SucceededRescale"), &in_range)),
            Verdict::Scaling(Direction::Down),
            None,
        ),
        (
            "at max",
            cpu_row(10, 10, 110, &three(&steady, &limited("True", "TooManyReplicas"))),
            Verdict::AtMax,
            Some(14),
        ),
        (
            "held",
            cpu_row(9, 9, 20, &three(&able("ScaleDownStabilized"), &in_range)),
            Verdict::HeldByWindow(Direction::Down),
            Some(3),
        ),
        (
            "held up",
            cpu_row(2, 2, 200, &three(&able("ScaleUpStabilized"), &in_range)),
            Verdict::HeldByWindow(Direction::Up),
            Some(5),
        ),
        (
            "policy",
            cpu_row(2, 4, 400, &three(&able("SucceededRescale"), &limited("True", "ScaleUpLimit"))),
            Verdict::LimitedByPolicy(Direction::Up),
            Some(10),
        ),
    ] {
        assert_eq!((&row.verdict, row.wants), (&verdict, wants), "{name}");
        assert_eq!(row.winning().unwrap().name, "cpu", "{name}");
    }
}

#[test]
fn failures_are_named() {
    let no_cpu = condition("ScalingActive", "False", "FailedGetResourceMetric", "no metrics known for pods");
    let none = json!([]);
    let unable = |reason: &str, message: &str| {
        json!([condition("AbleToScale", "False", reason, message), active(CPU)])
    };
    let inactive =
        |reason: &str| json!([able("SucceededGetScale"), condition("ScalingActive", "False", reason, "why")]);
    let unreadable = |metrics: &[&str], only_down: bool, message: &str| Verdict::Unreadable {
        metrics: metrics.iter().map(|&metric| metric.to_owned()).collect(),
        only_down,
        message: message.to_owned(),
    };
    let failed = json!({"type": ""});
    let average = json!({"type": "AverageValue", "averageValue": "20"});
    let both = json!([cpu(80), depth(&average)]);
    let with_cpu = json!([able("SucceededGetScale"), no_cpu]);
    for (row, verdict) in [
        (of(&json!([cpu(80)]), &json!(null)), Verdict::NotSynced { since: None }),
        (
            of(&json!([cpu(80)]), &json!({"currentReplicas": 0, "desiredReplicas": 0})),
            Verdict::NotSynced { since: None },
        ),
        (
            of(
                &json!([cpu(80)]),
                &json!({"observedGeneration": 3, "desiredReplicas": 1, "currentReplicas": 1}),
            ),
            Verdict::Outdated,
        ),
        // The first sync without a reading.
        (
            of(&json!([cpu(80)]), &status(1, 0, &json!([failed]), &with_cpu)),
            unreadable(&["cpu"], false, "no metrics known for pods"),
        ),
        (
            of(&json!([cpu(80)]), &status(1, 0, &json!(null), &with_cpu)),
            unreadable(&["cpu"], false, "no metrics known for pods"),
        ),
        // One of two fails: the other one still scales up.
        (
            of(
                &both,
                &status(
                    2,
                    2,
                    &json!([failed, depth_now(&json!({"averageValue": "20"}))]),
                    &json!([able("ReadyForNewScale"), active("external metric depth(nil)")]),
                ),
            ),
            unreadable(&["cpu"], true, ""),
        ),
        (
            of(&both, &status(2, 2, &json!([depth_now(&json!({"averageValue": "1"})), failed]), &with_cpu)),
            unreadable(&["cpu"], false, "no metrics known for pods"),
        ),
        (
            of(
                &json!([cpu(80)]),
                &status(
                    2,
                    2,
                    &none,
                    &unable("FailedGetScale", "unable to get it: deployments.apps \"web\" not found"),
                ),
            ),
            Verdict::TargetMissing,
        ),
        (
            of(
                &json!([cpu(80)]),
                &status(2, 2, &none, &unable("FailedGetScale", "no matches for kind \"Web\"")),
            ),
            Verdict::TargetUnreadable { message: "no matches for kind \"Web\"".to_owned() },
        ),
        (
            of(&json!([cpu(80)]), &status(2, 2, &none, &unable("FailedUpdateScale", "denied\u{1b}[31m"))),
            Verdict::TargetUnwritable { message: "denied[31m".to_owned() },
        ),
        (
            of(&json!([cpu(80)]), &status(2, 2, &none, &inactive("AmbiguousSelector"))),
            Verdict::Inactive { reason: "AmbiguousSelector".to_owned(), message: "why".to_owned() },
        ),
        (of(&json!([cpu(80)]), &status(0, 0, &none, &inactive("ScalingDisabled"))), Verdict::Paused),
        (
            of(
                &json!([cpu(80)]),
                &status(
                    0,
                    0,
                    &none,
                    &json!([
                        inactive("ScalingDisabled")[1],
                        condition("ScaledToZero", "True", "ScaledToZero", "")
                    ]),
                ),
            ),
            Verdict::ScaledToZero { by_keda: false },
        ),
    ] {
        assert_eq!(row.verdict, verdict);
    }
}

#[test]
fn a_metric_added_since_the_sync_has_not_failed() {
    let average = json!({"type": "AverageValue", "averageValue": "20"});
    let conditions = json!([able("ReadyForNewScale"), active(CPU), limited("False", "DesiredWithinRange")]);
    let row = of(&json!([depth(&average), cpu(80)]), &status(2, 2, &json!([cpu_now(72)]), &conditions));
    assert_eq!(row.verdict, Verdict::Steady);
    assert_eq!(row.winning().unwrap().name, "cpu");
}

#[test]
fn the_condition_names_the_winner_before_the_shares_do() {
    let total = json!({"type": "Value", "value": "100"});
    let conditions = |metric: &str| json!([able("ReadyForNewScale"), active(metric)]);
    let metrics = json!([cpu(80), depth(&total)]);
    let now = json!([depth_now(&json!({"value": "90"})), cpu_now(79)]);
    for (metric, winner) in
        [(CPU, "cpu"), ("external metric depth(nil)", "depth"), ("a text of another release", "cpu")]
    {
        let row = of(&metrics, &status(2, 2, &now, &conditions(metric)));
        assert_eq!(row.winning().unwrap().name, winner, "{metric}");
    }
    // Two containers have one name in the condition: the larger share decides.
    let container = |name: &str, key: &str, percent: i32| {
        json!({"type": "ContainerResource", "containerResource": {"name": "cpu", "container": name,
            key: {"type": "Utilization", "averageUtilization": percent}}})
    };
    let row = of(
        &json!([container("app", "target", 80), container("proxy", "target", 80)]),
        &status(
            2,
            2,
            &json!([container("proxy", "current", 75), container("app", "current", 70)]),
            &conditions("cpu container resource utilization (percentage of request)"),
        ),
    );
    assert_eq!(row.winning().unwrap().name, "cpu of container proxy");
}

#[test]
fn readings_and_targets_are_written_for_people() {
    let memory = json!({"type": "Resource", "resource": {"name": "memory",
        "target": {"type": "AverageValue", "averageValue": "10Mi"}}});
    let memory_now =
        json!({"type": "Resource", "resource": {"name": "memory", "current": {"averageValue": "6320Ki"}}});
    let average = json!({"type": "AverageValue", "averageValue": "100"});
    let total = json!({"type": "Value", "value": "20"});
    let object = |key: &str, amount: &str| {
        json!({"type": "Object", "object": {"metric": {"name": "requests"}, key: {"type": "Value", "value": amount},
            "describedObject": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "main"}}})
    };
    for (metric, now, shown) in [
        (cpu(80), cpu_now(72), ("cpu", Some("72 %"), Some("80 %"))),
        (memory, memory_now, ("memory", Some("6.2 Mi"), Some("10 Mi"))),
        (
            depth(&average),
            depth_now(&json!({"averageValue": "194500m"})),
            ("depth", Some("194.5"), Some("100")),
        ),
        (depth(&total), depth_now(&json!({"value": "99"})), ("depth", Some("99"), Some("20"))),
        (
            object("target", "9"),
            object("current", "2k"),
            ("requests of Ingress/main", Some("2,000"), Some("9")),
        ),
        // No pods, no average.
        (
            depth(&average),
            depth_now(&json!({"averageValue": "-9223372036854775808m"})),
            ("depth", None, Some("100")),
        ),
        (depth(&average), depth_now(&json!({})), ("depth", None, Some("100"))),
    ] {
        let row = of(&json!([metric]), &status(1, 1, &json!([now]), &json!([able("ReadyForNewScale")])));
        let metric = &row.metrics[0];
        let [reading, target] =
            [metric.reading, metric.target].map(|amount| amount.map(|amount| amount.to_string()));
        assert_eq!((metric.name.as_str(), reading.as_deref(), target.as_deref()), shown);
        assert!(!metric.failed);
    }
}

#[test]
fn an_average_that_was_rounded_up_wants_no_extra_pod() {
    let average = json!({"type": "AverageValue", "averageValue": "20"});
    let conditions = json!([
        able("ReadyForNewScale"),
        active("external metric depth(nil)"),
        limited("True", "TooManyReplicas")
    ]);
    // 240 messages and 11 pods at the maximum: 240 / 20 are 12, but 11 times the rounded average is more than 240.
    let now = json!([depth_now(&json!({"averageValue": "21819m"}))]);
    let row = of(&json!([depth(&average)]), &status(11, 11, &now, &conditions));
    assert_eq!(row.wants, Some(12));
}

#[test]
fn keda_scales_to_zero_and_disables_a_direction() {
    let keda = |status: Value| {
        let object = json!({
            "metadata": {"name": "keda-hpa-web", "labels": {"scaledobject.keda.sh/name": "web"}},
            "spec": {"minReplicas": 1, "maxReplicas": 10, "metrics": [cpu(80)],
                "behavior": {"scaleDown": {"selectPolicy": "Disabled"}},
                "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
            "status": status,
        });
        row(serde_json::from_value(object).unwrap())
    };
    let at_rest = keda(status(
        0,
        0,
        &json!(null),
        &json!([able("SucceededGetScale"), condition("ScalingActive", "False", "ScalingDisabled", "zero")]),
    ));
    assert_eq!(at_rest.verdict, Verdict::ScaledToZero { by_keda: true });
    assert_eq!((at_rest.scaled_object.as_deref(), at_rest.verdict.tone()), (Some("web"), Tone::Resting));
    let paused = keda(status(
        5,
        5,
        &json!([cpu_now(10)]),
        &json!([able("ReadyForNewScale"), active(CPU), limited("True", "ScaleDownLimit")]),
    ));
    assert_eq!(paused.verdict, Verdict::Disabled(Direction::Down));
}

#[test]
fn a_paused_scaled_object_has_a_row() {
    let object = |annotation: &str, value: &str| {
        json!({"metadata": {"name": "web", "namespace": "shop", "annotations": {annotation: value}},
            "spec": {"minReplicaCount": 1, "maxReplicaCount": 7, "scaleTargetRef": {"name": "front"}}})
    };
    let row = paused(&object("autoscaling.keda.sh/paused-replicas", "0")).unwrap();
    assert_eq!((row.namespace.as_str(), row.name.as_str()), ("shop", "keda-hpa-web"));
    assert_eq!((row.target, row.min, row.max), (("Deployment".to_owned(), "front".to_owned()), 1, 7));
    assert_eq!(row.verdict, Verdict::PausedByKeda(Hold::At(0)));
    assert_eq!(paused(&object("autoscaling.keda.sh/paused-scale-in", "true")), None, "it keeps the HPA");
    assert_eq!(paused(&object("example.org/a", "b")), None);
}

#[test]
fn an_unreadable_quantity_keeps_the_row() {
    let row = of(&json!([depth(&json!({"type": "Value", "value": "many"}))]), &json!(null));
    assert_eq!((row.name.as_str(), row.max, row.metrics.len()), ("web", 10, 0));
    let empty = super::row(HorizontalPodAutoscaler::default());
    assert_eq!((empty.verdict, empty.min), (Verdict::NotSynced { since: None }, 1));
}
