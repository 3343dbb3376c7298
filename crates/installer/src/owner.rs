//! The labels that `surge up` sets, by which `surge down` recognizes its objects.

use contract::names::{LABEL_PART_OF, PART_OF};
use serde_json::{Map, Value};

/// Label with the program that manages an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`], and the field manager of applied objects.
pub const SURGE: &str = "surge";
/// Label with the namespace of the demo that an object belongs to. A cluster may have several demos.
pub const DEMO: &str = "surge.local/namespace";
/// Label with the profile of the install.
pub const PROFILE: &str = "surge.local/profile";

/// Labels an object and its volume claim templates as ours.
pub fn mark(object: &mut Value, namespace: &str, profile: &str) {
    label(object, &[(LABEL_PART_OF, PART_OF), (MANAGED_BY, SURGE), (DEMO, namespace), (PROFILE, profile)]);
    // A new label in the pod template would restart the pods; only an existing one is set.
    if let Some(value) =
        object.pointer_mut("/spec/template/metadata/labels").and_then(|labels| labels.get_mut(MANAGED_BY))
    {
        *value = SURGE.into();
    }
    for claim in
        object.pointer_mut("/spec/volumeClaimTemplates").and_then(Value::as_array_mut).into_iter().flatten()
    {
        label(claim, &[(LABEL_PART_OF, PART_OF), (MANAGED_BY, SURGE)]);
    }
}

fn label(object: &mut Value, pairs: &[(&str, &str)]) {
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    let labels = metadata.entry("labels").or_insert(Value::Null);
    if !labels.is_object() {
        *labels = Value::Object(Map::new());
    }
    for (key, value) in pairs {
        labels[*key] = (*value).into();
    }
}

/// Returns true if `surge up` installed the object, for the demo in `namespace`.
#[must_use]
pub fn is_ours(object: &Value, namespace: &str) -> bool {
    let label = |name: &str| object["metadata"]["labels"][name].as_str();
    label(MANAGED_BY) == Some(SURGE)
        && label(LABEL_PART_OF) == Some(PART_OF)
        // Objects that controllers make from our templates lack the label.
        && label(DEMO).is_none_or(|of| of == namespace)
}

/// The label selector of our objects in the demo's namespace.
#[must_use]
pub fn selector() -> String {
    format!("{LABEL_PART_OF}={PART_OF},{MANAGED_BY}={SURGE}")
}

/// The label selector of our objects in all namespaces, for the demo in `namespace`.
#[must_use]
pub fn selector_of(namespace: &str) -> String {
    format!("{},{DEMO}={namespace}", selector())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_set_and_selectors_kept() {
        let mut object = json!({
            "kind": "StatefulSet",
            "metadata": {"name": "x", "labels": {MANAGED_BY: "Helm", "a": "b"}},
            "spec": {
                "selector": {"matchLabels": {"a": "b"}},
                "template": {"metadata": {"labels": {"a": "b", MANAGED_BY: "Helm"}}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            },
        });
        mark(&mut object, "demo", "plugin");
        assert_eq!(object["metadata"]["labels"]["a"], "b");
        assert!(is_ours(&object, "demo") && !is_ours(&object, "other"));
        assert_eq!(object["spec"]["selector"], json!({"matchLabels": {"a": "b"}}));
        assert_eq!(object["spec"]["template"]["metadata"]["labels"], json!({"a": "b", MANAGED_BY: SURGE}));
        let claim = &object["spec"]["volumeClaimTemplates"][0];
        assert!(is_ours(claim, "demo"), "{claim}");
        let before = object.clone();
        mark(&mut object, "demo", "plugin");
        assert_eq!(object, before);
    }

    #[test]
    fn foreign_objects_are_not_ours() {
        for labels in [
            json!(null),
            json!({MANAGED_BY: SURGE}),
            json!({LABEL_PART_OF: PART_OF}),
            json!({LABEL_PART_OF: PART_OF, MANAGED_BY: "Helm"}),
        ] {
            assert!(!is_ours(&json!({"metadata": {"labels": labels}}), "demo"), "{labels}");
        }
    }
}
