//! JSON parsing that reports repeated fields. The last value of a repeated field counts.

use std::cell::RefCell;
use std::fmt;

use serde::de::{Deserialize as _, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Repeated fields that are reported.
const MAX_REPEATED: usize = 100;

/// Parses a document. Also returns the paths of repeated fields.
pub(crate) fn parse(bytes: &[u8]) -> serde_json::Result<(Value, Vec<String>)> {
    let (path, repeated) = (RefCell::new(String::new()), RefCell::new(Vec::new()));
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Seed { path: &path, repeated: &repeated }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, repeated.into_inner()))
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    path: &'a RefCell<String>,
    repeated: &'a RefCell<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        let end = self.path.borrow().len();
        loop {
            self.path.borrow_mut().push_str(&format!("[{}]", list.len()));
            let item = items.next_element_seed(self)?;
            self.path.borrow_mut().truncate(end);
            match item {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let end = self.path.borrow().len();
        while let Some(key) = entries.next_key::<String>()? {
            if end > 0 {
                self.path.borrow_mut().push('.');
            }
            self.path.borrow_mut().push_str(&key);
            let value = entries.next_value_seed(self)?;
            if map.insert(key, value).is_some() && self.repeated.borrow().len() < MAX_REPEATED {
                self.repeated.borrow_mut().push(self.path.borrow().clone());
            }
            self.path.borrow_mut().truncate(end);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn repeated_fields_are_reported_and_the_last_counts() {
        let text = r#"{"a": 1, "spec": {"x": [{"n": 1, "n": 2}, null, true, -1.5, "s"]}, "a": {"b": 2}}"#;
        let (value, repeated) = parse(text.as_bytes()).unwrap();
        assert_eq!(value, json!({"a": {"b": 2}, "spec": {"x": [{"n": 2}, null, true, -1.5, "s"]}}));
        assert_eq!(repeated, ["spec.x[0].n", "a"]);
        assert!(parse(b"{} x").is_err());
        assert!(parse(b"{\"a\":").is_err());
        assert!(parse("[".repeat(100_000).as_bytes()).is_err(), "depth is bounded");
    }
}
