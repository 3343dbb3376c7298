//! Strict validation by structural schemas of custom resources: an unknown field is an error. An API server would drop it
//! silently.

use regex::Regex;
use serde_json::Value;

/// Returns the errors in `value`, one per line.
pub(crate) fn errors(schema: &Value, value: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    check(schema, value, "", &mut errors);
    errors
}

fn check(schema: &Value, value: &Value, path: &str, errors: &mut Vec<String>) {
    let mut push =
        |error: String| errors.push(format!("{}: {error}", if path.is_empty() { "." } else { path }));
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = match schema["type"].as_str() {
        _ if schema["x-kubernetes-int-or-string"] == true => kind == "integer" || kind == "string",
        Some("number") => kind == "integer" || kind == "number",
        Some(wanted) => kind == wanted,
        None => true,
    };
    if !fits {
        return push(format!("is a {kind}, not a {}", schema["type"].as_str().unwrap_or("number or string")));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        push(format!("{value} is not one of {allowed:?}"));
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str())
        && !Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
    {
        push(format!("{text:?} does not match {pattern}"));
    }
    if let (Some(least), Some(text)) = (schema["minLength"].as_u64(), value.as_str())
        && (text.chars().count() as u64) < least
    {
        push(format!("is shorter than {least}"));
    }
    for (bound, wrong) in [("minimum", std::cmp::Ordering::Less), ("maximum", std::cmp::Ordering::Greater)] {
        if let (Some(bound), Some(number)) = (schema[bound].as_f64(), value.as_f64())
            && number.partial_cmp(&bound) == Some(wrong)
        {
            push(format!("{number} is beyond {bound}"));
        }
    }
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if kind == "object" && value[required].is_null() {
            push(format!("has no {required}"));
        }
    }
    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
        check(&schema["items"], item, &format!("{path}[{place}]"), errors);
    }
    let closed = !schema["properties"].is_null() && schema["x-kubernetes-preserve-unknown-fields"] != true;
    for (name, field) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Object(any)) => check(&Value::Object(any.clone()), field, &path, errors),
            (Value::Null, _) if closed => errors.push(format!("{path}: no such field")),
            (Value::Null, _) => {}
            (known, _) => check(known, field, &path, errors),
        }
    }
}

#[test]
fn every_kind_of_error_is_found() {
    let schema: Value = serde_json::json!({
        "type": "object", "required": ["port"],
        "properties": {
            "port": {"x-kubernetes-int-or-string": true},
            "interval": {"type": "string", "pattern": "^[0-9]+s$"},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "mode": {"type": "string", "enum": ["a", "b"]},
            "list": {"type": "array", "items": {"type": "integer", "minimum": 1}},
        },
    });
    let good =
        serde_json::json!({"port": "http", "interval": "1s", "labels": {"x": "y"}, "mode": "a", "list": [1]});
    assert_eq!(errors(&schema, &good), [""; 0]);
    for (bad, expected) in [
        (serde_json::json!({}), ".: has no port"),
        (serde_json::json!({"port": 1, "intervall": "1s"}), ".intervall: no such field"),
        (serde_json::json!({"port": true}), ".port: is a boolean, not a number or string"),
        (serde_json::json!({"port": 1, "interval": "1 s"}), ".interval: \"1 s\" does not match"),
        (serde_json::json!({"port": 1, "labels": {"x": 1}}), ".labels.x: is a integer, not a string"),
        (serde_json::json!({"port": 1, "mode": "c"}), ".mode: \"c\" is not one of"),
        (serde_json::json!({"port": 1, "list": [0]}), ".list[0]: 0 is beyond 1"),
    ] {
        let found = errors(&schema, &bad);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?} should start with {expected}");
    }
}
