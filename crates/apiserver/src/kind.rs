//! One row of the table of kinds: everything the server knows about a kind, as data and small pure functions.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::Cause;

/// Fills in what a client may leave out.
pub type Default = fn(&mut Value);

/// Says what is wrong with an object: `(new, old)`, where `old` is what is stored when it is an update.
pub type Validate = Arc<dyn Fn(&Value, Option<&Value>) -> Vec<Cause> + Send + Sync>;

/// Whether objects of a kind live in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each object is in one namespace.
    Namespaced,
    /// Objects stand by themselves.
    Cluster,
}

/// Whether `status` is a subresource of its own: then the main resource ignores it, and `/status` all else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusPart {
    /// There is no `/status`.
    None,
    /// `/status` exists; writers of the spec cannot touch the status and the other way round.
    Subresource,
    /// The same, but a new object may bring a status, as a Node does.
    KeptAtCreation,
}

/// When `metadata.generation` counts up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// The kind does not bear one.
    None,
    /// It starts at 1 and counts the changes of `spec`.
    Spec,
    /// It starts at 1 and counts the changes of anything but `metadata` and `status`.
    Everything,
}

/// JSON pointers of the three numbers that the `scale` subresource shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// Wanted replicas, such as `/spec/replicas`.
    pub replicas: &'static str,
    /// Observed replicas, such as `/status/replicas`.
    pub status_replicas: &'static str,
    /// The label selector of the pods, such as `/spec/selector`; an object, or a text for custom kinds.
    pub selector: &'static str,
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
    /// 0 for columns that are always shown, 1 for those of `-o wide`.
    pub priority: u8,
}

/// How objects are printed as rows.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Headings.
    pub columns: &'static [Column],
    /// The cells of one object at an instant (for ages), one for each column.
    pub cells: fn(&Value, Timestamp) -> Vec<Value>,
}

/// A kind that is another view on the objects of a second kind, as `events.k8s.io/v1` is on core events.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Group of the kind that is stored.
    pub group: &'static str,
    /// Plural of the kind that is stored.
    pub plural: &'static str,
    /// From the stored shape to this one.
    pub show: fn(&mut Value),
    /// From this shape to the stored one.
    pub store: fn(&mut Value),
}

/// What the server assigns to a new object beside its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assign {
    /// Nothing.
    Nothing,
    /// A Service's `clusterIP` and node ports.
    ServiceAddresses,
    /// A Pod's phase, QoS class and service account.
    PodStatus,
    /// A Namespace's phase, and the finalizer that keeps it until it is empty.
    NamespaceLife,
}

/// One row of the table of kinds.
#[derive(Clone)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Version, such as `v1`.
    pub version: &'static str,
    /// CamelCase name, such as `Pod`.
    pub kind: &'static str,
    /// Resource name in paths, such as `pods`.
    pub plural: &'static str,
    /// Such as `pod`.
    pub singular: &'static str,
    /// Such as `po`.
    pub short_names: &'static [&'static str],
    /// Such as `all`.
    pub categories: &'static [&'static str],
    /// In namespaces or not.
    pub scope: Scope,
    /// Whether `/status` exists.
    pub status: StatusPart,
    /// Whether and over which fields `/scale` exists.
    pub scale: Option<Scale>,
    /// When the generation counts up.
    pub generation: Generation,
    /// The table of `kubectl get`.
    pub table: Table,
    /// Name of its type in `schema/*.schema`; empty for kinds whose fields the server does not know.
    pub schema: &'static str,
    /// Field selectors beyond `metadata.name` and `metadata.namespace`: label and JSON pointer.
    pub fields: &'static [(&'static str, &'static str)],
    /// Fills in what a client may leave out.
    pub default: Default,
    /// Says what is wrong; `None` accepts everything that has valid metadata.
    pub validate: Option<Validate>,
    /// What the server assigns at creation.
    pub assign: Assign,
    /// How long an object lives after the last write to it; `None` for ever.
    pub lifetime: Option<Duration>,
    /// What every answer warns of, where the kind is on its way out.
    pub deprecated: Option<&'static str>,
    /// Set when the objects are stored as another kind.
    pub view: Option<View>,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kind({} {})", self.api_version(), self.kind)
    }
}

impl Kind {
    /// `v1` or `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `pods` or `deployments.apps`, as messages name a resource.
    #[must_use]
    pub fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// True when its objects live in namespaces.
    #[must_use]
    pub fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }
}
