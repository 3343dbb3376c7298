//! The merge of an applied configuration into an object, and the removal of fields that it no longer contains.

use serde_json::{Map, Value};

use super::field_set::{FieldSet, fields_of, readable};
use super::traverse::{MissingKey, NodeKind, node_kind, path_element};
use crate::schema::Shape;

/// Removes the fields of `set` from `value`.
fn remove(value: &Value, set: &FieldSet, shape: &'static Shape) -> Option<Value> {
    match (node_kind(shape, value), value) {
        (NodeKind::Map, Value::Object(entries)) => {
            if entries.is_empty() {
                return None;
            }
            let mut kept = Map::new();
            for (name, entry) in entries {
                let inner = shape.field(name).unwrap_or(&crate::schema::ANY);
                match set.child(&format!("f:{name}")) {
                    Some(child) if child.is_owned() => {}
                    Some(child) if child.has_below() => {
                        // An emptied value becomes null, which a comparison distinguishes from an absent one.
                        kept.insert(name.clone(), remove(entry, child, inner).unwrap_or_default());
                    }
                    _ => {
                        kept.insert(name.clone(), entry.clone());
                    }
                }
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        (NodeKind::List, Value::Array(items)) => {
            let kept: Vec<Value> = items
                .iter()
                .filter_map(|item| {
                    let step = path_element(&shape.items, shape.item(), item).unwrap_or_default();
                    match set.child(&step) {
                        Some(child) if child.is_owned() => None,
                        Some(child) if child.has_below() => remove(item, child, shape.item()),
                        _ => Some(item.clone()),
                    }
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        (NodeKind::Leaf, Value::Object(_) | Value::Array(_)) => None,
        _ => Some(value.clone()),
    }
}

/// Removes from `merged` the fields of `last` that no manager has any more. `managed` is the union of all managers'
/// fields.
pub(crate) fn prune(merged: &Value, last: &FieldSet, managed: &FieldSet, shape: &'static Shape) -> Value {
    let removed = |set: &FieldSet| remove(merged, set, shape).unwrap_or_else(|| Value::Object(Map::new()));
    let last = last.with_named(shape);
    let pruned = removed(&last);
    let all = fields_of(merged, shape).with_named(shape);
    let left = fields_of(&pruned, shape).with_named(shape);
    let pruned = removed(&all.clone().difference(&left.union(&managed.with_named(shape))));
    let left = fields_of(&pruned, shape).with_named(shape);
    removed(&all.difference(&left).intersection(&last))
}

/// Merges an applied configuration into an object.
pub(crate) fn merge(
    old: Option<&Value>,
    new: Option<&Value>,
    shape: &'static Shape,
) -> Result<Option<Value>, String> {
    let (a, b) = match (old, new) {
        (old, None) => return Ok(old.cloned()),
        (a, Some(b)) => (a, b),
    };
    match (node_kind(shape, b), b) {
        (NodeKind::Map, Value::Object(after))
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
        (NodeKind::List, Value::Array(after)) if !after.is_empty() => {
            let none = Vec::new();
            let before = a.and_then(Value::as_array).unwrap_or(&none);
            merge_lists(before, after, shape).map(Some)
        }
        (NodeKind::List, Value::Array(_))
            if a.is_some_and(|a| a.as_array().is_some_and(|l| !l.is_empty())) =>
        {
            Ok(a.cloned())
        }
        _ => Ok(Some(b.clone())),
    }
}

/// Merges two keyed lists: the items of the configuration in its order, the others in their relative places.
fn merge_lists(before: &[Value], after: &[Value], shape: &'static Shape) -> Result<Value, String> {
    let index = |list: &[Value]| -> Result<Vec<String>, String> {
        let steps = list.iter().enumerate().map(|(place, item)| {
            path_element(&shape.items, shape.item(), item).map_err(|MissingKey(key)| {
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
    fn merge_keeps_other_items_and_the_new_order() {
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
    fn prune_removes_fields_without_manager() {
        let shape = root("core.v1.ConfigMap");
        let merged = json!({"data": {"mine": "1", "theirs": "2", "both": "3", "unmanaged": "4"}});
        let last = FieldSet::from_json(&json!({"f:data": {"f:mine": {}, "f:both": {}}}));
        let managed = FieldSet::from_json(&json!({"f:data": {"f:theirs": {}, "f:both": {}}}));
        assert_eq!(
            prune(&merged, &last, &managed, shape),
            json!({"data": {"theirs": "2", "both": "3", "unmanaged": "4"}})
        );
    }
}
