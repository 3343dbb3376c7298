//! The HPAs that KEDA makes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Label that KEDA gives to the HPA, and by which it tells the metrics of its ScaledObjects apart.
const LABEL: &str = "scaledobject.keda.sh/name";

/// Name of the ScaledObject that KEDA has made an HPA from, by its owner, else by KEDA's label.
#[must_use]
pub fn made_from(metadata: &ObjectMeta) -> Option<&str> {
    let mut owners = metadata.owner_references.iter().flatten();
    let owner =
        owners.find(|owner| owner.kind == "ScaledObject" && owner.api_version.starts_with("keda.sh/"));
    let label = || metadata.labels.as_ref()?.get(LABEL);
    owner.map(|owner| &owner.name).or_else(label).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kedas_hpa_is_known_by_its_owner_and_by_its_label_but_not_by_its_name() {
        for (metadata, from) in [
            (
                json!({"ownerReferences": [{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "a",
                "uid": "u"}]}),
                Some("a"),
            ),
            (json!({"labels": {"scaledobject.keda.sh/name": "b"}}), Some("b")),
            (json!({"name": "keda-hpa-c"}), None),
            (
                json!({"ownerReferences": [{"apiVersion": "example.org/v1", "kind": "ScaledObject", "name": "a",
                "uid": "u"}]}),
                None,
            ),
        ] {
            let metadata: ObjectMeta = serde_json::from_value(metadata).unwrap();
            assert_eq!(made_from(&metadata), from, "{metadata:?}");
        }
    }
}
