//! Custom resources against the schemas in `charts/upstream/crds/`.

use serde_json::Value;

use super::{path, schema, yaml};

/// Returns the number of custom resources among the objects, and their errors.
pub(crate) fn errors(objects: &[Value]) -> (usize, Vec<String>) {
    let schemas: Vec<Value> = std::fs::read_dir(path("charts/upstream/crds"))
        .unwrap()
        .map(|entry| yaml(&format!("charts/upstream/crds/{}", entry.unwrap().file_name().to_str().unwrap())))
        .collect();
    let (mut checked, mut wrong) = (0, Vec::new());
    for object in objects {
        let api_version = object["apiVersion"].as_str().unwrap();
        let Some((group, version)) = api_version.split_once('/') else { continue };
        // Kubernetes' own groups have no dot, or end in k8s.io.
        if !group.contains('.') || group.ends_with(".k8s.io") {
            continue;
        }
        checked += 1;
        let name = format!("{} {}", object["kind"], object["metadata"]["name"]);
        let schema =
            schemas.iter().find(|schema| schema["group"] == group && schema["kind"] == object["kind"]);
        let versions = schema.and_then(|schema| schema["versions"].as_array()).into_iter().flatten();
        let Some(schema) = versions.clone().find(|served| served["name"] == version) else {
            wrong.push(format!("{name}: no schema for {api_version}"));
            continue;
        };
        let mut object = object.clone();
        // The API server validates the metadata.
        object["metadata"] = serde_json::json!({});
        let mistakes = schema::errors(&schema["schema"], &object);
        wrong.extend(mistakes.into_iter().map(|mistake| format!("{name}: {mistake}")));
    }
    (checked, wrong)
}
