//! The OpenAPI 2 document (`/openapi/v2`), converted from the OpenAPI 3 documents.
//!
//! kubectl reads it to validate, explain and diff with releases before 1.27, and every release reads it for kinds without an
//! OpenAPI 3 document.

use serde_json::{Map, Value, json};

/// Converts the paths and schemas of OpenAPI 3 documents.
pub(super) fn document(title: &Value, paths: Map<String, Value>, schemas: Map<String, Value>) -> Value {
    let paths: Map<String, Value> = paths.into_iter().map(|(path, item)| (path, path_item(&item))).collect();
    let definitions: Map<String, Value> =
        schemas.into_iter().map(|(name, schema)| (name, self::schema(&schema))).collect();
    json!({"swagger": "2.0", "info": title, "paths": paths, "definitions": definitions})
}

fn path_item(item: &Value) -> Value {
    let operations = item.as_object().into_iter().flatten();
    operations.map(|(method, operation)| (method.clone(), self::operation(operation))).collect()
}

fn operation(operation: &Value) -> Value {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let mut parameters: Vec<Value> = parameters
        .map(|parameter| {
            json!({"name": parameter["name"], "in": parameter["in"], "type": "string", "uniqueItems": true})
        })
        .collect();
    let mut out = Map::new();
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        out.insert("consumes".into(), content.keys().cloned().collect());
        let body = content.values().next().map(|media| schema(&media["schema"])).unwrap_or_default();
        parameters.insert(0, json!({"name": "body", "in": "body", "required": true, "schema": body}));
    }
    let response = &operation["responses"]["200"]["content"]["application/json"]["schema"];
    out.insert("produces".into(), json!(["application/json"]));
    out.insert("parameters".into(), parameters.into());
    out.insert("responses".into(), json!({"200": {"description": "OK", "schema": schema(response)}}));
    for (name, value) in operation.as_object().into_iter().flatten() {
        if name == "tags" || name.starts_with("x-") {
            out.insert(name.clone(), value.clone());
        }
    }
    out.into()
}

/// Converts a schema. Keywords that OpenAPI 2 lacks or that clients do not read are dropped.
fn schema(schema: &Value) -> Value {
    let mut out = Map::new();
    let reference = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
    if let Some(reference) = reference {
        out.insert("$ref".into(), reference.replace("#/components/schemas/", "#/definitions/").into());
    }
    for (name, value) in schema.as_object().into_iter().flatten() {
        let value = match name.as_str() {
            "description" | "format" | "type" | "required" | "default" | "enum" => value.clone(),
            name if name.starts_with("x-") => value.clone(),
            "properties" => {
                let properties = value.as_object().into_iter().flatten();
                properties.map(|(name, property)| (name.clone(), self::schema(property))).collect()
            }
            "items" => self::schema(value),
            "additionalProperties" if value.is_object() => self::schema(value),
            "additionalProperties" => value.clone(),
            _ => continue,
        };
        out.insert(name.clone(), value);
    }
    let is_scalar_union = schema["oneOf"].is_array() && reference.is_none();
    if is_scalar_union || schema["x-kubernetes-int-or-string"] == true {
        // A text in OpenAPI 2 accepts numbers too.
        out.insert("type".into(), "string".into());
    }
    let is_open = schema["x-kubernetes-preserve-unknown-fields"] == true;
    let is_list_without_items = out.get("type").is_some_and(|ty| ty == "array") && !out.contains_key("items");
    if is_open || is_list_without_items || schema["nullable"] == true {
        // OpenAPI 2 has no keyword for these values, so the schema accepts everything.
        for name in ["type", "properties", "items", "additionalProperties", "required"] {
            out.remove(name);
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_converted() {
        for (v3, v2) in [
            (json!({"allOf": [{"$ref": "#/components/schemas/a"}]}), json!({"$ref": "#/definitions/a"})),
            (
                json!({"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"}),
                json!({"type": "string", "format": "int-or-string"}),
            ),
            (
                json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string", "maxLength": 3}}}}),
                json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}),
            ),
            (
                json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
                json!({"x-kubernetes-preserve-unknown-fields": true}),
            ),
            (json!({"type": "array"}), json!({})),
        ] {
            assert_eq!(schema(&v3), v2, "{v3}");
        }
    }
}
