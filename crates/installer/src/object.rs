//! Kubernetes objects as JSON: parsed from YAML, named, and sorted by their dependencies.

use std::fmt;

use serde_json::Value;

/// The identity of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Such as `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// Its namespace; `None` for a cluster-wide object.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Key {
    /// The key of an object, whose namespace is set; see [`set_namespace`].
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let text =
            |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            api_version: text("/apiVersion"),
            kind: text("/kind"),
            namespace: object.pointer("/metadata/namespace").and_then(Value::as_str).map(str::to_owned),
            name: text("/metadata/name"),
        }
    }

    /// Kind and name, with the namespace if it differs from `namespace`.
    #[must_use]
    pub fn short(&self, namespace: &str) -> String {
        match &self.namespace {
            Some(other) if other != namespace => self.to_string(),
            _ => format!("{} {}", self.kind, self.name),
        }
    }

    /// API group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        match &self.namespace {
            Some(namespace) => write!(f, " in namespace {namespace}"),
            None => Ok(()),
        }
    }
}

/// Cluster-wide kinds that a chart may contain.
const CLUSTER_WIDE: [&str; 8] = [
    "APIService",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterTriggerAuthentication",
    "CustomResourceDefinition",
    "Namespace",
    "PersistentVolume",
    "PriorityClass",
];

/// Kinds in the order of applying: referenced objects first, and Services before pods, which get their addresses as variables.
const ORDER: [&str; 22] = [
    "Namespace",
    "PriorityClass",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "NetworkPolicy",
    "Service",
    "PodDisruptionBudget",
    "StatefulSet",
    "Deployment",
    "ServiceMonitor",
    "PodMonitor",
    "PrometheusRule",
    "TriggerAuthentication",
    "HorizontalPodAutoscaler",
    "ScaledObject",
    "Job",
];

/// Parses YAML documents into objects. Lists are replaced by their items; empty documents are skipped.
///
/// # Errors
/// A sentence if the text is not YAML or a document is no Kubernetes object.
pub fn parse(text: &str) -> Result<Vec<Value>, String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|error| format!("invalid YAML: {}", error.to_string().lines().next().unwrap_or_default()))?;
    let mut objects = Vec::new();
    for document in documents {
        match document.get("items").and_then(Value::as_array) {
            Some(items) => objects.extend(items.iter().cloned()),
            None if document.is_null() => {}
            None => objects.push(document),
        }
    }
    for object in &objects {
        for pointer in ["/apiVersion", "/kind", "/metadata/name"] {
            if object.pointer(pointer).and_then(Value::as_str).is_none_or(str::is_empty) {
                return Err(format!("an object has no {}", pointer[1..].replace('/', ".")));
            }
        }
    }
    Ok(objects)
}

/// Sets the namespace of an object that has none, and removes it from a cluster-wide one.
pub fn set_namespace(object: &mut Value, namespace: &str) {
    let cluster_wide = object["kind"].as_str().is_some_and(|kind| CLUSTER_WIDE.contains(&kind));
    if let Some(metadata) = object["metadata"].as_object_mut() {
        if cluster_wide {
            metadata.remove("namespace");
        } else if metadata.get("namespace").and_then(Value::as_str).is_none_or(str::is_empty) {
            metadata.insert("namespace".to_owned(), namespace.into());
        }
    }
}

/// Sorts objects in the order of applying; unknown kinds come last. They are deleted in reverse order.
pub fn sort(objects: &mut [Value]) {
    objects.sort_by_key(|object| rank(object["kind"].as_str().unwrap_or_default()));
}

/// The position of a kind in the order of applying.
#[must_use]
pub fn rank(kind: &str) -> usize {
    ORDER.iter().position(|known| *known == kind).unwrap_or(ORDER.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_becomes_objects() {
        let text = "---\n# Source: a\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\n# nothing\n---\n\
                    apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: b}}\n";
        let names: Vec<String> = parse(text).unwrap().iter().map(|object| Key::of(object).name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(parse("").unwrap(), Vec::<Value>::new());
        for (text, expected) in [("kind: Pod\nmetadata: {name: x}", "apiVersion"), ("a: [", "invalid YAML")] {
            assert!(parse(text).unwrap_err().contains(expected), "{text}");
        }
    }

    #[test]
    fn namespaced_objects_get_a_namespace() {
        for (mut object, namespace) in [
            (json!({"kind": "Service", "metadata": {"name": "a"}}), Some("demo")),
            (json!({"kind": "Service", "metadata": {"name": "a", "namespace": "other"}}), Some("other")),
            (json!({"kind": "ClusterRole", "metadata": {"name": "a", "namespace": "other"}}), None),
        ] {
            set_namespace(&mut object, "demo");
            assert_eq!(Key::of(&object).namespace.as_deref(), namespace, "{object}");
        }
    }

    #[test]
    fn referenced_objects_come_first() {
        let mut objects: Vec<Value> = [
            "ScaledObject",
            "Strange",
            "Deployment",
            "TriggerAuthentication",
            "Service",
            "Secret",
            "Namespace",
        ]
        .map(|kind| json!({"kind": kind}))
        .into();
        sort(&mut objects);
        let kinds: Vec<&str> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
        assert_eq!(
            kinds,
            [
                "Namespace",
                "Secret",
                "Service",
                "Deployment",
                "TriggerAuthentication",
                "ScaledObject",
                "Strange"
            ]
        );
    }
}
