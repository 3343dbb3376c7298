//! Tables: what `kubectl get` prints, made by the server.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::registry::Row;

/// What each row carries beside its cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Include {
    Nothing,
    Metadata,
    Object,
}

/// The table of `objects`, which are in the stored form of `row`.
pub(crate) fn render<'a>(
    row: &Row,
    objects: impl IntoIterator<Item = &'a Value>,
    metadata: &Value,
    include: Include,
    now: Timestamp,
    with_columns: bool,
) -> Value {
    let table = &row.kind.table;
    let columns: Vec<Value> = table
        .columns
        .iter()
        .map(|column| {
            json!({"name": column.name, "type": column.kind, "format": column.format,
                   "description": describe(row, column.name), "priority": column.priority})
        })
        .collect();
    let rows: Vec<Value> = objects
        .into_iter()
        .map(|object| {
            let cells = (table.cells)(object, now);
            debug_assert_eq!(cells.len(), table.columns.len(), "cells of {:?}", row.kind);
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

/// One line for a person who asks what a column is.
fn describe(row: &Row, column: &str) -> String {
    match column {
        "Name" => "Name must be unique within a namespace.".to_owned(),
        "Age" => "Time since the object was created.".to_owned(),
        other => format!("{other} of the {}", row.kind.kind),
    }
}
