//! Takes out of an answer what differs from run to run: versions, UIDs, times, addresses, ages.

use serde_json::{Value, json};

/// Programs of a real control plane, whose entries in `managedFields` come and go with their work.
const CONTROLLERS: [&str; 3] = ["kube-controller-manager", "kubelet", "kube-scheduler"];
/// Annotation that the controller of Deployments writes.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// The answer with placeholders.
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
                // They are sorted by seconds, and a step may fall before or after the turn of one.
                entries.sort_by_key(|entry| {
                    ["manager", "operation", "apiVersion", "subresource"].map(|key| entry[key].to_string())
                });
            }
            // Causes stand in the order of a map, and so does the message that lists them.
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

/// `0s`, `12s`, `3m4s`.
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

/// How far the server has come, in the errors about versions that are too new or too old.
fn without_versions(text: &str) -> String {
    for before in ["current: ", "too old resource version: 1 ("] {
        if let Some((begin, rest)) = text.split_once(before) {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            return format!("{begin}{before}<resourceVersion>{rest}");
        }
    }
    text.to_owned()
}

/// Lists of kinds by name, so that one that is absent is one difference; and without the hash by which storage migrators
/// know that the stored form has changed.
fn tidy_discovery(list: &mut Value) {
    match list["kind"].as_str() {
        Some("APIResourceList") => {}
        // The newer form, which kubectl asks for.
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

/// Whether a group comes with Kubernetes, and not with what is installed on it.
fn is_builtin(group: &str) -> bool {
    (!group.contains('.') || group.ends_with(".k8s.io")) && !group.contains("metrics.k8s.io")
}

/// A group of the newer discovery: versions and resources by name.
fn aggregated(group: &mut Value) {
    remove(group, "/metadata/creationTimestamp");
    for version in group["versions"].as_array_mut().into_iter().flatten() {
        by_name(version, "resources", &|resource| by_name(resource, "subresources", &|_| {}));
    }
}

/// Makes a list a map by the names of its items.
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

/// What only one of the two servers has in a table.
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
    // Go writes an empty list of rows as null in some tables and as a list in others.
    if table["rows"].as_array().is_some_and(Vec::is_empty) {
        table["rows"] = Value::Null;
    }
}

/// Takes out what a pointer leads to; `*` stands for every place of a list.
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
