//! Cells of tables.

use jiff::Timestamp;
use serde_json::Value;

use crate::select::LabelSelector;
use crate::time;

pub(super) const NONE: &str = "<none>";

pub(super) fn name(object: &Value) -> Value {
    object["metadata"]["name"].as_str().unwrap_or_default().into()
}

pub(super) fn age(object: &Value, now: Timestamp) -> Value {
    time::age(object["metadata"]["creationTimestamp"].as_str(), now).into()
}

/// Returns a text; empty when absent.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Returns a text, or `or` when it is empty.
pub(super) fn text_or<'a>(object: &'a Value, pointer: &str, or: &'a str) -> &'a str {
    Some(text(object, pointer)).filter(|text| !text.is_empty()).unwrap_or(or)
}

/// Returns an integer; zero when absent.
pub(super) fn count(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

/// Returns the items of a list; none when absent.
pub(super) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Returns the number of entries of a map or list.
pub(super) fn entries(object: &Value, pointer: &str) -> i64 {
    let count = match object.pointer(pointer) {
        Some(Value::Object(map)) => map.len(),
        Some(Value::Array(list)) => list.len(),
        _ => 0,
    };
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Returns a label selector as `kubectl` shows it.
pub(super) fn selector(object: &Value, pointer: &str) -> String {
    object
        .pointer(pointer)
        .map(|selector| LabelSelector::from_object(selector).to_string())
        .unwrap_or_default()
}

/// Returns a selector, or `<none>` for the empty one.
pub(super) fn selector_or_none(object: &Value, pointer: &str) -> String {
    Some(selector(object, pointer)).filter(|text| !text.is_empty()).unwrap_or_else(|| NONE.to_owned())
}

/// Returns names and images of a template's containers.
pub(super) fn containers(object: &Value) -> [Value; 2] {
    let containers = list(object, "/spec/template/spec/containers");
    let join = |field: &str| -> Value {
        let texts: Vec<&str> = containers.iter().filter_map(|container| container[field].as_str()).collect();
        texts.join(",").into()
    };
    [join("name"), join("image")]
}

/// Returns at most three texts, and the number of further ones.
pub(super) fn at_most_three(all: &[String]) -> String {
    const MAX: usize = 3;
    match all.len() {
        0 => NONE.to_owned(),
        n if n > MAX => format!("{} + {} more...", all[..MAX].join(","), n - MAX),
        _ => all.join(","),
    }
}
