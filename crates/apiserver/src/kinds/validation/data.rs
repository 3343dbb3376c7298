//! ConfigMaps and Secrets.

use serde_json::{Value, json};

use super::IMMUTABLE;
use crate::Cause;

/// Bytes of the data of a ConfigMap or Secret.
const MAX_DATA: usize = 1024 * 1024;
const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

fn keys(object: &Value, field: &str, causes: &mut Vec<Cause>) -> usize {
    let mut size = 0;
    for (key, value) in object[field].as_object().into_iter().flatten() {
        size += value.as_str().map_or(0, str::len);
        let fine = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
        if key.is_empty() || key.len() > 253 || !key.bytes().all(fine) {
            causes.push(Cause::invalid(format!("{field}[{key}]"), &json!(key), KEY));
        }
    }
    size
}

fn immutable(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let Some(old) = old.filter(|old| old["immutable"] == true) else { return };
    const WHY: &str = "field is immutable when `immutable` is set";
    for field in ["immutable", "data", "binaryData"] {
        if old[field] != new[field] {
            causes.push(Cause::forbidden(field, WHY));
        }
    }
}

pub(in crate::kinds) fn config_map(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let size = keys(new, "data", &mut causes) + keys(new, "binaryData", &mut causes);
    if size > MAX_DATA {
        causes.push(Cause::too_long("", MAX_DATA));
    }
    immutable(new, old, &mut causes);
    causes
}

pub(in crate::kinds) fn secret(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    if keys(new, "data", &mut causes) > MAX_DATA {
        causes.push(Cause::too_long("data", MAX_DATA));
    }
    if old.is_some_and(|old| old["type"] != new["type"]) {
        causes.push(Cause::invalid("type", &new["type"], IMMUTABLE));
    }
    immutable(new, old, &mut causes);
    causes
}
