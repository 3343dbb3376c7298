//! The rules of `metadata`: fields that the server sets, fields that it keeps, and validation.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::names::{self, LABEL_KEY, LABEL_VALUE, is_label_key, is_label_value};
use crate::registry::Resource;
use crate::time::seconds;
use crate::{Cause, Generation};

/// Total bytes of all annotations.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Returns `GROUP/VERSION, Kind=KIND`, Go's format; the core group is empty.
pub(crate) fn group_version_kind(object: &Value) -> String {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    let version = text("apiVersion");
    let slash = if version.contains('/') { "" } else { "/" };
    format!("{slash}{version}, Kind={}", text("kind"))
}

/// Returns a text of the metadata; empty when absent.
pub(crate) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object["metadata"][name].as_str().unwrap_or_default()
}

/// Returns the metadata map of `object`, and creates it when absent.
pub(crate) fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(Map::new());
    }
    match &mut object["metadata"] {
        Value::Object(map) => map,
        _ => unreachable!("the metadata is an object"),
    }
}

pub(crate) fn is_terminating(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

pub(crate) fn has_finalizers(object: &Value) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
}

/// The finalizer of an object that is deleted after its dependents. The garbage collector removes it.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";

/// Adds a finalizer, unless the object has it.
pub(crate) fn add_finalizer(object: &mut Value, finalizer: &str) {
    let list = metadata(object).entry("finalizers").or_insert_with(|| Value::Array(Vec::new()));
    if let Some(list) = list.as_array_mut().filter(|list| list.iter().all(|one| one != finalizer)) {
        list.push(finalizer.into());
    }
}

/// Removes a finalizer.
pub(crate) fn remove_finalizer(object: &mut Value, finalizer: &str) {
    let metadata = metadata(object);
    if let Some(list) = metadata.get_mut("finalizers").and_then(Value::as_array_mut) {
        list.retain(|one| one != finalizer);
        if list.is_empty() {
            metadata.remove("finalizers");
        }
    }
}

/// Sets the server's fields of a new object.
pub(crate) fn create(object: &mut Value, resource: &Resource, namespace: Option<&str>, now: Timestamp) {
    let metadata = metadata(object);
    for name in
        ["resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"]
    {
        metadata.remove(name);
    }
    match namespace {
        Some(namespace) => metadata.insert("namespace".into(), namespace.into()),
        None => metadata.remove("namespace"),
    };
    metadata.insert("uid".into(), uuid::Uuid::new_v4().to_string().into());
    metadata.insert("creationTimestamp".into(), seconds(now).into());
    if resource.kind.generation != Generation::None {
        metadata.insert("generation".into(), 1.into());
    }
}

/// Restores the fields that a client cannot change. Increments the generation after a change, if
/// `counts_generation`.
pub(crate) fn update(old: &Value, new: &mut Value, resource: &Resource, counts_generation: bool) {
    let changed = counts_generation
        && match resource.kind.generation {
            Generation::None => false,
            Generation::Spec => old["spec"] != new["spec"],
            Generation::Everything => {
                let rest = |object: &Value| {
                    let mut copy = object.clone();
                    for part in ["metadata", "status", "apiVersion", "kind"] {
                        if let Some(map) = copy.as_object_mut() {
                            map.remove(part);
                        }
                    }
                    copy
                };
                rest(old) != rest(new)
            }
        };
    let before = old["metadata"].as_object();
    let metadata = metadata(new);
    for name in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "generateName",
        "selfLink",
    ] {
        match before.and_then(|map| map.get(name)) {
            Some(value) => metadata.insert(name.into(), value.clone()),
            None => metadata.remove(name),
        };
    }
    if changed {
        let generation = metadata.get("generation").and_then(Value::as_i64).unwrap_or(0);
        metadata.insert("generation".into(), (generation + 1).into());
    }
}

/// Sets the deletion timestamp, `grace` seconds from now.
pub(crate) fn mark_deleted(object: &mut Value, grace: i64, now: Timestamp) {
    let end = now.as_second().saturating_add(grace);
    let end = Timestamp::from_second(end).unwrap_or(now);
    let metadata = metadata(object);
    let before = metadata.insert("deletionTimestamp".into(), seconds(end).into());
    metadata.insert("deletionGracePeriodSeconds".into(), grace.into());
    if before.is_some() {
        return;
    }
    if let Some(generation) = metadata.get("generation").and_then(Value::as_i64) {
        metadata.insert("generation".into(), (generation + 1).into());
    }
}

/// Returns the faults in the metadata of an object.
pub(crate) fn validate(object: &Value, resource: &Resource) -> Vec<Cause> {
    let mut causes = Vec::new();
    let metadata = &object["metadata"];
    match metadata["name"].as_str().unwrap_or_default() {
        "" => causes.push(Cause::required("metadata.name", "name or generateName is required")),
        name => {
            let (fine, why): (bool, &str) = match (resource.kind.group.as_str(), resource.kind.kind.as_str())
            {
                ("rbac.authorization.k8s.io", _) => {
                    (names::is_path_segment(name), "may not be '.', '..' or contain '/' or '%'")
                }
                ("", "Service") => (names::is_dns_1035_label(name), names::LABEL_1035),
                ("", "Namespace") => (names::is_dns_label(name), names::LABEL),
                _ => (names::is_dns_subdomain(name), names::SUBDOMAIN),
            };
            if !fine {
                causes.push(Cause::invalid("metadata.name", &metadata["name"], why));
            }
        }
    }
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        if !is_label_key(key) {
            causes.push(Cause::invalid("metadata.labels", &json!(key), LABEL_KEY));
        }
        if value.as_str().is_some_and(|value| !is_label_value(value)) {
            causes.push(Cause::invalid("metadata.labels", value, LABEL_VALUE));
        }
    }
    let mut size = 0;
    for (key, value) in metadata["annotations"].as_object().into_iter().flatten() {
        size += key.len() + value.as_str().map_or(0, str::len);
        if !is_label_key(&key.to_lowercase()) {
            causes.push(Cause::invalid("metadata.annotations", &json!(key), LABEL_KEY));
        }
    }
    if size > MAX_ANNOTATIONS {
        causes.push(Cause::too_long("metadata.annotations", MAX_ANNOTATIONS));
    }
    let mut controllers = 0;
    for owner in metadata["ownerReferences"].as_array().into_iter().flatten() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner[field].as_str().is_none_or(str::is_empty) {
                let path = format!("metadata.ownerReferences.{field}");
                causes.push(Cause::invalid(path, &json!(""), "must not be empty"));
            }
        }
        controllers += i32::from(owner["controller"] == true);
    }
    if controllers > 1 {
        let why = "Only one reference can have Controller set to true.";
        causes.push(Cause::invalid("metadata.ownerReferences", &metadata["ownerReferences"], why));
    }
    for (place, finalizer) in metadata["finalizers"].as_array().into_iter().flatten().enumerate() {
        if finalizer.as_str().is_none_or(|name| !is_label_key(name)) {
            let path = format!("metadata.finalizers[{place}]");
            causes.push(Cause::invalid(path, finalizer, LABEL_KEY));
        }
    }
    causes
}
