//! The difference of two objects, as sets of fields.

use serde_json::{Map, Value};

use super::field_set::FieldSet;
use super::traverse::{NodeKind, node_kind, path_element};
use crate::schema::Shape;

/// The difference of two objects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) added: FieldSet,
    pub(crate) removed: FieldSet,
    pub(crate) modified: FieldSet,
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
                std::mem::discriminant(&node_kind(shape, old))
                    == std::mem::discriminant(&node_kind(shape, new))
            }
            _ => true,
        };
        let walk = node_kind(shape, sample);
        let leaf = !same_walk || matches!(walk, NodeKind::Leaf) || (empty(old) && empty(new));
        if !leaf {
            match walk {
                NodeKind::Map => self.maps(old, new, shape),
                NodeKind::List => self.lists(old, new, shape),
                NodeKind::Leaf => {}
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
                // The field exists whenever its owner does.
                a = a.or(old.map(|_| &part));
                b = b.or(new.map(|_| &part));
            } else if inner.null || inner.is_always_listed() {
                a = a.or(old.map(|_| inner.null_value()));
                b = b.or(new.map(|_| inner.null_value()));
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
                .filter_map(|item| Some((path_element(&shape.items, shape.item(), item).ok()?, item.clone())))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::root;
    use serde_json::json;

    #[test]
    fn a_comparison_finds_added_removed_and_modified() {
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
}
