//! The fields of the kinds: types, list keys, merge keys and protobuf numbers.
//!
//! The schema drives typed decoding, strategic-merge patches, server-side apply, protobuf and the OpenAPI documents. It is
//! text (`schema/*.schema`, one file for each group and version): the name of a type at the margin, and its fields below it
//! as `name[!] type flags…`. `!` marks a required field.
//!
//! | flag | meaning |
//! | --- | --- |
//! | `atomic` | an apply replaces it as a whole |
//! | `map:a,b` | a list with the item keys `a` and `b` |
//! | `set` | a list of distinct scalars |
//! | `merge:a` | a strategic-merge patch merges the items by field `a` |
//! | `merge` | a strategic-merge patch appends to the list of scalars |
//! | `retain` | a strategic-merge patch can list the keys to keep |
//! | `inline` | a struct that Go always writes, so no manager owns its presence |
//! | `ptr` | a scalar whose zero value differs from absence |
//! | `#2.3` | its protobuf number, after the numbers of surrounding messages that JSON does not show |
//! | `null` | Go writes null (for a text, the empty text) when it is absent |
//! | `=x` | the default as an item key |

pub(crate) mod descriptions;

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde_json::Value;

const FILES: [&str; 15] = [
    include_str!("../schema/apiextensions.v1.schema"),
    include_str!("../schema/apiregistration.v1.schema"),
    include_str!("../schema/apps.v1.schema"),
    include_str!("../schema/authorization.v1.schema"),
    include_str!("../schema/autoscaling.v1.schema"),
    include_str!("../schema/autoscaling.v2.schema"),
    include_str!("../schema/coordination.v1.schema"),
    include_str!("../schema/core.v1.schema"),
    include_str!("../schema/discovery.v1.schema"),
    include_str!("../schema/events.v1.schema"),
    include_str!("../schema/meta.v1.schema"),
    include_str!("../schema/networking.v1.schema"),
    include_str!("../schema/policy.v1.schema"),
    include_str!("../schema/rbac.v1.schema"),
    include_str!("../schema/scheduling.v1.schema"),
];

/// Names of [`FILES`], in the same order. The full name of a type is `FILE.Type`.
const PREFIXES: [&str; 15] = [
    "apiextensions.v1",
    "apiregistration.v1",
    "apps.v1",
    "authorization.v1",
    "autoscaling.v1",
    "autoscaling.v2",
    "coordination.v1",
    "core.v1",
    "discovery.v1",
    "events.v1",
    "meta.v1",
    "networking.v1",
    "policy.v1",
    "rbac.v1",
    "scheduling.v1",
];

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    String,
    /// RFC 3339 text in seconds.
    Time,
    /// RFC 3339 text in microseconds.
    MicroTime,
    /// Base64 text.
    Bytes,
    Bool,
    Int32,
    Int64,
    Float,
    /// A text or a number, such as `250m`.
    Quantity,
    /// A text or a whole number, such as `25%`.
    IntOrString,
    /// Any JSON value: maps are merged key by key, lists are replaced.
    Any,
    /// A type of the schema, by its full name.
    Struct(&'static str),
    List(Box<Shape>),
    Map(Box<Shape>),
}

/// The identity of list items in an apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Items {
    /// None: the list is one value.
    Atomic,
    /// Their value.
    Set,
    /// These fields.
    Keyed(Vec<&'static str>),
}

/// The treatment of a list by a strategic-merge patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merge {
    Replace,
    Scalars,
    By(&'static str),
}

/// A type with the flags of its field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub(crate) ty: Type,
    pub(crate) items: Items,
    pub(crate) merge: Merge,
    pub(crate) atomic: bool,
    pub(crate) inline: bool,
    pub(crate) required: bool,
    pub(crate) null: bool,
    pub(crate) pointer: bool,
    /// Protobuf numbers of the surrounding messages and of the field; empty when protobuf does not contain it.
    pub(crate) number: Vec<u32>,
    pub(crate) default: Option<Value>,
}

impl Shape {
    const fn plain(ty: Type) -> Self {
        Self {
            ty,
            items: Items::Atomic,
            merge: Merge::Replace,
            atomic: false,
            inline: false,
            required: false,
            null: false,
            pointer: false,
            number: Vec::new(),
            default: None,
        }
    }

    /// Returns the shape of the field `name`; `None` when the type has no such field.
    pub(crate) fn field(&'static self, name: &str) -> Option<&'static Self> {
        match &self.ty {
            Type::Struct(ty) => lookup(ty)?.fields.get(name),
            Type::Map(item) => Some(item),
            Type::Any => Some(&ANY),
            _ => None,
        }
    }

    /// Returns the shape of list items.
    pub(crate) fn item(&'static self) -> &'static Self {
        match &self.ty {
            Type::List(item) => item,
            _ => &ANY,
        }
    }

    /// Returns true when an apply replaces values of this shape as a whole.
    pub(crate) fn is_atomic(&self) -> bool {
        self.atomic || matches!(&self.ty, Type::Struct(ty) if lookup(ty).is_some_and(|s| s.atomic))
    }

    /// Returns the value that Go writes for an absent field with the flag `null`.
    pub(crate) fn null_value(&self) -> &'static Value {
        static NULL: Value = Value::Null;
        static EMPTY: Value = Value::String(String::new());
        if self.ty == Type::String { &EMPTY } else { &NULL }
    }

    /// Returns true for a list or map that Go always writes, possibly as null.
    pub(crate) fn is_always_listed(&self) -> bool {
        self.required && matches!(self.ty, Type::List(_) | Type::Map(_))
    }

    /// Returns the default of an item key.
    pub(crate) fn key_default(&self) -> Option<Value> {
        self.default.clone().or(match self.ty {
            Type::String if self.required => Some("".into()),
            Type::Int32 | Type::Int64 if self.required => Some(0.into()),
            _ => None,
        })
    }

    /// Returns true for a field of a struct, as opposed to an entry of a map.
    pub(crate) fn declares(&self, name: &str) -> bool {
        matches!(&self.ty, Type::Struct(ty) if lookup(ty).is_some_and(|s| s.fields.contains_key(name)))
    }
}

/// The shape of untyped values.
pub(crate) static ANY: Shape = Shape::plain(Type::Any);

/// The type of custom kinds: typed metadata, and any other fields.
const UNTYPED: &str = "untyped";

/// A type with named fields.
#[derive(Debug)]
pub(crate) struct Struct {
    pub(crate) atomic: bool,
    pub(crate) fields: BTreeMap<&'static str, Shape>,
}

static TABLE: LazyLock<HashMap<String, Struct>> = LazyLock::new(|| {
    let mut table = HashMap::with_capacity(320);
    for (prefix, text) in PREFIXES.into_iter().zip(FILES) {
        read(prefix, text, &mut table);
    }
    let fields = BTreeMap::from([
        ("apiVersion", Shape::plain(Type::String)),
        ("kind", Shape::plain(Type::String)),
        ("metadata", Shape { inline: true, ..Shape::plain(Type::Struct("meta.v1.ObjectMeta")) }),
    ]);
    table.insert(UNTYPED.to_owned(), Struct { atomic: false, fields });
    table
});

fn read(prefix: &str, text: &'static str, table: &mut HashMap<String, Struct>) {
    let mut current: Option<(String, Struct)> = None;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let Some(name) = words.next() else { continue };
        if line.starts_with(' ') {
            let Some((_, open)) = &mut current else { continue };
            let mut shape = Shape::plain(words.next().map_or(Type::Any, type_of));
            words.for_each(|flag| set_flag(&mut shape, flag));
            shape.required = name.ends_with('!');
            open.fields.insert(name.trim_end_matches('!'), shape);
        } else {
            let atomic = words.next() == Some("atomic");
            let next = (format!("{prefix}.{name}"), Struct { atomic, fields: BTreeMap::new() });
            if let Some((name, done)) = current.replace(next) {
                table.insert(name, done);
            }
        }
    }
    if let Some((name, done)) = current {
        table.insert(name, done);
    }
}

fn type_of(word: &'static str) -> Type {
    if let Some(item) = word.strip_prefix('[').and_then(|w| w.strip_suffix(']')) {
        return Type::List(Box::new(Shape::plain(type_of(item))));
    }
    if let Some(item) = word.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
        return Type::Map(Box::new(Shape::plain(type_of(item))));
    }
    match word {
        "string" => Type::String,
        "time" => Type::Time,
        "microtime" => Type::MicroTime,
        "bytes" => Type::Bytes,
        "bool" => Type::Bool,
        "int32" => Type::Int32,
        "int64" => Type::Int64,
        "float64" => Type::Float,
        "quantity" => Type::Quantity,
        "intstr" => Type::IntOrString,
        "any" => Type::Any,
        name => Type::Struct(name),
    }
}

fn set_flag(shape: &mut Shape, flag: &'static str) {
    match flag.split_once(':') {
        Some(("map", keys)) => shape.items = Items::Keyed(keys.split(',').collect()),
        Some(("merge", key)) => shape.merge = Merge::By(key),
        Some(_) => {}
        None => match flag {
            "atomic" => shape.atomic = true,
            "set" => shape.items = Items::Set,
            "merge" => shape.merge = Merge::Scalars,
            "inline" => shape.inline = true,
            "null" => shape.null = true,
            "ptr" => shape.pointer = true,
            other => match other.strip_prefix('#') {
                Some(path) => {
                    shape.number = path.split('.').filter_map(|number| number.parse().ok()).collect();
                }
                None => shape.default = other.strip_prefix('=').map(Value::from),
            },
        },
    }
}

/// Returns the static name of a type.
pub(crate) fn static_name(name: &str) -> Option<&'static str> {
    TABLE.get_key_value(name).map(|(name, _)| name.as_str())
}

/// Returns a type by its full name.
pub(crate) fn lookup(name: &str) -> Option<&'static Struct> {
    TABLE.get(name)
}

/// Returns all types by their full names.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static Struct)> {
    TABLE.iter().map(|(name, ty)| (name.as_str(), ty))
}

/// Returns the shape of a kind's objects; `schema` is [`crate::Kind::schema`].
pub(crate) fn root(schema: &'static str) -> &'static Shape {
    static ROOTS: LazyLock<HashMap<&'static str, Shape>> = LazyLock::new(|| {
        let named = TABLE.keys().map(String::as_str);
        named.map(|name| (name, Shape::plain(Type::Struct(name)))).collect()
    });
    static UNKNOWN: LazyLock<Shape> = LazyLock::new(|| Shape::plain(Type::Struct(UNTYPED)));
    ROOTS.get(schema).unwrap_or(&UNKNOWN)
}

/// Returns true when the type accepts unknown fields.
pub(crate) fn is_open(shape: &Shape) -> bool {
    matches!(shape.ty, Type::Any | Type::Struct(UNTYPED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_a_field_exists() {
        fn check(place: &str, ty: &Type) {
            match ty {
                Type::Struct(name) => assert!(lookup(name).is_some(), "{place}: no type {name}"),
                Type::List(item) | Type::Map(item) => check(place, &item.ty),
                _ => {}
            }
        }
        assert!(TABLE.len() > 250, "{}", TABLE.len());
        for (name, ty) in all() {
            for (field, shape) in &ty.fields {
                check(&format!("{name}.{field}"), &shape.ty);
            }
        }
    }

    #[test]
    fn flags_are_parsed() {
        let container = lookup("core.v1.Container").unwrap();
        let ports = &container.fields["ports"];
        assert_eq!(ports.items, Items::Keyed(vec!["containerPort", "protocol"]));
        assert_eq!(ports.merge, Merge::By("containerPort"));
        assert!(container.fields["name"].required);
        assert_eq!(
            lookup("core.v1.ContainerPort").unwrap().fields["protocol"].default,
            Some(Value::from("TCP"))
        );
        assert!(root("apps.v1.Deployment").field("spec").unwrap().inline);
        assert!(lookup("meta.v1.LabelSelector").unwrap().atomic);
    }
}
