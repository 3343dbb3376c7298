//! Deployments, ReplicaSets, StatefulSets and DaemonSets.

use serde_json::{Value, json};

use super::pod::pod_spec;
use super::{IMMUTABLE, NON_NEGATIVE};
use crate::Cause;
use crate::kinds::cells::list;
use crate::select::LabelSelector;

fn labels_of(object: &Value) -> Vec<(String, String)> {
    let labels = object.as_object().into_iter().flatten();
    labels.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
}

/// Returns the spec of the pods, in which the claims of a StatefulSet are volumes.
fn with_claims(spec: &Value) -> Value {
    let mut pod = spec["template"]["spec"].clone();
    let claims = list(spec, "/volumeClaimTemplates");
    if pod.is_object() && !claims.is_empty() {
        let named: Vec<Value> =
            claims.iter().map(|claim| json!({"name": claim["metadata"]["name"]})).collect();
        let own = list(spec, "/template/spec/volumes").iter();
        // A claim replaces a volume with its name.
        let kept = own.filter(|volume| !named.iter().any(|claim| claim["name"] == volume["name"])).cloned();
        pod["volumes"] = kept.chain(named.iter().cloned()).collect();
    }
    pod
}

/// Validates a Deployment, ReplicaSet, StatefulSet or DaemonSet.
pub(in crate::kinds) fn workload(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &new["spec"];
    for field in ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        if spec[field].as_i64().is_some_and(|n| n < 0) {
            causes.push(Cause::invalid(format!("spec.{field}"), &spec[field], NON_NEGATIVE));
        }
    }
    let (selector, labels) = (&spec["selector"], &spec["template"]["metadata"]["labels"]);
    let parsed = LabelSelector::from_object(selector);
    if selector.is_null() {
        causes.push(Cause::required("spec.selector", ""));
    } else if parsed.is_empty() {
        let why = "empty selector is invalid for deployment";
        causes.push(Cause::invalid("spec.selector", selector, why));
    }
    if selector.is_null() || !parsed.matches(&labels_of(labels)) {
        let why = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", labels, why));
    }
    causes.extend(pod_spec(&with_claims(spec), "spec.template.spec"));
    let policy = &spec["template"]["spec"]["restartPolicy"];
    if matches!(policy.as_str(), Some("OnFailure" | "Never")) {
        causes.push(Cause::not_supported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
    if new["kind"] == "Deployment" {
        let kind = &spec["strategy"]["type"];
        match kind.as_str() {
            Some("Recreate") if !spec["strategy"]["rollingUpdate"].is_null() => {
                causes.push(Cause::forbidden(
                    "spec.strategy.rollingUpdate",
                    "may not be specified when strategy `type` is 'Recreate'",
                ));
            }
            Some("Recreate" | "RollingUpdate") | None => {}
            Some(_) => {
                causes.push(Cause::not_supported("spec.strategy.type", kind, &["Recreate", "RollingUpdate"]));
            }
        }
    }
    let Some(old) = old else { return causes };
    if old["spec"]["selector"] != *selector {
        causes.push(Cause::invalid("spec.selector", selector, IMMUTABLE));
    }
    if new["kind"] == "StatefulSet" {
        let fixed = |set: &Value| {
            let mut spec = set["spec"].clone();
            for field in [
                "replicas",
                "ordinals",
                "template",
                "updateStrategy",
                "revisionHistoryLimit",
                "persistentVolumeClaimRetentionPolicy",
                "minReadySeconds",
                "selector",
            ] {
                spec[field] = Value::Null;
            }
            spec
        };
        if fixed(old) != fixed(new) {
            causes.push(Cause::forbidden("spec", "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"));
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(causes: &[Cause]) -> Vec<String> {
        causes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_deployment_needs_a_matching_selector_and_containers() {
        let empty = shown(&workload(&json!({"kind": "Deployment", "spec": {"replicas": -1}}), None));
        assert_eq!(
            empty,
            [
                "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
                "spec.selector: Required value",
                "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
                "spec.template.spec.containers: Required value",
            ]
        );
        let spec = |label: &str| {
            json!({"kind": "Deployment", "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": label}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
        };
        assert_eq!(
            shown(&workload(&spec("x"), None)),
            [
                "spec.template.metadata.labels: Invalid value: {\"a\":\"x\"}: `selector` does not match template `labels`"
            ]
        );
        assert!(workload(&spec("b"), Some(&spec("b"))).is_empty());
    }

    #[test]
    fn a_claim_is_a_volume_of_the_pods() {
        let set = |claims: Value| {
            json!({"kind": "StatefulSet", "spec": {
                "selector": {"matchLabels": {"a": "b"}},
                "volumeClaimTemplates": claims,
                "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                    "volumes": [{"name": "data", "emptyDir": {}}],
                    "containers": [{"name": "c", "image": "i", "volumeMounts": [
                        {"name": "claimed", "mountPath": "/a"}, {"name": "data", "mountPath": "/b"}]}],
                }},
            }})
        };
        let claims = json!([{"metadata": {"name": "claimed"}}, {"metadata": {"name": "data"}}]);
        assert_eq!(shown(&workload(&set(claims), None)), [""; 0]);
        assert_eq!(
            shown(&workload(&set(Value::Null), None)),
            ["spec.template.spec.containers[0].volumeMounts[0].name: Not found: \"claimed\""]
        );
    }
}
