//! Whose an object is: what `up` marks, and by which marks `down` knows what it may remove.

use contract::names::{LABEL_PART_OF, PART_OF};
use serde_json::{Map, Value};

/// Label that says which program keeps an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`], and the field manager of what is applied.
pub const SURGE: &str = "surge";
/// Label with the namespace of the demo that an object belongs to: a cluster may have several demos.
pub const FOR: &str = "surge.local/namespace";
/// Label with the profile that an object was installed with.
pub const PROFILE: &str = "surge.local/profile";

/// Marks an object and its claims' templates as ours.
pub fn mark(object: &mut Value, namespace: &str, profile: &str) {
    label(object, &[(LABEL_PART_OF, PART_OF), (MANAGED_BY, SURGE), (FOR, namespace), (PROFILE, profile)]);
    // A template says who keeps its pods only if it did before: another label there would start new pods.
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

/// Whether `up` installed the object, for the demo in `namespace`.
#[must_use]
pub fn is_ours(object: &Value, namespace: &str) -> bool {
    let label = |name: &str| object["metadata"]["labels"][name].as_str();
    label(MANAGED_BY) == Some(SURGE)
        && label(LABEL_PART_OF) == Some(PART_OF)
        // What a controller made by a template of ours has no such label.
        && label(FOR).is_none_or(|of| of == namespace)
}

/// The label selector for what is ours in the demo's namespace.
#[must_use]
pub fn selector() -> String {
    format!("{LABEL_PART_OF}={PART_OF},{MANAGED_BY}={SURGE}")
}

/// The label selector for what is ours outside of the demo's namespace.
#[must_use]
pub fn selector_of(namespace: &str) -> String {
    format!("{},{FOR}={namespace}", selector())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn marks_are_set_and_selectors_left_alone() {
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
    fn what_others_made_is_not_ours() {
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
