//! How objects are walked by their schema: what is one value, and what tells the items of a list apart.

use serde_json::{Map, Value};

use crate::schema::{Items, Shape, Type};

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
pub(super) enum Walk {
    Leaf,
    Map,
    List,
}

pub(super) fn walk(shape: &Shape, value: &Value) -> Walk {
    match (&shape.ty, value) {
        _ if shape.is_atomic() => Walk::Leaf,
        (Type::Struct(_) | Type::Map(_) | Type::Any, Value::Object(_)) => Walk::Map,
        (Type::List(_), Value::Array(_)) if shape.items != Items::Atomic => Walk::List,
        _ => Walk::Leaf,
    }
}
