//! Removes the variable parts of a response: versions, UIDs, times, addresses, ages.

use serde_json::{Value, json};

/// Programs of a real control plane, whose entries in `managedFields` depend on timing.
const CONTROLLERS: [&str; 3] = ["kube-controller-manager", "kubelet", "kube-scheduler"];
/// The annotation of the Deployment controller.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// Returns the response with placeholders.
pub(crate) fn plain(mut value: Value, ignore: &[String], accept: &str) -> Value {
    normalize("", &mut value);
    for pointer in ignore {
        remove(&mut value, pointer);
    }
    tidy_table(&mut value, accept);
    tidy_discovery(&mut value);
    value
}

fn placeholder(key: &str, value: &str) -> Option<&'static str> {
    match key {
        "uid" => Some("<uid>"),
        "resourceVersion" => Some("<resourceVersion>"),
        "clusterIP" if value != "None" => Some("<clusterIP>"),
        "creationTimestamp" | "time" | "deletionTimestamp" | "lastTransitionTime" | "lastUpdateTime"
        | "startTime" => Some("<t>"),
        "continue" if !value.is_empty() => Some("<continue>"),
        "description" => Some(""),
        _ => None,
    }
}

fn normalize(key: &str, value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(entries)) = map.get_mut("managedFields") {
                entries.retain(|entry| {
                    !entry["manager"].as_str().is_some_and(|manager| CONTROLLERS.contains(&manager))
                });
                // The server sorts them by seconds, which depends on timing.
                entries.sort_by_key(|entry| {
                    ["manager", "operation", "apiVersion", "subresource"].map(|key| entry[key].to_string())
                });
            }
            // Causes have the random order of a Go map, and so has the message.
            if let Some(Value::Array(causes)) = map.get_mut("causes") {
                causes.sort_by_key(Value::to_string);
            }
            if let Some(Value::String(message)) = map.get_mut("message")
                && let Some((begin, _)) = message.split_once(" is invalid: [")
            {
                *message = format!("{begin} is invalid: [<causes>]");
            }
            let mut empty = false;
            if let Some(Value::Object(annotations)) = map.get_mut("annotations") {
                empty = annotations.remove(REVISION).is_some() && annotations.is_empty();
            }
            if empty {
                map.remove("annotations");
            }
            for (key, value) in map.iter_mut() {
                if key == "clusterIPs" && value != &json!(["None"]) {
                    *value = json!(["<ips>"]);
                }
                if key == "nodePort" && value.as_u64().is_some_and(|port| port > 0) {
                    *value = json!("<nodePort>");
                }
                normalize(key, value);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| normalize(key, value)),
        Value::String(text) => {
            if let Some(fixed) = placeholder(key, text) {
                *text = fixed.to_owned();
            }
            if key == "cells" && is_age(text) {
                *text = "<age>".to_owned();
            }
            if key == "cells" && text.parse::<jiff::Timestamp>().is_ok() {
                *text = "<t>".to_owned();
            }
            if let Some((begin, rest)) = text.split_once("10.244.") {
                let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
                *text = format!("{begin}<ip>{rest}");
            }
            if text.starts_with("10.96.") {
                *text = "<ip>".to_owned();
            }
            if let Some((begin, rest)) = text.split_once("network namespace \"")
                && let Some((_, rest)) = rest.split_once('"')
            {
                *text = format!("{begin}network namespace \"<path>\"{rest}");
            }
            *text = without_object(text);
            *text = without_versions(&sorted_unknown_fields(&without_uids(text)));
        }
        _ => {}
    }
}

/// Matches ages such as `0s`, `12s`, `3m4s`.
fn is_age(text: &str) -> bool {
    let digits_and_units = text.chars().all(|c| c.is_ascii_digit() || "smhdy".contains(c));
    digits_and_units
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(['s', 'm', 'h', 'd', 'y'])
}

fn without_uids(text: &str) -> String {
    let is_uid = |word: &str| {
        let lengths: Vec<usize> = word.trim_matches('-').split('-').map(str::len).collect();
        lengths == [8, 4, 4, 4, 12] && word.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-')
    };
    let mut out = text.to_owned();
    for word in text.split(|c: char| !(c.is_ascii_hexdigit() || c == '-')) {
        if is_uid(word) {
            out = out.replace(word.trim_matches('-'), "<uid>");
        } else if word.len() == 64 {
            // Containers have such IDs.
            out = out.replace(word, "<id>");
        }
    }
    out
}

/// Fields that a strict decoder does not know are named in no order.
fn sorted_unknown_fields(text: &str) -> String {
    const BEFORE: &str = "strict decoding error: ";
    let Some((begin, rest)) = text.split_once(BEFORE).filter(|(_, rest)| rest.starts_with("unknown field"))
    else {
        return text.to_owned();
    };
    let mut fields: Vec<&str> = rest.split(", ").collect();
    fields.sort_unstable();
    format!("{begin}{BEFORE}{}", fields.join(", "))
}

/// An error of a patch that shows the whole object, its version and times included.
fn without_object(text: &str) -> String {
    let object = text.find("Invalid value: \"{").zip(text.rfind("}\": "));
    object.map_or(text.to_owned(), |(begin, end)| {
        format!("{}Invalid value: \"<object>{}", &text[..begin], &text[end + 1..])
    })
}

/// Replaces the current version in errors about future and old versions.
fn without_versions(text: &str) -> String {
    for before in ["current: ", "too old resource version: 1 ("] {
        if let Some((begin, rest)) = text.split_once(before) {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            return format!("{begin}{before}<resourceVersion>{rest}");
        }
    }
    text.to_owned()
}

/// Turns lists of kinds into maps by name, so that an absent kind is one difference. Removes the hash of the stored form.
fn tidy_discovery(list: &mut Value) {
    match list["kind"].as_str() {
        Some("APIResourceList") => {}
        // The aggregated format.
        Some("APIGroupDiscoveryList") => {
            by_name(list, "items", &aggregated);
            if let Some(Value::Object(groups)) = list.get_mut("items") {
                groups.retain(|group, _| is_builtin(group));
            }
            return;
        }
        _ => return,
    }
    let mut named = serde_json::Map::new();
    for mut resource in list["resources"].as_array().cloned().unwrap_or_default() {
        remove(&mut resource, "/storageVersionHash");
        named.insert(resource["name"].as_str().unwrap_or_default().to_owned(), resource);
    }
    list["resources"] = Value::Object(named);
}

/// Returns true for a group that is part of Kubernetes.
fn is_builtin(group: &str) -> bool {
    (!group.contains('.') || group.ends_with(".k8s.io")) && !group.contains("metrics.k8s.io")
}

/// Turns a group of the aggregated discovery into maps by name.
fn aggregated(group: &mut Value) {
    remove(group, "/metadata/creationTimestamp");
    for version in group["versions"].as_array_mut().into_iter().flatten() {
        by_name(version, "resources", &|resource| by_name(resource, "subresources", &|_| {}));
    }
}

/// Turns a list into a map by the names of its items.
fn by_name(value: &mut Value, list: &str, tidy: &dyn Fn(&mut Value)) {
    let Some(Value::Array(items)) = value.get_mut(list).map(Value::take) else { return };
    let mut named = serde_json::Map::new();
    for mut item in items {
        tidy(&mut item);
        let name = [&item["resource"], &item["subresource"], &item["metadata"]["name"], &item["name"]];
        let name = name.into_iter().find_map(Value::as_str).unwrap_or("core").to_owned();
        named.insert(name, item);
    }
    value[list] = Value::Object(named);
}

/// Removes the parts of a table that depend on the server.
fn tidy_table(table: &mut Value, accept: &str) {
    if table["kind"] != "Table" {
        return;
    }
    table["metadata"] = json!({});
    if accept.contains("as=Table") {
        for row in table["rows"].as_array_mut().into_iter().flatten() {
            if row["object"].is_object() {
                remove(row, "/object");
            }
        }
    }
    // Go writes an empty list of rows as null in some tables.
    if table["rows"].as_array().is_some_and(Vec::is_empty) {
        table["rows"] = Value::Null;
    }
}

/// Removes the value at a pointer; `*` matches every index of a list.
fn remove(value: &mut Value, pointer: &str) {
    let Some((name, rest)) = pointer.strip_prefix('/').map(|path| match path.find('/') {
        Some(end) => path.split_at(end),
        None => (path, ""),
    }) else {
        return;
    };
    let name = name.replace("~1", "/").replace("~0", "~");
    match value {
        Value::Object(map) if rest.is_empty() => {
            map.remove(&name);
        }
        Value::Object(map) => {
            if let Some(value) = map.get_mut(&name) {
                remove(value, rest);
            }
        }
        Value::Array(list) if name == "*" => list.iter_mut().for_each(|value| remove(value, rest)),
        Value::Array(list) => {
            if let Some(value) = name.parse().ok().and_then(|place: usize| list.get_mut(place)) {
                remove(value, rest);
            }
        }
        _ => {}
    }
}
