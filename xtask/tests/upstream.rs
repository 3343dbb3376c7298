//! Values and custom resources for other projects' charts exist there, according to the data in `charts/upstream/`.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

mod common;

use std::collections::BTreeMap;

use common::{PROFILES, custom_resources, manifests, path, read, yaml};
use serde_json::Value;

/// Names of values with their types, as `charts/upstream/values/*.keys` lists them.
type Keys = BTreeMap<String, String>;

fn keys(text: &str) -> Keys {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(key, kind)| (key.into(), kind.into())).collect()
}

/// Returns the entries of `values` that the chart does not have, or that have another type there.
fn unknown(values: &Value, keys: &Keys, above: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, value) in values.as_object().into_iter().flatten() {
        let key = format!("{above}{}", name.replace('.', "\\."));
        let expected = match value {
            Value::Object(_) => "map",
            Value::Array(_) => "list",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "text",
            Value::Null => "any",
        };
        match keys.get(&key).map(String::as_str) {
            None => wrong.push(format!("{key}: no such value")),
            // Empty upstream, so the type is unknown.
            Some("any") => {}
            Some("free") if expected == "map" => {}
            Some("map") if expected == "map" => {
                wrong.extend(unknown(value, keys, &format!("{key}.")));
            }
            Some(kind) if kind == expected => {}
            Some(kind) => wrong.push(format!("{key}: is a {kind} there, and a {expected} here")),
        }
    }
    wrong
}

#[test]
fn our_values_exist_in_the_upstream_charts() {
    for chart in yaml("charts/upstream/versions.yaml")["charts"].as_array().unwrap() {
        let name = chart["name"].as_str().unwrap();
        let keys = keys(&read(&format!("charts/upstream/values/{name}.keys")));
        let files: Vec<&str> = match chart["values"].as_object().unwrap() {
            none if none.is_empty() => vec![],
            profiles => {
                profiles.values().flat_map(|v| v.as_array().unwrap()).filter_map(Value::as_str).collect()
            }
        };
        let own = format!("{name}.yaml");
        for file in files.into_iter().chain([own.as_str()]) {
            let wrong = unknown(&yaml(&format!("charts/values/{file}")), &keys, "");
            assert_eq!(wrong, [""; 0], "charts/values/{file}");
        }
    }
}

#[test]
fn a_misspelt_value_is_reported() {
    let keys = keys("# head\nrules map\nrules.default boolean\nresources free\nrules.external list\n");
    for (values, expected) in [
        ("{rules: {default: false, external: []}, resources: {limits: {cpu: 1}}}", vec![]),
        ("{rule: {}}", vec!["rule: no such value"]),
        ("{rules: {defaults: false}}", vec!["rules.defaults: no such value"]),
        ("{rules: {default: 'no'}}", vec!["rules.default: is a boolean there, and a text here"]),
        ("{rules: []}", vec!["rules: is a map there, and a list here"]),
    ] {
        let values: Value = serde_saphyr::from_str(values).unwrap();
        assert_eq!(unknown(&values, &keys, ""), expected);
    }
}

#[test]
fn every_pinned_chart_is_complete() {
    let versions = yaml("charts/upstream/versions.yaml");
    let charts = versions["charts"].as_array().unwrap();
    for chart in charts {
        let name = chart["name"].as_str().unwrap();
        for field in ["repository", "version", "release", "namespace"] {
            assert!(chart[field].as_str().is_some_and(|text| !text.is_empty()), "{name} has no {field}");
        }
        let version = chart["version"].as_str().unwrap();
        assert_eq!(
            version.split('.').filter(|part| part.parse::<u32>().is_ok()).count(),
            3,
            "{name} {version}"
        );
        assert_eq!(charts.iter().filter(|other| other["name"] == chart["name"]).count(), 1, "{name}");
        for profile in chart["values"].as_object().unwrap().keys() {
            assert!(PROFILES.contains(&profile.as_str()), "{name}: unknown profile {profile}");
        }
    }
    // There is only one APIService for external metrics, so each profile installs exactly one server for it.
    for profile in PROFILES {
        let serving = |chart: &&Value| {
            ["prometheus-adapter", "keda"].contains(&chart["name"].as_str().unwrap())
                && !chart["values"][profile].is_null()
        };
        assert_eq!(charts.iter().filter(serving).count(), 1, "{profile}");
    }
    for entry in std::fs::read_dir(path("charts/values")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            charts.iter().any(|chart| name.starts_with(chart["name"].as_str().unwrap())),
            "charts/values/{name} belongs to no chart"
        );
    }
}

#[test]
fn custom_resources_fit_their_schemas() {
    for profile in PROFILES {
        let (checked, wrong) = custom_resources::errors(&manifests(profile));
        assert_eq!(wrong, [""; 0], "{profile}");
        assert!(checked >= 4, "{profile}: only {checked} custom resources");
    }
    let mut broken = manifests("plugin");
    let monitor = broken.iter_mut().find(|object| object["kind"] == "ServiceMonitor").unwrap();
    monitor["spec"]["endpoints"][0]["intervall"] = "1s".into();
    assert_eq!(custom_resources::errors(&broken).1.len(), 1);
}
