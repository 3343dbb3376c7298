//! Conversions from and to k8s-openapi's types.

use hpa::input::Ready;
use hpa::status::ConditionStatus;
use hpa::{Pod, Scale, Spec, Status, Time};
use k8s_openapi::api::autoscaling::v1::Scale as ApiScale;
use k8s_openapi::api::autoscaling::v2 as api;
use k8s_openapi::api::core::v1::Pod as ApiPod;
use serde_json::{Value, json};

fn spec() -> Value {
    json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
        "minReplicas": 0,
        "maxReplicas": 10,
        "metrics": [
            {"type": "External", "external": {
                "metric": {"name": "queue", "selector": {"matchLabels": {"queue": "Orders"}, "matchExpressions":
                    [{"key": "tier", "operator": "In", "values": ["a", "b"]}]}},
                "target": {"type": "AverageValue", "averageValue": "20"}}},
            {"type": "Object", "object": {
                "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "web"},
                "metric": {"name": "hits"}, "target": {"type": "Value", "value": "300m"}}},
            {"type": "Pods", "pods": {
                "metric": {"name": "qps"}, "target": {"type": "AverageValue", "averageValue": "2k"}}},
            {"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}},
            {"type": "ContainerResource", "containerResource": {
                "name": "memory", "container": "work", "target": {"type": "AverageValue", "averageValue": "1Gi"}}}
        ],
        "behavior": {
            "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "tolerance": "50m",
                "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]},
            "scaleDown": {"policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}
        }
    })
}

#[test]
fn specifications_round_trip() {
    let wire: api::HorizontalPodAutoscalerSpec = serde_json::from_value(spec()).unwrap();
    let ours = Spec::try_from(&wire).unwrap();
    assert_eq!(api::HorizontalPodAutoscalerSpec::from(&ours), wire);
    assert_eq!(serde_json::from_value::<Spec>(spec()).unwrap(), ours, "our own JSON form is the API's");
    assert_eq!(serde_json::to_value(&ours).unwrap(), spec());
}

#[test]
fn an_empty_policy_list_stays_empty() {
    let mut json = spec();
    json["behavior"]["scaleUp"]["policies"] = json!([]);
    let wire: api::HorizontalPodAutoscalerSpec = serde_json::from_value(json).unwrap();
    let ours = Spec::try_from(&wire).unwrap();
    let rules = ours.behavior.as_ref().unwrap().scale_up.as_ref().unwrap();
    assert_eq!(rules.policies, Some(Vec::new()), "validation rejects it later");
}

#[test]
fn errors_name_the_field_of_the_quantity() {
    for (pointer, field) in [
        ("/metrics/0/external/target/averageValue", "spec.metrics[0].external.target.averageValue"),
        ("/metrics/1/object/target/value", "spec.metrics[1].object.target.value"),
        (
            "/metrics/4/containerResource/target/averageValue",
            "spec.metrics[4].containerResource.target.averageValue",
        ),
        ("/behavior/scaleUp/tolerance", "spec.behavior.scaleUp.tolerance"),
    ] {
        let mut json = spec();
        *json.pointer_mut(pointer).unwrap() = json!("ten");
        let wire: api::HorizontalPodAutoscalerSpec = serde_json::from_value(json).unwrap();
        let error = Spec::try_from(&wire).unwrap_err();
        assert_eq!(error.field, field);
        assert!(error.to_string().starts_with(&format!("{field}: \"ten\" is not a quantity")), "{error}");
    }
}

#[test]
fn statuses_round_trip() {
    let json = json!({
        "observedGeneration": 3,
        "lastScaleTime": "2026-01-02T03:04:05Z",
        "currentReplicas": 3,
        "desiredReplicas": 6,
        "currentMetrics": [
            {"type": "External", "external": {"metric": {"name": "queue"}, "current": {"averageValue": "33"}}},
            {"type": "Object", "object": {"metric": {"name": "hits"}, "current": {"value": "-9223372036854775808m"},
                "describedObject": {"kind": "Service", "name": "web"}}},
            {"type": ""},
            {"type": "Pods", "pods": {"metric": {"name": "qps"}, "current": {"averageValue": "2867m"}}},
            {"type": "Resource", "resource": {"name": "memory",
                "current": {"averageValue": "1Mi", "averageUtilization": 40}}},
            {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "work",
                "current": {"averageValue": "250m", "averageUtilization": 25}}}
        ],
        "conditions": [{"type": "AbleToScale", "status": "True", "reason": "SucceededRescale",
            "message": "the HPA controller was able to update the target scale to 6",
            "lastTransitionTime": "2026-01-02T03:04:05Z"},
            {"type": "OfTheFuture", "status": "Unknown", "reason": "", "message": ""}]
    });
    let wire: api::HorizontalPodAutoscalerStatus = serde_json::from_value(json.clone()).unwrap();
    let ours = Status::try_from(&wire).unwrap();
    assert_eq!(ours.last_scale_time, Some(Time(1_767_323_045_000)), "milliseconds since 1970");
    assert_eq!(ours.condition("OfTheFuture").unwrap().status, ConditionStatus::Unknown);
    let back = api::HorizontalPodAutoscalerStatus::from(&ours);
    assert_eq!(back, wire);
    assert_eq!(serde_json::to_value(&back).unwrap(), json);
    assert_eq!(api::HorizontalPodAutoscalerStatus::from(&Status::default()).conditions, None);
}

#[test]
fn times_saturate_at_the_ends_of_a_timestamp() {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time as ApiTime;
    for time in [Time(i64::MIN), Time(i64::MAX)] {
        let there = ApiTime::from(time);
        assert_eq!(Time::from(&there).0 < 0, time.0 < 0);
    }
    assert_eq!(Time::from(&ApiTime::from(Time(1500))), Time(1500));
}

#[test]
fn scales_and_pods_convert() {
    let scale: ApiScale = serde_json::from_value(json!({
        "spec": {"replicas": 3}, "status": {"replicas": 4, "selector": "app=worker"}
    }))
    .unwrap();
    let expected = Scale { spec_replicas: 3, status_replicas: 4, selector: "app=worker".to_owned() };
    assert_eq!(Scale::from(&scale), expected);
    assert_eq!(Scale::from(&ApiScale::default()), Scale::default());

    let json = json!({
        "metadata": {"name": "worker-1", "deletionTimestamp": "2026-01-02T03:04:05Z"},
        "spec": {
            "resources": {"requests": {"cpu": "2"}},
            "initContainers": [
                {"name": "once", "resources": {"requests": {"cpu": "5"}}},
                {"name": "mesh", "restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}}],
            "containers": [{"name": "work", "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}}},
                {"name": "bare"}]
        },
        "status": {"phase": "Running", "startTime": "1970-01-01T00:00:10Z", "conditions": [
            {"type": "Initialized", "status": "True"},
            {"type": "Ready", "status": "False", "lastTransitionTime": "1970-01-01T00:00:20Z"}]}
    });
    let wire: ApiPod = serde_json::from_value(json.clone()).unwrap();
    let pod = Pod::try_from(&wire).unwrap();
    assert_eq!((pod.name.as_str(), pod.phase.as_str(), pod.deleted), ("worker-1", "Running", true));
    assert_eq!(pod.ready, Some(Ready { status: ConditionStatus::False, since: Time(20_000) }));
    assert_eq!(pod.started_at, Some(Time(10_000)));
    assert_eq!(pod.requests_milli, Some([("cpu".to_owned(), 2000)].into()));
    let requests: Vec<_> = (pod.containers.iter().chain(&pod.sidecars))
        .map(|c| (c.name.as_str(), c.requests_milli.get("cpu").copied()))
        .collect();
    assert_eq!(requests, [("work", Some(250)), ("bare", None), ("mesh", Some(50))]);

    let mut bad = json;
    bad["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("1E");
    let wire: ApiPod = serde_json::from_value(bad).unwrap();
    let error = Pod::try_from(&wire).unwrap_err();
    assert_eq!(error.field, "spec.containers[work].resources.requests[cpu]");
}
