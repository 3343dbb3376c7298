//! One API kind: everything that the server knows about it, as data and small pure functions.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::Cause;

/// Sets the defaults of absent fields.
pub type Default = fn(&mut Value);

/// Returns the faults of an object. The arguments are the new object and, for an update, the stored one.
pub type Validate = Arc<dyn Fn(&Value, Option<&Value>) -> Vec<Cause> + Send + Sync>;

/// The scope of a kind's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each object belongs to one namespace.
    Namespaced,
    /// Objects belong to no namespace.
    Cluster,
}

/// The separation of `status` from the rest of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusSubresource {
    /// There is no `/status`.
    None,
    /// `/status` writes only the status, and all other writes ignore it.
    Enabled,
    /// The same, but a new object may have a status, as a Node does.
    SettableAtCreate,
}

/// The changes that `metadata.generation` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// The kind has no generation.
    None,
    /// It starts at 1 and counts the changes of `spec`.
    Spec,
    /// It starts at 1 and counts all changes outside of `metadata` and `status`.
    Everything,
}

/// JSON pointers of the fields behind the `scale` subresource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// Desired replicas, such as `/spec/replicas`.
    pub replicas: Cow<'static, str>,
    /// Observed replicas, such as `/status/replicas`.
    pub status_replicas: Cow<'static, str>,
    /// The label selector of the pods, such as `/spec/selector`. Custom kinds have it as a text, others as an object.
    pub selector: Cow<'static, str>,
}

/// A column of the table that `kubectl get` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Heading, such as `Ready`.
    pub name: &'static str,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: &'static str,
    /// `name` for the column of names, else empty.
    pub format: &'static str,
    /// 0 for a column that is always shown, 1 for one of `-o wide`.
    pub priority: u8,
}

/// The table form of a kind's objects.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// The columns, in order.
    pub columns: &'static [Column],
    /// Returns one cell for each column, from an object and the current time (for ages).
    pub cells: fn(&Value, Timestamp) -> Vec<Value>,
}

/// A column of a custom kind, from `additionalPrinterColumns`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrinterColumn {
    /// Heading, such as `Ready`.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: String,
    /// Format, mostly empty.
    pub format: String,
    /// Description for users.
    pub description: String,
    /// 0 for a column that is always shown, larger for one of `-o wide`.
    pub priority: i64,
    /// Path of the value, such as `.spec.replicas`.
    pub json_path: String,
}

/// A second API for the objects of another kind, as `events.k8s.io/v1` is for core events.
#[derive(Debug, Clone)]
pub struct View {
    /// Group of the stored kind.
    pub group: String,
    /// Plural of the stored kind.
    pub plural: String,
    /// Converts the stored form to the form of this kind.
    pub show: fn(&mut Value),
    /// Converts the form of this kind to the stored form.
    pub store: fn(&mut Value),
}

/// Fields that the server sets on a new object, in addition to its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateStrategy {
    /// None.
    Nothing,
    /// `clusterIP` and node ports of a Service.
    ServiceAddresses,
    /// Phase, QoS class and service account of a Pod.
    PodStatus,
    /// Phase of a Namespace, and the finalizer that keeps it until it is empty.
    NamespacePhase,
    /// Status of a CustomResourceDefinition, and the finalizer that keeps it until its objects are deleted.
    DefinitionStatus,
}

/// One API kind.
#[derive(Clone)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: String,
    /// Version, such as `v1`.
    pub version: String,
    /// Name in CamelCase, such as `Pod`.
    pub kind: String,
    /// Resource name in paths, such as `pods`.
    pub plural: String,
    /// Singular resource name, such as `pod`.
    pub singular: String,
    /// Short names, such as `po`.
    pub short_names: Vec<String>,
    /// Categories, such as `all`.
    pub categories: Vec<String>,
    /// The scope of the objects.
    pub scope: Scope,
    /// The separation of the status.
    pub status: StatusSubresource,
    /// The fields behind `/scale`; `None` when the kind has no such subresource.
    pub scale: Option<Scale>,
    /// The changes that the generation counts.
    pub generation: Generation,
    /// The table form for `kubectl get`.
    pub table: Table,
    /// The columns of a custom kind after the name; they replace `table`.
    pub printer_columns: Option<Arc<[PrinterColumn]>>,
    /// Name of the type in `schema/*.schema`; empty for custom kinds, whose fields the server does not check.
    pub schema: &'static str,
    /// The OpenAPI schema of a custom kind.
    pub openapi: Option<Arc<Value>>,
    /// Field selectors in addition to `metadata.name` and `metadata.namespace`: label and JSON pointer.
    pub fields: &'static [(&'static str, &'static str)],
    /// Sets the defaults of absent fields.
    pub default: Default,
    /// Validates an object; `None` accepts every object with valid metadata.
    pub validate: Option<Validate>,
    /// Fields that the server sets on a new object.
    pub create_strategy: CreateStrategy,
    /// Time from the last write to an object until it expires; `None` for objects that stay.
    pub lifetime: Option<Duration>,
    /// The warning of every response, for a deprecated kind.
    pub deprecated: Option<String>,
    /// Set when the objects are stored as another kind.
    pub view: Option<View>,
    /// The reason why the server refuses new objects: nothing here would act on them. Clients can list the kind, for
    /// example `kubectl apply --prune`.
    pub refused: Option<&'static str>,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kind({} {})", self.api_version(), self.kind)
    }
}

impl Kind {
    /// Returns `v1` or `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Returns true when each object belongs to a namespace.
    #[must_use]
    pub fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }

    /// Returns true for a kind without a type in the schema.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        self.schema.is_empty()
    }

    /// Returns true for this resource, in whichever version.
    #[must_use]
    pub fn is(&self, group: &str, plural: &str) -> bool {
        self.group == group && self.plural == plural
    }
}
