//! Bodies in `application/vnd.kubernetes.protobuf`, which kubectl and helm send for built-in kinds.
//!
//! A body is four bytes of magic and a message with the kind and, in field 2, the object. The schema contains the field
//! numbers. Go sends every scalar that is not a pointer, also when it is zero; such a zero means absent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::schema::{self, Shape, Type};
use crate::{Status, time};

const MAGIC: &[u8] = b"k8s\0";
/// Nesting depth of messages.
const MAX_DEPTH: usize = 64;

/// Decodes a body to the JSON of the same object.
pub(crate) fn decode(body: &[u8]) -> Result<Value, Status> {
    let rejected =
        |why: &str| Status::bad_request(format!("the object provided is unrecognized (protobuf): {why}"));
    let envelope = body.strip_prefix(MAGIC).ok_or_else(|| rejected("it does not begin with k8s\\x00"))?;
    let (mut api_version, mut kind, mut raw): (String, String, &[u8]) = Default::default();
    let mut fields = FieldReader(envelope);
    while let Some((number, field)) = fields.next().map_err(rejected)? {
        match (number, field) {
            (1, WireValue::Bytes(bytes)) => {
                let mut fields = FieldReader(bytes);
                while let Some((number, field)) = fields.next().map_err(rejected)? {
                    match (number, field) {
                        (1, WireValue::Bytes(text)) => api_version = text_of(text).map_err(rejected)?,
                        (2, WireValue::Bytes(text)) => kind = text_of(text).map_err(rejected)?,
                        _ => {}
                    }
                }
            }
            (2, WireValue::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let mut object = Map::new();
    let shape = schema::root(schema_name(&api_version, &kind).unwrap_or_default());
    message(raw, shape, &[], &mut object, 0).map_err(rejected)?;
    object.insert("apiVersion".into(), api_version.into());
    object.insert("kind".into(), kind.into());
    Ok(Value::Object(object))
}

/// Returns the name of a kind's type in the schema.
fn schema_name(api_version: &str, kind: &str) -> Option<&'static str> {
    if kind == "DeleteOptions" {
        return Some("meta.v1.DeleteOptions");
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("core", api_version));
    let group = group.split('.').next().unwrap_or(group);
    schema::static_name(&format!("{group}.{version}.{kind}"))
}

enum WireValue<'a> {
    Number(u64),
    Bits(u64),
    Bytes(&'a [u8]),
}

/// Reads the fields of a message.
struct FieldReader<'a>(&'a [u8]);

impl<'a> FieldReader<'a> {
    fn next(&mut self) -> Result<Option<(u32, WireValue<'a>)>, &'static str> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| "a field's number is too large")?;
        let field = match tag & 7 {
            0 => WireValue::Number(self.varint()?),
            1 => WireValue::Bits(u64::from_le_bytes(self.take(8)?.try_into().map_err(|_| CUT)?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| CUT)?;
                WireValue::Bytes(self.take(length)?)
            }
            5 => WireValue::Bits(u64::from(u32::from_le_bytes(self.take(4)?.try_into().map_err(|_| CUT)?))),
            _ => return Err("a field has an unknown wire type"),
        };
        Ok(Some((number, field)))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(CUT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, &'static str> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number is too long")
    }
}

const CUT: &str = "unexpected end inside of a field";

fn text_of(bytes: &[u8]) -> Result<String, &'static str> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "a text is not UTF-8")
}

/// Reads a message into `out`. `around` contains the numbers of the surrounding messages that JSON does not show.
fn message(
    bytes: &[u8],
    shape: &'static Shape,
    around: &[u32],
    out: &mut Map<String, Value>,
    depth: usize,
) -> Result<(), &'static str> {
    if depth > MAX_DEPTH {
        return Err("too many nested messages");
    }
    let Type::Struct(name) = &shape.ty else { return Ok(()) };
    let Some(table) = schema::lookup(name) else { return Ok(()) };
    let mut fields = FieldReader(bytes);
    while let Some((number, field)) = fields.next()? {
        let path = [around, &[number]].concat();
        if let Some((name, shape)) = table.fields.iter().find(|(_, shape)| shape.number == path) {
            put(out, name, shape, &field, depth)?;
        } else if let WireValue::Bytes(inner) = field
            && table.fields.values().any(|shape| shape.number.starts_with(&path))
        {
            message(inner, shape, &path, out, depth + 1)?;
        }
    }
    Ok(())
}

fn put(
    out: &mut Map<String, Value>,
    name: &str,
    shape: &'static Shape,
    field: &WireValue<'_>,
    depth: usize,
) -> Result<(), &'static str> {
    match &shape.ty {
        Type::List(item) => {
            let list = out.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            if let (Some(list), Some(value)) = (list.as_array_mut(), value(item, field, depth)?) {
                list.push(value);
            }
        }
        Type::Map(item) => {
            let WireValue::Bytes(entry) = field else { return Ok(()) };
            let (mut key, mut found) = (String::new(), None);
            let mut fields = FieldReader(entry);
            while let Some((number, field)) = fields.next()? {
                match (number, &field) {
                    (1, WireValue::Bytes(text)) => key = text_of(text)?,
                    (2, field) => found = value(item, field, depth)?,
                    _ => {}
                }
            }
            let map = out.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if let Some(map) = map.as_object_mut() {
                map.insert(key, found.unwrap_or_else(|| zero(item)));
            }
        }
        _ => {
            if let Some(value) = value(shape, field, depth)?
                && (shape.pointer || shape.required || value != zero(shape))
            {
                out.insert(name.to_owned(), value);
            }
        }
    }
    Ok(())
}

/// Returns the value of an absent scalar.
fn zero(shape: &Shape) -> Value {
    match shape.ty {
        Type::String | Type::Bytes => "".into(),
        Type::Bool => false.into(),
        Type::Int32 | Type::Int64 => 0.into(),
        Type::Float => 0.0.into(),
        _ => Value::Null,
    }
}

/// Reads one value; `None` for a time that is not set.
fn value(shape: &'static Shape, field: &WireValue<'_>, depth: usize) -> Result<Option<Value>, &'static str> {
    Ok(Some(match (&shape.ty, field) {
        (Type::String, WireValue::Bytes(bytes)) => text_of(bytes)?.into(),
        (Type::Bytes, WireValue::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        (Type::Bool, WireValue::Number(number)) => (*number != 0).into(),
        // Negative numbers are 64-bit two's complement.
        (Type::Int32 | Type::Int64, WireValue::Number(number)) => number.cast_signed().into(),
        (Type::Float, WireValue::Bits(bits)) => f64::from_bits(*bits).into(),
        (Type::Struct(_), WireValue::Bytes(bytes)) => {
            let mut inner = Map::new();
            message(bytes, shape, &[], &mut inner, depth + 1)?;
            inner.into()
        }
        (Type::Quantity, WireValue::Bytes(bytes)) => return text_field(bytes, 1),
        (Type::Time, WireValue::Bytes(bytes)) => {
            return Ok(instant(bytes)?.map(|at| time::seconds(at).into()));
        }
        (Type::MicroTime, WireValue::Bytes(bytes)) => {
            return Ok(instant(bytes)?.map(|at| time::micros(at).into()));
        }
        (Type::IntOrString, WireValue::Bytes(bytes)) => return int_or_string(bytes).map(Some),
        (Type::Any, WireValue::Bytes(bytes)) => return raw_json(bytes),
        _ => return Err("a field has the wrong wire type"),
    }))
}

/// Reads a text field of a message.
fn text_field(bytes: &[u8], wanted: u32) -> Result<Option<Value>, &'static str> {
    let mut fields = FieldReader(bytes);
    while let Some((number, field)) = fields.next()? {
        if let (true, WireValue::Bytes(text)) = (number == wanted, field) {
            return Ok(Some(text_of(text)?.into()));
        }
    }
    Ok(None)
}

fn instant(bytes: &[u8]) -> Result<Option<Timestamp>, &'static str> {
    let (mut seconds, mut nanos) = (None, 0);
    let mut fields = FieldReader(bytes);
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (1, WireValue::Number(number)) => seconds = Some(number.cast_signed()),
            (2, WireValue::Number(number)) => nanos = i32::try_from(number).unwrap_or(0),
            _ => {}
        }
    }
    let Some(seconds) = seconds else { return Ok(None) };
    Timestamp::new(seconds, nanos).map(Some).map_err(|_| "a time is out of range")
}

fn int_or_string(bytes: &[u8]) -> Result<Value, &'static str> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    let mut fields = FieldReader(bytes);
    while let Some((place, field)) = fields.next()? {
        match (place, field) {
            (1, WireValue::Number(kind)) => is_text = kind == 1,
            (2, WireValue::Number(value)) => number = value.cast_signed(),
            (3, WireValue::Bytes(bytes)) => text = text_of(bytes)?,
            _ => {}
        }
    }
    Ok(if is_text { text.into() } else { number.into() })
}

/// Reads JSON inside of a message.
fn raw_json(bytes: &[u8]) -> Result<Option<Value>, &'static str> {
    let mut fields = FieldReader(bytes);
    while let Some((number, field)) = fields.next()? {
        if let (1, WireValue::Bytes(json)) = (number, field) {
            return serde_json::from_slice(json).map(Some).map_err(|_| "a part in JSON cannot be read");
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{self, ZeroValues};

    /// Objects in protobuf (base64) and JSON, both written by Go's own types.
    const CASES: &str = include_str!("../../tests/data/protobuf.json");

    #[test]
    fn protobuf_and_json_of_go_are_the_same_object() {
        let cases: Vec<(String, Value)> = serde_json::from_str(CASES).unwrap();
        assert!(!cases.is_empty());
        for (bytes, mut json) in cases {
            let mut ours = decode(&STANDARD.decode(bytes).unwrap()).unwrap();
            let name =
                schema_name(json["apiVersion"].as_str().unwrap(), json["kind"].as_str().unwrap()).unwrap();
            for object in [&mut ours, &mut json] {
                assert_eq!(decode::decode(object, schema::root(name), ZeroValues::Fill).unknown, [""; 0]);
            }
            assert_eq!(ours, json);
        }
    }

    #[test]
    fn truncated_bodies_are_rejected() {
        let cases: Vec<(String, Value)> = serde_json::from_str(CASES).unwrap();
        let whole = STANDARD.decode(&cases[0].0).unwrap();
        for end in 0..whole.len() {
            // A cut between two fields leaves a valid message.
            assert!(
                decode(&whole[..end]).is_ok_and(|object| object.is_object())
                    || decode(&whole[..end]).is_err_and(|status| status.code == 400)
            );
        }
        assert_eq!(decode(&whole[..whole.len() - 1]).unwrap_err().code, 400);
        assert_eq!(decode(b"{}").unwrap_err().code, 400);
        assert_eq!(decode(b"k8s\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").unwrap_err().code, 400);
    }
}
