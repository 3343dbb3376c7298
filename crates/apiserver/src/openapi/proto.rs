//! The OpenAPI 2 document in protobuf, the only format that kubectl accepts for it.
//!
//! Source: `OpenAPIv2.proto` of `github.com/google/gnostic`. Values without a message of their own are JSON texts in
//! `Any.yaml`.

use serde_json::{Map, Value};

/// Encodes an OpenAPI 2 document as `openapi.v2.Document`.
pub(super) fn encode(document: &Value) -> Vec<u8> {
    let mut out = Message::default();
    out.text(1, &document["swagger"]);
    out.message(2, |info| {
        info.text(1, &document["info"]["title"]);
        info.text(2, &document["info"]["version"]);
    });
    out.message(8, |paths| paths.named(2, &document["paths"], path_item));
    out.message(9, |definitions| definitions.named(1, &document["definitions"], schema));
    out.0
}

/// A protobuf message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        loop {
            let low = u8::try_from(value & 0x7f).unwrap_or_default();
            value >>= 7;
            if value == 0 {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.0.extend_from_slice(bytes);
    }

    /// Writes a text, unless it is absent.
    fn text(&mut self, field: u64, value: &Value) {
        if let Some(text) = value.as_str() {
            self.bytes(field, text.as_bytes());
        }
    }

    /// Writes a list of texts.
    fn texts(&mut self, field: u64, value: &Value) {
        value.as_array().into_iter().flatten().for_each(|text| self.text(field, text));
    }

    fn flag(&mut self, field: u64, value: &Value) {
        if value == true {
            self.varint(field << 3);
            self.varint(1);
        }
    }

    fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }

    /// Writes a value as JSON in an `Any`.
    fn any(&mut self, field: u64, value: &Value) {
        self.message(field, |any| any.bytes(2, value.to_string().as_bytes()));
    }

    /// Writes a map as a list of messages with the fields name and value.
    fn named(&mut self, field: u64, map: &Value, write: impl Fn(&mut Self, &Value)) {
        for (name, value) in map.as_object().into_iter().flatten() {
            self.message(field, |named| {
                named.bytes(1, name.as_bytes());
                named.message(2, |inner| write(inner, value));
            });
        }
    }

    /// Writes the keys `x-…` of a map.
    fn extensions(&mut self, field: u64, map: &Value) {
        let entries = map.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("x-"));
        for (name, value) in entries {
            self.message(field, |named| {
                named.bytes(1, name.as_bytes());
                named.any(2, value);
            });
        }
    }
}

fn path_item(out: &mut Message, item: &Value) {
    for (field, method) in [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (8, "patch")] {
        if item[method].is_object() {
            out.message(field, |out| operation(out, &item[method]));
        }
    }
}

fn operation(out: &mut Message, operation: &Value) {
    out.texts(1, &operation["tags"]);
    out.texts(6, &operation["produces"]);
    out.texts(7, &operation["consumes"]);
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        // ParametersItem, then Parameter.
        out.message(8, |item| item.message(1, |out| self::parameter(out, parameter)));
    }
    out.message(9, |responses| {
        // ResponseValue, Response, SchemaItem.
        responses.named(1, &operation["responses"], |value, response| {
            value.message(1, |out| {
                out.text(1, &response["description"]);
                out.message(2, |item| item.message(1, |out| schema(out, &response["schema"])));
            });
        });
    });
    out.extensions(13, operation);
}

fn parameter(out: &mut Message, parameter: &Value) {
    if parameter["in"] == "body" {
        return out.message(1, |out| {
            out.text(2, &parameter["name"]);
            out.text(3, &parameter["in"]);
            out.flag(4, &parameter["required"]);
            out.message(5, |out| schema(out, &parameter["schema"]));
        });
    }
    // NonBodyParameter, then QueryParameterSubSchema.
    out.message(2, |out| {
        out.message(3, |out| {
            out.text(2, &parameter["in"]);
            out.text(4, &parameter["name"]);
            out.text(6, &parameter["type"]);
            out.flag(20, &parameter["uniqueItems"]);
        });
    });
}

fn schema(out: &mut Message, value: &Value) {
    out.text(1, &value["$ref"]);
    out.text(2, &value["format"]);
    out.text(4, &value["description"]);
    if let Some(default) = value.get("default") {
        out.any(5, default);
    }
    out.texts(19, &value["required"]);
    value["enum"].as_array().into_iter().flatten().for_each(|choice| out.any(20, choice));
    match &value["additionalProperties"] {
        Value::Object(_) => {
            out.message(21, |item| item.message(1, |out| schema(out, &value["additionalProperties"])));
        }
        Value::Bool(true) => out.message(21, |item| item.flag(2, &true.into())),
        _ => {}
    }
    if value["type"].is_string() {
        out.message(22, |ty| ty.text(1, &value["type"]));
    }
    if value["items"].is_object() {
        out.message(23, |items| items.message(1, |out| schema(out, &value["items"])));
    }
    if value["properties"].as_object().is_some_and(|properties: &Map<String, Value>| !properties.is_empty()) {
        out.message(25, |properties| properties.named(1, &value["properties"], schema));
    }
    out.extensions(31, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_has_the_fields_of_gnostic() {
        let document = json!({"swagger": "2.0", "info": {"title": "K", "version": "v"}, "paths": {},
            "definitions": {"a": {"type": "object", "x-y": [1]}}});
        let expected = [
            &b"\x0a\x032.0\x12\x06\x0a\x01K\x12\x01v\x42\x00"[..],
            // definitions { name: "a", value { type { "object" }, vendor_extension { "x-y", yaml "[1]" } } }
            b"\x4a\x21\x0a\x1f\x0a\x01a\x12\x1a\xb2\x01\x08\x0a\x06object\xfa\x01\x0c\x0a\x03x-y\x12\x05\x12\x03[1]",
        ];
        assert_eq!(encode(&document), expected.concat());
    }
}
