//! Tables for `kubectl get`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::registry::Resource;

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
    let table = &resource.kind.table;
    let columns: Vec<Value> = table
        .columns
        .iter()
        .map(|column| {
            json!({"name": column.name, "type": column.kind, "format": column.format,
                   "description": describe(resource, column.name), "priority": column.priority})
        })
        .collect();
    let rows: Vec<Value> = objects
        .into_iter()
        .map(|object| {
            let cells = (table.cells)(object, now);
            debug_assert_eq!(cells.len(), table.columns.len(), "cells of {:?}", resource.kind);
            let mut out = json!({"cells": cells});
            match include {
                Include::Nothing => out["object"] = Value::Null,
                Include::Object => out["object"] = object.clone(),
                Include::Metadata => {
                    out["object"] = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                                           "metadata": object["metadata"]});
                }
            }
            out
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": if with_columns { Value::Array(columns) } else { Value::Null },
        "rows": rows,
    })
}

/// Returns the description of a column.
fn describe(resource: &Resource, column: &str) -> String {
    match column {
        "Name" => "Name must be unique within a namespace.".to_owned(),
        "Age" => "Time since the object was created.".to_owned(),
        other => format!("{other} of the {}", resource.kind.kind),
    }
}
