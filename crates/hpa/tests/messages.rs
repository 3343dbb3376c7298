//! Texts of a sync: conditions, events, errors and status, equal to those of the controller.

mod common;

use common::{Scene, average_value, cpu, custom, events, external, reason, usage, value};
use hpa::status::{Condition, ConditionStatus};
use hpa::trace::ErrorClass;
use hpa::{Config, Decision, Reading, Release, Time};

fn condition(decision: &Decision, type_: &str) -> (ConditionStatus, String, String) {
    let Condition { status, reason, message, .. } =
        decision.status.condition(type_).expect("the condition is set").clone();
    (status, reason.into_owned(), message.into_owned())
}

fn event(reason: &str, message: &str) -> (String, String) {
    (reason.to_owned(), message.to_owned())
}

fn error(decision: &Decision) -> (ErrorClass, String) {
    let error = decision.error.clone().expect("the sync failed");
    (error.class, error.message)
}

#[test]
fn a_rescale_reports_size_and_metric() {
    let mut scene = Scene::average(1, "20", 99, Some("{}"));
    let decision = scene.decide();
    let name = "external metric queue(nil)";
    let (status, reason, message) = condition(&decision, "AbleToScale");
    assert_eq!((status, reason.as_str()), (ConditionStatus::True, "SucceededRescale"));
    assert_eq!(message, "the HPA controller was able to update the target scale to 5");
    let (status, reason, message) = condition(&decision, "ScalingActive");
    assert_eq!((status, reason.as_str()), (ConditionStatus::True, "ValidMetricFound"));
    assert_eq!(message, format!("the HPA was able to successfully calculate a replica count from {name}"));
    let (status, reason, message) = condition(&decision, "ScalingLimited");
    assert_eq!((status, reason.as_str()), (ConditionStatus::False, "DesiredWithinRange"));
    assert_eq!(message, "the desired count is within the acceptable range");
    let expected = event("SuccessfulRescale", &format!("New size: 5; reason: {name} above target"));
    assert_eq!(events(&decision), [expected]);
    assert_eq!(decision.status.current_replicas, 1, "the size before");
    assert_eq!(decision.status.desired_replicas, 5);
    assert_eq!(decision.status.last_scale_time, Some(scene.now));
    assert_eq!(decision.status.observed_generation, None, "only with its gate");
    scene.config.gates.generation = true;
    assert_eq!(scene.decide().status.observed_generation, Some(7));
}

#[test]
fn names_of_metrics() {
    let labelled = r#"{"type": "External", "external": {"metric": {"name": "queue",
        "selector": {"matchLabels": {"queue": "Orders", "app": "x"}}}, "target": {"type": "Value", "value": "1"}}}"#;
    let object = |type_: &str, field: &str| {
        format!(
            r#"{{"type": "Object", "object": {{"metric": {{"name": "hits"}},
                "describedObject": {{"kind": "Service", "name": "web"}},
                "target": {{"type": "{type_}", "{field}": "1"}}}}}}"#
        )
    };
    let resource = |type_: &str, field: &str, target: &str| {
        format!(
            r#"{{"type": "{type_}", "{field}": {{"name": "cpu", "container": "work", "target": {target}}}}}"#
        )
    };
    let utilization = r#"{"type": "Utilization", "averageUtilization": 50}"#;
    let pods = r#"{"type": "Pods", "pods": {"metric": {"name": "qps"},
        "target": {"type": "AverageValue", "averageValue": "1"}}}"#;
    for (metric, name) in [
        (
            labelled.to_owned(),
            "external metric queue(&LabelSelector{MatchLabels:map[string]string{app: x,queue: Orders,},\
             MatchExpressions:[]LabelSelectorRequirement{},})",
        ),
        (object("Value", "value"), "Service metric hits"),
        (object("AverageValue", "averageValue"), "external metric hits(nil)"),
        (pods.to_owned(), "pods metric qps"),
        (resource("Resource", "resource", utilization), "cpu resource utilization (percentage of request)"),
        (resource("Resource", "resource", &average_value("1")), "cpu resource"),
        (
            resource("ContainerResource", "containerResource", utilization),
            "cpu container resource utilization (percentage of request)",
        ),
        (resource("ContainerResource", "containerResource", &average_value("1")), "cpu resource"),
    ] {
        let metric: hpa::spec::Metric = serde_json::from_str(&metric).unwrap();
        assert_eq!(hpa::metric::describe(&metric), name);
    }
}

#[test]
fn conditions_and_events_have_the_inner_error_text() {
    let failed = || Reading::Failed("boom".to_owned());
    let object = |target: &str| {
        format!(
            r#"{{"type": "Object", "object": {{"metric": {{"name": "hits"}},
                "describedObject": {{"kind": "Service", "name": "web"}}, "target": {target}}}}}"#
        )
    };
    let pods = r#"{"type": "Pods", "pods": {"metric": {"name": "qps"},
        "target": {"type": "AverageValue", "averageValue": "1"}}}"#;
    let container = r#"{"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "work",
        "target": {"type": "Utilization", "averageUtilization": 50}}}"#;
    let memory = r#"{"type": "Resource", "resource": {"name": "memory",
        "target": {"type": "AverageValue", "averageValue": "1Gi"}}}"#;
    let external_inner = "unable to get external metric demo/queue/nil: unable to fetch metrics from external metrics API: boom";
    let object_inner = "unable to get metric hits on Service demo/web: unable to fetch metrics from custom metrics API: boom";
    let cpu_inner = "failed to get cpu utilization: unable to get metrics for resource cpu: \
                     unable to fetch metrics from resource metrics API: boom";
    for (metric, reading, reason, inner, outer) in [
        (
            external(&average_value("1")),
            failed(),
            "FailedGetExternalMetric",
            external_inner,
            "failed to get queue external metric value: failed to get queue external metric: ",
        ),
        (
            external(&value("1")),
            failed(),
            "FailedGetExternalMetric",
            external_inner,
            "failed to get queue external metric value: failed to get external metric queue: ",
        ),
        (
            external(&value("1")),
            Reading::External(Vec::new()),
            "FailedGetExternalMetric",
            "unable to get external metric demo/queue/nil: no metrics returned from external metrics API",
            "failed to get queue external metric value: failed to get external metric queue: ",
        ),
        (
            external(r#"{"type": "Value"}"#),
            failed(),
            "FailedGetExternalMetric",
            "invalid external metric source: neither a value target nor an average value target was set",
            "failed to get queue external metric value: ",
        ),
        (
            object(&value("1")),
            failed(),
            "FailedGetObjectMetric",
            object_inner,
            "failed to get object metric value: ",
        ),
        (
            object(&average_value("1")),
            failed(),
            "FailedGetObjectMetric",
            object_inner,
            "failed to get object metric value: failed to get hits object metric: ",
        ),
        (
            object(r#"{"type": "Value", "averageValue": "1"}"#),
            Reading::Object(1),
            "FailedGetObjectMetric",
            "invalid object metric source: neither a value target nor an average value target was set",
            "failed to get object metric value: ",
        ),
        (
            pods.to_owned(),
            failed(),
            "FailedGetPodsMetric",
            "unable to get metric qps: unable to fetch metrics from custom metrics API: boom",
            "failed to get pods metric value: ",
        ),
        (
            pods.to_owned(),
            custom(Time(0), &[]),
            "FailedGetPodsMetric",
            "unable to get metric qps: no metrics returned from custom metrics API",
            "failed to get pods metric value: ",
        ),
        (
            cpu(50),
            failed(),
            "FailedGetResourceMetric",
            cpu_inner,
            "failed to get cpu resource metric value: ",
        ),
        (
            container.to_owned(),
            failed(),
            "FailedGetContainerResourceMetric",
            cpu_inner,
            "failed to get work container metric value: ",
        ),
        (
            memory.to_owned(),
            usage("memory", Time(0), &[]),
            "FailedGetResourceMetric",
            "failed to get memory usage: unable to get metrics for resource memory: \
             no metrics returned from resource metrics API",
            "failed to get memory resource metric value: ",
        ),
    ] {
        let mut scene = Scene::new(3, &metric, None);
        scene.readings = vec![reading];
        scene.status.desired_replicas = 3;
        let decision = scene.decide();
        let (status, found, message) = condition(&decision, "ScalingActive");
        assert_eq!((status, found.as_str()), (ConditionStatus::False, reason));
        assert_eq!(message, format!("the HPA was unable to compute the replica count: {inner}"));
        let whole = format!("invalid metrics (1 invalid out of 1), first error is: {outer}{inner}");
        assert_eq!(events(&decision), [event(reason, inner), event("FailedComputeMetricsReplicas", &whole)]);
        let (class, text) = error(&decision);
        assert_eq!(class, ErrorClass::Internal);
        let prefix = "failed to compute desired number of replicas based on listed metrics for Deployment/demo/worker: ";
        assert_eq!(text, format!("{prefix}{whole}"));
        assert_eq!(reason, common::reason(&decision, "ScalingActive"));
        assert_eq!(decision.status.current_metrics, [hpa::status::MetricStatus::default()], "an empty entry");
        assert_eq!(decision.status.desired_replicas, 3, "kept");
    }
}

#[test]
fn an_unknown_metric_type_is_a_spec_error() {
    let mut scene = Scene::new(3, r#"{"type": "CheddarCheese"}"#, None);
    scene.readings = vec![Reading::Object(1)];
    let decision = scene.decide();
    let inner = "unknown metric source type \"CheddarCheese\"";
    assert_eq!(events(&decision)[0], event("InvalidMetricSourceType", inner));
    assert_eq!(error(&decision).0, ErrorClass::Spec);
}

#[test]
fn an_unreadable_scale_changes_nothing_else() {
    let mut scene = Scene::average(3, "10", 90, None);
    let before = scene.sync().status;
    scene.scale = Err("no such Deployment".to_owned());
    let decision = scene.decide();
    let text = "the HPA controller was unable to get the target's current scale: no such Deployment";
    assert_eq!(
        condition(&decision, "AbleToScale"),
        (ConditionStatus::False, "FailedGetScale".to_owned(), text.to_owned())
    );
    assert_eq!(events(&decision), [event("FailedGetScale", "no such Deployment")]);
    let reference = "failed to query scale subresource for Deployment/demo/worker: no such Deployment";
    assert_eq!(error(&decision), (ErrorClass::Internal, reference.to_owned()));
    assert_eq!(decision.status.current_metrics, before.current_metrics);
    assert_eq!(decision.status.desired_replicas, before.desired_replicas);
    for stale in ["ScalingActive", "ScalingLimited"] {
        assert_eq!(decision.status.condition(stale), before.condition(stale), "{stale} is stale");
    }
    let moved = decision.status.condition("AbleToScale").unwrap().last_transition_time;
    assert_eq!(moved, Some(scene.now), "its status changed");

    scene.scale = Ok(hpa::Scale::default());
    scene.spec.scale_target_ref.api_version = Some("a/b/c".to_owned());
    let decision = scene.decide();
    assert_eq!(events(&decision), [event("FailedGetScale", "unexpected GroupVersion string: a/b/c")]);
    assert_eq!(error(&decision).0, ErrorClass::Spec);
}

#[test]
fn unusable_selectors() {
    let mut scene = Scene::average(3, "10", 90, None);
    let _ = scene.sync();
    scene.scale_mut().selector.clear();
    let decision = scene.decide();
    let text = "the HPA target's scale is missing a selector";
    assert_eq!(condition(&decision, "ScalingActive").2, text);
    assert_eq!(reason(&decision, "ScalingActive"), "InvalidSelector");
    assert_eq!(
        events(&decision),
        [
            event("SelectorRequired", "selector is required"),
            event("FailedComputeMetricsReplicas", "selector is required"),
        ]
    );
    assert_eq!(decision.status.current_metrics, [], "cleared");

    scene.scale_mut().selector = "cheddar cheese".to_owned();
    let decision = scene.decide();
    let text = "couldn't convert selector into a corresponding internal selector object: unable to parse \
                requirement: found 'cheese', expected: in, notin, =, ==, !=, gt, lt";
    assert_eq!(condition(&decision, "ScalingActive").2, text);
    assert_eq!(events(&decision)[0], event("InvalidSelector", text));

    scene.scale_mut().selector = "app=worker".to_owned();
    scene.selected_by = ["demo/a", "demo/b", "demo/c"].map(str::to_owned).to_vec();
    let decision = scene.decide();
    let text = "pods by selector app=worker are controlled by more than one HPA (e.g. [demo/a demo/b])";
    assert_eq!(events(&decision)[0], event("AmbiguousSelector", text));
    assert_eq!(condition(&decision, "ScalingActive").2, text);
    scene.config = Config::release(Release::V1_34);
    let text = "pods by selector app=worker are controlled by multiple HPAs: [demo/a demo/b demo/c]";
    assert_eq!(events(&scene.decide())[0], event("AmbiguousSelector", text));
    scene.selected_by.truncate(1);
    assert_eq!(scene.decide().error, None, "one is this HPA itself");
}

#[test]
fn a_failed_write_records_no_change() {
    let mut scene = Scene::average(2, "10", 30, Some("{}"));
    scene.write = Err("conflict".to_owned());
    scene.status.desired_replicas = 2;
    let decision = scene.decide();
    let name = "external metric queue(nil) above target";
    let text = format!("New size: 3; reason: {name}; error: conflict");
    assert_eq!(events(&decision), [event("FailedRescale", &text)]);
    assert_eq!(
        condition(&decision, "AbleToScale"),
        (
            ConditionStatus::False,
            "FailedUpdateScale".to_owned(),
            "the HPA controller was unable to update the target scale: conflict".to_owned()
        )
    );
    let text = "failed to rescale Deployment/demo/worker: conflict";
    assert_eq!(error(&decision), (ErrorClass::Internal, text.to_owned()));
    assert_eq!((decision.status.current_replicas, decision.status.desired_replicas), (2, 2));
    assert_eq!(decision.status.last_scale_time, None);
    assert_eq!(decision.status.current_metrics.len(), 1, "the readings are kept");
    assert_eq!(reason(&decision, "ScalingLimited"), "DesiredWithinRange");
    assert!(scene.memory.up_events.is_empty(), "a change that was not written is not remembered");
    assert_eq!(scene.log(), [(3, 0)], "a recommendation is");
    assert_eq!(decision.status.condition("ScaledToZero"), None);
}

#[test]
fn forced_and_paused_syncs_keep_stale_conditions() {
    let mut scene = Scene::average(3, "10", 90, None);
    let before = scene.sync().status;
    assert_eq!(before.current_metrics.len(), 1);
    scene.resize(20);
    let forced = scene.decide();
    assert_eq!(forced.new_size, Some(10));
    assert_eq!(forced.status.current_metrics, []);
    for stale in ["ScalingActive", "ScalingLimited"] {
        assert_eq!(forced.status.condition(stale), before.condition(stale), "{stale}");
    }
    scene.resize(0);
    let paused = scene.decide();
    assert_eq!(paused.new_size, None);
    assert_eq!((paused.status.current_replicas, paused.status.desired_replicas), (0, 0));
    assert_eq!(paused.status.current_metrics, []);
    assert_eq!(reason(&paused, "AbleToScale"), "SucceededGetScale");
    let text = "scaling is disabled since the replica count of the target is zero";
    assert_eq!(
        condition(&paused, "ScalingActive"),
        (ConditionStatus::False, "ScalingDisabled".to_owned(), text.to_owned())
    );
    assert_eq!(paused.status.condition("ScalingLimited"), before.condition("ScalingLimited"));
    assert_eq!(events(&paused), []);
}

#[test]
fn stabilisation_and_limits_set_their_reasons() {
    let message = |decision: &Decision, type_| condition(decision, type_).2;
    let mut scene = Scene::average(5, "10", 10, None);
    scene.recommended(&[(5, 10)]);
    let decision = scene.decide();
    assert_eq!(reason(&decision, "AbleToScale"), "ScaleDownStabilized");
    assert_eq!(
        message(&decision, "AbleToScale"),
        "recent recommendations were higher than current one, applying the highest recent recommendation"
    );
    let mut scene = Scene::average(5, "10", 90, Some(r#"{"scaleUp": {"stabilizationWindowSeconds": 60}}"#));
    scene.recommended(&[(4, 10)]);
    let decision = scene.decide();
    assert_eq!(reason(&decision, "AbleToScale"), "ScaleUpStabilized");
    assert_eq!(
        message(&decision, "AbleToScale"),
        "recent recommendations were lower than current one, applying the lowest recent recommendation"
    );
    let slow = r#"{"scaleDown": {"stabilizationWindowSeconds": 0,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}"#;
    for (mut scene, reason, text) in [
        (
            Scene::average(1, "10", 990, None),
            "ScaleUpLimit",
            "the desired replica count is increasing faster than the maximum scale rate",
        ),
        (
            Scene::average(5, "10", 10, Some(slow)),
            "ScaleDownLimit",
            "the desired replica count is decreasing faster than the maximum scale rate",
        ),
        (
            Scene::average(8, "10", 990, None),
            "TooManyReplicas",
            "the desired replica count is more than the maximum replica count",
        ),
        (
            Scene::average(3, "10", 0, None),
            "TooFewReplicas",
            "the desired replica count is less than the minimum replica count",
        ),
    ] {
        let decision = scene.decide();
        let expected = (ConditionStatus::True, reason.to_owned(), text.to_owned());
        assert_eq!(condition(&decision, "ScalingLimited"), expected);
    }
    let mut steady = Scene::average(3, "10", 30, None);
    let decision = steady.decide();
    assert_eq!(reason(&decision, "AbleToScale"), "ReadyForNewScale");
    assert_eq!(message(&decision, "AbleToScale"), "recommended size matches current size");
    assert_eq!(events(&decision), []);
}

#[test]
fn a_condition_records_scaling_to_zero() {
    let mut scene = Scene::average(1, "10", 0, None);
    scene.spec.min_replicas = Some(0);
    let decision = scene.sync();
    assert_eq!(decision.new_size, Some(0));
    let text = "the HPA controller scaled the workload to zero";
    assert_eq!(
        condition(&decision, "ScaledToZero"),
        (ConditionStatus::True, "ScaledToZero".to_owned(), text.to_owned())
    );
    // The HPA scales up from 0 by itself,
    scene.read(25);
    let decision = scene.sync();
    assert_eq!(decision.new_size, Some(3));
    let text = "the HPA controller did not scale the workload to zero";
    assert_eq!(
        condition(&decision, "ScaledToZero"),
        (ConditionStatus::False, "NotScaledToZero".to_owned(), text.to_owned())
    );
    // but not if another client set the size to 0.
    scene.resize(0);
    let decision = scene.sync();
    assert_eq!((decision.new_size, reason(&decision, "ScalingActive").as_str()), (None, "ScalingDisabled"));
    // A manual scale to 1 or more resumes it.
    scene.resize(1);
    assert_eq!(scene.sync().new_size, Some(3));
}

#[test]
fn before_1_36_the_minimum_decides_at_zero() {
    let mut scene = Scene::average(0, "10", 25, None);
    scene.config = Config::release(Release(35));
    assert_eq!(scene.decide().new_size, None, "a minimum of 1 at 0 always pauses");
    scene.spec.min_replicas = Some(0);
    let decision = scene.decide();
    assert_eq!(decision.new_size, Some(3), "a minimum of 0 always computes");
    assert_eq!(decision.status.condition("ScaledToZero"), None);
}

#[test]
fn a_minimum_raised_at_zero_applies_with_behavior() {
    let below = "Current number of replicas below Spec.MinReplicas";
    let above = "external metric queue(nil) above target";
    // Without behavior the limits have already raised the size; the reason does not change after them.
    for (behavior, at_zero) in [(None, ""), (Some("{}"), below)] {
        for (units, reason) in [(0, at_zero), (10, above)] {
            let mut scene = Scene::average(1, "10", 0, behavior);
            scene.spec.min_replicas = Some(0);
            let _ = scene.sync();
            scene.spec.min_replicas = Some(3);
            scene.recommended(&[]);
            scene.read(units);
            let decision = scene.decide();
            assert_eq!(decision.new_size, Some(3), "{behavior:?} with {units}");
            let message = &events(&decision)[0].1;
            assert_eq!(*message, format!("New size: 3; reason: {reason}"), "{behavior:?} with {units}");
        }
    }
}

#[test]
fn negative_readings() {
    // An average takes a negative sum for an overflow and proposes the maximum.
    let mut scene = Scene::average(2, "10", -5, None);
    let decision = scene.decide();
    assert_eq!((decision.trace.raw, decision.new_size), (Some(i32::MAX), Some(4)));
    // A total stays negative and proposes 0.
    let mut scene = Scene::value(2, "10", -5, None);
    let decision = scene.decide();
    assert_eq!((decision.trace.raw, decision.new_size), (Some(0), Some(1)));
    let current = decision.status.current_metrics[0].current().unwrap().value.unwrap();
    assert_eq!(current.to_string(), "-5");
}

#[test]
fn a_target_out_of_range_is_an_error() {
    let mut scene = Scene::average(2, "1E", 5, None);
    let decision = scene.decide();
    assert_eq!(decision.new_size, None);
    let (_, _, message) = condition(&decision, "ScalingActive");
    assert!(message.contains("1E is too large: its thousandths do not fit 64 bits"), "{message}");
}

#[test]
fn transition_times_change_with_the_status_only() {
    let mut scene = Scene::average(3, "10", 30, None);
    let first = scene.sync();
    let start = first.status.condition("AbleToScale").unwrap().last_transition_time;
    let second = scene.sync();
    for condition in &second.status.conditions {
        assert_eq!(condition.last_transition_time, start, "{}", condition.type_);
    }
    assert_eq!(first.status, second.status, "there is nothing to write");
}

#[test]
fn every_path_seeds_the_memory_once() {
    for size in [0, 3, 50] {
        let mut scene = Scene::average(size, "10", 30, None);
        scene.memory.recommendations = None;
        let _ = scene.decide();
        assert_eq!(scene.log()[0], (size, 0), "the seed");
        let known = scene.log().len();
        let _ = scene.decide();
        assert!(scene.log().len() <= known + 1, "and no second one");
    }
    let mut unread = Scene::average(3, "10", 30, None);
    unread.memory.recommendations = None;
    unread.scale = Err("gone".to_owned());
    let _ = unread.decide();
    assert_eq!(unread.memory.recommendations, None, "an unknown size seeds nothing");
}

#[test]
fn an_average_over_no_pods() {
    for (release, text) in [(Release(38), "0"), (Release::V1_34, "-9223372036854775808m")] {
        let mut scene = Scene::average(1, "10", 30, None);
        scene.config = Config::release(release);
        scene.scale_mut().status_replicas = 0;
        let decision = scene.decide();
        assert_eq!(decision.new_size, Some(3));
        let current = decision.status.current_metrics[0].current().unwrap();
        assert_eq!(current.average_value.unwrap().to_string(), text, "at {release}");
        assert_eq!(decision.trace.metrics[0].measured.unwrap().ratio, None);
    }
}

#[test]
fn the_event_for_a_failed_status_write() {
    let event = hpa::sync::status_update_failed("conflict");
    assert_eq!(
        (event.kind.as_str(), &*event.reason, event.message.as_str()),
        ("Warning", "FailedUpdateStatus", "conflict")
    );
}

#[test]
fn readings_are_needed_on_the_computed_path_only() {
    let mut scene = Scene::average(3, "10", 30, None);
    for (size, zeroed, min, release, needed) in [
        (3, false, 1, Release(38), true),
        (10, false, 1, Release(38), true),
        (11, false, 1, Release(38), false),
        (1, false, 2, Release(38), false),
        (0, false, 0, Release(38), false),
        (0, true, 0, Release(38), true),
        (0, true, 2, Release(38), true),
        (0, false, 0, Release(34), true),
        (0, true, 1, Release(34), false),
    ] {
        scene.resize(size);
        scene.spec.min_replicas = Some(min);
        scene.config = Config::release(release);
        scene.status.conditions = vec![Condition {
            type_: "ScaledToZero".into(),
            status: zeroed.into(),
            reason: "".into(),
            message: "".into(),
            last_transition_time: None,
        }];
        assert_eq!(scene.needs_readings(), needed, "{size} with a minimum of {min} at {release}, {zeroed}");
        assert_eq!(scene.decide().trace.metrics.is_empty(), !needed);
    }
    scene.scale = Err("gone".to_owned());
    assert!(!scene.needs_readings());
}
