//! Field errors: all of them, with the texts of Kubernetes.

use hpa::validate::{drop_disabled_fields, validate, validate_update};
use hpa::{Config, Gates, Release, Spec};

fn spec(json: &str) -> Spec {
    serde_json::from_str(json).expect("the specification is JSON")
}

fn texts(spec: &Spec, config: &Config) -> Vec<String> {
    validate(spec, config).iter().map(ToString::to_string).collect()
}

fn valid() -> Spec {
    spec(
        r#"{"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}, "maxReplicas": 10,
            "metrics": [{"type": "External", "external": {"metric": {"name": "queue"},
                "target": {"type": "AverageValue", "averageValue": "20"}}}]}"#,
    )
}

#[test]
fn all_errors_are_reported_at_once() {
    let spec = spec(
        r#"{"scaleTargetRef": {"apiVersion": "a/b/c", "kind": "", "name": "a/b%"},
            "minReplicas": -1, "maxReplicas": -2,
            "metrics": [
                {"type": "External", "external": {"metric": {"name": ".."},
                    "target": {"type": "value", "value": "0", "averageValue": "-300m"}}},
                {"type": ""},
                {"type": "Pods", "pods": {"metric": {"name": ""}, "target": {"type": ""}},
                    "resource": {"name": "", "target": {"type": ""}}},
                {"type": "ContainerResource", "containerResource": {"name": "InvalidResource", "container": "A_b",
                    "target": {"type": "Utilization", "averageUtilization": 0, "averageValue": "1"}}},
                {"type": "Object", "object": {"describedObject": {"apiVersion": "x/y/z", "kind": "Service", "name": "."},
                    "metric": {"name": "hits"}, "target": {"type": "Value"}}}
            ],
            "behavior": {
                "scaleUp": {"stabilizationWindowSeconds": 3601, "selectPolicy": "max", "tolerance": "-100m",
                    "policies": [{"type": "Pod", "value": 0, "periodSeconds": 1801}]},
                "scaleDown": {"stabilizationWindowSeconds": -1, "policies": []}}}"#,
    );
    assert_eq!(
        texts(&spec, &Config::default()),
        [
            "spec.minReplicas: Invalid value: -1: must be greater than or equal to 0",
            "spec.maxReplicas: Invalid value: -2: must be greater than 0",
            "spec.maxReplicas: Invalid value: -2: must be greater than or equal to `minReplicas`",
            "spec.scaleTargetRef.kind: Required value",
            "spec.scaleTargetRef.name: Invalid value: \"a/b%\": may not contain '/'",
            "spec.scaleTargetRef.name: Invalid value: \"a/b%\": may not contain '%'",
            "spec.scaleTargetRef.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c",
            "spec.metrics[0].external.metric.name: Invalid value: \"..\": may not be '..'",
            "spec.metrics[0].external.target.type: Invalid value: \"value\": must be either Utilization, Value, or \
         AverageValue",
            "spec.metrics[0].external.target.value: Invalid value: 0: must be positive",
            "spec.metrics[0].external.target.averageValue: Invalid value: -300m: must be positive",
            "spec.metrics[0].external.target.value: Forbidden: may not set both a target value for metric and a per-pod \
         target",
            "spec.metrics[1].type: Required value: must specify a metric source type",
            "spec.metrics[1].type: Unsupported value: \"\": supported values: \"ContainerResource\", \"External\", \
         \"Object\", \"Pods\", \"Resource\"",
            "spec.metrics[1].type: Unsupported value: \"\": supported values: \"ContainerResource\", \"External\", \
         \"Object\", \"Pods\", \"Resource\"",
            "spec.metrics[2].pods.metric.name: Required value: must specify a metric name",
            "spec.metrics[2].pods.target.type: Required value: must specify a metric target type",
            "spec.metrics[2].pods.target.type: Invalid value: \"\": must be either Utilization, Value, or AverageValue",
            "spec.metrics[2].pods.target.averageValue: Required value: must specify a positive target averageValue",
            "spec.metrics[2].resource: Forbidden: must populate the given metric source only",
            "spec.metrics[3].containerResource.name: Invalid value: InvalidResource: must be a standard resource type or \
         fully qualified",
            "spec.metrics[3].containerResource.name: Invalid value: InvalidResource: must be a standard resource for \
         containers",
            "spec.metrics[3].containerResource.container: Invalid value: \"A_b\": a lowercase RFC 1123 label must consist \
         of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. \
         'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
            "spec.metrics[3].containerResource.target.averageUtilization: Invalid value: 0: must be greater than 0",
            "spec.metrics[3].containerResource.target.averageValue: Forbidden: may not set both a target raw value and a \
         target utilization",
            "spec.metrics[4].object.describedObject.name: Invalid value: \".\": may not be '.'",
            "spec.metrics[4].object.describedObject.apiVersion: Invalid value: \"x/y/z\": unexpected GroupVersion string: \
         x/y/z",
            "spec.metrics[4].object.target.averageValue: Required value: must set either a target value or averageValue",
            "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600",
            "spec.behavior.scaleUp.selectPolicy: Unsupported value: \"max\": supported values: \"Disabled\", \"Max\", \
         \"Min\"",
            "spec.behavior.scaleUp.policies[0].type: Unsupported value: \"Pod\": supported values: \"Percent\", \"Pods\"",
            "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
            "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
            "spec.behavior.scaleUp.tolerance: Invalid value: \"-100m\": must be greater than or equal to 0",
            "spec.behavior.scaleDown.stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero",
            "spec.behavior.scaleDown.policies: Required value: must specify at least one Policy",
        ]
    );
}

#[test]
fn limits_are_inclusive() {
    let mut spec = valid();
    spec.behavior = Some(
        serde_json::from_str(
            r#"{"scaleUp": {"stabilizationWindowSeconds": 3600, "selectPolicy": "Disabled", "tolerance": "0",
                    "policies": [{"type": "Pods", "value": 1, "periodSeconds": 1800}]},
                "scaleDown": {"stabilizationWindowSeconds": 0,
                    "policies": [{"type": "Percent", "value": 1, "periodSeconds": 1}]}}"#,
        )
        .unwrap(),
    );
    assert_eq!(texts(&spec, &Config::default()), Vec::<String>::new());
    // Validation does not compare the type with the field that is set.
    spec.metrics[0].external.as_mut().unwrap().target.type_ = "Value".to_owned();
    assert_eq!(texts(&spec, &Config::default()), Vec::<String>::new());
}

#[test]
fn defaults_are_valid() {
    let mut spec = spec(
        r#"{"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}, "maxReplicas": 1,
            "behavior": {}}"#,
    );
    hpa::defaults::default_spec(&mut spec);
    assert_eq!(texts(&spec, &Config::default()), Vec::<String>::new());
    assert_eq!(spec.metrics[0].resource.as_ref().unwrap().target.average_utilization, Some(80));
    let again = spec.clone();
    hpa::defaults::default_spec(&mut spec);
    assert_eq!(spec, again, "defaulting twice changes nothing");
}

#[test]
fn a_minimum_of_zero_needs_gate_and_metric() {
    let closed = Config::release(Release::V1_34);
    let open = Config { gates: Gates { scale_to_zero: true, ..closed.gates }, ..closed };
    let mut zero = valid();
    zero.min_replicas = Some(0);
    let refused = ["spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"];
    assert_eq!(texts(&zero, &closed), refused);
    assert_eq!(texts(&zero, &open), Vec::<String>::new());
    let update = |new: &Spec, old: &Spec| -> Vec<String> {
        validate_update(new, old, &closed).iter().map(ToString::to_string).collect()
    };
    assert_eq!(update(&zero, &zero), Vec::<String>::new());
    assert_eq!(update(&zero, &valid()), refused);
    assert_eq!(update(&valid(), &zero), Vec::<String>::new());
    let mut cpu = zero.clone();
    cpu.metrics.clear();
    hpa::defaults::default_spec(&mut cpu);
    assert_eq!(
        texts(&cpu, &open),
        [
            "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero \
         replicas"
        ]
    );
}

#[test]
fn an_api_version_needs_a_group() {
    let config = Config::default();
    let target = |version: Option<&str>, kind: &str| {
        let mut spec = valid();
        spec.scale_target_ref.api_version = version.map(str::to_owned);
        spec.scale_target_ref.kind = kind.to_owned();
        spec
    };
    for (version, kind, text) in [
        (Some("apps/v1"), "Deployment", None),
        (Some("v1"), "Deployment", Some("\"v1\": apiVersion must specify API group")),
        (None, "Deployment", Some("\"\": apiVersion must specify API group")),
        (Some("/v1"), "Deployment", Some("\"/v1\": apiVersion must specify API group")),
        (Some("v1"), "ReplicationController", None),
        (None, "ReplicationController", None),
        (Some("a/b/c"), "ReplicationController", Some("\"a/b/c\": unexpected GroupVersion string: a/b/c")),
    ] {
        let text = text.map(|text| format!("spec.scaleTargetRef.apiVersion: Invalid value: {text}"));
        assert_eq!(texts(&target(version, kind), &config), text.into_iter().collect::<Vec<_>>());
    }
    let old = target(Some("a/b/c"), "Deployment");
    assert_eq!(validate(&old, &Config::release(Release(33))), []);
    assert_eq!(validate_update(&old, &old, &config), []);
    assert_eq!(validate_update(&target(Some("a/b/c"), "StatefulSet"), &old, &config).len(), 1);
    assert_eq!(validate_update(&old, &valid(), &config).len(), 1);

    let mut described = valid();
    described.metrics.push(
        serde_json::from_str(
            r#"{"type": "Object", "object": {"describedObject": {"apiVersion": "a/b/c", "kind": "K", "name": "n"},
                "metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}}}"#,
        )
        .unwrap(),
    );
    assert_eq!(validate(&described, &config).len(), 1);
    assert_eq!(validate_update(&described, &described, &config), []);
    assert_eq!(validate_update(&described, &valid(), &config).len(), 1);
}

#[test]
fn a_disabled_gate_drops_tolerances() {
    let closed = Config::release(Release::V1_34);
    let mut spec = valid();
    spec.behavior = Some(serde_json::from_str(r#"{"scaleUp": {"tolerance": "-1"}}"#).unwrap());
    hpa::defaults::default_spec(&mut spec);
    let tolerance = |spec: &Spec| spec.behavior.as_ref().unwrap().scale_up.as_ref().unwrap().tolerance;
    let mut kept = spec.clone();
    drop_disabled_fields(&mut kept, Some(&spec), &closed);
    assert!(tolerance(&kept).is_some(), "the stored object has one");
    drop_disabled_fields(&mut kept, Some(&valid()), &closed);
    assert_eq!(tolerance(&kept), None);
    drop_disabled_fields(&mut spec, None, &Config::default());
    assert!(tolerance(&spec).is_some(), "the gate is open");
    assert_eq!(validate(&spec, &Config::default()).len(), 1);
}
