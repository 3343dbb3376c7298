//! Sets of fields, as `managedFields` has them, and what can be asked of two objects in terms of such sets.
//!
//! A set is a tree. The steps are written as `fieldsV1` writes them: `f:name` for a field, `k:{"name":"x"}` for the item
//! of a keyed list, `v:"x"` for the item of a set.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::schema::{Items, Shape, Type};

/// A set of fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    /// The field at which the tree stands is itself in the set.
    owned: bool,
    below: BTreeMap<String, Fields>,
}

impl Fields {
    /// Reads `fieldsV1`.
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

    /// Writes `fieldsV1`.
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

    fn insert(&mut self, path: &[String]) {
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

    fn child(&self, step: &str) -> Option<&Self> {
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

    /// Takes out a field with all that is below it.
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

    /// The set with the struct fields on the way to its members, which usually go without saying.
    fn with_named(&self, shape: &'static Shape) -> Self {
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

    /// The members as Kubernetes prints paths, such as `.spec.containers[name="a"].image`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect("", &mut out);
        out
    }

    fn collect(&self, prefix: &str, out: &mut Vec<String>) {
        // Members of a level come before what is below any of them.
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

fn readable(step: &str) -> String {
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

/// An item of a keyed list lacks a key that has no default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoKey(pub(crate) String);

/// The step to an item of a list whose items can be told apart.
pub(crate) fn step_to(items: &Items, item_shape: &'static Shape, item: &Value) -> Result<String, NoKey> {
    match items {
        Items::Atomic => Err(NoKey(String::new())),
        Items::Set => Ok(format!("v:{item}")),
        Items::Keyed(keys) => {
            let mut named = Map::new();
            for &key in keys {
                let default = || item_shape.field(key).and_then(Shape::key_default);
                match item.get(key).filter(|value| !value.is_null()).cloned().or_else(default) {
                    Some(value) => {
                        named.insert(key.to_owned(), value);
                    }
                    // One key of several may be absent, as a toleration's may.
                    None if keys.len() > 1 => {}
                    None => return Err(NoKey(key.to_owned())),
                }
            }
            if named.is_empty() {
                return Err(NoKey(keys.join(",")));
            }
            Ok(format!("k:{}", Value::Object(named)))
        }
    }
}

/// How a shape is walked.
enum Walk {
    Leaf,
    Map,
    List,
}

fn walk(shape: &Shape, value: &Value) -> Walk {
    match (&shape.ty, value) {
        _ if shape.is_atomic() => Walk::Leaf,
        (Type::Struct(_) | Type::Map(_) | Type::Any, Value::Object(_)) => Walk::Map,
        (Type::List(_), Value::Array(_)) if shape.items != Items::Atomic => Walk::List,
        _ => Walk::Leaf,
    }
}

/// All fields that an apply's configuration names.
pub(crate) fn fields_of(value: &Value, shape: &'static Shape) -> Fields {
    let mut set = Fields::default();
    gather(value, shape, &mut set);
    set
}

fn gather(value: &Value, shape: &'static Shape, at: &mut Fields) {
    match (walk(shape, value), value) {
        (Walk::Map, Value::Object(entries)) => {
            for (name, entry) in entries {
                let inner = shape.field(name).unwrap_or(&crate::schema::ANY);
                let child = at.below.entry(format!("f:{name}")).or_default();
                gather(entry, inner, child);
                let empty = entry.is_null() || entry.as_object().is_some_and(Map::is_empty);
                child.owned |= empty || !shape.declares(name);
            }
            at.below.retain(|_, child| !child.is_empty());
        }
        (Walk::List, Value::Array(items)) => {
            for item in items {
                let Ok(step) = step_to(&shape.items, shape.item(), item) else { continue };
                let child = at.below.entry(step).or_default();
                gather(item, shape.item(), child);
                child.owned = true;
            }
        }
        _ => at.owned = true,
    }
}

/// What differs between two objects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) added: Fields,
    pub(crate) removed: Fields,
    pub(crate) modified: Fields,
}

impl Difference {
    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.modified.is_empty()
    }
}

/// Compares two objects field by field.
pub(crate) fn compare(old: &Value, new: &Value, shape: &'static Shape) -> Difference {
    let mut out = Difference::default();
    Compare { path: Vec::new(), out: &mut out }.values(Some(old), Some(new), shape, true);
    out
}

struct Compare<'a> {
    path: Vec<String>,
    out: &'a mut Difference,
}

static EMPTY: Value = Value::Null;

impl Compare<'_> {
    fn values(&mut self, old: Option<&Value>, new: Option<&Value>, shape: &'static Shape, root: bool) {
        if old == new {
            return;
        }
        let empty = |value: Option<&Value>| match value {
            None | Some(Value::Null) => true,
            Some(Value::Object(map)) => map.is_empty(),
            Some(Value::Array(list)) => list.is_empty(),
            Some(_) => false,
        };
        let sample = new.filter(|new| !new.is_null()).or(old).unwrap_or(&EMPTY);
        let same_walk = match (old, new) {
            (Some(old), Some(new)) if !old.is_null() && !new.is_null() => {
                std::mem::discriminant(&walk(shape, old)) == std::mem::discriminant(&walk(shape, new))
            }
            _ => true,
        };
        let walk = walk(shape, sample);
        let leaf = !same_walk || matches!(walk, Walk::Leaf) || (empty(old) && empty(new));
        if !leaf {
            match walk {
                Walk::Map => self.maps(old, new, shape),
                Walk::List => self.lists(old, new, shape),
                Walk::Leaf => {}
            }
        }
        if root {
            return;
        }
        match (old, new) {
            (None, Some(_)) => self.out.added.insert(&self.path),
            (Some(_), None) => self.out.removed.insert(&self.path),
            _ if leaf => self.out.modified.insert(&self.path),
            _ => {}
        }
    }

    fn maps(&mut self, old: Option<&Value>, new: Option<&Value>, shape: &'static Shape) {
        let none = Map::new();
        let before = old.and_then(Value::as_object).unwrap_or(&none);
        let after = new.and_then(Value::as_object).unwrap_or(&none);
        let part = Value::Object(Map::new());
        let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
        for name in names {
            let inner = shape.field(name).unwrap_or(&crate::schema::ANY);
            let (mut a, mut b) = (before.get(name), after.get(name));
            if inner.inline {
                // The part is there whenever its owner is.
                a = a.or(old.map(|_| &part));
                b = b.or(new.map(|_| &part));
            } else if inner.null || inner.is_always_listed() {
                a = a.or(old.map(|_| &EMPTY));
                b = b.or(new.map(|_| &EMPTY));
            }
            self.path.push(format!("f:{name}"));
            self.values(a, b, inner, false);
            self.path.pop();
        }
    }

    fn lists(&mut self, old: Option<&Value>, new: Option<&Value>, shape: &'static Shape) {
        let index = |list: Option<&'_ Value>| -> Vec<(String, Value)> {
            let items = list.and_then(Value::as_array).into_iter().flatten();
            items
                .filter_map(|item| Some((step_to(&shape.items, shape.item(), item).ok()?, item.clone())))
                .collect()
        };
        let (before, after) = (index(old), index(new));
        let find = |list: &[(String, Value)], step: &str| list.iter().position(|(s, _)| s == step);
        let mut seen: Vec<&str> = Vec::new();
        for (step, _) in before.iter().chain(&after) {
            if seen.contains(&step.as_str()) {
                continue;
            }
            seen.push(step);
            self.path.push(step.clone());
            let a = find(&before, step).map(|at| &before[at].1);
            let b = find(&after, step).map(|at| &after[at].1);
            self.values(a, b, shape.item(), false);
            self.path.pop();
        }
    }
}

/// Takes the fields of `set` out of `value`.
fn remove(value: &Value, set: &Fields, shape: &'static Shape) -> Option<Value> {
    match (walk(shape, value), value) {
        (Walk::Map, Value::Object(entries)) => {
            if entries.is_empty() {
                return None;
            }
            let mut kept = Map::new();
            for (name, entry) in entries {
                let inner = shape.field(name).unwrap_or(&crate::schema::ANY);
                match set.child(&format!("f:{name}")) {
                    Some(child) if child.owned => {}
                    Some(child) if !child.below.is_empty() => {
                        // What is left of nothing is null, which is not the same as absent to a comparison.
                        kept.insert(name.clone(), remove(entry, child, inner).unwrap_or_default());
                    }
                    _ => {
                        kept.insert(name.clone(), entry.clone());
                    }
                }
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        (Walk::List, Value::Array(items)) => {
            let kept: Vec<Value> = items
                .iter()
                .filter_map(|item| {
                    let step = step_to(&shape.items, shape.item(), item).unwrap_or_default();
                    match set.child(&step) {
                        Some(child) if child.owned => None,
                        Some(child) if !child.below.is_empty() => remove(item, child, shape.item()),
                        _ => Some(item.clone()),
                    }
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        (Walk::Leaf, Value::Object(_) | Value::Array(_)) => None,
        _ => Some(value.clone()),
    }
}

/// Removes from `merged` what `last` named and nobody names any more; `managed` is what is named now, by anybody.
pub(crate) fn prune(merged: &Value, last: &Fields, managed: &Fields, shape: &'static Shape) -> Value {
    let removed = |set: &Fields| remove(merged, set, shape).unwrap_or_else(|| Value::Object(Map::new()));
    let last = last.with_named(shape);
    let pruned = removed(&last);
    let all = fields_of(merged, shape).with_named(shape);
    let left = fields_of(&pruned, shape).with_named(shape);
    let pruned = removed(&all.clone().difference(&left.union(&managed.with_named(shape))));
    let left = fields_of(&pruned, shape).with_named(shape);
    removed(&all.difference(&left).intersection(&last))
}

/// Lays an apply's configuration over an object.
pub(crate) fn merge(
    old: Option<&Value>,
    new: Option<&Value>,
    shape: &'static Shape,
) -> Result<Option<Value>, String> {
    let (a, b) = match (old, new) {
        (old, None) => return Ok(old.cloned()),
        (a, Some(b)) => (a, b),
    };
    match (walk(shape, b), b) {
        (Walk::Map, Value::Object(after))
            if !after.is_empty() || a.is_some_and(|a| a.as_object().is_some_and(|m| !m.is_empty())) =>
        {
            let none = Map::new();
            let before = a.and_then(Value::as_object).unwrap_or(&none);
            let mut out = before.clone();
            for (name, entry) in after {
                let inner = shape.field(name).unwrap_or(&crate::schema::ANY);
                let merged = merge(before.get(name), Some(entry), inner).map_err(|why| {
                    if why.starts_with('.') || why.starts_with('[') {
                        format!(".{name}{why}")
                    } else {
                        format!(".{name}: {why}")
                    }
                })?;
                match merged {
                    Some(value) => out.insert(name.clone(), value),
                    None => out.remove(name),
                };
            }
            Ok((!out.is_empty()).then_some(Value::Object(out)))
        }
        (Walk::List, Value::Array(after)) if !after.is_empty() => {
            let none = Vec::new();
            let before = a.and_then(Value::as_array).unwrap_or(&none);
            merge_lists(before, after, shape).map(Some)
        }
        (Walk::List, Value::Array(_)) if a.is_some_and(|a| a.as_array().is_some_and(|l| !l.is_empty())) => {
            Ok(a.cloned())
        }
        _ => Ok(Some(b.clone())),
    }
}

/// Items of both lists: those of the configuration in its order, the others where they stood among them.
fn merge_lists(before: &[Value], after: &[Value], shape: &'static Shape) -> Result<Value, String> {
    let index = |list: &[Value]| -> Result<Vec<String>, String> {
        let steps = list.iter().enumerate().map(|(place, item)| {
            step_to(&shape.items, shape.item(), item).map_err(|NoKey(key)| {
                format!("element {place}: associative list with keys has an element that omits key field \"{key}\" (and doesn't have default value)")
            })
        });
        steps.collect()
    };
    let (left, right) = (index(before)?, index(after)?);
    for (place, step) in right.iter().enumerate() {
        if right[..place].contains(step) {
            return Err(format!("duplicate entries for key {}", readable(step)));
        }
    }
    let mut shared = right.iter().filter(|step| left.contains(step));
    let mut next_shared = shared.next();
    let mut out = Vec::with_capacity(left.len().max(right.len()));
    let mut taken: Vec<&String> = Vec::new();
    let (mut l, mut r) = (0, 0);
    let join = |step: &String, item: &Value| -> Result<Option<Value>, String> {
        let old = left.iter().position(|s| s == step).map(|at| &before[at]);
        merge(old, Some(item), shape.item())
    };
    while l < left.len() || r < right.len() {
        if let (Some(mine), Some(theirs)) = (left.get(l), right.get(r)) {
            if mine == theirs {
                taken.push(mine);
                out.extend(join(mine, &after[r])?);
                l += 1;
                r += 1;
                next_shared = shared.next();
                continue;
            }
            if right.contains(mine) && next_shared.is_some_and(|next| next != mine) {
                l += 1;
                continue;
            }
        }
        if let Some(mine) = left.get(l) {
            if !right.contains(mine) {
                out.push(before[l].clone());
                l += 1;
                continue;
            }
            if taken.contains(&mine) {
                l += 1;
            }
        }
        if let Some(theirs) = right.get(r) {
            taken.push(theirs);
            out.extend(join(theirs, &after[r])?);
            r += 1;
            if next_shared == Some(theirs) {
                next_shared = shared.next();
            }
        }
    }
    Ok(Value::Array(out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::root;
    use serde_json::json;

    #[test]
    fn sets_read_and_write_fields_v1() {
        let text = json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:image": {}}}}});
        let set = Fields::from_json(&text);
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
        assert_eq!(Fields::default().union(&set), set);
    }

    #[test]
    fn an_applied_configuration_owns_leaves_and_items() {
        let config = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}},
            "template": {"spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]}}}});
        assert_eq!(
            fields_of(&config, root("apps.v1.Deployment")).to_json(),
            json!({"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:replicas": {}, "f:selector": {},
                "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:name": {}, "f:image": {},
                    "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}}}}}})
        );
    }

    #[test]
    fn comparison_tells_added_removed_and_modified() {
        let shape = root("apps.v1.Deployment");
        let old = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"replicas": 1}});
        let new =
            json!({"metadata": {"labels": {"a": "1", "c": "3"}}, "spec": {"replicas": 2, "paused": true}});
        let difference = compare(&old, &new, shape);
        assert_eq!(
            difference.added.to_json(),
            json!({"f:metadata": {"f:labels": {"f:c": {}}}, "f:spec": {"f:paused": {}}})
        );
        assert_eq!(difference.removed.to_json(), json!({"f:metadata": {"f:labels": {"f:b": {}}}}));
        assert_eq!(difference.modified.to_json(), json!({"f:spec": {"f:replicas": {}}}));
        assert!(compare(&new, &new, shape).is_empty());
        let created = compare(&json!({}), &new, shape);
        assert_eq!(
            created.added.to_json(),
            json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}, "f:c": {}}}, "f:spec": {"f:paused": {}, "f:replicas": {}}})
        );
    }

    #[test]
    fn merging_keeps_others_items_and_the_configurations_order() {
        let shape = root("v1").field("x");
        assert!(shape.is_none());
        let shape = root("core.v1.Pod");
        let old =
            json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}, {"name": "c"}]}});
        let new = json!({"spec": {"containers": [{"name": "c", "image": "3"}, {"name": "a", "command": ["x"]}, {"name": "d"}]}});
        let merged = merge(Some(&old), Some(&new), shape).unwrap().unwrap();
        let names: Vec<&str> = merged["spec"]["containers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["b", "c", "a", "d"]);
        assert_eq!(merged["spec"]["containers"][2], json!({"name": "a", "image": "1", "command": ["x"]}));
    }

    #[test]
    fn pruning_takes_only_what_nobody_names_any_more() {
        let shape = root("core.v1.ConfigMap");
        let merged = json!({"data": {"mine": "1", "theirs": "2", "both": "3", "nobodys": "4"}});
        let last = Fields::from_json(&json!({"f:data": {"f:mine": {}, "f:both": {}}}));
        let managed = Fields::from_json(&json!({"f:data": {"f:theirs": {}, "f:both": {}}}));
        assert_eq!(
            prune(&merged, &last, &managed, shape),
            json!({"data": {"theirs": "2", "both": "3", "nobodys": "4"}})
        );
    }
}
