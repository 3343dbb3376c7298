//! Changes of an HPA's specification as data: the edits, their patch, and the resulting differences.
//!
//! The model edits with it, and the source that talks to the API server patches with it. Pure.

use hpa::spec::{Direction, Policy};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use text::clean;

/// The edit of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Edit {
    /// `spec.minReplicas`.
    Min(i32),
    /// `spec.maxReplicas`.
    Max(i32),
    /// The target of one metric.
    Target {
        /// Its index in `spec.metrics`.
        metric: usize,
        /// The target type.
        kind: TargetKind,
        /// The quantity, such as `20` or `1500m`; a whole number for a utilization.
        quantity: String,
    },
    /// `stabilizationWindowSeconds` of one direction; `None` leaves it to the defaults.
    Window {
        /// The direction.
        direction: Direction,
        /// Seconds.
        seconds: Option<i32>,
    },
    /// The policies of one direction, and the select policy.
    Policies {
        /// The direction.
        direction: Direction,
        /// `Max`, `Min` or `Disabled`.
        select: String,
        /// The policies.
        policies: Vec<Policy>,
    },
}

/// The target type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TargetKind {
    /// Per pod.
    #[default]
    AverageValue,
    /// One total.
    Value,
    /// Percent of the requests.
    Utilization,
}

impl TargetKind {
    /// The API's name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::AverageValue => "AverageValue",
            Self::Value => "Value",
            Self::Utilization => "Utilization",
        }
    }

    /// The other type of an External or Object metric.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::AverageValue | Self::Utilization => Self::Value,
            Self::Value => Self::AverageValue,
        }
    }
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Its path, such as `spec.maxReplicas`.
    pub path: String,
    /// The old value; `None` if it was absent.
    pub before: Option<String>,
    /// The new value; `None` if it is absent.
    pub after: Option<String>,
}

/// Applies edits to a specification; all other fields keep their values, including unknown ones.
#[must_use]
pub fn edit(spec: &Value, edits: &[Edit]) -> Value {
    let mut spec = spec.clone();
    if !spec.is_object() {
        spec = json!({});
    }
    for edit in edits {
        match edit {
            Edit::Min(min) => spec["minReplicas"] = (*min).into(),
            Edit::Max(max) => spec["maxReplicas"] = (*max).into(),
            Edit::Target { metric, kind, quantity } => {
                let Some(source) = spec.pointer_mut(&format!("/metrics/{metric}")).and_then(source) else {
                    continue;
                };
                let (field, value) = match kind {
                    TargetKind::AverageValue => ("averageValue", json!(quantity)),
                    TargetKind::Value => ("value", json!(quantity)),
                    TargetKind::Utilization => ("averageUtilization", json!(quantity.parse::<i32>().ok())),
                };
                source.insert("target".to_owned(), json!({"type": kind.word(), field: value}));
            }
            Edit::Window { direction, seconds } => {
                let Some(rules) = rules(&mut spec, *direction) else { continue };
                match seconds {
                    Some(seconds) => {
                        rules.insert("stabilizationWindowSeconds".to_owned(), (*seconds).into());
                    }
                    None => {
                        rules.remove("stabilizationWindowSeconds");
                    }
                }
            }
            Edit::Policies { direction, select, policies } => {
                let Some(rules) = rules(&mut spec, *direction) else { continue };
                rules.insert("selectPolicy".to_owned(), select.as_str().into());
                rules.insert("policies".to_owned(), json!(policies));
            }
        }
    }
    spec
}

/// The source of a metric, such as `external`.
fn source(metric: &mut Value) -> Option<&mut Map<String, Value>> {
    const SOURCES: [&str; 5] = ["external", "object", "pods", "resource", "containerResource"];
    let metric = metric.as_object_mut()?;
    let name = SOURCES.into_iter().find(|name| metric.get(*name).is_some_and(Value::is_object))?;
    metric.get_mut(name)?.as_object_mut()
}

/// The rules of one direction, created if missing; `None` if the field is not an object.
fn rules(spec: &mut Value, direction: Direction) -> Option<&mut Map<String, Value>> {
    let name = match direction {
        Direction::Up => "scaleUp",
        Direction::Down => "scaleDown",
    };
    let behavior = spec.as_object_mut()?.entry("behavior").or_insert_with(|| json!({}));
    behavior.as_object_mut()?.entry(name).or_insert_with(|| json!({})).as_object_mut()
}

/// The JSON merge patch (RFC 7386) from `from` to `to`: lists as a whole, null for removed fields.
#[must_use]
pub fn merge_patch(from: &Value, to: &Value) -> Value {
    let (Value::Object(from), Value::Object(to)) = (from, to) else { return to.clone() };
    let mut patch = Map::new();
    for name in from.keys().filter(|name| !to.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    for (name, new) in to {
        match from.get(name) {
            Some(old) if old == new => {}
            Some(old) => {
                patch.insert(name.clone(), merge_patch(old, new));
            }
            None => {
                patch.insert(name.clone(), new.clone());
            }
        }
    }
    Value::Object(patch)
}

/// Returns true if a merge patch would change nothing.
#[must_use]
pub fn holds(patch: &Value, value: &Value) -> bool {
    match (patch, value) {
        (Value::Object(patch), Value::Object(value)) => {
            patch.iter().all(|(name, wanted)| match value.get(name) {
                Some(found) => !wanted.is_null() && holds(wanted, found),
                None => wanted.is_null(),
            })
        }
        (patch, value) => patch == value,
    }
}

/// The fields below `path` that differ, cleaned for the screen.
#[must_use]
pub fn differences(path: &str, before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(path, Some(before), Some(after), &mut found);
    found
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    let fields = |value: Option<&Value>| -> Option<Vec<String>> {
        match value {
            Some(Value::Object(map)) => Some(map.keys().cloned().collect()),
            None => Some(Vec::new()),
            _ => None,
        }
    };
    let is_object = |value: Option<&Value>| value.is_some_and(Value::is_object);
    if (is_object(before) || is_object(after))
        && let (Some(mut names), Some(others)) = (fields(before), fields(after))
    {
        names.extend(others.into_iter().filter(|name| !is_in(before, name)));
        if names.is_empty() {
            found.push(Difference {
                path: clean::text(path),
                before: before.map(text),
                after: after.map(text),
            });
        }
        for name in names {
            let child = |value: Option<&Value>| value.and_then(|value| value.get(&name)).cloned();
            compare(&format!("{path}.{name}"), child(before).as_ref(), child(after).as_ref(), found);
        }
        return;
    }
    if let (Some(Value::Array(old)), Some(Value::Array(new))) = (before, after)
        && old.len() == new.len()
        && old.iter().chain(new).all(Value::is_object)
    {
        for (index, (old, new)) in old.iter().zip(new).enumerate() {
            compare(&format!("{path}[{index}]"), Some(old), Some(new), found);
        }
        return;
    }
    found.push(Difference { path: clean::text(path), before: before.map(text), after: after.map(text) });
}

fn is_in(value: Option<&Value>, name: &str) -> bool {
    value.is_some_and(|value| value.get(name).is_some())
}

/// A value as people write it: strings without quotes, policies as `4 Pods/15s`.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => clean::text(text),
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(text).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let policy = (map.get("type"), map.get("value"), map.get("periodSeconds"));
            if let (Some(Value::String(kind)), Some(value), Some(period)) = policy
                && map.len() == 3
            {
                return clean::text(&format!("{value} {kind}/{period}s"));
            }
            clean::text(&value.to_string())
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spec() -> Value {
        json!({
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
            "minReplicas": 1, "maxReplicas": 10, "unknownField": {"kept": true},
            "metrics": [
                {"type": "Resource", "resource": {"name": "cpu"}},
                {"type": "External", "external": {
                    "metric": {"name": "depth", "selector": {"matchLabels": {"queue": "Orders"}}},
                    "target": {"type": "AverageValue", "averageValue": "20"}}},
            ],
        })
    }

    #[test]
    fn edits_change_only_the_fields_they_name() {
        let edits = [
            Edit::Min(2),
            Edit::Max(8),
            Edit::Target { metric: 1, kind: TargetKind::Value, quantity: "40".to_owned() },
            Edit::Window { direction: Direction::Down, seconds: Some(30) },
        ];
        let edited = edit(&spec(), &edits);
        assert_eq!(edited["unknownField"], json!({"kept": true}));
        assert_eq!(edited["metrics"][0], spec()["metrics"][0]);
        assert_eq!(edited["metrics"][1]["external"]["target"], json!({"type": "Value", "value": "40"}));
        assert_eq!(edited["metrics"][1]["external"]["metric"], spec()["metrics"][1]["external"]["metric"]);
        assert_eq!(edited["behavior"], json!({"scaleDown": {"stabilizationWindowSeconds": 30}}));
        let lines: Vec<String> = differences("spec", &spec(), &edited)
            .into_iter()
            .map(|d| {
                format!("{}: {} -> {}", d.path, d.before.unwrap_or_default(), d.after.unwrap_or_default())
            })
            .collect();
        assert_eq!(
            lines,
            [
                "spec.maxReplicas: 10 -> 8",
                "spec.metrics[1].external.target.averageValue: 20 -> ",
                "spec.metrics[1].external.target.type: AverageValue -> Value",
                "spec.metrics[1].external.target.value:  -> 40",
                "spec.minReplicas: 1 -> 2",
                "spec.behavior.scaleDown.stabilizationWindowSeconds:  -> 30",
            ]
        );
    }

    #[test]
    fn a_target_of_any_kind_is_edited() {
        let spec = json!({"metrics": [
            {"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 80}}},
            {"type": "Pods", "pods": {"metric": {"name": "hits"},
                "target": {"type": "AverageValue", "averageValue": "10"}}},
        ]});
        let target =
            |metric, kind, quantity: &str| Edit::Target { metric, kind, quantity: quantity.to_owned() };
        let edits = [target(0, TargetKind::Utilization, "70"), target(1, TargetKind::AverageValue, "1500m")];
        let edited = edit(&spec, &edits);
        let cpu = json!({"type": "Utilization", "averageUtilization": 70});
        assert_eq!(edited["metrics"][0]["resource"]["target"], cpu);
        assert_eq!(edited["metrics"][1]["pods"]["target"]["averageValue"], "1500m");
    }

    #[test]
    fn policies_are_written_whole_and_shown_short() {
        let policies = vec![Policy { type_: "Pods".to_owned(), value: 4, period_seconds: 15 }];
        let direction = Direction::Up;
        let edited = edit(&spec(), &[Edit::Policies { direction, select: "Min".to_owned(), policies }]);
        assert_eq!(
            edited["behavior"]["scaleUp"],
            json!({"selectPolicy": "Min", "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]})
        );
        let found = differences("spec", &spec(), &edited);
        assert_eq!(found[0].after.as_deref(), Some("[4 Pods/15s]"));
    }

    #[test]
    fn removing_a_window_keeps_the_other_rules() {
        let with = edit(&spec(), &[Edit::Window { direction: Direction::Down, seconds: Some(5) }]);
        let without = edit(&with, &[Edit::Window { direction: Direction::Down, seconds: None }]);
        assert_eq!(without["behavior"], json!({"scaleDown": {}}));
    }

    #[test]
    fn a_patch_holds_if_its_fields_are_unchanged() {
        let before = spec();
        let after =
            edit(&before, &[Edit::Max(8), Edit::Window { direction: Direction::Up, seconds: Some(9) }]);
        let forward = merge_patch(&before, &after);
        assert_eq!(
            forward,
            json!({"maxReplicas": 8, "behavior": {"scaleUp": {"stabilizationWindowSeconds": 9}}})
        );
        assert!(holds(&forward, &after) && !holds(&forward, &before));
        let other = edit(&after, &[Edit::Min(3)]);
        assert!(holds(&forward, &other), "another field may be different");
        assert!(!holds(&forward, &edit(&after, &[Edit::Max(9)])));
        let back = merge_patch(&after, &before);
        assert_eq!(back, json!({"maxReplicas": 10, "behavior": null}));
    }

    /// Small JSON values without null, which a merge patch cannot set.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<bool>().prop_map(Value::from), (0..9_i32).prop_map(Value::from)];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-d]", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// An object of such values, generated directly: filtering would reject too many.
    fn object() -> impl Strategy<Value = Value> {
        prop::collection::btree_map("[a-d]", value(), 0..4)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    /// Applies a merge patch by the RFC.
    fn merged(target: &Value, patch: &Value) -> Value {
        let Value::Object(patch) = patch else { return patch.clone() };
        let mut result = target.as_object().cloned().unwrap_or_default();
        for (name, wanted) in patch {
            if wanted.is_null() {
                result.remove(name);
            } else {
                let old = result.get(name).cloned().unwrap_or(Value::Null);
                result.insert(name.clone(), merged(&old, wanted));
            }
        }
        Value::Object(result)
    }

    proptest! {
        #[test]
        fn the_patch_makes_the_one_of_the_other(from in object(), to in object()) {
            let patch = merge_patch(&from, &to);
            prop_assert_eq!(merged(&from, &patch), to.clone());
            prop_assert!(holds(&patch, &to));
            prop_assert_eq!(differences("spec", &from, &to).is_empty(), from == to);
        }
    }
}
