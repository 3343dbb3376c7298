//! Sets of fields, as in `managedFields`.
//!
//! A set is a tree of path elements in the notation of `fieldsV1`: `f:name` for a field, `k:{"name":"x"}` for an item of a
//! keyed list, `v:"x"` for an item of a set.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::traverse::{NodeKind, node_kind, path_element};
use crate::schema::Shape;

/// A set of fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    /// True when the field at this node is itself in the set.
    owned: bool,
    below: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    /// Parses `fieldsV1`.
    pub(crate) fn from_json(value: &Value) -> Self {
        let mut set = Self::default();
        for (step, inner) in value.as_object().into_iter().flatten() {
            if step == "." {
                set.owned = true;
            } else {
                let mut child = Self::from_json(inner);
                child.owned |= child.below.is_empty();
                set.below.insert(step.clone(), child);
            }
        }
        set
    }

    /// Returns `fieldsV1`.
    pub(crate) fn to_json(&self) -> Value {
        let mut out = Map::new();
        if self.owned && !self.below.is_empty() {
            out.insert(".".into(), Value::Object(Map::new()));
        }
        for (step, child) in &self.below {
            out.insert(step.clone(), child.to_json());
        }
        Value::Object(out)
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.owned && self.below.values().all(Self::is_empty)
    }

    pub(super) fn insert(&mut self, path: &[String]) {
        let mut at = self;
        for step in path {
            if !at.below.contains_key(step) {
                at.below.insert(step.clone(), Self::default());
            }
            let Some(next) = at.below.get_mut(step) else { return };
            at = next;
        }
        at.owned = true;
    }

    pub(super) const fn is_owned(&self) -> bool {
        self.owned
    }

    pub(super) fn has_below(&self) -> bool {
        !self.below.is_empty()
    }

    pub(super) fn child(&self, step: &str) -> Option<&Self> {
        self.below.get(step)
    }

    pub(crate) fn union(mut self, other: &Self) -> Self {
        self.owned |= other.owned;
        for (step, child) in &other.below {
            let mine = self.below.remove(step).unwrap_or_default();
            self.below.insert(step.clone(), mine.union(child));
        }
        self
    }

    pub(crate) fn difference(mut self, other: &Self) -> Self {
        self.owned &= !other.owned;
        let below = std::mem::take(&mut self.below).into_iter().filter_map(|(step, child)| {
            let left = match other.below.get(&step) {
                Some(theirs) => child.difference(theirs),
                None => child,
            };
            (!left.is_empty()).then_some((step, left))
        });
        self.below = below.collect();
        self
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let below = self.below.iter().filter_map(|(step, child)| {
            let both = child.intersection(other.below.get(step)?);
            (!both.is_empty()).then(|| (step.clone(), both))
        });
        Self { owned: self.owned && other.owned, below: below.collect() }
    }

    /// Removes a field with everything below it.
    pub(crate) fn strip(&mut self, path: &[&str]) {
        match path {
            [] => {}
            [last] => {
                self.below.remove(*last);
            }
            [first, rest @ ..] => {
                if let Some(child) = self.below.get_mut(*first) {
                    child.strip(rest);
                    if child.is_empty() {
                        self.below.remove(*first);
                    }
                }
            }
        }
    }

    /// Returns the set with the struct fields on the paths to its members, which `fieldsV1` leaves out.
    pub(super) fn with_named(&self, shape: &'static Shape) -> Self {
        let below = self.below.iter().map(|(step, child)| {
            let name = step.strip_prefix("f:");
            let inner = match name {
                Some(name) => shape.field(name).unwrap_or(&crate::schema::ANY),
                None => shape.item(),
            };
            let mut full = child.with_named(inner);
            full.owned |= name.is_some_and(|name| shape.declares(name));
            (step.clone(), full)
        });
        Self { owned: self.owned, below: below.collect() }
    }

    /// Returns the members as printed paths, such as `.spec.containers[name="a"].image`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect("", &mut out);
        out
    }

    fn collect(&self, prefix: &str, out: &mut Vec<String>) {
        // The members of a level come before the members below them.
        for (step, child) in &self.below {
            if child.owned {
                out.push(format!("{prefix}{}", readable(step)));
            }
        }
        for (step, child) in &self.below {
            child.collect(&format!("{prefix}{}", readable(step)), out);
        }
    }
}

pub(super) fn readable(step: &str) -> String {
    match step.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("k", keys)) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let list: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("[{}]", list.join(","))
        }
        Some(("v", value)) => format!("[={value}]"),
        _ => format!("[{step}]"),
    }
}

/// Returns all fields of an applied configuration.
pub(crate) fn fields_of(value: &Value, shape: &'static Shape) -> FieldSet {
    let mut set = FieldSet::default();
    gather(value, shape, &mut set);
    set
}

fn gather(value: &Value, shape: &'static Shape, at: &mut FieldSet) {
    match (node_kind(shape, value), value) {
        (NodeKind::Map, Value::Object(entries)) => {
            for (name, entry) in entries {
                let inner = shape.field(name).unwrap_or(&crate::schema::ANY);
                let child = at.below.entry(format!("f:{name}")).or_default();
                gather(entry, inner, child);
                let empty = entry.is_null() || entry.as_object().is_some_and(Map::is_empty);
                child.owned |= empty || !shape.declares(name);
            }
            at.below.retain(|_, child| !child.is_empty());
        }
        (NodeKind::List, Value::Array(items)) => {
            for item in items {
                let Ok(step) = path_element(&shape.items, shape.item(), item) else { continue };
                let child = at.below.entry(step).or_default();
                gather(item, shape.item(), child);
                child.owned = true;
            }
        }
        _ => at.owned = true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::root;
    use serde_json::json;

    #[test]
    fn a_set_round_trips_through_fields_v1() {
        let text = json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:image": {}}}}});
        let set = FieldSet::from_json(&text);
        assert_eq!(set.to_json(), text);
        assert_eq!(
            set.paths(),
            [
                ".metadata.labels",
                ".metadata.labels.a",
                ".spec.containers[name=\"c\"]",
                ".spec.containers[name=\"c\"].image"
            ]
        );
        assert!(set.clone().difference(&set).is_empty());
        assert_eq!(set.intersection(&set), set);
        assert_eq!(FieldSet::default().union(&set), set);
    }

    #[test]
    fn a_configuration_owns_leaves_and_items() {
        let config = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}},
            "template": {"spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]}}}});
        assert_eq!(
            fields_of(&config, root("apps.v1.Deployment")).to_json(),
            json!({"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:replicas": {}, "f:selector": {},
                "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:name": {}, "f:image": {},
                    "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}}}}}})
        );
    }
}
