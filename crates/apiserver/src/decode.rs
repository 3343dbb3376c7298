//! The typed decoding of Kubernetes, done to JSON: unknown fields are pruned (and reported), null and absent are the
//! same, quantities and times get their canonical form, and structs that Go always writes are there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hpa::Quantity;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::schema::{self, Shape, Type};
use crate::time;

/// The problems of a decoded value.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Paths of unknown fields, which were pruned.
    pub(crate) unknown: Vec<String>,
    /// The first value of a wrong type, in the words of Go's decoder.
    pub(crate) mistyped: Option<String>,
}

/// The treatment of absent fields that Go always writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ZeroValues {
    /// They get their zero value, as in a stored object.
    Fill,
    /// They stay absent, because an applied configuration must not own them.
    Omit,
}

/// Unknown fields that are reported.
const MAX_UNKNOWN: usize = 100;

/// Decodes `value` in place as a value of `shape`.
pub(crate) fn decode(value: &mut Value, shape: &'static Shape, zero_values: ZeroValues) -> Findings {
    let mut decoder =
        Decoder { findings: Findings::default(), path: String::new(), zero_values, in_status: false };
    decoder.value(value, shape, "");
    decoder.findings
}

/// Brings an already decoded value into the stored form after a change.
pub(crate) fn normalize(value: &mut Value, shape: &'static Shape) {
    decode(value, shape, ZeroValues::Fill);
}

struct Decoder {
    findings: Findings,
    path: String,
    zero_values: ZeroValues,
    in_status: bool,
}

impl Decoder {
    fn value(&mut self, value: &mut Value, shape: &'static Shape, owner: &str) {
        match &shape.ty {
            Type::Struct(name) => self.fields(value, shape, name, owner),
            Type::List(item) => match value {
                Value::Array(items) => {
                    for (place, entry) in items.iter_mut().enumerate() {
                        let end = self.path.len();
                        self.path.push_str(&format!("[{place}]"));
                        self.value(entry, item, owner);
                        self.path.truncate(end);
                    }
                }
                other => self.mistyped(other, owner, &format!("[]{}", go_type(&item.ty))),
            },
            Type::Map(item) => match value {
                Value::Object(entries) => {
                    for (key, entry) in entries.iter_mut() {
                        let end = self.path.len();
                        self.path.push_str(&format!("[{key}]"));
                        self.value(entry, item, owner);
                        self.path.truncate(end);
                    }
                }
                other => self.mistyped(other, owner, &format!("map[string]{}", go_type(&item.ty))),
            },
            Type::Any => {}
            ty => self.scalar(value, ty, owner),
        }
    }

    fn scalar(&mut self, value: &mut Value, ty: &Type, owner: &str) {
        let fits = match ty {
            Type::Bytes if value.is_string() => return self.bytes(value),
            Type::Time | Type::MicroTime if value.is_string() => return self.time(value, ty),
            Type::String | Type::Time | Type::MicroTime | Type::Bytes => value.is_string(),
            Type::Bool => value.is_boolean(),
            Type::Int32 => whole(value).is_some_and(|n| i32::try_from(n).is_ok()),
            Type::Int64 => whole(value).is_some(),
            Type::Float => value.is_number(),
            Type::Quantity => {
                if let Value::Number(number) = value {
                    // Kubernetes accepts a number and writes it as a text.
                    *value = Value::String(number.to_string());
                }
                return self.quantity(value, owner);
            }
            Type::IntOrString => value.is_string() || whole(value).is_some(),
            _ => true,
        };
        if !fits {
            self.mistyped(value, owner, go_type(ty));
        }
    }

    /// Cuts a time to the precision of its type.
    fn time(&mut self, value: &mut Value, ty: &Type) {
        let text = value.as_str().unwrap_or_default();
        match text.parse::<Timestamp>() {
            Ok(at) => {
                let kept = if *ty == Type::Time { time::seconds(at) } else { time::micros(at) };
                if kept != text {
                    *value = kept.into();
                }
            }
            Err(_) => {
                let why = format!(
                    "parsing time {value} as \"2006-01-02T15:04:05Z07:00\": cannot parse {value} as \"2006\""
                );
                self.findings.mistyped.get_or_insert(why);
            }
        }
    }

    fn bytes(&mut self, value: &Value) {
        use base64::DecodeError::{InvalidByte, InvalidLastSymbol};
        let text = value.as_str().unwrap_or_default();
        let place = match STANDARD.decode(text) {
            Ok(_) => return,
            Err(InvalidByte(place, _) | InvalidLastSymbol(place, _)) => place,
            Err(_) => text.len(),
        };
        self.findings.mistyped.get_or_insert_with(|| format!("illegal base64 data at input byte {place}"));
    }

    fn quantity(&mut self, value: &mut Value, owner: &str) {
        match value.as_str().map(str::parse::<Quantity>) {
            None => self.mistyped(value, owner, go_type(&Type::Quantity)),
            Some(Err(_)) => {
                let why = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
                self.findings.mistyped.get_or_insert_with(|| why.to_owned());
            }
            Some(Ok(parsed)) => {
                let canonical = parsed.to_string();
                if value.as_str() != Some(canonical.as_str()) {
                    *value = Value::String(canonical);
                }
            }
        }
    }

    fn fields(&mut self, value: &mut Value, shape: &'static Shape, name: &'static str, owner: &str) {
        let Value::Object(fields) = value else {
            let ty = name.rsplit('.').next().unwrap_or(name);
            return self.mistyped(value, owner, &format!("v1.{ty}"));
        };
        let Some(table) = schema::lookup(name) else { return };
        let open = schema::is_open(shape);
        let owner = name.rsplit('.').next().unwrap_or(name);
        fields.retain(|_, field| !field.is_null());
        let mut unknown = Vec::new();
        for (key, field) in fields.iter_mut() {
            let Some(inner) = table.fields.get(key.as_str()) else {
                if !open {
                    unknown.push(key.clone());
                }
                continue;
            };
            let end = self.path.len();
            self.step(key);
            let outer = self.in_status;
            self.in_status |= end == 0 && key == "status";
            self.value(field, inner, owner);
            self.in_status = outer;
            self.path.truncate(end);
        }
        for key in unknown {
            fields.remove(&key);
            if self.findings.unknown.len() < MAX_UNKNOWN {
                let path = if self.path.is_empty() { key } else { format!("{}.{key}", self.path) };
                self.findings.unknown.push(path);
            }
        }
        if self.zero_values == ZeroValues::Fill {
            self.fill_zero_values(fields, table, owner);
        }
    }

    fn fill_zero_values(
        &mut self,
        fields: &mut Map<String, Value>,
        table: &'static schema::Struct,
        owner: &str,
    ) {
        for (&name, shape) in &table.fields {
            if shape.null && !fields.contains_key(name) {
                fields.insert(name.to_owned(), shape.null_value().clone());
                continue;
            }
            match &shape.ty {
                Type::Struct(_) if shape.inline && !fields.contains_key(name) => {
                    let mut empty = Value::Object(Map::new());
                    let end = self.path.len();
                    let outer = self.in_status;
                    self.in_status |= end == 0 && name == "status";
                    self.step(name);
                    self.value(&mut empty, shape, owner);
                    self.path.truncate(end);
                    self.in_status = outer;
                    fields.insert(name.to_owned(), empty);
                }
                Type::Map(_) | Type::List(_) if !shape.required => {
                    let empty = fields.get(name).is_some_and(|value| match value {
                        Value::Object(map) => map.is_empty(),
                        Value::Array(list) => list.is_empty(),
                        _ => false,
                    });
                    if empty {
                        fields.remove(name);
                    }
                }
                // Go omits zero values, except behind pointers.
                Type::String | Type::Bool | Type::Int32 | Type::Int64 | Type::Float
                    if !shape.required
                        && !shape.pointer
                        && !shape.null
                        && fields.get(name).is_some_and(is_zero) =>
                {
                    fields.remove(name);
                }
                Type::Int32 | Type::Int64 if shape.required && self.in_status => {
                    fields.entry(name).or_insert(Value::from(0));
                }
                Type::Bool if shape.required && self.in_status => {
                    fields.entry(name).or_insert(Value::from(false));
                }
                _ => {}
            }
        }
    }

    fn step(&mut self, key: &str) {
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(key);
    }

    fn mistyped(&mut self, value: &Value, owner: &str, wanted: &str) {
        let found = match value {
            Value::Null => return,
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(number) if whole(value).is_none() || wanted == "int32" => {
                format!("number {number}")
            }
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) => "object".to_owned(),
        };
        let path: String = without_indices(&self.path);
        self.findings.mistyped.get_or_insert_with(|| {
            if owner.is_empty() {
                format!("json: cannot unmarshal {found} into Go value of type {wanted}")
            } else {
                format!("json: cannot unmarshal {found} into Go struct field {owner}.{path} of type {wanted}")
            }
        });
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::String(value) => value.is_empty(),
        Value::Number(value) => value.as_f64() == Some(0.0),
        _ => false,
    }
}

/// Removes list indices and map keys from a path, as Go's decoder does.
fn without_indices(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            _ if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9e15).map(|f| f as i64))
}

fn go_type(ty: &Type) -> &'static str {
    match ty {
        Type::String | Type::Bytes => "string",
        Type::Time => "v1.Time",
        Type::MicroTime => "v1.MicroTime",
        Type::Bool => "bool",
        Type::Int32 => "int32",
        Type::Int64 => "int64",
        Type::Float => "float64",
        Type::Quantity => "resource.Quantity",
        Type::IntOrString => "intstr.IntOrString",
        Type::Struct(name) => name.rsplit('.').next().unwrap_or(name),
        Type::Any | Type::List(_) | Type::Map(_) => "interface {}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(value: &mut Value, zero_values: ZeroValues) -> Findings {
        decode(value, schema::root("apps.v1.Deployment"), zero_values)
    }

    #[test]
    fn unknown_fields_are_reported_and_pruned() {
        let mut value = json!({"metadata": {"name": "x", "labls": {}}, "spec": {"template": {"spec": {
            "containers": [{"name": "a", "imag": "b"}]}}, "replica": 1}});
        let findings = deployment(&mut value, ZeroValues::Omit);
        assert_eq!(
            findings.unknown,
            ["metadata.labls", "spec.template.spec.containers[0].imag", "spec.replica"]
        );
        assert_eq!(
            value,
            json!({"metadata": {"name": "x"}, "spec": {"template": {"spec": {
            "containers": [{"name": "a"}]}}}})
        );
    }

    #[test]
    fn wrong_types_have_the_messages_of_go() {
        let mut value = json!({"spec": {"replicas": "3"}});
        assert_eq!(
            deployment(&mut value, ZeroValues::Omit).mistyped.unwrap(),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        );
        let mut value = json!({"spec": {"template": {"spec": {"containers": [{"name": 1}]}}}});
        assert_eq!(
            deployment(&mut value, ZeroValues::Omit).mistyped.unwrap(),
            "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.name of type string"
        );
    }

    #[test]
    fn nulls_and_empty_lists_are_removed_and_structs_added() {
        let mut value = json!({"metadata": {"labels": {}}, "spec": {"replicas": null, "template": {
            "spec": {"containers": [{"name": "a", "args": []}], "volumes": [{"name": "v", "emptyDir": {}}]}}}});
        assert_eq!(deployment(&mut value, ZeroValues::Fill), Findings::default());
        assert_eq!(
            value,
            json!({"metadata": {}, "status": {}, "spec": {"strategy": {}, "template": {
            "metadata": {}, "spec": {"containers": [{"name": "a", "resources": {}}],
            "volumes": [{"name": "v", "emptyDir": {}}]}}}})
        );
    }

    #[test]
    fn quantities_become_canonical() {
        for (text, wanted) in [("1000", "1k"), ("0.5", "500m"), ("1024Mi", "1Gi"), ("1e3", "1e3")] {
            let mut value = json!({"spec": {"maxReplicas": 1, "metrics": [{"type": "External",
                "external": {"target": {"averageValue": text}}}]}});
            let shape = schema::root("autoscaling.v2.HorizontalPodAutoscaler");
            assert_eq!(decode(&mut value, shape, ZeroValues::Omit), Findings::default());
            assert_eq!(value["spec"]["metrics"][0]["external"]["target"]["averageValue"], wanted);
        }
    }

    #[test]
    fn kinds_without_schema_keep_their_fields() {
        let mut value = json!({"metadata": {"name": "x", "nonsense": 1}, "spec": {"a": null, "b": []}});
        let findings = decode(&mut value, schema::root(""), ZeroValues::Fill);
        assert_eq!(findings.unknown, ["metadata.nonsense"]);
        assert_eq!(value["spec"], json!({"a": null, "b": []}));
    }
}
