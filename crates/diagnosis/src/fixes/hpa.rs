//! Changes of the HPA under examination and of its target's reference.

use serde_json::json;
use text::command::Command;

use super::{json_patch, json_patch_hpa, yaml};
use crate::facts::Facts;
use crate::finding::Fix;
use crate::owner::Owner;
use crate::spec_metric::SpecMetric;
use crate::{messages, scale_target, scaled_object};

/// Removing a metric. KEDA would put it back, so the command changes the trigger's object where KEDA owns the HPA.
pub(crate) fn take_out_metric(facts: &Facts, metric: SpecMetric<'_>) -> Command {
    if let Some((object, trigger)) = scaled_object::trigger_of(facts, metric) {
        let at = format!("/spec/triggers/{trigger}");
        let name = scaled_object::name(object);
        return json_patch(
            "scaledobject",
            name,
            Some(&facts.subject.namespace),
            &json!([{"op": "remove", "path": at}]),
        );
    }
    let at = format!("/spec/metrics/{}", metric.index);
    json_patch_hpa(
        facts,
        &json!([
            {"op": "test", "path": format!("{at}/type"), "value": metric.spec.type_},
            {"op": "remove", "path": at},
        ]),
    )
}

/// Setting a field of a metric.
pub(crate) fn set(facts: &Facts, metric: SpecMetric<'_>, field: &str, value: &str) -> Command {
    let path = format!("/spec/metrics/{}/{field}", metric.index);
    json_patch_hpa(facts, &json!([{"op": "replace", "path": path, "value": value}]))
}

/// The label of the target's selector that another workload can have with another value: its name, or else the first.
pub(crate) fn selector_key(facts: &Facts) -> Option<&str> {
    let labels = scale_target::selector(facts)?.match_labels.as_ref()?;
    let usual = contract::names::LABEL_NAME;
    labels.contains_key(usual).then_some(usual).or_else(|| labels.keys().next().map(String::as_str))
}

/// Labels of its own for a workload whose pods the HPA's selector picks: the same object with another value of the selector's
/// label. A selector is immutable, so the workload must be created again.
pub(crate) fn own_labels(facts: &Facts, of: Owner<'_>) -> Option<Fix> {
    let key = selector_key(facts)?;
    let has_name = |metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta| {
        metadata.name.as_deref() == Some(of.name)
    };
    let (api_version, spec) = match of.kind {
        "Deployment" => {
            let found = facts.deployments.all().iter().find(|object| has_name(&object.metadata))?;
            ("apps/v1", serde_json::to_value(found.spec.as_ref()?).ok()?)
        }
        "StatefulSet" => {
            let found = facts.stateful_sets.all().iter().find(|object| has_name(&object.metadata))?;
            ("apps/v1", serde_json::to_value(found.spec.as_ref()?).ok()?)
        }
        _ => return None,
    };
    let namespace = &facts.subject.namespace;
    let mut object = json!({"apiVersion": api_version, "kind": of.kind,
        "metadata": {"name": of.name, "namespace": namespace}, "spec": spec});
    object["spec"]["selector"]["matchLabels"][key] = of.name.into();
    object["spec"]["template"]["metadata"]["labels"][key] = of.name.into();
    let delete = super::delete(&of.kind.to_lowercase(), of.name, namespace);
    Some(Fix::yaml(messages::fix_labels(of.name), yaml(&object)).after(delete))
}
