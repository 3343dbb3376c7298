//! Helpers of the chart's tests: files of the repository, and objects by kind and name.

#![allow(dead_code, reason = "each test target uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

pub(crate) mod custom_resources;
pub(crate) mod metric_names;
pub(crate) mod schema;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Values of `metrics.source`.
pub(crate) const PROFILES: [&str; 3] = ["plugin", "exporter", "keda"];

/// A path in the repository.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// The text of a file of the repository.
pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A file of one YAML document.
pub(crate) fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every object in a text of YAML documents.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}"));
    all.into_iter().filter(|object| !object.is_null()).collect()
}

/// The objects of a profile's overlay and of the base.
pub(crate) fn manifests(profile: &str) -> Vec<Value> {
    resources(&format!("manifests/overlays/{profile}"))
}

fn resources(folder: &str) -> Vec<Value> {
    let kustomization = yaml(&format!("{folder}/kustomization.yaml"));
    let mut found = Vec::new();
    for name in kustomization["resources"].as_array().unwrap() {
        let name = format!("{folder}/{}", name.as_str().unwrap());
        if path(&name).is_dir() {
            found.extend(resources(&name));
        } else {
            found.extend(objects(&read(&name)));
        }
    }
    found
}

/// The one object of a kind and name.
pub(crate) fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let wanted = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    let mut found = objects.iter().filter(wanted);
    let first = found.next().unwrap_or_else(|| panic!("{kind} {name} is missing"));
    assert!(found.next().is_none(), "{kind} {name} exists twice");
    first
}

/// The pod spec of every workload, with the workload's kind and name.
pub(crate) fn pod_specs(objects: &[Value]) -> Vec<(String, &Value)> {
    let workloads = objects.iter().filter(|o| o["kind"] == "Deployment" || o["kind"] == "StatefulSet");
    workloads
        .map(|o| {
            let name = format!("{} {}", o["kind"].as_str().unwrap(), o["metadata"]["name"].as_str().unwrap());
            (name, &o["spec"]["template"]["spec"])
        })
        .collect()
}
