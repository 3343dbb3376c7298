//! Strategic-merge patches: JSON merge patches that merge lists by key, according to the schema.

use serde_json::{Map, Value};

use super::go_format;
use crate::Status;
use crate::schema::{Merge, Shape};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_PREFIX: &str = "$deleteFromPrimitiveList/";
const ORDER_PREFIX: &str = "$setElementOrder/";

/// Applies `patch` to `object`.
pub(crate) fn patch(object: &mut Value, patch: &Value, shape: &'static Shape) -> Result<(), Status> {
    let Value::Object(changes) = patch else {
        let kind = go_format::json_type(patch);
        return Err(Status::bad_request(format!(
            "json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        )));
    };
    let original = match std::mem::take(object) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    *object = Value::Object(maps(original, changes, shape)?);
    Ok(())
}

fn maps(
    mut original: Map<String, Value>,
    patch: &Map<String, Value>,
    shape: &'static Shape,
) -> Result<Map<String, Value>, Status> {
    match patch.get(DIRECTIVE).map(Value::as_str) {
        None => {}
        Some(Some("replace")) => {
            let mut patch = patch.clone();
            patch.remove(DIRECTIVE);
            return Ok(patch);
        }
        Some(Some("delete")) => return Ok(Map::new()),
        Some(Some("merge")) => {}
        Some(_) => return Err(bad_directive(&Value::Object(patch.clone()))),
    }
    if let Some(keys) = patch.get(RETAIN_KEYS).and_then(Value::as_array) {
        original.retain(|name, _| keys.iter().any(|key| key == name));
    }
    for (name, change) in patch {
        if matches!(name.as_str(), DIRECTIVE | RETAIN_KEYS) {
            continue;
        }
        if let Some(list) = name.strip_prefix(DELETE_PREFIX) {
            if let (Some(Value::Array(items)), Value::Array(gone)) = (original.get_mut(list), change) {
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        if let Some(list) = name.strip_prefix(ORDER_PREFIX) {
            if !patch.contains_key(list)
                && let Some(Value::Array(items)) = original.get(list)
            {
                let key = merge_key(field(shape, list));
                let sorted = in_order(items, change, items, key);
                original.insert(list.to_owned(), Value::Array(sorted));
            }
            continue;
        }
        let inner = field(shape, name);
        match (original.remove(name), change) {
            (_, Value::Null) => {}
            (Some(Value::Object(before)), Value::Object(after)) => {
                original.insert(name.clone(), Value::Object(maps(before, after, inner)?));
            }
            (Some(Value::Array(before)), Value::Array(after)) if inner.merge != Merge::Replace => {
                let order = patch.get(&format!("{ORDER_PREFIX}{name}"));
                original.insert(name.clone(), Value::Array(lists(&before, after, order, inner)?));
            }
            (_, change) => {
                if let Some(value) = without_directives(change) {
                    original.insert(name.clone(), value);
                }
            }
        }
    }
    Ok(original)
}

fn field(shape: &'static Shape, name: &str) -> &'static Shape {
    shape.field(name).unwrap_or(&crate::schema::ANY)
}

fn merge_key(shape: &'static Shape) -> Option<&'static str> {
    match shape.merge {
        Merge::By(key) => Some(key),
        Merge::Scalars | Merge::Replace => None,
    }
}

fn lists(
    before: &[Value],
    after: &[Value],
    order: Option<&Value>,
    shape: &'static Shape,
) -> Result<Vec<Value>, Status> {
    let Some(key) = merge_key(shape) else {
        let mut merged = before.to_vec();
        for item in after {
            if !merged.contains(item) {
                merged.push(item.clone());
            }
        }
        let wanted = Value::Array(after.to_vec());
        return Ok(in_order(&merged, order.unwrap_or(&wanted), before, None));
    };
    let mut merged = before.to_vec();
    let mut plain = Vec::with_capacity(after.len());
    for item in after {
        match item.get(DIRECTIVE).map(Value::as_str) {
            None => plain.push(item),
            Some(Some("delete")) => {
                let gone = item.get(key).ok_or_else(|| no_key(item, key))?;
                merged.retain(|known| known.get(key) != Some(gone));
            }
            Some(Some("replace")) => merged.clear(),
            Some(_) => return Err(bad_directive(item)),
        }
    }
    for item in &plain {
        let (Some(wanted), Some(changes)) = (item.get(key), item.as_object()) else {
            return Err(no_key(item, key));
        };
        match merged.iter_mut().find(|known| known.get(key) == Some(wanted)) {
            Some(Value::Object(known)) => {
                let next = maps(std::mem::take(known), changes, shape.item())?;
                *known = next;
            }
            _ => merged.extend(without_directives(item)),
        }
    }
    let wanted = Value::Array(plain.into_iter().cloned().collect());
    Ok(in_order(&merged, order.unwrap_or(&wanted), before, Some(key)))
}

/// Sorts the items of `wanted` in its order. The other items keep their relative places from `before`.
fn in_order(items: &[Value], wanted: &Value, before: &[Value], key: Option<&str>) -> Vec<Value> {
    let same = |a: &Value, b: &Value| match key {
        Some(key) => a.get(key) == b.get(key),
        None => a == b,
    };
    let wanted = wanted.as_array().map(Vec::as_slice).unwrap_or_default();
    let place = |list: &[Value], item: &Value| list.iter().position(|other| same(other, item));
    let (mut named, mut others): (Vec<&Value>, Vec<&Value>) =
        items.iter().partition(|item| place(wanted, item).is_some());
    named.sort_by_key(|item| place(wanted, item));
    others.sort_by_key(|item| place(before, item).unwrap_or(usize::MAX));
    let mut out: Vec<Value> = Vec::with_capacity(items.len());
    let mut named = named.into_iter().peekable();
    for other in others {
        let at = place(before, other);
        while let Some(next) = named.peek() {
            if at.is_some() && place(before, next) > at {
                break;
            }
            out.extend(named.next().cloned());
        }
        out.push(other.clone());
    }
    out.extend(named.cloned());
    out
}

/// Removes directives such as `$patch` from a value that is new to the object.
fn without_directives(value: &Value) -> Option<Value> {
    match value {
        Value::Object(fields) => {
            if fields.get(DIRECTIVE).is_some_and(|directive| directive == "delete") {
                return None;
            }
            let kept = fields.iter().filter(|(name, value)| !name.starts_with('$') && !value.is_null());
            Some(Value::Object(kept.filter_map(|(n, v)| Some((n.clone(), without_directives(v)?))).collect()))
        }
        Value::Array(items) => Some(Value::Array(items.iter().filter_map(without_directives).collect())),
        other => Some(other.clone()),
    }
}

/// Kubernetes answers a wrong patch with 500 and no reason.
fn bad_directive(item: &Value) -> Status {
    let (directive, item) = (go_format::text(&item[DIRECTIVE]), go_format::text(item));
    Status::new(500, "", format!("unknown patch type: {directive} in map: {item}"))
}

fn no_key(item: &Value, key: &str) -> Status {
    let item = go_format::text(item);
    Status::new(500, "", format!("map: {item} does not contain declared merge key: {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::root;
    use serde_json::json;

    fn patched(kind: &'static str, mut object: Value, change: &Value) -> Value {
        patch(&mut object, change, root(kind)).unwrap();
        object
    }

    #[test]
    fn lists_are_merged_by_key() {
        let pod = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]}});
        assert_eq!(
            patched(
                "core.v1.Pod",
                pod.clone(),
                &json!({"spec": {"containers": [{"name": "b", "image": "3"}]}})
            ),
            json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "3"}]}})
        );
        assert_eq!(
            patched(
                "core.v1.Pod",
                pod.clone(),
                &json!({"spec": {"containers": [{"name": "a", "$patch": "delete"}]}})
            ),
            json!({"spec": {"containers": [{"name": "b", "image": "2"}]}})
        );
        assert_eq!(
            patched(
                "core.v1.Pod",
                pod.clone(),
                &json!({"spec": {"containers": [{"name": "c"}, {"$patch": "replace"}]}})
            ),
            json!({"spec": {"containers": [{"name": "c"}]}})
        );
        assert_eq!(
            patched(
                "core.v1.Pod",
                pod,
                &json!({"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
                "containers": [{"name": "a", "image": null}]}})
            ),
            json!({"spec": {"containers": [{"name": "b", "image": "2"}, {"name": "a"}]}})
        );
    }

    #[test]
    fn lists_without_key_are_replaced_or_extended() {
        let pod = json!({"metadata": {"finalizers": ["a"]}, "spec": {"containers": [{"name": "a", "args": ["1"]}]}});
        assert_eq!(
            patched(
                "core.v1.Pod",
                pod.clone(),
                &json!({"spec": {"containers": [{"name": "a", "args": ["2"]}]}})
            )["spec"]["containers"][0]["args"],
            json!(["2"])
        );
        assert_eq!(
            patched("core.v1.Pod", pod.clone(), &json!({"metadata": {"finalizers": ["b"]}}))["metadata"]["finalizers"],
            json!(["b", "a"])
        );
        assert_eq!(
            patched("core.v1.Pod", pod, &json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}))
                ["metadata"]["finalizers"],
            json!([])
        );
    }

    #[test]
    fn nulls_delete_and_directives_replace() {
        let deployment = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}});
        assert_eq!(
            patched(
                "apps.v1.Deployment",
                deployment.clone(),
                &json!({"metadata": {"labels": {"a": null, "c": "3"}}})
            )["metadata"]["labels"],
            json!({"b": "2", "c": "3"})
        );
        assert_eq!(
            patched(
                "apps.v1.Deployment",
                deployment.clone(),
                &json!({"metadata": {"labels": {"$patch": "replace", "c": "3"}}})
            )["metadata"]["labels"],
            json!({"c": "3"})
        );
        assert_eq!(
            patched(
                "apps.v1.Deployment",
                deployment,
                &json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}})
            )["spec"]["strategy"],
            json!({"type": "Recreate"})
        );
    }

    #[test]
    fn an_item_without_its_key_is_rejected() {
        let mut pod = json!({"spec": {"containers": [{"name": "a"}]}});
        let rejected =
            patch(&mut pod, &json!({"spec": {"containers": [{"image": "x"}]}}), root("core.v1.Pod"))
                .unwrap_err();
        assert_eq!(rejected.message, "map: map[image:x] does not contain declared merge key: name");
    }
}
