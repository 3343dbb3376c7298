//! Tables for `kubectl get`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kind::PrinterColumn;
use crate::registry::Resource;
use crate::{json_path, time};

/// The object in each row of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Include {
    Nothing,
    Metadata,
    Object,
}

/// Renders `objects`, which are in the stored form of `resource`, as a table.
pub(crate) fn render<'a>(
    resource: &Resource,
    objects: impl IntoIterator<Item = &'a Value>,
    metadata: &Value,
    include: Include,
    now: Timestamp,
    with_columns: bool,
) -> Value {
    let printer_columns = resource.kind.printer_columns.as_deref();
    let columns = match printer_columns {
        None => fixed_columns(resource),
        Some(columns) => custom_columns(columns),
    };
    let rows = objects.into_iter().map(|object| {
        let cells = match printer_columns {
            None => (resource.kind.table.cells)(object, now),
            Some(columns) => custom_cells(columns, object, now),
        };
        debug_assert_eq!(cells.len(), columns.len(), "cells of {:?}", resource.kind);
        row(&cells, object, include)
    });
    let rows: Vec<Value> = rows.collect();
    let columns = if with_columns { Value::Array(columns) } else { Value::Null };
    document(&columns, &rows, metadata)
}

/// Renders the scale of an object as a table.
pub(crate) fn render_scale(scale: &Value, include: Include, now: Timestamp) -> Value {
    let column = |name: &str, kind: &str, description: &str| json!({"name": name, "type": kind, "format": "", "description": description, "priority": 0});
    let columns = json!([
        column("Name", "string", "Name must be unique within a namespace."),
        column("Desired", "integer", "Replicas that users ask for."),
        column("Available", "integer", "Replicas that exist."),
        column("Age", "string", "Time since the object was created."),
    ]);
    let number = |pointer: &str| scale.pointer(pointer).and_then(Value::as_i64).unwrap_or(0).into();
    let metadata = &scale["metadata"];
    let age = time::age(metadata["creationTimestamp"].as_str(), now).into();
    let cells = vec![metadata["name"].clone(), number("/spec/replicas"), number("/status/replicas"), age];
    let version = json!({"resourceVersion": metadata["resourceVersion"]});
    document(&columns, &[row(&cells, scale, include)], &version)
}

fn row(cells: &[Value], object: &Value, include: Include) -> Value {
    let object = match include {
        Include::Nothing => Value::Null,
        Include::Object => object.clone(),
        Include::Metadata => json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                                    "metadata": object["metadata"]}),
    };
    json!({"cells": cells, "object": object})
}

fn document(columns: &Value, rows: &[Value], metadata: &Value) -> Value {
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "rows": rows,
        "columnDefinitions": columns,
    })
}

fn fixed_columns(resource: &Resource) -> Vec<Value> {
    let columns = resource.kind.table.columns.iter().map(|column| {
        json!({"name": column.name, "type": column.kind, "format": column.format,
               "description": describe(resource, column.name), "priority": column.priority})
    });
    columns.collect()
}

/// Returns the description of a column.
fn describe(resource: &Resource, column: &str) -> String {
    match column {
        "Name" => "Name must be unique within a namespace.".to_owned(),
        "Age" => "Time since the object was created.".to_owned(),
        other => format!("{other} of the {}", resource.kind.kind),
    }
}

fn custom_columns(columns: &[PrinterColumn]) -> Vec<Value> {
    let name = json!({"name": "Name", "type": "string", "format": "name",
        "description": "Name must be unique within a namespace.", "priority": 0});
    let columns = columns.iter().map(|column| {
        json!({"name": column.name, "type": column.kind, "format": column.format,
               "description": column.description, "priority": column.priority})
    });
    std::iter::once(name).chain(columns).collect()
}

fn custom_cells(columns: &[PrinterColumn], object: &Value, now: Timestamp) -> Vec<Value> {
    let cells = columns.iter().map(|column| {
        let found = json_path::find(object, &column.json_path);
        let Some(first) = found.first() else { return Value::Null };
        match (column.kind.as_str(), first) {
            ("date", Value::String(text)) if text.parse::<Timestamp>().is_err() => "<invalid>".into(),
            ("date", Value::String(text)) => time::age(Some(text), now).into(),
            ("integer" | "number", Value::Number(_)) | ("boolean", Value::Bool(_)) => (*first).clone(),
            ("string", _) => {
                let texts =
                    found.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                texts.collect::<Vec<_>>().join(" ").into()
            }
            _ => Value::Null,
        }
    });
    std::iter::once(object["metadata"]["name"].clone()).chain(cells).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_has_the_columns_of_kubernetes() {
        let now: Timestamp = "2026-01-01T00:45:00Z".parse().unwrap();
        let scale = json!({
            "kind": "Scale", "apiVersion": "autoscaling/v1", "spec": {"replicas": 3}, "status": {"replicas": 1},
            "metadata": {"name": "worker", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"},
        });
        let table = render_scale(&scale, Include::Metadata, now);
        let names: Vec<&str> = table["columnDefinitions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["Name", "Desired", "Available", "Age"]);
        assert_eq!(table["rows"][0]["cells"], json!(["worker", 3, 1, "45m"]));
        assert_eq!(table["metadata"]["resourceVersion"], "7");
    }

    #[test]
    fn custom_cells_have_the_type_of_their_column() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let object = json!({"metadata": {"name": "w", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"size": 3, "tags": ["a", "b"], "on": true}});
        let cell = |kind: &str, json_path: &str| {
            let column = PrinterColumn {
                name: "c".into(),
                kind: kind.into(),
                format: String::new(),
                description: String::new(),
                priority: 0,
                json_path: json_path.into(),
            };
            custom_cells(&[column], &object, now)[1].clone()
        };
        for (kind, path, wanted) in [
            ("integer", ".spec.size", json!(3)),
            ("string", ".spec.size", json!("3")),
            ("string", ".spec.tags[*]", json!("a b")),
            ("boolean", ".spec.on", json!(true)),
            ("integer", ".spec.on", Value::Null),
            ("date", ".metadata.creationTimestamp", json!("60s")),
            ("date", ".metadata.name", json!("<invalid>")),
            ("string", ".spec.absent", Value::Null),
        ] {
            assert_eq!(cell(kind, path), wanted, "{kind} {path}");
        }
    }
}
