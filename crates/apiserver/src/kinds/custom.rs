//! CustomResourceDefinitions: the kind itself, its rules, and the kinds that a definition defines.
//!
//! Source: `k8s.io/apiextensions-apiserver/pkg/apis/apiextensions`.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Value, json};

use super::cells::{list, name, text as cell, text_or};
use super::{NAME, column, defaults, plain_kind, strings, validation};
use crate::Cause;
use crate::kind::{
    CreateStrategy, Generation, Kind, PrinterColumn, Scale, Scope, StatusSubresource, Table, View,
};

/// Group of CustomResourceDefinitions.
pub(crate) const GROUP: &str = "apiextensions.k8s.io";
/// Resource name of CustomResourceDefinitions.
pub(crate) const PLURAL: &str = "customresourcedefinitions";

pub(super) fn kinds() -> Vec<Kind> {
    vec![Kind {
        short_names: strings(&["crd", "crds"]),
        categories: strings(&["api-extensions"]),
        scope: Scope::Cluster,
        status: StatusSubresource::Enabled,
        generation: Generation::Spec,
        table: Table {
            columns: const { &[NAME, column("Created At", "date", "", 0)] },
            cells: |o, _| vec![name(o), cell(o, "/metadata/creationTimestamp").into()],
        },
        schema: "apiextensions.v1.CustomResourceDefinition",
        default: set_defaults,
        validate: Some(validation::rule(validate)),
        create_strategy: CreateStrategy::DefinitionStatus,
        ..plain_kind(GROUP, "v1", "CustomResourceDefinition", PLURAL, "customresourcedefinition")
    }]
}

fn set_defaults(object: &mut Value) {
    let kind = cell(object, "/spec/names/kind").to_owned();
    let Some(spec) = defaults::part(object, "spec") else { return };
    defaults::set(spec, "conversion", json!({"strategy": "None"}));
    if let Some(names) = defaults::part(spec, "names") {
        defaults::set(names, "listKind", format!("{kind}List"));
        defaults::set(names, "singular", kind.to_lowercase());
    }
}

fn validate(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &new["spec"];
    let (plural, group) = (cell(spec, "/names/plural"), cell(spec, "/group"));
    if new["metadata"]["name"] != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", &new["metadata"]["name"], why));
    }
    for (path, text) in
        [("group", group), ("names.plural", plural), ("names.kind", cell(spec, "/names/kind"))]
    {
        if text.is_empty() {
            causes.push(Cause::required(format!("spec.{path}"), ""));
        }
    }
    if !matches!(cell(spec, "/scope"), "Cluster" | "Namespaced") {
        causes.push(Cause::not_supported("spec.scope", &spec["scope"], &["Cluster", "Namespaced"]));
    }
    let versions = list(spec, "/versions");
    if versions.iter().filter(|version| version["storage"] == true).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", &spec["versions"], why));
    }
    for (index, version) in versions.iter().enumerate() {
        let path = format!("spec.versions[{index}]");
        if !version["schema"]["openAPIV3Schema"].is_object() {
            causes.push(Cause::required(format!("{path}.schema.openAPIV3Schema"), "schemas are required"));
        }
        if versions[..index].iter().any(|other| other["name"] == version["name"]) {
            causes.push(Cause::duplicate(format!("{path}.name"), &version["name"]));
        }
    }
    for field in ["group", "scope"] {
        if old.is_some_and(|old| old["spec"][field] != spec[field]) {
            causes.push(Cause::invalid(format!("spec.{field}"), &spec[field], validation::IMMUTABLE));
        }
    }
    causes
}

/// Returns true when the names of a definition are accepted, so that its kinds are served.
fn is_established(definition: &Value) -> bool {
    let conditions = list(definition, "/status/conditions");
    conditions.iter().any(|condition| condition["type"] == "Established" && condition["status"] == "True")
}

/// Returns the kinds of a definition, one for each served version. All versions share the stored objects, since
/// conversion changes only the `apiVersion`.
pub(crate) fn kinds_of(definition: &Value) -> Vec<Kind> {
    if !is_established(definition) {
        return Vec::new();
    }
    let mut versions: Vec<&Value> =
        list(definition, "/spec/versions").iter().filter(|version| version["served"] == true).collect();
    // The first one is the stored one.
    versions.sort_by_key(|version| version["storage"] != true);
    let kinds = versions.iter().enumerate().map(|(index, version)| Kind {
        view: (index > 0).then(|| View {
            group: cell(definition, "/spec/group").to_owned(),
            plural: cell(definition, "/spec/names/plural").to_owned(),
            show: |_| {},
            store: |_| {},
        }),
        ..kind_of(definition, version)
    });
    kinds.collect()
}

fn kind_of(definition: &Value, version: &Value) -> Kind {
    let names = &definition["spec"]["names"];
    let texts = |field: &str| names[field].as_array().into_iter().flatten().filter_map(Value::as_str);
    let (group, name, kind) = (cell(definition, "/spec/group"), cell(version, "/name"), cell(names, "/kind"));
    let subresources = &version["subresources"];
    let default_warning = || format!("{group}/{name} {kind} is deprecated");
    Kind {
        short_names: texts("shortNames").map(str::to_owned).collect(),
        categories: texts("categories").map(str::to_owned).collect(),
        scope: if definition["spec"]["scope"] == "Cluster" { Scope::Cluster } else { Scope::Namespaced },
        status: if subresources["status"].is_object() {
            StatusSubresource::Enabled
        } else {
            StatusSubresource::None
        },
        scale: subresources["scale"].as_object().map(|_| scale_of(&subresources["scale"])),
        generation: Generation::Everything,
        printer_columns: Some(printer_columns(version)),
        openapi: version.pointer("/schema/openAPIV3Schema").cloned().map(Arc::new),
        deprecated: (version["deprecated"] == true)
            .then(|| version["deprecationWarning"].as_str().map_or_else(default_warning, str::to_owned)),
        ..plain_kind(group, name, kind, cell(names, "/plural"), cell(names, "/singular"))
    }
}

/// Converts paths without list notation, such as `.spec.replicas`, to JSON pointers.
fn scale_of(scale: &Value) -> Scale {
    let pointer = |field: &str| Cow::Owned(scale[field].as_str().unwrap_or_default().replace('.', "/"));
    Scale {
        replicas: pointer("specReplicasPath"),
        status_replicas: pointer("statusReplicasPath"),
        selector: pointer("labelSelectorPath"),
    }
}

fn printer_columns(version: &Value) -> Arc<[PrinterColumn]> {
    let text = |column: &Value, field: &str| column[field].as_str().unwrap_or_default().to_owned();
    let column = |column: &Value| PrinterColumn {
        name: text(column, "name"),
        kind: text_or(column, "/type", "string").to_owned(),
        format: text(column, "format"),
        description: text(column, "description"),
        priority: column["priority"].as_i64().unwrap_or(0),
        json_path: text(column, "jsonPath"),
    };
    let columns = list(version, "/additionalPrinterColumns");
    if columns.is_empty() {
        let age = json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"});
        return Arc::new([column(&age)]);
    }
    columns.iter().map(column).collect()
}

/// Returns the definitions of the Prometheus operator, which the sandbox has from the start.
#[must_use]
pub fn monitoring() -> Vec<Value> {
    let definition = |kind: &str, plural: &str, short: &str, subresources: Value| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.monitoring.coreos.com")},
            "spec": {
                "group": "monitoring.coreos.com",
                "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural,
                          "singular": kind.to_lowercase(), "shortNames": [short], "categories": ["prometheus-operator"]},
                "scope": "Namespaced",
                "versions": [{"name": "v1", "served": true, "storage": true, "subresources": subresources,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
                "conversion": {"strategy": "None"},
            },
        })
    };
    vec![
        definition("ServiceMonitor", "servicemonitors", "smon", json!({})),
        definition("PodMonitor", "podmonitors", "pmon", json!({})),
        definition("PrometheusRule", "prometheusrules", "promrule", json!({})),
        definition("Prometheus", "prometheuses", "prom", json!({"status": {}})),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> Value {
        let version = |name: &str, storage: bool| {
            json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": {"type": "object"}},
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}}})
        };
        let mut object = json!({"metadata": {"name": "widgets.example.com"}, "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [version("v1beta1", false), version("v1", true)]}});
        set_defaults(&mut object);
        object["status"] = json!({"conditions": [{"type": "Established", "status": "True"}]});
        object
    }

    #[test]
    fn a_definition_has_a_kind_for_each_version() {
        let definition = definition();
        assert!(validate(&definition, Some(&definition)).is_empty());
        assert_eq!(definition["spec"]["names"]["singular"], "widget");
        let kinds = kinds_of(&definition);
        let shown: Vec<(String, bool)> =
            kinds.iter().map(|kind| (kind.api_version(), kind.view.is_some())).collect();
        assert_eq!(shown, [("example.com/v1".to_owned(), false), ("example.com/v1beta1".to_owned(), true)]);
        assert_eq!(kinds[0].scale.as_ref().map(|scale| scale.replicas.as_ref()), Some("/spec/replicas"));
        let mut pending = definition;
        pending["status"] = json!({});
        assert!(kinds_of(&pending).is_empty());
    }

    #[test]
    fn an_invalid_definition_is_rejected() {
        let mut wrong = definition();
        wrong["metadata"]["name"] = "widgets".into();
        wrong["spec"]["scope"] = "World".into();
        wrong["spec"]["versions"][1]["storage"] = false.into();
        wrong["spec"]["versions"][1]["schema"] = Value::Null;
        let fields: Vec<String> = validate(&wrong, None).into_iter().map(|cause| cause.field).collect();
        assert_eq!(
            fields,
            ["metadata.name", "spec.scope", "spec.versions", "spec.versions[1].schema.openAPIV3Schema"]
        );
    }
}
