//! Traversal of objects by their schema: leaves, maps and lists, and the keys of list items.

use serde_json::{Map, Value};

use crate::schema::{Items, Shape, Type};

/// An item of a keyed list lacks a key without default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MissingKey(pub(crate) String);

/// Returns the path element of a list item, in the notation of `fieldsV1`.
pub(crate) fn path_element(
    items: &Items,
    item_shape: &'static Shape,
    item: &Value,
) -> Result<String, MissingKey> {
    match items {
        Items::Atomic => Err(MissingKey(String::new())),
        Items::Set => Ok(format!("v:{item}")),
        Items::Keyed(keys) => {
            let mut named = Map::new();
            for &key in keys {
                let default = || item_shape.field(key).and_then(Shape::key_default);
                match item.get(key).filter(|value| !value.is_null()).cloned().or_else(default) {
                    Some(value) => {
                        named.insert(key.to_owned(), value);
                    }
                    // One key of several can be absent, as in tolerations.
                    None if keys.len() > 1 => {}
                    None => return Err(MissingKey(key.to_owned())),
                }
            }
            if named.is_empty() {
                return Err(MissingKey(keys.join(",")));
            }
            Ok(format!("k:{}", Value::Object(named)))
        }
    }
}

/// The way in which field sets see a value.
pub(super) enum NodeKind {
    Leaf,
    Map,
    List,
}

pub(super) fn node_kind(shape: &Shape, value: &Value) -> NodeKind {
    match (&shape.ty, value) {
        _ if shape.is_atomic() => NodeKind::Leaf,
        (Type::Struct(_) | Type::Map(_) | Type::Any, Value::Object(_)) => NodeKind::Map,
        (Type::List(_), Value::Array(_)) if shape.items != Items::Atomic => NodeKind::List,
        _ => NodeKind::Leaf,
    }
}
