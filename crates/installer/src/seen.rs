//! What is there before anything is done, as data: whose it is decides what may become of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::object::Key;

/// Whose something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// It is not there.
    Nobody,
    /// An earlier `up` made it.
    Ours,
    /// Somebody else made it.
    Others,
}

/// What was seen of the cluster.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The namespaces that matter.
    pub namespaces: BTreeMap<String, Whose>,
    /// Those of the chart's objects that are there.
    pub existing: BTreeMap<Key, Existing>,
    /// Everything that an earlier `up` installed for this demo.
    pub marked: Vec<Key>,
    /// Who serves external metrics.
    pub metrics: Metrics,
    /// Helm's releases, where the stack is to be installed.
    pub releases: Vec<Found>,
    /// What the adapter's rules say.
    pub rules: Rules,
}

/// Who serves the external metrics of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Metrics {
    /// There is no APIService for them.
    #[default]
    Nobody,
    /// The APIService leads to this Service.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// We may not read the APIService.
    Hidden,
}

impl Metrics {
    /// Whether it is KEDA.
    #[must_use]
    pub fn is_keda(&self) -> bool {
        matches!(self, Self::Service { name, .. } if name.contains("keda"))
    }
}

/// An object that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Existing {
    /// Whether an earlier `up` made it.
    pub ours: bool,
    /// As it was read.
    pub object: Value,
    /// Kind of the object that owns it.
    pub owner: Option<String>,
}

/// A release that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Such as `deployed`.
    pub status: String,
    /// Chart and version.
    pub chart: String,
    /// Whether an earlier `up` made it.
    pub ours: bool,
    /// The values that it was given; asked for ours only.
    pub values: Value,
}

/// The adapter's rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rules {
    /// There is no ConfigMap of the name that the stack uses.
    #[default]
    Absent,
    /// They serve the demo's metric from the profile's series.
    Serve,
    /// They do not.
    Lack,
}
